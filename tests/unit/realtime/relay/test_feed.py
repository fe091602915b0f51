"""What goes out under one SSRC: one payload per number, whatever comes in."""

import itertools
import os
import socket
from collections.abc import Sequence
from dataclasses import replace

from aiortc.rtp import RtcpReceiverInfo
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from realtime.relay.bounds import NACK_TRIES, RESEND_BURST
from realtime.relay.downtrack import DownTrack
from realtime.relay.fanout import Destination, Group
from realtime.relay.feed import Feed
from realtime.relay.mux import Flushed, Mux, bind
from realtime.relay.sdp import Chosen
from realtime.relay.sync import Mark
from realtime.relay.uptrack import UpTrack

KEY, DELTA = b"\x10\x00", b"\x10\x01"


class Wire:
    """Remembers every packet in the clear; to one viewer, a number has one payload."""

    family = int(socket.AF_INET)

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self._under: dict[tuple[Destination, bytes, int], bytes] = {}
        self._lap: dict[tuple[Destination, bytes], int] = {}

    def send(self, plains: Sequence[bytes], group: Group) -> None:
        group.packets += len(plains)
        self.sent += plains
        for plain in plains:
            for destination in group.destinations:
                self._keep(plain, destination)

    def send_one(self, plain: bytes, destination: Destination) -> None:
        self.sent.append(plain)
        self._keep(plain, destination)

    def _keep(self, plain: bytes, destination: Destination) -> None:
        ssrc, seq = plain[8:12], int.from_bytes(plain[2:4], "big")
        stream = destination, ssrc
        newest = self._lap.get(stream, seq)
        ahead = (seq - newest) & 0xFFFF
        index = newest + (ahead if ahead < 0x8000 else ahead - 0x10000)
        self._lap[stream] = max(newest, index)
        known = self._under.setdefault((*stream, index), plain)
        assert known == plain, "two payloads, one number"


def chosen(
    kind: str = "video", resend: int | None = 97, codec: str = "vp8", *, nack: bool = True
) -> Chosen:
    return Chosen(
        kind=kind,
        codec=codec if kind == "video" else "opus",
        rate=90_000,
        payload_type=96,
        resend_payload_type=resend,
        resend_ssrcs=(),
        transport_cc=None,
        abs_send_time=None,
        nack=nack,
    )


class Line:
    """A publisher's track, a feed, and viewers of it."""

    def __init__(self, kind: str = "video", codec: str = "vp8", *, nack: bool = True) -> None:
        self.wire = Wire()
        self.gathered: list[Flushed] = []
        taken = chosen(kind, codec=codec, nack=nack)
        self.feed = Feed(kind, taken.codec, 90_000, self.wire, self.gathered.append)
        self.track = UpTrack(taken, self.feed)

    def viewer(self, resend: int | None = 97, send_time: int | None = None) -> DownTrack:
        policy = Policy(key=os.urandom(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND)
        destination = Destination(Session(policy), ("127.0.0.1", 9), socket.AF_INET)
        taken = replace(chosen(resend=resend), abs_send_time=send_time)
        return DownTrack(taken, self.feed, destination, self.wire)

    def receive(self, seq: int, timestamp: int, payload: bytes, now: float, ssrc: int = 7) -> None:
        self.track.receive(ssrc, 0, seq & 0xFFFF, timestamp, payload, now)
        self.flush(now)

    def burst(  # noqa: PLR0917 - as `receive`
        self, seq: int, count: int, timestamp: int, payload: bytes, now: float, ssrc: int
    ) -> None:
        """Read in one go; more than may leave at once."""
        for at in range(count):
            body = (payload + b"/%d" % at).ljust(1200, b"x")
            self.track.receive(ssrc, 0, (seq + at) & 0xFFFF, timestamp, body, now)
        self.flush(now)

    def flush(self, now: float) -> None:
        gathered, self.gathered[:] = list(self.gathered), []
        self.gathered += [each for each in gathered if each.flush(now)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ahead"), st.integers(1, 3)),
        st.tuples(st.just("burst"), st.integers(10, 60)),
        st.tuples(st.just("leap"), st.integers(1000, 40_000)),
        st.tuples(st.just("late"), st.integers(0, 2000)),
        st.tuples(st.just("again"), st.integers(0, 2000)),
        st.tuples(st.just("restart"), st.integers(0, 0xFFFF)),
        st.tuples(st.just("new"), st.integers(0, 0xFFFF)),
        st.tuples(st.just("nack"), st.integers(0, 2000)),
        st.tuples(st.just("pause"), st.integers(0, 2)),
        st.tuples(st.just("resume"), st.integers(0, 2)),
    ),
    min_size=1,
    max_size=120,
)


