"""Where segments are cut, what is made up, when players begin anew; judged by another demuxer."""

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import av
import pytest

from realtime.relay.hls import opus
from realtime.relay.hls.coding import AsItCame, Coder
from realtime.relay.hls.frames import (
    Clocked,
    Now,
    Out,
    Part,
    Segment,
    Source,
    Splitter,
    Took,
    TooLong,
    Wanted,
    decode_out,
    encode,
)
from realtime.relay.hls.packager import Packager
from realtime.relay.hls.window import Window
from tests.unit.realtime.relay.hls.test_avc import CROPPED, IDR, PPS, SLICE, SPS, together

SOUND = b"\xfc" + bytes(20)
"""20 ms of stereo, in form."""

FRAME, LATE = 3000, 4_294_960_000
"""30 pictures a second, whose timestamps wrap within the first."""


def a_packager(coder: Coder | None = None) -> Packager:
    names = itertools.count()
    return Packager(
        1000,
        0,
        name=lambda: f"n{next(names)}",
        wall_ms=lambda _at: 1_700_000_000_000,
        coder=coder or AsItCame(),
    )


@dataclass
class Stage:
    """A publisher by the clock of the test, which counts 30 pictures a second."""

    packager: Packager = field(default_factory=a_packager)
    out: list[Out] = field(default_factory=list)
    at: float = 100.0
    pictures: int = 0
    sounds: float = 0.0
    seq: Iterator[int] = field(default_factory=lambda: itertools.count(65_500))
    sound_seq: Iterator[int] = field(default_factory=lambda: itertools.count(65_530))

    def picture(self, *, key: bool = False, sps: bytes = SPS, lose: bool = False) -> None:
        seq, stamp = next(self.seq) & 0xFFFF, (LATE + self.pictures * FRAME) & 0xFFFFFFFF
        payload = together(sps, PPS, IDR) if key else SLICE
        if not lose:
            self.out += self.packager.take(Took("video", 1, seq, stamp, self.at, payload))

    def sound(self) -> None:
        seq, stamp = next(self.sound_seq) & 0xFFFF, int(self.sounds * 960) & 0xFFFFFFFF
        payload = SOUND[:1] + int(self.sounds).to_bytes(4, "big") + SOUND[5:]
        self.out += self.packager.take(Took("audio", 0, seq, stamp, self.at, payload))

    def pass_frame(self, *, sound: bool = True) -> None:
        self.pictures += 1
        self.at += 1 / 30
        while self.sounds < (self.at - 100.0) * 50:
            if sound:
                self.sound()
            self.sounds += 1
        self.out += self.packager.take(Now(self.at))

    def film(self, seconds: float, key_every: int = 60, *, sound: bool = True) -> None:
        for _ in range(round(seconds * 30)):
            self.picture(key=self.pictures % key_every == 0)
            self.pass_frame(sound=sound)

    @property
    def segments(self) -> list[Segment]:
        return [each for each in self.out if isinstance(each, Segment)]

    @property
    def parts(self) -> list[Part]:
        return [each for each in self.out if isinstance(each, Part)]

    @property
    def wanted(self) -> int:
        return sum(isinstance(each, Wanted) for each in self.out)


def demuxed(segment: Segment, parts: list[Part]) -> dict[str, list[tuple[float, float]]]:
    """By kind, when each sample begins and ends, in seconds."""
    found: dict[str, list[tuple[float, float]]] = {}
    data = segment.init + b"".join(part.body for part in parts)
    with av.open(io.BytesIO(data), "r") as container:
        for packet in container.demux():
            if packet.dts is not None and packet.duration is not None:
                begins = float(packet.dts * packet.time_base)
                ends = begins + float(packet.duration * packet.time_base)
                found.setdefault(packet.stream.type, []).append((begins, ends))
    return found


def holes(times: list[tuple[float, float]]) -> list[float]:
    return [b - e for (_, e), (b, _) in itertools.pairwise(times) if abs(b - e) > 0.001]


