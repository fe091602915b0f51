"""Makes segments of what a publisher sends: when to cut, what to make up, when to begin anew. Pure.

Pictures lead: parts and segments end where a picture begins, and sound goes along. A sound that
stops is continued as silence, a picture that stands still by its last keyframe, since a player
waits for ever for a track that misses. Time is passed in.
"""

from collections.abc import Callable

from realtime.relay.hls import opus
from realtime.relay.hls.avc import Picture
from realtime.relay.hls.bounds import (
    GONE_SECONDS,
    LEAST_SEGMENT_SECONDS,
    MOST_SEGMENT_SECONDS,
    PART_GRACE_SECONDS,
    PART_SECONDS,
    SEGMENT_SECONDS,
    STILL_SECONDS,
    TORN_SECONDS,
    VIDEO_SECONDS,
)
from realtime.relay.hls.boxes import AUDIO_RATE, VIDEO_RATE, Begins, fragment
from realtime.relay.hls.coding import Coder
from realtime.relay.hls.frames import Clocked, Into, Now, Out, Part, Segment, Source, Took, Wanted
from realtime.relay.hls.sight import Sight
from realtime.relay.hls.sound import Sound

_PART, _GRACE = int(PART_SECONDS * VIDEO_RATE), int(PART_GRACE_SECONDS * VIDEO_RATE)
_SEGMENT, _LEAST = int(SEGMENT_SECONDS * VIDEO_RATE), int(LEAST_SEGMENT_SECONDS * VIDEO_RATE)
_MOST, _TORN = int(MOST_SEGMENT_SECONDS * VIDEO_RATE), int(TORN_SECONDS * VIDEO_RATE)
_MOST_EARLY = 60


class Packager:
    """One stage's, numbered on from `number` and `breaks`.

    `name` makes up names that nobody guesses; `wall_ms` tells the time of
    day of a moment by the packets' clock; `coder` says in which format
    sound is put out.
    """

    def __init__(
        self,
        number: int,
        breaks: int,
        *,
        name: Callable[[], str],
        wall_ms: Callable[[float], int],
        coder: Coder,
    ) -> None:
        self._number, self._breaks = number, breaks
        self._name, self._wall_ms = name, wall_ms
        self._out: list[Out] = []
        self._sound, self._sight = Sound(coder), Sight()
        self._began: float | None = None
        """When the first packet after a break came."""
        self._running = False
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
        sound.heard(packet)
        if self._running and not self._has_sound:
            self._again()  # sound came to a picture that had none
        if self._running:
            self._sounded(packet)
            return
        sound.wait(packet)
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
        (self._sound if kind == "audio" else self._sight).forget()

    def _again(self) -> None:
        """End what there is; what comes next begins anew, with a keyframe if it has pictures."""
        if self._running:
            self._finish()
            self._breaks += 1
        self._running = self._open = False
        self._began = None
        self._sound.clear()
        self._sight.clear()
        self._out.append(Wanted())

    def _finish(self) -> None:
        at = self._reached()
        self._go_silent(at)
        self._sound.finish()
        self._cut(at, prolong=True)

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
            sight.begin(picture, self._end)
        if self._has_sound:
            sound.begin(_samples(self._end))
            self._align(afresh=True)
        self._describe()
        waiting, sound.waiting = sound.waiting, []
        for packet in waiting:
            if self._running:
                self._sounded(packet)
        early, sight.early = sight.early, []
        for each in early:
            if self._running:
                self._place(sight.time_of(each, self._end), each)

    def _align(self, *, afresh: bool) -> None:
        """Put sound where it belongs beside the picture."""
        sight, sound = self._sight, self._sound
        if sight.offset is None or not self._has_sight:
            sound.align_alone()
            return
        first, begins = self._begins_at - sight.offset, _samples(self._begins_at)
        sound.align(sight.clock, first, begins, afresh=afresh)

    def _describe(self) -> None:
        video = self._sight.format if self._has_sight else None
        beginning = Begins(video, self._sound.entry if self._has_sound else b"")
        self._init, self._init_name = beginning.encode(), self._name()

    # Sound.

    def _sounded(self, packet: Took) -> None:
        if not self._sound.place(packet):
            self._again()
        elif not self._has_sight:
            while self._sound.ready * VIDEO_RATE // AUDIO_RATE - self._end >= _PART:
                self._stretch()

    # Pictures.

    def _pictured(self, picture: Picture) -> None:
        sight = self._sight
        sight.clock.arrived(sight.clock.unwrap(picture.timestamp), picture.at)
        if picture.key:
            changed = sight.configure(picture)
            if sight.format is None:
                return
            if self._running and not self._has_sight:
                self._again()  # pictures came to a sound that had none
            elif changed and self._running:
                self._cut(sight.time_of(picture, self._end), prolong=True)
                self._open = False
                self._breaks += 1
                self._describe()
            sight.broken = False
            sight.key = picture
        elif sight.broken:
            return
        if self._running:
            self._place(sight.time_of(picture, self._end), picture)
            return
        sight.early.append(picture)
        alone = picture.at - sight.early[0].at > STILL_SECONDS
        if self._sound.waiting or alone or len(sight.early) > _MOST_EARLY:
            self._start(sight.early[0])

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
        since = self._sight.close(at)
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
                self._sound.fill(_samples(self._end + _PART))
            self._stretch()

    def _go_silent(self, at: int) -> None:
        """A sound that has stopped beside pictures is continued up to a time."""
        stopped = self._sight.at - self._sound.at > STILL_SECONDS
        if self._has_sight and self._has_sound and stopped:
            self._sound.fill(_samples(at))

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
        self._go_silent(at)
        seen, heard = sight.take(), sound.take(_samples(at))
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


def _samples(at: int) -> int:
    """A time in ticks of pictures as one in samples of sound."""
    return at * AUDIO_RATE // VIDEO_RATE