@given(st.integers(0, 0xFFFF), STEPS)
def test_no_number_ever_carries_two_payloads(  # noqa: C901 - a step for everything that happens
    start: int, steps: list[tuple[str, int]]
) -> None:
    line = Line()
    viewers = [line.viewer(), line.viewer(resend=None), line.viewer(resend=None, send_time=3)]
    seq, ssrc, unique = start, 7, itertools.count()
    for at, (step, amount) in enumerate(steps):
        now, payload = at / 30, (KEY if at % 5 == 0 else DELTA) + b"%d" % next(unique)
        if step in ("ahead", "leap"):
            seq += amount
            line.receive(seq, at * 3000, payload, now, ssrc)
        elif step == "burst":
            line.burst(seq + 1, amount, at * 3000, payload, now, ssrc)
            seq += amount
        elif step == "late":
            line.receive(seq - amount, at * 3000, payload, now, ssrc)
        elif step == "again":
            number = ((seq - amount) & 0xFFFF).to_bytes(2, "big")
            line.track.receive_again(0, at * 3000, number + payload, now)
            line.flush(now)
        elif step == "restart":
            seq, ssrc = amount, ssrc + 1
            line.receive(seq, at * 3000, payload, now, ssrc)
        elif step == "new":
            seq = amount
            line.feed.new_source()
            line.track = UpTrack(chosen(), line.feed)
            line.receive(seq, at * 3000, KEY + payload, now, ssrc)
        elif step == "pause":
            viewers[amount].pause()
        elif step == "resume":
            viewers[amount].resume()
        else:
            for viewer in viewers:
                newest = (line.feed.continuity.last_seq or 0) + viewer.group.shift.seq
                viewer.send_again(range(newest - amount, newest), now)


def film(line: Line, count: int, start: int = 0, ssrc: int = 7, base: float = 0.0) -> None:
    for at in range(count):
        payload = (KEY if at == 0 else DELTA) + b"%d/%d" % (ssrc, start + at)
        line.receive(start + at, (start + at) * 3000, payload, base + at / 30, ssrc)


def test_a_viewer_begins_with_the_keyframe_and_not_a_packet_sooner() -> None:
    line = Line()
    film(line, 10)
    line.viewer()
    line.receive(10, 30_000, DELTA, 1.0)
    assert line.wire.sent == []
    assert line.feed.keyframes.wished
    line.receive(11, 33_000, KEY, 1.1)
    line.receive(12, 36_000, DELTA, 1.2)
    assert [packet[12:] for packet in line.wire.sent] == [KEY, DELTA]
    assert not line.feed.keyframes.wished


@given(st.integers(0, 0xFFFF), st.lists(st.integers(0, 70_000), min_size=1, max_size=4))
def test_a_pause_leaves_no_hole_in_the_numbers(start: int, away: list[int]) -> None:
    """However long it is: a hole would be asked for, and a large one breaks the decryption."""
    line = Line()
    viewer = line.viewer()
    seq, timestamps = start, []
    for gone in away:
        line.receive(seq, seq * 3000, KEY, seq / 30)
        line.receive(seq + 1, (seq + 1) * 3000, DELTA, (seq + 1) / 30)
        timestamps += [seq * 3000 & 0xFFFFFFFF, (seq + 1) * 3000 & 0xFFFFFFFF]
        viewer.pause()
        for each in range(2, gone, 1000):
            line.receive(seq + each, (seq + each) * 3000, KEY, (seq + each) / 30)
        viewer.resume()
        seq += gone + 2
        line.receive(seq, seq * 3000, DELTA, seq / 30)
        seq += 1
    numbers = [int.from_bytes(packet[2:4], "big") for packet in line.wire.sent]
    assert numbers == [(numbers[0] + at) & 0xFFFF for at in range(2 * len(away))]
    assert [int.from_bytes(packet[4:8], "big") for packet in line.wire.sent] == timestamps


def test_what_comes_late_from_before_the_return_is_not_for_who_was_away() -> None:
    """Its number would be one that they had before."""
    line = Line()
    viewer = line.viewer()
    film(line, 5)
    viewer.pause()
    for seq, payload in ((5, DELTA), (6, DELTA), (8, DELTA), (9, KEY)):
        if seq == 9:
            viewer.resume()
        line.receive(seq, seq * 3000, payload, seq / 30)
    before = list(line.wire.sent)
    line.receive(7, 21_000, DELTA + b"late", 0.4)
    assert line.wire.sent == before


def test_what_was_lost_after_a_pause_is_found_and_what_before_is_not() -> None:
    line = Line()
    viewer = line.viewer(resend=None)
    film(line, 3)
    viewer.pause()
    viewer.send_again([1], 0.5)
    film(line, 6, start=3, base=1.0)
    viewer.resume()
    film(line, 3, start=9, base=2.0)
    assert [packet[12:] for packet in line.wire.sent] == [KEY + b"7/0"] + [
        DELTA + b"7/%d" % at for at in (1, 2)
    ] + [KEY + b"7/9"] + [DELTA + b"7/%d" % at for at in (10, 11)]
    before = list(line.wire.sent)
    viewer.send_again([1, 4], 3.0)
    assert line.wire.sent == [*before, before[4]]


