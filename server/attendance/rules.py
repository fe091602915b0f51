"""From proofs of presence to time present. Pure.

A proof says that one connection was seen, at one instant (a beat) or all along a stretch (a span, a
row that stands for beats no further apart than the lease). Time is present only between two proofs
at most one lease apart; nothing is credited after the last one. This file does not know what the
time is worth, nor the clock: every time here was stamped by the server that received the proof.
"""

from collections.abc import Hashable, Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from server.attendance.intervals import NOTHING, Interval, Intervals, union

LEASE_MS = 45_000
"""How long one proof holds: a beat every 15 s, of which two in a row may be lost."""

SPAN_MS = 300_000
"""The longest span: after five minutes it is sealed, so that little is ever open to change."""


class Counts(Enum):
    """Which proofs count. Those that do not are no evidence at all."""

    ANY = "any"
    PLAYING = "playing"
    VISIBLE = "visible"


class Proof(NamedTuple):
    """A connection was seen from `first_ms` to `last_ms`; a beat when both are the same.

    A tuple, since a conference day recomputes millions. `leave` means the person left on purpose at
    `last_ms`.
    """

    connection: Hashable
    first_ms: int
    last_ms: int
    leave: bool = False
    visible: bool = True
    playing: bool = True


def beat(
    connection: Hashable,
    at_ms: int,
    *,
    leave: bool = False,
    visible: bool = True,
    playing: bool = True,
) -> Proof:
    return Proof(connection, at_ms, at_ms, leave, visible, playing)


def continues(span: Proof, new: Proof, *, lease_ms: int = LEASE_MS) -> bool:
    """Whether a beat lengthens this open span rather than sealing it and starting another."""
    return (
        not span.leave
        and span.connection == new.connection
        and span.visible == new.visible
        and span.playing == new.playing
        and span.last_ms <= new.first_ms <= span.last_ms + lease_ms
        and new.last_ms - span.first_ms <= SPAN_MS
    )


def fold(beats: Iterable[Proof], *, lease_ms: int = LEASE_MS) -> list[Proof]:
    """The spans that stand for these beats: the same coverage in a fraction of the rows."""
    spans: list[Proof] = []
    still_open: dict[Hashable, Proof] = {}
    for new in sorted(beats, key=_in_time):
        span = still_open.get(new.connection)
        if span is None:
            still_open[new.connection] = new
        elif continues(span, new, lease_ms=lease_ms):
            still_open[new.connection] = new._replace(first_ms=span.first_ms)
        else:
            spans.append(span)
            still_open[new.connection] = new
    return spans + list(still_open.values())


def coverage(
    proofs: Iterable[Proof], *, lease_ms: int = LEASE_MS, counts: Counts = Counts.ANY
) -> Intervals:
    """When one person was present in one place, over all their tabs, devices and reconnections.

    A dropped socket is bridged by the next connection if that comes within the lease. A deliberate
    exit is not: proofs of a connection that left vouch for that connection alone, and what it sends
    after its first leave is no evidence.
    """
    proofs = list(proofs)
    left = _left(proofs)
    alone: dict[Hashable, list[Interval]] = {}
    together: list[Interval] = []
    for proof in proofs:
        if not _counting(proof, counts):
            continue
        seen = (proof.first_ms, proof.last_ms)
        if proof.connection not in left:
            together.append(seen)
        elif proof.first_ms <= left[proof.connection]:
            until = min(proof.last_ms, left[proof.connection])
            alone.setdefault(proof.connection, []).append((proof.first_ms, until))
    return union(_bridged(together, lease_ms), *(_bridged(own, lease_ms) for own in alone.values()))


def last_proof_ms(proofs: Sequence[Proof], *, counts: Counts = Counts.ANY) -> int | None:
    """The last instant that is on record, whether or not the person left there."""
    left = _left(proofs)
    return max(
        (
            min(proof.last_ms, left.get(proof.connection, proof.last_ms))
            for proof in proofs
            if _counting(proof, counts)
        ),
        default=None,
    )


def still_there(
    proofs: Iterable[Proof],
    *,
    now_ms: int,
    lease_ms: int = LEASE_MS,
    counts: Counts = Counts.ANY,
) -> bool:
    """Whether a proof sent now would be bridged to the last one: nobody left, no lease ran out."""
    proofs = list(proofs)
    left = _left(proofs)
    staying = [proof for proof in proofs if proof.connection not in left]
    last = last_proof_ms(staying, counts=counts)
    return last is not None and now_ms - last <= lease_ms


def _counting(proof: Proof, counts: Counts) -> bool:
    if counts is Counts.PLAYING:
        return proof.playing
    return counts is Counts.ANY or proof.visible


def _left(proofs: Iterable[Proof]) -> dict[Hashable, int]:
    """When each connection first left. A leave is honest whatever else its beat says."""
    left: dict[Hashable, int] = {}
    for proof in proofs:
        if proof.leave:
            left[proof.connection] = min(proof.last_ms, left.get(proof.connection, proof.last_ms))
    return left


def _bridged(seen: list[Interval], lease_ms: int) -> Intervals:
    """The stretches themselves and every gap between them that is no longer than the lease."""
    if not seen:
        return NOTHING
    seen.sort()
    covered: list[Interval] = []
    start, end = seen[0]
    for first, last in seen:
        if first - end > lease_ms:
            covered.append((start, end))
            start = first
        end = max(end, last)
    covered.append((start, end))
    return union(covered)


def _in_time(proof: Proof) -> tuple[int, int]:
    return proof.first_ms, proof.last_ms
