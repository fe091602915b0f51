"""A token bucket: so much a second, and a burst. Pure: the time is passed in."""


class Allowance:
    """Two numbers; no timer refills it."""

    __slots__ = ("_at", "_left")

    def __init__(self, burst: float, now: float) -> None:
        self._left = burst
        self._at = now

    def take(self, now: float, *, rate: float, burst: float) -> bool:
        """Take one; False when nothing is left."""
        left = min(burst, self._left + (now - self._at) * rate)
        self._at = now
        if left < 1.0:
            self._left = left
            return False
        self._left = left - 1.0
        return True

    def empty(self, now: float, *, rate: float, burst: float) -> bool:
        """Whether nothing could be taken now."""
        return min(burst, self._left + (now - self._at) * rate) < 1.0

    def rested(self, now: float, *, rate: float, burst: float) -> bool:
        """Whether it has filled up again, so that a new one would be no other."""
        return self._left + (now - self._at) * rate >= burst
