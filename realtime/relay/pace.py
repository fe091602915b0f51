"""How fast a picture may leave: an encoder's whole keyframe at once would overflow a viewer's line.

Browsers spread what they send; other encoders hand over a keyframe in one go, and a relay that was
busy reads late. One allowance serves all who get the stream, since all get the same. Pure.
"""

from collections.abc import Sequence

from realtime.relay.bounds import (
    BURST_OCTETS,
    PACE_LEAST_BITS,
    PACE_SECONDS,
    PACE_STEP_SECONDS,
    PACE_TIMES,
)
from realtime.relay.cache import Packet


class Pace:
    """An allowance in octets, which fills with time and never beyond a burst."""

    def __init__(self) -> None:
        self._octets = float(BURST_OCTETS)
        self._at: float | None = None

    def leaving(self, waiting: Sequence[Packet], bits: float, now: float) -> int:
        """How many of those that wait leave now, in their order.

        `bits` a second is what the source sends on average, 0 while that is not known. None waits
        longer than `PACE_SECONDS`: what cannot leave in time at that rate is spread evenly over it.
        """
        passed = max(0.0, now - self._at) if self._at is not None else 0.0
        self._at = now
        refill = PACE_TIMES * max(bits, PACE_LEAST_BITS) / 8 * passed
        paced = min(BURST_OCTETS, self._octets + refill)
        octets = sum(len(packet.payload) for packet in waiting)
        if octets > paced:
            waited = now - waiting[0].at
            left = PACE_SECONDS - waited
            if left > PACE_STEP_SECONDS:
                # Added, not granted anew: what left before is not forgotten, however often we look.
                spread = self._octets + octets * min(1.0, min(passed, waited) / left)
                paced = max(paced, spread)
            else:
                paced = octets
        self._octets = paced
        return self._count(waiting)

    def _count(self, waiting: Sequence[Packet]) -> int:
        for count, packet in enumerate(waiting):
            if self._octets <= 0:
                return count
            self._octets -= len(packet.payload)
        return len(waiting)
