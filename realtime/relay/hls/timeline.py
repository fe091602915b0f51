"""Where in one common time the packets of two clocks belong. Pure.

RTP counts each stream from a number of its own. Sender reports say what time of day a number was;
until both streams have one, the moment of arrival says it nearly as well. Times are in seconds.
"""

from dataclasses import dataclass

from realtime.relay.rewrite import TIMESTAMP_MASK

_HALF = 1 << 31
_NTP_SECOND = 1 << 32


@dataclass(slots=True)
class Clock:
    """One stream's timestamps, which wrap every few hours, as seconds of the common time."""

    rate: int
    _newest: int | None = None
    _arrived: tuple[int, float] | None = None
    _told: tuple[int, float] | None = None

    def unwrap(self, timestamp: int) -> int:
        """The timestamp as a number that goes on over the wrap."""
        if self._newest is None:
            self._newest = timestamp
        ahead = (timestamp - self._newest) & TIMESTAMP_MASK
        found = self._newest + (ahead if ahead < _HALF else ahead - TIMESTAMP_MASK - 1)
        self._newest = max(self._newest, found)
        return found

    def arrived(self, at: int, now: float) -> None:
        """A packet came; the one that came fastest says best when its number was."""
        known = self._arrived
        if known is None or now < known[1] + (at - known[0]) / self.rate:
            self._arrived = at, now

    def told(self, timestamp: int, ntp: int) -> None:
        self._told = self.unwrap(timestamp), ntp / _NTP_SECOND

    @property
    def reported(self) -> bool:
        return self._told is not None

    def sent_at(self, at: int) -> float | None:
        """By the sender's clock."""
        if self._told is None:
            return None
        return self._told[1] + (at - self._told[0]) / self.rate

    def came_at(self, at: int) -> float:
        """By ours."""
        assert self._arrived is not None
        return self._arrived[1] + (at - self._arrived[0]) / self.rate

    def forget(self) -> None:
        """Another source: nothing that was known of the clock holds."""
        self._newest = self._arrived = self._told = None


def between(earlier: Clock, at: int, later: Clock, then: int) -> float:
    """How much later than `at` of one stream `then` of the other was."""
    sent, also = earlier.sent_at(at), later.sent_at(then)
    if sent is not None and also is not None:
        return also - sent
    return later.came_at(then) - earlier.came_at(at)