SPS, IDR, SECOND, SLICE = b"\x67\x42\xe0\x1f", b"\x65\x88", b"\x65\x41", b"\x41\x9a"


def test_what_follows_in_the_same_picture_is_no_beginning() -> None:
    line = Line(codec="h264")
    line.receive(3, 9000, SPS, 1.0)
    line.viewer()
    line.receive(4, 9000, IDR, 1.0)
    line.receive(5, 9000, SECOND, 1.0)
    assert line.wire.sent == []
    line.receive(6, 12_000, IDR, 1.1)
    line.receive(7, 12_000, SECOND, 1.1)
    assert [packet[12:] for packet in line.wire.sent] == [IDR, SECOND]


def test_parameter_sets_begin_a_picture_behind_a_delimiter() -> None:
    line = Line(codec="h264")
    line.viewer()
    for seq, payload in enumerate((b"\x09\xf0", SPS, IDR, SECOND), 3):
        line.receive(seq, 9000, payload, 1.0)
    assert [packet[12:] for packet in line.wire.sent] == [SPS, IDR, SECOND]


def test_a_slice_that_overtook_its_parameter_sets_is_no_beginning() -> None:
    line = Line(codec="h264")
    line.viewer()
    for seq, payload in ((5, SECOND), (4, IDR), (3, SPS), (6, SLICE)):
        line.receive(seq, 9000 if seq < 6 else 12_000, payload, 1.0)
    assert [packet[12:] for packet in line.wire.sent] == [SPS, IDR, SECOND, SLICE]
    assert line.feed.keyframes_seen == 1


@given(st.permutations(range(6)), st.integers(0, 0xFFFF))
def test_a_keyframe_that_arrives_in_any_order_is_whole(order: list[int], start: int) -> None:
    """The first packet of the picture may be the last to come, for the source or a late viewer."""
    line = Line()
    line.viewer()
    picture = [KEY, *(b"\x00%d" % part for part in range(5))]
    for at in order:
        line.receive(start + at, 3000, picture[at], 1.0)
    assert {packet[12:] for packet in line.wire.sent} == set(picture)
    assert not line.feed.keyframes.wished
    late = line.viewer()
    before = len(line.wire.sent)
    for at in order:
        line.receive(start + 6 + at, 6000, picture[at] + b"late", 2.0)
    assert not line.feed.keyframes.wished
    newest = line.feed.continuity.last_seq
    assert newest is not None
    late.send_again([(newest - back) & 0xFFFF for back in range(6)], 2.0)
    assert {packet[14:] for packet in line.wire.sent[before:] if packet[1] & 0x7F == 97} == {
        part + b"late" for part in picture
    }


def test_a_hole_that_is_given_up_is_healed_by_a_keyframe() -> None:
    line = Line()
    line.viewer()
    film(line, 3)
    line.receive(4, 12_000, DELTA, 0.2)
    for at in range(NACK_TRIES):
        assert line.track.ask_again(0.2 + at / 10) == [3]
        assert not line.feed.keyframes.wished
    assert line.track.ask_again(2.0) == []
    assert line.feed.keyframes.due(2.0)


def test_lost_sound_is_asked_for_again_if_the_sender_knows_how() -> None:
    for nack in (True, False):
        line = Line("audio", nack=nack)
        line.receive(0, 0, b"a", 0.0)
        line.receive(2, 1920, b"c", 0.04)
        assert line.track.ask_again(0.05) == ([1] if nack else [])
        assert not line.feed.keyframes.wished


def test_sound_begins_at_once() -> None:
    line = Line("audio")
    line.viewer()
    line.receive(5, 100, b"sound", 0.0)
    assert len(line.wire.sent) == 1
    assert not line.feed.keyframes.wished


def test_a_source_that_renumbers_itself_goes_on_after_a_moment() -> None:
    line = Line()
    line.viewer()
    film(line, 10, start=5000)
    for at in range(60):
        line.receive(100 + at, at * 3000, KEY if at % 10 == 0 else DELTA, 2 + at / 30)
    numbers = [int.from_bytes(packet[2:4], "big") for packet in line.wire.sent]
    assert numbers == list(range(5000, 5000 + len(numbers)))
    assert len(numbers) > 20


def test_an_old_ssrc_does_not_come_back() -> None:
    line = Line()
    line.viewer()
    film(line, 5)
    film(line, 5, start=900, ssrc=8, base=1.0)
    before = len(line.wire.sent)
    line.receive(6, 0, KEY, 2.0, ssrc=7)
    assert len(line.wire.sent) == before


