"""A stage's pictures on the common time, each shown until the next. Pure.

It does not know where parts are cut. Times are in ticks of 90 kHz.
"""

from dataclasses import dataclass, field

from realtime.relay.hls.avc import Format, Picture, Pictures
from realtime.relay.hls.bounds import PART_SECONDS
from realtime.relay.hls.boxes import VIDEO_RATE, Sample
from realtime.relay.hls.reorder import Reorder
from realtime.relay.hls.timeline import Clock
from realtime.relay.sps import Malformed

_LONGEST_FRAME = int(PART_SECONDS * VIDEO_RATE) // 2


@dataclass(slots=True)
class Sight:
    """What came, and what of it has not been put out."""

    clock: Clock = field(default_factory=lambda: Clock(VIDEO_RATE))
    order: Reorder = field(default_factory=Reorder)
    pictures: Pictures = field(default_factory=Pictures)
    samples: list[Sample] = field(default_factory=list)
    format: Format | None = None
    open: tuple[int, Picture] | None = None
    """The newest picture and its time: how long it lasts is said by the next."""
    offset: int | None = None
    """From its timestamps to the common time."""
    last: int = 0
    placed: tuple[int, float] = (0, 0.0)
    """When the newest picture was due, and when it came."""
    frame: int = 3000
    key: Picture | None = None
    early: list[Picture] = field(default_factory=list)
    """Before it is known whether there is sound."""
    broken: bool = True
    """Pictures were lost: nothing is shown until a keyframe comes."""
    at: float = float("-inf")
    """When the newest packet came."""

    def forget(self) -> None:
        """Another source: its clock and its numbers are its own."""
        self.clock.forget()
        self.order.begin()
        self.pictures.begin()

    def clear(self) -> None:
        """What comes next begins anew, with a keyframe."""
        self.samples.clear()
        self.open = self.key = None
        self.early.clear()
        self.broken = True

    def begin(self, picture: Picture, at: int) -> None:
        """The first picture is shown here."""
        self.offset = at - self.clock.unwrap(picture.timestamp)
        self.last = at - 1

    def configure(self, picture: Picture) -> bool:
        """Whether the pictures' format is another one from here on."""
        if not picture.sps or not picture.pps:
            return False
        found = Format(picture.sps, picture.pps)
        if found == self.format:
            return False
        try:
            _, _ = found.size, found.configuration
        except (Malformed, IndexError):
            return False
        self.format = found
        return True

    def time_of(self, picture: Picture, least: int) -> int:
        """In the common time: after every picture before it, and not before `least`."""
        if self.offset is None:
            return least
        return max(self.clock.unwrap(picture.timestamp) + self.offset, self.last + 1, least)

    def close(self, at: int) -> int:
        """The picture that is open is shown until here; since when, or here if none is."""
        if self.open is None:
            return at
        since, shown = self.open
        self.frame = min(max(at - since, 1), _LONGEST_FRAME)
        self.samples.append(Sample(since, max(1, at - since), key=shown.key, data=shown.data))
        self.open = None
        return since

    def take(self) -> list[Sample]:
        """What there is, once."""
        taken, self.samples = self.samples, []
        return taken
