"""Whether a viewer's line carries pictures, by what its reports say (RFC 3550 §6.4.1). Pure.

Sound comes first: where both do not fit, pictures wait. It decides between all and nothing, knows
no streams and is told the time.
"""

from dataclasses import dataclass

from realtime.relay.bounds import (
    PAUSE_SECONDS,
    STRAINED_LOSS,
    STRAINED_ROUND_TRIP,
    STRAINED_SECONDS,
    STRAINED_TIMES,
    TRY_LOSS,
    TRY_SECONDS,
)


@dataclass(slots=True)
class Strain:
    """One viewer's line. It begins with pictures."""

    pictures: bool = True
    _since: float | None = None
    """The first of the bad reports in a row."""
    _shortest: float = float("inf")
    _turned_at: float = float("-inf")
    _pause: float = PAUSE_SECONDS[0]

    def reported(self, lost: float, round_trip: float | None, now: float) -> None:
        """Of pictures: the share lost since the last report, and the round trip if it is known."""
        if round_trip is not None:
            self._shortest = min(self._shortest, round_trip)
        if not self.pictures:
            return  # of what was sent before
        if not (lost >= STRAINED_LOSS or self._queued(round_trip)):
            self._since = None
            return
        if self._since is None:
            self._since = now
        elif now - self._since >= STRAINED_SECONDS:
            self._stop(now)

    def try_again(self, lost_sound: float, now: float) -> bool:
        """Whether to send pictures from now on; a `True` has to be acted upon."""
        if self.pictures or now - self._turned_at < self._pause or lost_sound >= TRY_LOSS:
            return False
        self.pictures, self._since, self._turned_at = True, None, now
        return True

    def _queued(self, round_trip: float | None) -> bool:
        if round_trip is None or round_trip < STRAINED_ROUND_TRIP:
            return False
        return round_trip >= STRAINED_TIMES * self._shortest

    def _stop(self, now: float) -> None:
        least, most = PAUSE_SECONDS
        failed = now - self._turned_at < TRY_SECONDS
        self._pause = min(most, 2 * self._pause) if failed else least
        self.pictures, self._since, self._turned_at = False, None, now