def test_segments_begin_with_keyframes_and_parts_are_short() -> None:
    stage = Stage()
    stage.film(9)
    assert [each.number for each in stage.segments] == list(range(1000, 1000 + 5))
    assert {each.breaks for each in stage.segments} == {0}
    groups = itertools.groupby(stage.out, lambda each: isinstance(each, Part))
    split = [[each for each in group if isinstance(each, Part)] for _, group in groups]
    by_segment = [parts for parts in split if parts]
    for parts in by_segment[:-1]:
        assert sum(part.seconds for part in parts) == pytest.approx(2.0)
        assert [part.independent for part in parts] == [True, False, False, False]
    assert max(part.seconds for part in stage.parts) <= 0.5
    samples = demuxed(stage.segments[0], stage.parts)
    assert holes(samples["video"]) == holes(samples["audio"]) == []
    assert [part.name for part in stage.parts[1:]] == [part.next for part in stage.parts[:-1]]
    assert stage.segments[1].at_ms - stage.segments[0].at_ms == 2000


def test_an_encoder_that_makes_no_keyframes_is_cut_without() -> None:
    stage = Stage()
    stage.film(10, key_every=10_000)
    window = Window()
    for each in stage.out:
        if not isinstance(each, Wanted):
            window.add(each)
    lengths = [float(x[8:-1]) for x in window.playlist(parts=False).splitlines() if "#EXTINF" in x]
    assert len(lengths) >= 3
    assert max(lengths) < 2.5
    assert [part.independent for part in stage.parts].count(True) == 1


def test_keyframes_that_others_asked_for_begin_no_short_segments() -> None:
    stage = Stage()
    stage.film(8, key_every=15)
    assert len(stage.segments) in (7, 8)


def test_a_lost_picture_is_waited_for_and_a_keyframe_asked_for() -> None:
    stage = Stage()
    stage.film(1)
    before = stage.wanted
    stage.picture(lose=True)
    stage.pass_frame()
    stage.film(0.9)
    assert stage.wanted > before
    assert max(part.seconds for part in stage.parts) <= 0.5
    stage.pictures += -stage.pictures % 60
    stage.film(2)
    samples = demuxed(stage.segments[0], stage.parts)
    assert holes(samples["video"]) == [], "the picture before the hole stays"
    assert {each.breaks for each in stage.segments} == {0}


def test_a_sound_that_stops_goes_on_as_silence() -> None:
    stage = Stage()
    stage.film(2)
    stage.film(4, sound=False)
    samples = demuxed(stage.segments[0], stage.parts)
    assert holes(samples["audio"]) == []
    assert samples["video"][-1][1] - samples["audio"][-1][1] < 0.8


def test_a_picture_that_stands_still_is_shown_on() -> None:
    stage = Stage()
    stage.film(2)
    for _ in range(120):
        stage.pass_frame()
    samples = demuxed(stage.segments[0], stage.parts)
    assert holes(samples["video"]) == []
    assert samples["video"][-1][1] > 5
    assert max(part.seconds for part in stage.parts) <= 0.5


def test_nothing_is_made_up_when_nobody_is_there() -> None:
    stage = Stage()
    stage.film(2)
    parts = len(stage.parts)
    for _ in range(300):
        stage.at += 1 / 30
        stage.out += stage.packager.take(Now(stage.at))
    assert len(stage.parts) <= parts + 3


def test_another_size_begins_anew_without_a_hole() -> None:
    stage = Stage()
    stage.film(3)
    stage.picture(key=True, sps=CROPPED)
    stage.pass_frame()
    stage.film(2, key_every=10_000)
    first, *_, last = stage.segments
    assert (first.breaks, last.breaks) == (0, 1)
    assert first.init_name != last.init_name
    with av.open(io.BytesIO(last.init + stage.parts[-1].body), "r") as container:
        assert container.streams.video[0].height == 718


