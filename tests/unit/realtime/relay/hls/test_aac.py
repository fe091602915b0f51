"""AAC out of Opus: where a sound is before and after, and that nothing makes a hole."""

import array
import io
import itertools
from fractions import Fraction

import av
import pytest
from aiortc.codecs.opus import OpusEncoder

from realtime.relay.hls import opus
from realtime.relay.hls.aac import Aac
from realtime.relay.hls.boxes import AAC, AUDIO_RATE, OPUS, Begins, Sample, fragment
from realtime.relay.hls.frames import Part, Segment, Source
from tests.unit.realtime.relay.hls.test_packager import Stage, a_packager, demuxed, holes

CLICK = 24_000
"""Where it is, in samples: half a second after the beginning."""


def clicked(packets: int = 50) -> list[bytes]:
    """Opus with one click of 10 ms in a second of silence."""
    encoder, made = OpusEncoder(), []
    for number in range(packets):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        times = range(number * 960, number * 960 + 960)
        loud = [20_000 * (-1) ** (at // 24) if 0 <= at - CLICK < 480 else 0 for at in times]
        frame.planes[0].update(array.array("h", (v for v in loud for _ in "lr")).tobytes())
        frame.sample_rate, frame.time_base = AUDIO_RATE, Fraction(1, AUDIO_RATE)
        frame.pts = number * 960
        made += encoder.encode(frame)[0]
    return made


def in_a_row(payloads: list[bytes], at: int) -> list[Sample]:
    """Packets as the packager hands them over: each begins where the last one ended."""
    ends = itertools.accumulate(map(opus.samples, payloads), initial=at)
    return [
        Sample(begins, opus.samples(each), key=True, data=each)
        for begins, each in zip(ends, payloads, strict=False)
    ]


def coded(payloads: list[bytes], at: int = 0) -> list[Sample]:
    coder = Aac()
    coder.begin(at)
    units = [unit for packet in in_a_row(payloads, at) for unit in coder.take(packet)]
    return units + coder.rest()


def heard(entry: bytes, samples: list[Sample]) -> int:
    """When a decoder that is given the track is loud for the first time, in samples."""
    data = Begins(None, entry).encode() + fragment(1, [], samples)
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(audio=0):
            plain = av.AudioResampler("s16", "mono", AUDIO_RATE).resample(frame)
            for each in plain:
                loud = array.array("h", bytes(each.planes[0])[: 2 * each.samples])
                found = next((n for n, value in enumerate(loud) if abs(value) > 6000), None)
                if found is not None:
                    assert frame.pts is not None
                    assert frame.time_base == Fraction(1, AUDIO_RATE)
                    return int(frame.pts) + found
    raise AssertionError("it is silent")


@pytest.mark.parametrize("at", [0, 987_654])
def test_a_click_stays_where_it_was(at: int) -> None:
    packets = clicked()
    before = heard(OPUS, in_a_row(packets, at))
    after = heard(AAC, coded(packets, at))
    assert abs(after - before) <= AUDIO_RATE // 500, "two milliseconds"
    assert abs(after - at - CLICK) <= AUDIO_RATE // 50
    wrong = [unit._replace(at=unit.at + 1024) for unit in coded(packets, at)]
    assert abs(heard(AAC, wrong) - before) > AUDIO_RATE // 50, "one unit off is found out"


def test_every_packet_sounds_for_as_long_as_it_says() -> None:
    short, broken, twice = b"\x78" + bytes(9), b"\xff\x83" + bytes(range(40)), b"\xfd" + bytes(30)
    packets = [*clicked(10), short, opus.hidden(0xFC), broken, twice, *clicked(5)]
    units = coded(packets, 5000)
    assert units[0].at == 5000
    assert all(b.at == a.at + a.duration for a, b in itertools.pairwise(units))
    end = 5000 + sum(map(opus.samples, packets))
    assert units[-1].at < end <= units[-1].at + units[-1].duration


def test_nothing_is_left_of_what_never_began() -> None:
    coder = Aac()
    assert coder.rest() == []
    coder.begin(7)
    assert coder.rest() == []
    coder.begin(7)
    assert [unit.at for unit in coder.take(in_a_row(clicked(1), 7)[0]) + coder.rest()] == [7]


def test_a_stage_with_gaps_and_other_sources_has_no_hole() -> None:
    stage = Stage(a_packager(Aac()))
    stage.film(3)
    stage.film(2, sound=False)
    stage.film(1)
    for kind in ("audio", "video"):
        stage.out += stage.packager.take(Source(kind, stage.at))
    stage.pictures += -stage.pictures % 60
    stage.film(3)
    begins = next(n for n, each in enumerate(stage.out) if getattr(each, "breaks", 0))
    for out in (stage.out[:begins], stage.out[begins:]):
        first, *_ = (each for each in out if isinstance(each, Segment))
        samples = demuxed(first, [each for each in out if isinstance(each, Part)])
        assert holes(samples["video"]) == holes(samples["audio"]) == []
        assert abs(samples["audio"][0][0] - samples["video"][0][0]) < 0.03
        assert abs(samples["audio"][-1][1] - samples["video"][-1][1]) < 0.1


def test_sound_alone_is_a_stage_in_aac_too() -> None:
    stage = Stage(a_packager(Aac()))
    for _ in range(240):
        stage.pass_frame()
    assert len(stage.segments) >= 3
    samples = demuxed(stage.segments[0], stage.parts)
    assert holes(samples["audio"]) == []
    told = sum(part.seconds for part in stage.parts)
    assert 0 <= samples["audio"][-1][1] - told < 0.03, "a part has all the sound that it says"
