"""How much of the picture a viewer's line carries, by what its reports say. Pure.

Sound comes first: where both do not fit, pictures get smaller, and in the end wait. It counts
levels: 0 is sound alone, 1 the smallest picture, and so on up to all there is. It knows no streams
and is told the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from realtime.relay.bounds import (
    ESTIMATE_SECONDS,
    ESTIMATED_SHARE,
    FALLEN,
    FOLLOWING_SECONDS,
    GROWING,
    GROWING_SECONDS,
    MOST_LAYERS,
    PAUSE_SECONDS,
    SETTLED_SECONDS,
    SIZE_PAUSE_SECONDS,
    STRAINED_LOSS,
    STRAINED_ROUND_TRIP,
    STRAINED_SECONDS,
    STRAINED_TIMES,
    TRY_LOSS,
    TRY_SECONDS,
)


@dataclass(slots=True)
class Strain:
    """One viewer's line. It begins with all there is."""

    level: int = MOST_LAYERS
    _since: float | None = None
    """The first of the bad reports in a row."""
    _thin_since: float | None = None
    """The first of the low estimates in a row that do not grow."""
    _estimate: tuple[float, float] | None = None
    """Bits a second, and when that was said."""
    _before: tuple[float, float] | None = None
    """An estimate of about a second ago."""
    _tried: float = 0.0
    """What the estimate was when more was sent than before."""
    _shortest: float = float("inf")
    _turned_at: float = float("-inf")
    _stepped_at: float = float("-inf")
    """When less was sent than before."""
    _tried_at: float = float("-inf")
    """When more was sent than before."""
    _pause: float = PAUSE_SECONDS[0]

    @property
    def pictures(self) -> bool:
        return self.level > 0

    @property
    def whole(self) -> bool:
        """Whether nothing is kept from this line."""
        return self.level == MOST_LAYERS

    def reported(
        self, lost: float, round_trip: float | None, now: float, rates: Sequence[float] = (0.0,)
    ) -> None:
        """Of pictures: the share lost since the last report, and the round trip if it is known.

        `rates` are those of the sizes there are, in bits a second, the smallest first (RFC 3550
        §6.4.1 has the rest).
        """
        if round_trip is not None:
            self._shortest = min(self._shortest, round_trip)
        if not self.pictures or now - self._stepped_at < SETTLED_SECONDS:
            return  # of what was sent before
        if not (lost >= STRAINED_LOSS or self._queued(round_trip)):
            self._since = None
            return
        if self._since is None:
            self._since = now
        elif now - self._since >= STRAINED_SECONDS:
            level = min(self.level, len(rates))
            came = (1 - lost) * rates[level - 1]
            fitting = sum(rate <= came for rate in rates[: level - 1])
            self._step_down(min(max(1, fitting), level - 1), now)

    def estimated(self, bits: float, rates: Sequence[float], now: float) -> None:
        """How much the viewer believes to fit; by this alone pictures never stop."""
        grows = self._grows(bits, now)
        lags = now - self._tried_at < FOLLOWING_SECONDS and bits >= FALLEN * self._tried
        self._estimate = bits, now
        level = min(self.level, len(rates))
        if level <= 1 or grows or lags or bits >= ESTIMATED_SHARE * rates[level - 1]:
            self._thin_since = None
        elif self._thin_since is None:
            self._thin_since = now
        elif now - self._thin_since >= STRAINED_SECONDS:
            fitting = sum(rate <= bits for rate in rates[: level - 1])
            self._step_down(max(1, fitting), now)

    def try_again(self, lost: float, now: float, rates: Sequence[float] = (0.0,)) -> bool:
        """Whether to send more from now on; a `True` has to be acted upon.

        `lost` is of what is sent now: of sound, where that is all.
        """
        if self.level >= len(rates) or now - self._turned_at < self._pause or lost >= TRY_LOSS:
            return False
        if self.level and (self._since is not None or self._is_full(rates[self.level - 1], now)):
            return False
        self.level += 1
        if self.level == len(rates):
            self.level = MOST_LAYERS
        self._since, self._thin_since = None, None
        self._turned_at = self._tried_at = now
        self._tried = self._estimate[0] if self._estimate is not None else 0.0
        return True

    def _grows(self, bits: float, now: float) -> bool:
        """Whether the estimate is larger than a second ago; receivers repeat it in between."""
        if self._estimate is not None and (
            self._before is None or now - self._before[1] >= 2 * GROWING_SECONDS
        ):
            self._before = self._estimate
        return self._before is not None and bits > GROWING * self._before[0]

    def _queued(self, round_trip: float | None) -> bool:
        if round_trip is None or round_trip < STRAINED_ROUND_TRIP:
            return False
        return round_trip >= STRAINED_TIMES * self._shortest

    def _is_full(self, rate: float, now: float) -> bool:
        """Whether the viewer says that even this much hardly fits."""
        if self._estimate is None or now - self._estimate[1] > ESTIMATE_SECONDS:
            return False
        return self._estimate[0] < rate

    def _step_down(self, level: int, now: float) -> None:
        least, most = SIZE_PAUSE_SECONDS if level else PAUSE_SECONDS
        failed = now - self._tried_at < TRY_SECONDS
        self._pause = min(most, 2 * self._pause) if failed else least
        self.level, self._since, self._thin_since = level, None, None
        self._turned_at = self._stepped_at = now
