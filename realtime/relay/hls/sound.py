"""A stage's sound on the common time: beside the picture, and without a hole. Pure.

Packets that do not come are made up, by ones that decoders conceal. It does not know where parts
are cut. Times are in samples at 48 kHz.
"""

from realtime.relay.hls import opus
from realtime.relay.hls.bounds import SKEW_SECONDS, TORN_SECONDS
from realtime.relay.hls.boxes import AUDIO_RATE, Sample
from realtime.relay.hls.coding import Coder
from realtime.relay.hls.frames import Took
from realtime.relay.hls.reorder import Reorder
from realtime.relay.hls.timeline import Clock, between

_PACKET = 960
"""A usual packet, 20 ms."""

_SKEW = int(SKEW_SECONDS * AUDIO_RATE)
_WAITING_PACKETS = 250
"""Before the first picture: five seconds."""


class Sound:
    """What came, and what of it has not been put out."""

    def __init__(self, coder: Coder) -> None:
        self.clock = Clock(AUDIO_RATE)
        self.order = Reorder()
        self.waiting: list[Took] = []
        """Before the stage runs."""
        self.end = 0
        """Where the next packet belongs."""
        self.at = float("-inf")
        """When the newest packet came."""
        self._offset: int | None = None
        """From a packet's timestamp to the common time."""
        self._stamp = 0
        """Of the newest packet, unwrapped."""
        self._toc = opus.SILENCE_TOC
        self._samples: list[Sample] = []
        self._coder = coder

    @property
    def entry(self) -> bytes:
        """The sample entry of its track."""
        return self._coder.entry

    @property
    def ready(self) -> int:
        """The end of what can be put out."""
        newest = self._samples[-1] if self._samples else None
        return newest.at + newest.duration if newest else 0

    def heard(self, packet: Took) -> None:
        """Note when a packet came."""
        self._stamp = self.clock.unwrap(packet.timestamp)
        self.clock.arrived(self._stamp, packet.at)

    def wait(self, packet: Took) -> None:
        self.waiting = [*self.waiting, packet][-_WAITING_PACKETS:]

    def forget(self) -> None:
        """Another source: its clock and its numbers are its own."""
        self.clock.forget()
        self.order.begin()
        self.waiting.clear()
        self.at = float("-inf")

    def clear(self) -> None:
        """What comes next begins anew."""
        self._samples.clear()

    def begin(self, at: int) -> None:
        """The first packet belongs here."""
        self.end = at
        self._coder.begin(at)

    def finish(self) -> None:
        """Nothing more belongs to what was begun."""
        self._samples += self._coder.rest()

    def align_alone(self) -> None:
        """There is no picture to be put beside."""
        self._offset = self.end - self.clock.unwrap(self.waiting[0].timestamp)

    def align(self, pictures: Clock, first: int, begins: int, *, afresh: bool) -> None:
        """Go along with pictures whose `first`, in their clock's ticks, is shown at `begins`."""
        later = between(pictures, first, self.clock, self._stamp)
        offset = begins + round(later * AUDIO_RATE) - self._stamp
        if afresh or self._offset is None or abs(offset - self._offset) > _SKEW:
            self._offset = offset

    def place(self, packet: Took) -> bool:
        """Put a packet where it belongs; `False` if what misses before it is too long to fill."""
        assert self._offset is not None
        ahead = self.clock.unwrap(packet.timestamp) + self._offset - self.end
        if ahead > TORN_SECONDS * AUDIO_RATE:
            return False
        if ahead > -_PACKET // 2:  # otherwise its time was filled, or is before the first picture
            self._toc = packet.payload[0]
            self.fill(self.end + ahead - _PACKET // 2)
            self._add(packet.payload)
        return True

    def fill(self, until: int) -> None:
        """Continue up to a time with packets that decoders conceal."""
        filling = opus.hidden(self._toc)
        while self.end < until:
            self._add(filling)

    def take(self, until: int) -> list[Sample]:
        """What begins before a time, once."""
        split = sum(sample.at < until for sample in self._samples)
        taken, self._samples = self._samples[:split], self._samples[split:]
        return taken

    def _add(self, payload: bytes) -> None:
        length = opus.samples(payload)
        self._samples += self._coder.take(Sample(self.end, length, key=True, data=payload))
        self.end += length
