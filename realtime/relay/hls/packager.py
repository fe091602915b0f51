"""Makes segments of what a publisher sends: when to cut, what to make up, when to begin anew. Pure.

Pictures lead: parts and segments end where a picture begins, and sound goes along. Nothing is
decoded. A sound that stops is continued as silence, a picture that stands still by its last
keyframe, since a player waits for ever for a track that misses. Time is passed in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from realtime.relay.hls import opus
from realtime.relay.hls.avc import Format, Picture, Pictures
from realtime.relay.hls.bounds import (
    GONE_SECONDS,
    LEAST_SEGMENT_SECONDS,
    MOST_SEGMENT_SECONDS,
    PART_GRACE_SECONDS,
    PART_SECONDS,
    SEGMENT_SECONDS,
    SKEW_SECONDS,
    STILL_SECONDS,
    TORN_SECONDS,
    VIDEO_SECONDS,
)
from realtime.relay.hls.boxes import AUDIO_RATE, VIDEO_RATE, Begins, Sample, fragment
from realtime.relay.hls.frames import Clocked, Into, Now, Out, Part, Segment, Source, Took, Wanted
from realtime.relay.hls.reorder import Reorder
from realtime.relay.hls.timeline import Clock, between
from realtime.relay.sps import Malformed

_PACKET = 960
"""A usual packet of sound, 20 ms at 48 kHz."""

_PART, _GRACE = int(PART_SECONDS * VIDEO_RATE), int(PART_GRACE_SECONDS * VIDEO_RATE)
_SEGMENT, _LEAST = int(SEGMENT_SECONDS * VIDEO_RATE), int(LEAST_SEGMENT_SECONDS * VIDEO_RATE)
_MOST, _TORN = int(MOST_SEGMENT_SECONDS * VIDEO_RATE), int(TORN_SECONDS * VIDEO_RATE)
_SKEW = int(SKEW_SECONDS * AUDIO_RATE)
_LONGEST_FRAME = _PART // 2
_MOST_EARLY = 60
_WAITING_PACKETS = 250
"""Of sound, before the first picture: five seconds."""


@dataclass(slots=True)
class _Sound:
    clock: Clock = field(default_factory=lambda: Clock(AUDIO_RATE))
    order: Reorder = field(default_factory=Reorder)
    samples: list[Sample] = field(default_factory=list)
    end: int = 0
    """Where the next packet belongs, in its own ticks of the common time."""
    offset: int | None = None
    """From its timestamps to the common time."""
    stamp: int = 0
    """Of its newest packet, unwrapped."""
    toc: int = opus.SILENCE_TOC
    at: float = float("-inf")
    waiting: list[Took] = field(default_factory=list)


@dataclass(slots=True)
class _Sight:
    clock: Clock = field(default_factory=lambda: Clock(VIDEO_RATE))
    order: Reorder = field(default_factory=Reorder)
    pictures: Pictures = field(default_factory=Pictures)
    samples: list[Sample] = field(default_factory=list)
    open: tuple[int, Picture] | None = None
    """The newest picture and its time: how long it lasts is said by the next."""
    offset: int | None = None
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


class Packager:
    """One stage's, numbered on from `number` and `breaks`.

    `name` makes up names that nobody guesses; `wall_ms` tells the time of
    day of a moment by the packets' clock.
    """

    def __init__(
        self, number: int, breaks: int, *, name: Callable[[], str], wall_ms: Callable[[float], int]
    ) -> None:
        self._number, self._breaks = number, breaks
        self._name, self._wall_ms = name, wall_ms
        self._out: list[Out] = []
        self._sound, self._sight = _Sound(), _Sight()
        self._began: float | None = None
        """When the first packet after a break came."""
        self._running = False
        self._format: Format | None = None
        self._has_sound = self._has_sight = False
        self._init, self._init_name = b"", ""
        self._next = name()
        self._fragments = 0
        self._end = 0
        """Of what was put out, in ticks of pictures; also where the next part begins."""
        self._segment_at = 0
        self._begins_at = 0
        self._wall = 0
        self._open = False

    def take(self, message: Into) -> list[Out]:
        """What can be put out now."""
        match message:
            case Source():
                self._break(message.kind)
            case Took():
                self._took(message)
            case Clocked():
                self._clocked(message)
            case Now():
                self._passed(message.at)
        out, self._out = self._out, []
        return out

    # What comes in.

    def _took(self, packet: Took) -> None:
        if self._began is None:
            self._began = packet.at
        if packet.kind == "audio":
            self._sound.at = packet.at
            for each in self._sound.order.take(packet):
                self._heard(each)
        else:
            self._sight.at = packet.at
            for each in self._sight.order.take(packet):
                self._saw(each)

    def _saw(self, packet: Took | None) -> None:
        sight = self._sight
        if packet is None:
            self._lost(damaged=sight.pictures.lost())
            return
        picture, damaged = sight.pictures.take(packet)
        self._lost(damaged=damaged)
        if picture is not None:
            self._pictured(picture)

    def _lost(self, *, damaged: bool) -> None:
        if damaged and not self._sight.broken:
            self._sight.broken = True
            self._out.append(Wanted())

    def _heard(self, packet: Took | None) -> None:
        if packet is None or not opus.samples(packet.payload):
            return
        sound = self._sound
        sound.stamp = sound.clock.unwrap(packet.timestamp)
        sound.clock.arrived(sound.stamp, packet.at)
        if self._running and not self._has_sound:
            self._again()  # sound came to a picture that had none
        if self._running:
            self._sounded(packet)
            return
        sound.waiting = [*sound.waiting, packet][-_WAITING_PACKETS:]
        if self._sight.early:
            self._start(self._sight.early[0])

    def _clocked(self, report: Clocked) -> None:
        stream = self._sound if report.kind == "audio" else self._sight
        stream.clock.told(report.timestamp, report.ntp)
        if self._running and self._has_sound and self._has_sight:
            self._align(afresh=False)

    # Beginning.

    def _break(self, kind: str) -> None:
        """Another source: its clock and its numbers are its own."""
        self._again()
        if kind == "audio":
            self._sound.clock.forget()
            self._sound.order.begin()
            self._sound.waiting.clear()
        else:
            self._sight.clock.forget()
            self._sight.order.begin()
            self._sight.pictures.begin()

    def _again(self) -> None:
        """End what there is; what comes next begins anew, with a keyframe if it has pictures."""
        if self._running:
            self._cut(self._reached(), prolong=True)
            self._breaks += 1
        self._running = self._open = False
        self._began = None
        self._sound.samples.clear()
        self._sight.samples.clear()
        self._sight.open = self._sight.key = None
        self._sight.early.clear()
        self._sight.broken = True
        self._out.append(Wanted())

    def _start(self, picture: Picture | None) -> None:
        """The common time goes on where it ended; the first picture, or sound, is there."""
        sight, sound = self._sight, self._sound
        self._running = True
        self._wall = self._wall_ms(picture.at if picture else sound.waiting[0].at)
        self._begins_at = self._end
        self._has_sight = picture is not None
        self._has_sound = bool(sound.waiting)
        if picture is not None:
            self._has_sound = self._has_sound or picture.at - sound.at < STILL_SECONDS
            sight.offset = self._end - sight.clock.unwrap(picture.timestamp)
            sight.last = self._end - 1
        if self._has_sound:
            sound.end = self._end * AUDIO_RATE // VIDEO_RATE
            self._align(afresh=True)
        self._describe()
        waiting, sound.waiting = sound.waiting, []
        for packet in waiting:
            if self._running:
                self._sounded(packet)
        early, sight.early = sight.early, []
        for each in early:
            if self._running:
                self._place(self._time_of(each), each)

    def _align(self, *, afresh: bool) -> None:
        """Put sound where it belongs beside the picture."""
        sight, sound = self._sight, self._sound
        if sight.offset is None or not self._has_sight:
            sound.offset = sound.end - sound.clock.unwrap(sound.waiting[0].timestamp)
            return
        first = self._begins_at - sight.offset
        later = between(sight.clock, first, sound.clock, sound.stamp)
        begins = self._begins_at * AUDIO_RATE // VIDEO_RATE
        offset = begins + round(later * AUDIO_RATE) - sound.stamp
        if afresh or sound.offset is None or abs(offset - sound.offset) > _SKEW:
            sound.offset = offset

    def _describe(self) -> None:
        beginning = Begins(self._format if self._has_sight else None, self._has_sound)
        self._init, self._init_name = beginning.encode(), self._name()

    # Sound.

    def _sounded(self, packet: Took) -> None:
        sound = self._sound
        assert sound.offset is not None
        ahead = sound.clock.unwrap(packet.timestamp) + sound.offset - sound.end
        if ahead > TORN_SECONDS * AUDIO_RATE:
            self._again()
            return
        if ahead <= -_PACKET // 2:
            return  # its time was filled already, or it is from before the first picture
        sound.toc = packet.payload[0]
        self._silence(sound.end + ahead - _PACKET // 2)
        self._add_sound(packet.payload)
        if not self._has_sight:
            self._sound_alone()

    def _add_sound(self, payload: bytes) -> None:
        sound = self._sound
        length = opus.samples(payload)
        sound.samples.append(Sample(sound.end, length, key=True, data=payload))
        sound.end += length

    def _silence(self, until: int) -> None:
        """Fill up to a time with packets that decoders conceal."""
        filling = opus.hidden(self._sound.toc)
        while self._sound.end < until:
            self._add_sound(filling)

    def _sound_alone(self) -> None:
        while self._sound.end * VIDEO_RATE // AUDIO_RATE - self._end >= _PART:
            self._stretch()

    # Pictures.

    def _pictured(self, picture: Picture) -> None:
        sight = self._sight
        sight.clock.arrived(sight.clock.unwrap(picture.timestamp), picture.at)
        if picture.key:
            changed = self._configure(picture)
            if self._format is None:
                return
            if self._running and not self._has_sight:
                self._again()  # pictures came to a sound that had none
            elif changed and self._running:
                self._cut(self._time_of(picture), prolong=True)
                self._open = False
                self._breaks += 1
                self._describe()
            sight.broken = False
            sight.key = picture
        elif sight.broken:
            return
        if self._running:
            self._place(self._time_of(picture), picture)
            return
        sight.early.append(picture)
        alone = picture.at - sight.early[0].at > STILL_SECONDS
        if self._sound.waiting or alone or len(sight.early) > _MOST_EARLY:
            self._start(sight.early[0])

    def _configure(self, picture: Picture) -> bool:
        """Whether the pictures' format is another one from here on."""
        if not picture.sps or not picture.pps:
            return False
        found = Format(picture.sps, picture.pps)
        if found == self._format:
            return False
        try:
            _, _ = found.size, found.configuration
        except (Malformed, IndexError):
            return False
        self._format = found
        return True

    def _time_of(self, picture: Picture) -> int:
        """In the common time, and after every picture before it."""
        sight = self._sight
        if sight.offset is None:
            return self._end
        return max(sight.clock.unwrap(picture.timestamp) + sight.offset, sight.last + 1, self._end)

    def _place(self, at: int, picture: Picture) -> None:
        sight = self._sight
        if sight.open is not None and at - sight.open[0] > _TORN:
            self._again()
            return
        due = at
        while sight.open is not None and at - self._end > _PART:
            self._stretch()
        if sight.open is None and not sight.samples:
            at = self._end  # the picture before it was shown until then: no hole
        self._close_open(at)
        if self._open:
            self._cut_before(at, picture)
        sight.open, sight.last = (at, picture), at
        sight.placed = due, picture.at

    def _cut_before(self, at: int, picture: Picture) -> None:
        """End the part, and perhaps the segment, if this picture does not belong into it."""
        whole = at - self._segment_at
        ends = (picture.key and whole >= _LEAST) or whole + self._sight.frame > _MOST
        if ends:
            self._cut(at, prolong=False)
            self._open = False
        elif at + self._sight.frame - self._end > _PART:
            self._cut(at, prolong=False)

    def _close_open(self, at: int) -> None:
        sight = self._sight
        if sight.open is None:
            self._open = self._open or self._begin_segment(at)
            return
        since, shown = sight.open
        sight.frame = min(max(at - since, 1), _LONGEST_FRAME)
        sight.samples.append(Sample(since, max(1, at - since), key=shown.key, data=shown.data))
        sight.open = None
        self._open = self._open or self._begin_segment(since)

    # Cutting.

    def _passed(self, now: float) -> None:
        """What has to happen though no packet came."""
        for each in self._sound.order.passed(now):
            self._heard(each)
        for each in self._sight.order.passed(now):
            self._saw(each)
        newest = max(self._sound.at, self._sight.at)
        if now - newest > GONE_SECONDS:
            return
        if not self._running:
            self._do_without(now)
        elif self._has_sight:
            self._stand_still(now)

    def _do_without(self, now: float) -> None:
        """No picture to begin with: after a while, sound alone."""
        early = self._sight.early
        if early and now - early[0].at > STILL_SECONDS:
            self._start(early[0])
            return
        waited = now - self._began if self._began is not None else 0.0
        unseen = now - self._sight.at > VIDEO_SECONDS or waited > 3 * VIDEO_SECONDS
        if self._sound.waiting and waited > VIDEO_SECONDS and unseen:
            self._start(None)

    def _stand_still(self, now: float) -> None:
        """No picture came when one was due: the last one stays."""
        sight = self._sight
        due, came = sight.placed
        while due + int((now - came) * VIDEO_RATE) - self._end > _PART + _GRACE:
            if sight.open is None and not sight.samples:
                assert sight.key is not None
                sight.open = self._end, sight.key
                sight.broken = True  # what comes builds on another picture than is shown
                self._out.append(Wanted())
            if now - self._sound.at > STILL_SECONDS and self._has_sound:
                self._silence((self._end + _PART) * AUDIO_RATE // VIDEO_RATE)
            self._stretch()

    def _reached(self) -> int:
        """The end of what has come."""
        if self._has_sight:
            return max(self._end, self._sight.last + self._sight.frame)
        return self._sound.end * VIDEO_RATE // AUDIO_RATE

    def _begin_segment(self, at: int) -> bool:
        self._segment_at = at
        self._out.append(
            Segment(
                number=self._number,
                breaks=self._breaks,
                name=self._name(),
                at_ms=self._wall + (at - self._begins_at) * 1000 // VIDEO_RATE,
                init_name=self._init_name,
                init=self._init,
            )
        )
        self._number += 1
        return True

    def _stretch(self) -> None:
        """Put out a part of the usual length; the picture that is open goes on in the next."""
        end = self._end + _PART
        self._cut(end, prolong=True)
        self._open = self._open and end - self._segment_at < _SEGMENT

    def _cut(self, at: int, *, prolong: bool) -> None:
        """Put out what there is before a time, as a part."""
        sight, sound = self._sight, self._sound
        if at <= self._end:
            return
        if prolong and sight.open is not None:
            self._close_open(at)
            sight.last = at - 1
        if self._has_sight and self._has_sound and sight.at - sound.at > STILL_SECONDS:
            self._silence(at * AUDIO_RATE // VIDEO_RATE)
        until = at * AUDIO_RATE // VIDEO_RATE
        split = sum(sample.at < until for sample in sound.samples)
        heard, sound.samples = sound.samples[:split], sound.samples[split:]
        seen, sight.samples = sight.samples, []
        if not seen and not heard:
            return
        if not self._open:
            self._open = self._begin_segment(self._end)
        self._fragments += 1
        name, self._next = self._next, self._name()
        self._out.append(
            Part(
                name=name,
                seconds=(at - self._end) / VIDEO_RATE,
                independent=seen[0].key if seen else not self._has_sight,
                body=fragment(self._fragments, seen, heard),
                next=self._next,
            )
        )
        self._end = at
