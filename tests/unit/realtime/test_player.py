"""The shipped clip, its reader, and what a caller numbers, remembers and negotiates."""

import itertools
import struct
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtp import RtcpPacket, RtcpSrPacket

from realtime.relay import flow, keyframe, offer, sdp
from realtime.relay.dial import BadAnswer, CodecName, Login, read_answer, write_offer
from realtime.relay.offer import Fingerprint
from realtime.relay.player import BadClip, Clip, Payload, Stream, cues, from_keyframe, read_clip
from realtime.relay.pull import chosen_of

SHIPPED = Path(__file__).parents[3] / "server/demo/clip/talk.rtpclip"
PRINT = Fingerprint(algorithm="sha-256", value=":".join(["AB"] * 32))
AUDIO = Stream(kind="audio", codec="opus", rate=48_000)
VIDEO = Stream(kind="video", codec="VP8", rate=90_000)


@pytest.fixture(scope="module")
def shipped() -> Clip:
    return read_clip(SHIPPED)


def small_clip() -> Clip:
    """Two tenths of a second: sound every 20 ms, a picture every 40 ms, a keyframe every 80 ms."""
    sound = [Payload(t, 0, marker=False, key=False, data=b"s") for t in range(0, 200, 20)]
    pictures = [
        Payload(t, 1, marker=True, key=t % 80 == 0, data=b"p%d" % t) for t in range(0, 200, 40)
    ]
    payloads = sorted(sound + pictures, key=lambda each: each.time_ms)
    return Clip(duration_ms=200, streams=(AUDIO, VIDEO), payloads=tuple(payloads))


def file_of(clip: Clip, path: Path) -> Path:
    data = struct.pack("!4sBBHI", b"RTPC", 1, 2, 0, clip.duration_ms)
    data += struct.pack("!B7sIB7sI", 0, b"opus", 48_000, 1, b"VP8", 90_000)
    for each in clip.payloads:
        flags = each.marker | each.key << 1
        data += struct.pack("!IBBH", each.time_ms, each.stream, flags, len(each.data)) + each.data
    path.write_bytes(data)
    return path


def test_a_clip_reads_as_it_was_written(tmp_path: Path) -> None:
    assert read_clip(file_of(small_clip(), tmp_path / "clip")) == small_clip()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda data: data[:-1],
        lambda data: data[:40],
        lambda data: b"RIFF" + data[4:],
        lambda data: data[:12] + b"\7" + data[13:],
        lambda data: data[:8] + bytes(4) + data[12:],
        lambda data: data + struct.pack("!IBBH", 0, 0, 0, 0),
        lambda data: data + struct.pack("!IBBH", 199, 2, 0, 0),
    ],
    ids=["empty", "cut", "no media", "no clip", "kind", "duration", "backwards", "stream"],
)
def test_a_damaged_clip_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = file_of(small_clip(), tmp_path / "clip")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadClip, match="clip"):
        read_clip(path)


def test_loops_follow_each_other_without_a_seam() -> None:
    first_second = list(
        itertools.takewhile(lambda cue: cue[0] < 1000, cues(small_clip(), 0, [5, 7]))
    )
    sent = [cue for _, together in first_second for cue in together]
    sound = [cue.timestamp for cue in sent if cue.stream == 0]
    pictures = [cue.timestamp for cue in sent if cue.stream == 1]
    assert sound == [5 + n * 960 for n in range(50)]
    assert pictures == [7 + n * 3600 for n in range(25)]


def test_playing_resumes_at_the_keyframe_before() -> None:
    at, together = next(cues(small_clip(), 150, [0, 0]))
    assert at == 80
    assert [cue.data for cue in together if cue.stream == 1] == [b"p80"]
    assert from_keyframe(small_clip().payloads, 0)[-1].time_ms == 180


def test_the_shipped_clip_serves_a_viewer_at_once(shipped: Clip) -> None:
    """It is small, loops for a minute and more, and has a keyframe at least every two seconds."""
    pictures = [each for each in shipped.payloads if shipped.streams[each.stream] == VIDEO]
    keys = [each.time_ms for each in pictures if each.key]
    assert SHIPPED.stat().st_size <= 4 << 20
    assert 60_000 <= shipped.duration_ms <= 90_000
    assert shipped.video_codec == "VP8"
    assert keys[0] == 0
    assert max(b - a for a, b in itertools.pairwise([*keys, shipped.duration_ms])) <= 2000
    assert all(each.key == keyframe.vp8_begins(each.data) for each in pictures)
    assert max(len(each.data) for each in shipped.payloads) <= 1300


def test_the_shipped_sound_has_no_gap(shipped: Clip) -> None:
    sound = [each.time_ms for each in shipped.payloads if shipped.streams[each.stream] == AUDIO]
    assert sound == list(range(0, shipped.duration_ms, 20))


