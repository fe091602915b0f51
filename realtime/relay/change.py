"""What a subscriber's stream goes on with, when what it is made of changes. Pure.

Numbers follow one another whatever they came from: packets, pictures, and times by the clock that
the publisher's reports give (RFC 3550 §6.4.1), or else by when packets came. It knows no feeds.
"""

from dataclasses import dataclass

from realtime.relay import vp8
from realtime.relay.cache import Packet
from realtime.relay.rewrite import SEQ_MASK, TIMESTAMP_MASK, Shift, timestamp_after
from realtime.relay.sync import Mark

_PICTURE_MASK, _BASE_MASK = 0x7FFF, 0xFF
_BELIEVED_SECONDS = 1.0
"""Reports that would move a picture by more than this, against when it came, are not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The last of what somebody was sent, as it was sent."""

    packet: Packet
    line: Mark | None
    """The moments that its timestamps stand for, if they are known."""


def ended(packet: Packet, shift: Shift, line: Mark | None) -> End:
    """Where a stream ended that was sent with `shift`; `line` is of its own timestamps."""
    sent = packet._replace(
        seq=(packet.seq + shift.seq) & SEQ_MASK,
        timestamp=(packet.timestamp + shift.timestamp) & TIMESTAMP_MASK,
        payload=vp8.shifted(packet.payload, shift.picture, shift.base)
        if shift.picture or shift.base
        else packet.payload,
    )
    return End(packet=sent, line=_moved(line, shift.timestamp))


def resumed(end: End, first: Packet, shift: Shift) -> Shift:
    """The same stream again, after a pause: the next number, and its own times."""
    return shift._replace(seq=(end.packet.seq + 1 - first.seq) & SEQ_MASK)


def continued(end: End, first: Packet, line: Mark | None, *, codec: str, rate: int) -> Shift:
    """Another stream instead, from this packet on; `line` is of its timestamps."""
    picture, base = _counted(end.packet.payload, first.payload) if codec == "vp8" else (0, 0)
    return Shift(
        seq=(end.packet.seq + 1 - first.seq) & SEQ_MASK,
        timestamp=(_due(end, first, line, rate) - first.timestamp) & TIMESTAMP_MASK,
        picture=picture,
        base=base,
    )


def _due(end: End, first: Packet, line: Mark | None, rate: int) -> int:
    """The timestamp to go on with: later than the last, since no receiver takes one that is not."""
    last = end.packet.timestamp
    passed = max(0.0, first.at - end.packet.at)
    due = last + round(passed * rate)
    if end.line is not None and line is not None:
        told = end.line.on(line.ntp, rate).timestamp + first.timestamp - line.timestamp
        if abs(timestamp_after(told, due)) < _BELIEVED_SECONDS * rate:
            due = told
    return due if timestamp_after(due, last) > 0 else last + 1


def _counted(last: bytes, first: bytes) -> tuple[int, int]:
    """For VP8: what makes `first` the picture after `last`, where both are numbered."""
    before, after = vp8.describe(last), vp8.describe(first)
    if before is None or after is None:
        return 0, 0
    picture = _next(before.picture(last), after.picture(first), _PICTURE_MASK)
    return picture, _next(before.base(last), after.base(first), _BASE_MASK)


def _next(last: int | None, first: int | None, mask: int) -> int:
    return 0 if last is None or first is None else (last + 1 - first) & mask


def _moved(line: Mark | None, by: int) -> Mark | None:
    if line is None:
        return None
    return Mark(ntp=line.ntp, timestamp=(line.timestamp + by) & TIMESTAMP_MASK)
