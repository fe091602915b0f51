"""Turns an explanation into what a learner is shown: stretches with a name, and the sum. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from server import clock
from server.agenda.rules import Phase
from server.agenda.rules import Session as Planned
from server.attendance.intervals import NOTHING, Intervals, difference, intersection, union
from server.attendance.rules import Counts, coverage
from server.attendance.store import Evidence
from server.credit.findings import Finding, Reason
from server.credit.policies.rules import DEFAULT
from server.credit.rules import Explanation
from server.credit.segments import Kind, Segment

WORDS: dict[Reason, str] = {
    Reason.PRESENT: "On record, picture playing",
    Reason.OFF_AIR: "The session was paused",
    Reason.EXCLUDED: "No education: a break or the like",
    Reason.IN_BOOTH: "In a booth",
    Reason.NO_EVIDENCE: "Away, or not connected",
    Reason.NOT_PLAYING: "Connected, picture not playing",
    Reason.NOT_VISIBLE: "Connected, page out of sight",
    Reason.CHECK_UNANSWERED: "Check missed",
    Reason.EXCUSED: "Our outage, excused",
    Reason.ADJUSTED: "Added by an officer",
    Reason.COUNTED_ELSEWHERE: "Counted in a parallel session",
    Reason.OVER_DESIGNATED: "Beyond the designated time",
    Reason.FACULTY: "Your own session as faculty",
    Reason.NO_QUALIFIED_TIME: "Too little to count",
    Reason.BELOW_PERCENT: "Below the share this session asks for",
    Reason.BELOW_MINUTES: "Below the minutes this session asks for",
}

MENDABLE = frozenset({Reason.NO_QUALIFIED_TIME, Reason.BELOW_PERCENT, Reason.BELOW_MINUTES})
"""What staying can change."""

SMALLEST_MS = 1_000
"""Shorter stretches stay in the sum and are not drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A piece of the strip: `style` is its class in credit.css, `icon` one of the sprite's."""

    starts: str
    ends: str
    style: str
    icon: str
    words: str
    percent: int
    minutes: str
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One session on the page "My credit"."""

    session_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    designated_minutes: int
    counted_minutes: int
    rule: str
    """Which time its rule counts."""
    stretches: tuple[Stretch, ...]
    verdict: str
    passed: bool
    mendable: bool
    """It is not passed, and not over either."""


def strip(
    planned: Planned,
    explained: Explanation,
    found: Sequence[Evidence],
    zone: ZoneInfo,
) -> Strip | None:
    """What one session came to; None when it was never live."""
    finding = next(
        (one for one in explained.assessment.findings if one.session.id == str(planned.id)), None
    )
    segments = [one for one in explained.segments if one.session == str(planned.id)]
    if finding is None or not segments:
        return None
    own = explained.assessment.counted[explained.assessment.findings.index(finding)]
    window_ms = max(1, segments[-1].to_ms - segments[0].from_ms)
    counts = (finding.session.policy or DEFAULT.engine).counts
    devices = _devices(found, planned.id, counts)
    return Strip(
        session_id=planned.id,
        title=planned.title,
        starts_at=planned.starts_at.astimezone(zone),
        ends_at=planned.ends_at.astimezone(zone),
        designated_minutes=planned.designated_ms // 60_000,
        counted_minutes=sum(end - start for start, end in own) // 60_000,
        rule=COUNTED[counts],
        stretches=tuple(
            _stretch(segment, _device(device, counts), window_ms, zone)
            for segment in segments
            for segment, device in _by_device(segment, devices)
            if segment.to_ms - segment.from_ms >= SMALLEST_MS
        ),
        verdict=_verdict(finding),
        passed=finding.passed,
        mendable=finding.reason in MENDABLE and planned.phase is not Phase.ENDED,
    )


def _verdict(finding: Finding) -> str:
    return "" if finding.passed else WORDS[finding.reason]


def _devices(
    found: Iterable[Evidence], session_id: UUID, counts: Counts
) -> list[tuple[str, Intervals]]:
    """When which device vouched for the learner: the first that did is the one named."""
    here = [one for one in found if one.space_id == session_id]
    named = {"phone": "phone", "imported": "imported"}
    left: list[tuple[str, Intervals]] = []
    told = NOTHING
    for device in ("laptop", "phone", "imported"):
        own = coverage(
            [one.proof for one in here if named.get(one.device, "laptop") == device],
            counts=counts,
        )
        left.append((device, difference(own, told)))
        told = union(told, own)
    return left


def _by_device(
    segment: Segment, devices: Sequence[tuple[str, Intervals]]
) -> list[tuple[Segment, str]]:
    """Cut a stretch of proven presence where the device changed."""
    if segment.reason is not Reason.PRESENT:
        return [(segment, "")]
    whole = union(((segment.from_ms, segment.to_ms),))
    pieces = [(piece, device) for device, own in devices for piece in intersection(whole, own)]
    # What lies between two devices was bridged from one to the other.
    bridged = difference(whole, union(piece for piece, _device in pieces))
    pieces += [(piece, "laptop") for piece in bridged]
    return [
        (replace(segment, from_ms=start, to_ms=end), device)
        for (start, end), device in sorted(pieces)
    ]


STYLES: dict[Kind, tuple[str, str]] = {
    Kind.COUNTED: ("lap", "laptop"),
    Kind.PRESENT: ("away no", "info"),
    Kind.AWAY: ("away no", "moon"),
    Kind.BOOTH: ("hall no", "store"),
    Kind.CHECK_MISSED: ("chk no", "circle-help"),
    Kind.EXCLUDED: ("away no", "coffee"),
    Kind.OFF_AIR: ("away no", "pause"),
}


GRANTED: dict[Reason, tuple[str, str]] = {
    Reason.EXCUSED: ("out hatch", "server-crash"),
    Reason.ADJUSTED: ("adj", "pencil"),
}


UNSEEN = {Reason.NOT_PLAYING: "video-off", Reason.NOT_VISIBLE: "eye-off"}
"""Connected and yet not there is another thing than away, and looks it."""

DEVICES = {
    "laptop": ("lap", "laptop", "Laptop, {}"),
    "phone": ("pho", "smartphone", "Phone, {}"),
    "imported": ("lap", "upload", "In another tool, by its report"),
}
COUNTED = {
    Counts.ANY: "time connected",
    Counts.PLAYING: "time in front of the playing picture",
    Counts.VISIBLE: "time with the page in sight",
}
SEEN = {
    Counts.ANY: "connected",
    Counts.PLAYING: "picture playing",
    Counts.VISIBLE: "page in sight",
}
"""What a proof says of the device, by what the session's rule asks of it."""