def test_the_shipped_pictures_decode(shipped: Clip) -> None:
    """Two seconds of them: from the markers and payloads alone, as a receiver would."""
    decoder = av.CodecContext.create("vp8", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frame, shown = b"", 0
    for each in shipped.payloads:
        if each.stream != 1 or each.time_ms >= 2000:
            continue
        frame += VpxPayloadDescriptor.parse(each.data)[1]
        if each.marker:
            decoded = decoder.decode(av.Packet(frame))
            shown, frame = shown + len(decoded), b""
            assert [(each.width, each.height) for each in decoded] == [(1280, 720)]
    assert shown == 25


def outflow(seq: int = 0) -> flow.Outflow:
    return flow.Outflow(ssrc=9, payload_type=96, rate=90_000, seq=seq)


def test_sent_packets_are_numbered_across_the_wrap() -> None:
    stream = outflow(seq=0xFFFE)
    packets = [flow.parse(stream.packet(b"x", 2**32 + n, marker=n == 1, at=0.0)) for n in range(3)]
    assert packets == [
        flow.Packet(96, 0xFFFF, 0, False, 9, b"x"),
        flow.Packet(96, 0, 1, True, 9, b"x"),
        flow.Packet(96, 1, 2, False, 9, b"x"),
    ]


def test_only_recent_packets_are_recalled() -> None:
    stream = outflow()
    for n in range(flow.SENT_KEPT + 1):
        stream.packet(b"x", n, marker=False, at=0.0)
        stream.remember(b"%d" % n)
    assert stream.recall(1) is None
    assert stream.recall(2) == b"1"
    assert stream.recall(flow.SENT_KEPT + 1) == b"%d" % flow.SENT_KEPT
    assert stream.recall(flow.SENT_KEPT + 2) is None


def test_a_report_extends_the_timestamp_to_its_own_time() -> None:
    stream = outflow()
    stream.packet(b"four", 1000, marker=True, at=50.0)
    report = RtcpPacket.parse(stream.report(51.5, unix=0.5))[0]
    assert isinstance(report, RtcpSrPacket)
    assert report.sender_info.rtp_timestamp == 1000 + 135_000
    assert report.sender_info.ntp_timestamp == (2_208_988_800 << 32) + (1 << 31)
    assert (report.sender_info.packet_count, report.sender_info.octet_count) == (1, 4)


def test_extensions_padding_and_sources_are_not_payload() -> None:
    header = struct.pack("!BBHLL", 0x80 | 0x20 | 0x10 | 1, 0x80 | 96, 7, 8, 9)
    packet = header + bytes(4) + b"\xbe\xde\0\1" + bytes(4) + b"payload" + b"\0\2"
    assert flow.parse(packet) == flow.Packet(96, 7, 8, True, 9, b"payload")
    assert flow.parse(packet[:20]) is None
    assert flow.parse(b"\x80\x60") is None


def here() -> sdp.Here:
    return sdp.Here(
        addresses=["127.0.0.1", "::1"],
        port=4321,
        ufrag="abcd",
        password="p" * 22,
        fingerprint=PRINT,
    )


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_the_relay_takes_what_a_caller_offers(codec: CodecName) -> None:
    login = Login(fragment="wxyz", password="q" * 22)
    offered = write_offer(login, PRINT, codecs=[codec], ssrcs={"audio": 2, "video": 3})
    parsed = offer.parse(offered)
    assert (parsed.ufrag, parsed.password, parsed.fingerprints) == ("wxyz", "q" * 22, [PRINT])
    text, chosen = sdp.answer_publisher(parsed, here())
    assert {each.codec for each in chosen.values()} == {"opus", codec.lower()}
    answer = read_answer(text)
    assert answer.login == Login(fragment="abcd", password="p" * 22)
    assert answer.addresses == (("127.0.0.1", 4321), ("::1", 4321))
    assert answer.fingerprints == (PRINT,)
    assert not answer.active
    assert [(each.kind, each.codec) for each in answer.media] == [
        ("audio", "opus"),
        ("video", codec),
    ]


def test_a_watcher_gets_the_one_codec_there_is() -> None:
    login = Login(fragment="wxyz", password="q" * 22)
    parsed = offer.parse(write_offer(login, PRINT, codecs=["VP8", "H264"], ssrcs=None))
    sends = {"video": sdp.Sends(codec="h264", ssrc=5, resend_ssrc=6)}
    answer = read_answer(sdp.answer_subscriber(parsed, here(), sends)[0])
    assert [(each.kind, each.codec, each.rate) for each in answer.media] == [
        ("video", "H264", 90_000)
    ]


def test_a_relay_that_pulls_learns_the_source_of_each_size() -> None:
    login = Login(fragment="wxyz", password="q" * 22)
    parsed = offer.parse(write_offer(login, PRINT, codecs=["VP8"], ssrcs=None, sizes=4))
    for apart, sizes in (((5, 7, 9), (5, 7, 9)), ((5,), ()), ((), ())):
        sends = {"video": sdp.Sends(codec="vp8", ssrc=5, resend_ssrc=6, apart=apart)}
        answer = read_answer(sdp.answer_subscriber(parsed, here(), sends)[0])
        (picture,) = answer.media
        assert picture.sizes == sizes
        taken = chosen_of(answer)["video"]
        assert (taken.ssrcs, len(taken.layers)) == (sizes, len(sizes))


@pytest.mark.parametrize("text", ["", "nonsense", "v=0\r\nm=video x y z\r\n", "<html>"])
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(BadAnswer):
        read_answer(text)