def test_another_source_begins_anew() -> None:
    stage = Stage()
    stage.film(3)
    for kind in ("audio", "video"):
        stage.out += stage.packager.take(Source(kind, stage.at))
    stage.pictures += -stage.pictures % 60
    stage.film(3)
    assert sorted({each.breaks for each in stage.segments}) == [0, 1]
    after = [each for each in stage.segments if each.breaks]
    assert after[0].number == stage.segments[0].number + len(stage.segments) - len(after)


def test_another_source_of_sound_that_says_nothing_yet_ends_nothing() -> None:
    stage = Stage()
    stage.film(1)
    stage.out += stage.packager.take(Source("audio", stage.at))
    before = len(stage.parts)
    stage.pictures += -stage.pictures % 60
    stage.film(3, sound=False)
    assert len(stage.parts) > before + 3
    assert sorted({each.breaks for each in stage.segments}) == [0, 1]


def test_sound_alone_is_a_stage_too() -> None:
    stage = Stage()
    for _ in range(240):
        stage.pass_frame()
    assert len(stage.segments) >= 3
    assert all(part.independent for part in stage.parts)
    samples = demuxed(stage.segments[0], stage.parts)
    assert set(samples) == {"audio"}
    assert holes(samples["audio"]) == []


@pytest.mark.parametrize(("told", "first"), [(False, 0), (True, 15)])
def test_sound_is_placed_by_what_the_sender_says(told: bool, first: int) -> None:  # noqa: FBT001
    """By its reports a stream's sound is 0.3 s late; without them, arrival has to do."""
    stage = Stage()
    if told:
        stage.out += stage.packager.take(Clocked("video", 5 << 32, LATE))
        stage.out += stage.packager.take(Clocked("audio", 5 << 32, 15 * 960))
    stage.film(3)
    with av.open(io.BytesIO(stage.segments[0].init + stage.parts[0].body), "r") as container:
        heard = next(iter(container.demux(audio=0)))
        assert heard.dts == 0
        assert int.from_bytes(bytes(heard)[1:5], "big") == first


def test_messages_come_whole_out_of_any_pieces() -> None:
    stage = Stage()
    stage.film(3)
    stream = b"".join(encode(each) for each in stage.out) + b"\0\0\0\0"
    splitter = Splitter()
    pieces = [stream[at : at + 777] for at in range(0, len(stream), 777)]
    came = [decode_out(body) for piece in pieces for body in splitter.feed(piece)]
    assert came == stage.out
    with pytest.raises(TooLong):
        list(Splitter().feed(b"\xff\xff\xff\xff"))


def test_the_window_forgets_and_tells_the_same_to_whoever_comes_later() -> None:
    stage = Stage()
    stage.film(40)
    window, later = Window(), Window()
    for each in stage.out:
        if not isinstance(each, Wanted):
            window.add(each)
    for message in window.messages():
        later.add(message)
    for parts in (False, True):
        text = window.playlist(parts=parts)
        assert later.playlist(parts=parts) == text
        names = [line for line in text.splitlines() if line and line[0] != "#"]
        assert len(names) in (6, 7)
        assert all(window.body(name.removesuffix(".m4s")) for name in names)
    assert window.body(stage.segments[0].name) is None, "long gone"
    newest = stage.segments[-1].number
    assert window.has(newest - 1, None)
    assert not window.has(newest, None)
    assert window.is_near(newest + 1)
    assert not window.is_near(newest + 3)


@pytest.mark.parametrize(
    ("payload", "length"),
    [
        (SOUND, 960),
        (b"\xff\x03", 2880),
        (b"\x00", 480),
        (b"", 0),
        (b"\xff\x3f", 0),
        (b"\x79", 1920),
    ],
)
def test_how_long_a_packet_sounds(payload: bytes, length: int) -> None:
    assert opus.samples(payload) == length
    assert opus.samples(opus.hidden(SOUND[0])) == 960