def _device(device: str, counts: Counts) -> tuple[str, str, str]:
    style, icon, words = DEVICES[device or "laptop"]
    return style, icon, words.format(SEEN[counts])


def _stretch(
    segment: Segment, device: tuple[str, str, str], window_ms: int, zone: ZoneInfo
) -> Stretch:
    style, icon = STYLES[segment.kind]
    words = WORDS[segment.reason]
    if segment.reason is Reason.PRESENT:
        style, icon, words = device
    elif segment.kind is Kind.COUNTED:
        style, icon = GRANTED[segment.reason]
    elif segment.reason in UNSEEN:
        icon = UNSEEN[segment.reason]
    elif segment.reason is Reason.ADJUSTED:
        words = "Taken away by an officer"
    length_ms = segment.to_ms - segment.from_ms
    return Stretch(
        starts=f"{clock.moment(segment.from_ms).astimezone(zone):%H:%M:%S}",
        ends=f"{clock.moment(segment.to_ms).astimezone(zone):%H:%M:%S}",
        style=style,
        icon=icon,
        words=words,
        percent=max(1, length_ms * 100 // window_ms),
        minutes=spoken(length_ms),
        counts=segment.kind is Kind.COUNTED,
    )


def spoken(milliseconds: int) -> str:
    """`12 min`, or `40 s` below a minute: rounded down, as credit is never rounded up here."""
    if milliseconds < 60_000:  # noqa: PLR2004 - a minute
        return f"{milliseconds // 1000} s"
    return f"{milliseconds // 60_000} min"