def test_a_padding_packet_keeps_the_numbers_gapless() -> None:
    line = Line()
    line.viewer()
    film(line, 3)
    line.receive(3, 9000, b"", 0.2)
    assert len(line.wire.sent[-1]) == 12


def test_a_nack_is_answered_across_the_wrap_and_within_an_allowance() -> None:
    line = Line()
    viewer = line.viewer()
    film(line, 600, start=65_300)
    sent = len(line.wire.sent)
    viewer.send_again([65_535, 65_536, 65_537], 1.0)
    assert [int.from_bytes(packet[12:14], "big") for packet in line.wire.sent[sent:]] == [
        65_535,
        0,
        1,
    ]
    viewer.send_again(range(65_300, 65_900), 1.0)
    assert viewer.resent == RESEND_BURST
    viewer.send_again(range(65_300, 65_310), 2.0)
    assert viewer.resent == RESEND_BURST + 10


def test_a_resend_without_a_stream_of_its_own_is_the_same_bytes() -> None:
    line = Line()
    viewer = line.viewer(resend=None)
    film(line, 5)
    viewer.send_again([3], 1.0)
    assert line.wire.sent[-1] == line.wire.sent[3]


def test_reports_count_from_when_the_viewer_joined() -> None:
    line = Line()
    viewer = line.viewer()
    assert viewer.report(Mark(ntp=1 << 48, timestamp=0), 0.0) is None
    film(line, 5)
    late = line.viewer()
    line.receive(5, 15_000, KEY, 1.0)
    mark = Mark(ntp=0x1234 << 16, timestamp=0)
    report = viewer.report(mark, 5.0)
    assert report is not None
    assert int.from_bytes(report[20:24], "big") == 6
    other = late.report(mark, 5.0)
    assert other is not None
    assert int.from_bytes(other[20:24], "big") == 1
    told = RtcpReceiverInfo(
        ssrc=1,
        fraction_lost=64,
        packets_lost=3,
        highest_sequence=0,
        jitter=0,
        lsr=0x1234,
        dlsr=32768,
    )
    viewer.reported(told, 5.6)
    assert viewer.round_trip is not None
    assert abs(viewer.round_trip - 0.1) < 0.001
    assert viewer.fraction_lost == 0.25


def test_lost_packets_are_asked_for_and_recovered_once() -> None:
    line = Line()
    line.viewer()
    film(line, 3)
    line.receive(5, 15_000, DELTA, 0.5)
    assert line.track.ask_again(0.5) == [3, 4]
    line.track.receive_again(0, 9000, b"\x00\x03" + DELTA, 0.6)
    line.track.receive_again(0, 9000, b"\x00\x03" + KEY, 0.6)
    line.flush(0.6)
    assert line.track.recovered == 1
    assert line.track.ask_again(0.6) == [4]
    numbers = [int.from_bytes(packet[2:4], "big") for packet in line.wire.sent]
    assert numbers == [0, 1, 2, 5, 3]


async def test_sound_leaves_before_the_pictures_that_were_read_with_it() -> None:
    mux, wire = Mux(bind("127.0.0.1", 0)), Wire()
    codecs = (("video", "vp8"), ("audio", "opus"), ("video", "h264"))
    feeds = [Feed(kind, codec, 90_000, wire, mux.flush_later) for kind, codec in codecs]
    policy = Policy(key=os.urandom(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND)
    destination = Destination(Session(policy), ("127.0.0.1", 9), socket.AF_INET)
    for feed, payload in zip(feeds, (KEY, b"sound", SPS), strict=True):
        DownTrack(chosen(feed.kind), feed, destination, wire)
        feed.forward(0, 1, 3000, payload, 1.0)
    mux.flush()
    mux.close()
    assert [packet[12:] for packet in wire.sent] == [b"sound", KEY, SPS]


def test_losses_that_are_reported_packet_by_packet_are_taken_together() -> None:
    """As Chromium does where it estimates: a report with each request for what was lost."""
    line = Line()
    viewer = line.viewer()
    news, shares = [], []
    for at in range(200):
        # Of twenty packets a second's tenth, eight are lost; half of the reports see none of it.
        told = RtcpReceiverInfo(
            ssrc=1,
            fraction_lost=200 if at % 2 else 0,
            packets_lost=4 * (at // 2 * 2),
            highest_sequence=10 * at,
            jitter=0,
            lsr=0,
            dlsr=0,
        )
        if viewer.reported(told, 100 + at / 20):
            news.append(at / 20)
            shares.append(viewer.fraction_lost)
    assert all(after - before > 0.79 for before, after in itertools.pairwise(news))
    assert all(0.3 <= share <= 0.5 for share in shares[1:])
