"""The strip a learner is shown: every instant of a session's window once, with what it was and why.

Pure. It follows the findings and the allotment and decides nothing: the stretches it calls counted
add up to the eligible time, whatever else they show.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from server.attendance.intervals import (
    NOTHING,
    Intervals,
    difference,
    earliest,
    hull,
    intersection,
    union,
)
from server.attendance.rules import Counts, Proof, coverage
from server.credit.findings import Finding, Overlap, Policy, Reason, Session, presence

Layer = tuple["Kind", Reason, Intervals]


class Kind(Enum):
    """What a stretch of a session was. The list is closed."""

    COUNTED = "counted"
    """Counts towards credit, here and nowhere else."""
    PRESENT = "present"
    """The learner was there, and it counts for nothing here; the reason says why."""
    AWAY = "away"
    BOOTH = "booth"
    CHECK_MISSED = "check_missed"
    EXCLUDED = "excluded"
    OFF_AIR = "off_air"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    from_ms: int
    to_ms: int
    session: str
    kind: Kind
    reason: Reason


def strips(
    findings: Sequence[Finding],
    counted: Sequence[Intervals],
    *,
    policy: Policy,
    booth: Intervals,
    proofs: Sequence[Sequence[Proof]],
) -> list[Segment]:
    """Session after session, each from its first live instant to its last."""
    anywhere = union(*counted)
    segments: list[Segment] = []
    for finding, own, seen in zip(findings, counted, proofs, strict=True):
        layers = _layers(finding, own, anywhere, policy=policy, booth=booth, proofs=seen)
        segments += _peeled(finding, layers)
    return segments


def _layers(
    finding: Finding,
    own: Intervals,
    anywhere: Intervals,
    *,
    policy: Policy,
    booth: Intervals,
    proofs: Sequence[Proof],
) -> Iterator[Layer]:
    """What there is to say of this session, the strongest first; a later layer only fills gaps."""
    session = finding.session
    policy = session.governed(policy)
    window = hull(session.live)
    yield Kind.OFF_AIR, Reason.OFF_AIR, difference(window, session.live)
    yield Kind.EXCLUDED, Reason.EXCLUDED, session.excluded
    if policy.exclude_booth:
        yield Kind.BOOTH, Reason.IN_BOOTH, booth
    away = difference(window, finding.present)
    yield from _withdrawn(session, policy=policy, proofs=proofs)
    yield from _unseen(away, policy=policy, proofs=proofs)
    yield Kind.AWAY, Reason.NO_EVIDENCE, away
    if finding.reason is Reason.FACULTY:
        yield Kind.PRESENT, Reason.FACULTY, window
    if policy.overlap is Overlap.CLIP:
        first = earliest(finding.educational, session.designated_ms)
        yield Kind.PRESENT, Reason.OVER_DESIGNATED, difference(window, first)
    yield Kind.CHECK_MISSED, Reason.CHECK_UNANSWERED, finding.missed
    if not finding.passed:
        yield Kind.PRESENT, finding.reason, window
    yield from _granted(session, own, policy=policy, proofs=proofs)
    yield Kind.COUNTED, Reason.PRESENT, own
    yield Kind.PRESENT, Reason.COUNTED_ELSEWHERE, anywhere
    yield Kind.PRESENT, Reason.OVER_DESIGNATED, window


def _unseen(away: Intervals, *, policy: Policy, proofs: Sequence[Proof]) -> Iterator[Layer]:
    """Connected, but nothing playing or the page out of sight, where the policy minds."""
    if policy.counts is Counts.ANY:
        return
    reason = Reason.NOT_PLAYING if policy.counts is Counts.PLAYING else Reason.NOT_VISIBLE
    connected = coverage(proofs, lease_ms=policy.lease_ms)
    yield Kind.AWAY, reason, intersection(away, connected)


def _withdrawn(session: Session, *, policy: Policy, proofs: Sequence[Proof]) -> Iterator[Layer]:
    """What would be presence, had nobody taken it away."""
    if session.withdrawn:
        there = presence(replace(session, withdrawn=NOTHING), proofs, policy=policy)
        yield Kind.AWAY, Reason.ADJUSTED, intersection(there, session.withdrawn)


def _granted(
    session: Session, own: Intervals, *, policy: Policy, proofs: Sequence[Proof]
) -> Iterator[Layer]:
    """What counts though no proof says so."""
    if session.excused or session.added:
        proven = coverage(proofs, lease_ms=policy.lease_ms, counts=policy.counts)
        granted = difference(own, proven)
        yield Kind.COUNTED, Reason.EXCUSED, intersection(granted, session.excused)
        yield Kind.COUNTED, Reason.ADJUSTED, intersection(granted, session.added)


def _peeled(finding: Finding, layers: Iterable[Layer]) -> list[Segment]:
    left = hull(finding.session.live)
    found: list[tuple[int, int, Kind, Reason]] = []
    for kind, reason, intervals in layers:
        taken = intersection(left, intervals)
        found += [(start, end, kind, reason) for start, end in taken]
        left = difference(left, taken)
    found.sort(key=lambda piece: piece[0])
    return _merged(finding.session.id, found)


def _merged(session: str, found: list[tuple[int, int, Kind, Reason]]) -> list[Segment]:
    """Neighbours that say the same become one, however many layers they came from."""
    segments: list[Segment] = []
    for start, end, kind, reason in found:
        same = segments and (segments[-1].kind, segments[-1].reason) == (kind, reason)
        since = segments.pop().from_ms if same else start
        segments.append(
            Segment(from_ms=since, to_ms=end, session=session, kind=kind, reason=reason)
        )
    return segments
