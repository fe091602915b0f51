"""Whose clock says what: the senders' reports, put on the relay's own clock. Pure.

A viewer's stream outlives the speaker it began with. Speakers' clocks differ by seconds, and a
receiver that was told both would place sound and pictures by a line between the two. So viewers
are told one clock, ours, and the difference to it is one per connection: sound and pictures of a
speaker keep theirs to each other.
"""

from dataclasses import dataclass

from realtime.relay.rewrite import TIMESTAMP_MASK

NTP_SECOND = 1 << 32
_NTP_MASK = (1 << 64) - 1

REPORTS_NEEDED = 2
"""Two points make a line: only then does a receiver align sound and picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A moment of our clock, and the source's timestamp that belongs to it (RFC 3550 §6.4.1)."""

    ntp: int
    """64 bits of 2^-32 seconds; since when is nobody's business."""
    timestamp: int

    def at(self, now: float, rate: int) -> "Mark":
        """The same line at another moment."""
        return self.on(_ntp(now), rate)

    def on(self, ntp: int, rate: int) -> "Mark":
        """The same line at another moment of our clock."""
        passed = (ntp - self.ntp) * rate // NTP_SECOND
        return Mark(ntp=ntp, timestamp=(self.timestamp + passed) & TIMESTAMP_MASK)


class SenderClock:
    """One sender's clock, seen from ours.

    What its first report needed to arrive stays unknown: that moves its sound and its pictures
    alike.
    """

    def __init__(self) -> None:
        self._behind: int | None = None

    def on_ours(self, ntp: int, now: float) -> int:
        """A moment of the sender's clock, on ours; `now` is when the report of it arrived."""
        if self._behind is None:
            self._behind = _ntp(now) - ntp
        return (ntp + self._behind) & _NTP_MASK


def _ntp(now: float) -> int:
    return int(now * NTP_SECOND) & _NTP_MASK
