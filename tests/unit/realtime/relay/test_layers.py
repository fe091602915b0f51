"""One picture in several sizes: who is sent which, and that nobody notices where it comes from."""

import itertools
import os
import socket
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from realtime.relay import vp8
from realtime.relay.bounds import FORMER_SECONDS, LAYER_SILENT_SECONDS
from realtime.relay.cache import Packet
from realtime.relay.downtrack import DownTrack
from realtime.relay.fanout import Destination
from realtime.relay.layers import Layers
from realtime.relay.mux import Flushed
from realtime.relay.sync import Mark
from realtime.relay.uptrack import UpTrack
from tests.unit.realtime.relay.test_feed import Wire, chosen

SMALL, MIDDLE, LARGE = 0, 1, 2
SIZES = ((320, 180), (640, 360), (1280, 720))
NTP = 1 << 32


def payload(picture: int, base: int, layer: int, *, key: bool, mark: bytes = b"") -> bytes:
    """A whole picture with 15 bits of picture number and TL0PICIDX, as Chromium's are."""
    head = bytes((0x90, 0xE0)) + (0x8000 | picture & 0x7FFF).to_bytes(2, "big")
    head += bytes((base & 0xFF, 0x20))
    width, height = SIZES[layer]
    frame = b"\x10\x02\x00\x9d\x01\x2a" if key else b"\x11\x02\x00"
    size = width.to_bytes(2, "little") + height.to_bytes(2, "little") if key else b""
    return head + frame + size + mark


class Simulcast:
    """A publisher's three sizes and viewers of them; each is numbered in its own way."""

    def __init__(self, start: int = 65_530, send_time: int | None = None) -> None:
        self.wire = Wire()
        self.gathered: list[Flushed] = []
        self.layers = Layers("video", "vp8", 90_000, self.wire, self.gathered.append)
        self.send_time = send_time
        self.tracks = [UpTrack(chosen(), feed) for feed in self.layers.arrange(3)]
        self.seqs = [start, start + 20_000, start + 40_000]
        self.stamps = [7_000, 4_000_000_000, 90]
        """Of a picture at 0 s."""
        self.pictures = [32_760, 5, 9_000]
        self.bases = [250, 3, 77]

    def viewer(
        self, layer: int = LARGE, resend: int | None = 97, ssrc: int | None = None
    ) -> DownTrack:
        policy = Policy(key=os.urandom(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND)
        destination = Destination(Session(policy), ("127.0.0.1", 9), socket.AF_INET)
        taken = replace(chosen(resend=resend), abs_send_time=self.send_time)
        return DownTrack(taken, self.layers.feeds[layer], destination, self.wire, ssrc)

    def picture(self, layer: int, at: float, *, key: bool = False, mark: bytes = b"") -> None:
        body = payload(self.pictures[layer], self.bases[layer], layer, key=key, mark=mark)
        self.pictures[layer] += 1
        self.bases[layer] += 1
        self.seqs[layer] += 1
        stamp = (self.stamps[layer] + round(at * 90_000)) & 0xFFFFFFFF
        self.tracks[layer].receive(7 + layer, 1, self.seqs[layer] & 0xFFFF, stamp, body, at)
        self.flush(at)

    def flush(self, now: float) -> None:
        gathered, self.gathered[:] = list(self.gathered), []
        self.gathered += [each for each in gathered if each.flush(now)]

    def report(self, layer: int, at: float) -> None:
        """As a sender's report would: the line of this layer's timestamps."""
        stamp = (self.stamps[layer] + round(at * 90_000)) & 0xFFFFFFFF
        self.tracks[layer].feed.mark = Mark(ntp=int((500 + at) * NTP), timestamp=stamp)


def numbers(sent: list[bytes]) -> list[int]:
    return [int.from_bytes(each[2:4], "big") for each in sent]


def stamps(sent: list[bytes]) -> list[int]:
    return [int.from_bytes(each[4:8], "big") for each in sent]


def following(values: list[int], mask: int, by: int = 1) -> bool:
    return all((b - a) & mask == by for a, b in itertools.pairwise(values))


def of(sent: list[bytes], ssrc: int) -> list[bytes]:
    return [each for each in sent if int.from_bytes(each[8:12], "big") == ssrc]


def counted(sent: list[bytes]) -> tuple[list[int], list[int]]:
    """Picture numbers and TL0PICIDX, as a receiver reads them."""
    pictures, bases = [], []
    for each in sent:
        found = vp8.describe(each[12:])
        assert found is not None
        pictures.append(found.picture(each[12:]))
        bases.append(found.base(each[12:]))
    return [each or 0 for each in pictures], [each or 0 for each in bases]


def film(speaker: Simulcast, begin: int, count: int, *, keys: tuple[int, ...] = ()) -> None:
    """Thirty pictures a second of each size; keyframes of these sizes first."""
    for at in range(begin, begin + count):
        for layer in (SMALL, MIDDLE, LARGE):
            speaker.picture(layer, at / 30, key=layer in keys and at == begin)


def test_a_change_waits_for_the_keyframe_and_leaves_no_seam() -> None:
    speaker = Simulcast()
    viewer = speaker.viewer()
    film(speaker, 0, 10, keys=(SMALL, MIDDLE, LARGE))
    for layer in (SMALL, MIDDLE, LARGE):
        speaker.report(layer, 0.1)
    viewer.follow(speaker.layers.feeds[SMALL])
    assert speaker.layers.feeds[SMALL].keyframes.wished
    film(speaker, 10, 5)
    assert viewer.feed is speaker.layers.feeds[LARGE], "nothing changes before the keyframe"
    film(speaker, 15, 5, keys=(SMALL,))
    assert viewer.feed is speaker.layers.feeds[SMALL]
    assert not speaker.layers.feeds[SMALL].keyframes.wished
    viewer.follow(speaker.layers.feeds[LARGE])
    film(speaker, 20, 5)
    film(speaker, 25, 5, keys=(LARGE,))

    sent = speaker.wire.sent
    # Of the picture in which a size changes there is one of each.
    assert len(sent) == 31
    assert following(numbers(sent), 0xFFFF)
    pictures, bases = counted(sent)
    assert following(pictures, 0x7FFF)
    assert following(bases, 0xFF)
    assert {each[8:12] for each in sent} == {sent[0][8:12]}, "one stream"
    assert [vp8.size(each[12:]) for each in (sent[0], sent[15], sent[26])] == [
        SIZES[LARGE],
        SIZES[SMALL],
        SIZES[LARGE],
    ]
    assert viewer.changes == 2


@pytest.mark.parametrize("reported", [True, False])
def test_times_go_on_by_the_reports_or_by_the_clock(*, reported: bool) -> None:
    """A smaller picture comes a little sooner than the larger one of the same moment."""
    speaker = Simulcast()
    viewer = speaker.viewer()
    film(speaker, 0, 30, keys=(SMALL, MIDDLE, LARGE))
    if reported:
        for layer in (SMALL, MIDDLE, LARGE):
            speaker.report(layer, 0.9)
    before = speaker.wire.sent[-1]
    viewer.follow(speaker.layers.feeds[MIDDLE])
    film(speaker, 30, 2, keys=(MIDDLE,))
    first, second = stamps(speaker.wire.sent)[-2:]
    elapsed = (first - int.from_bytes(before[4:8], "big")) & 0xFFFFFFFF
    assert elapsed == 3000
    assert (second - first) & 0xFFFFFFFF == 3000
    report = viewer.report(Mark(ntp=NTP, timestamp=speaker.stamps[MIDDLE] + 90_000), 1.1)
    assert report is not None
    assert int.from_bytes(report[16:20], "big") == first, "the report says what was sent at 1 s"


def test_reports_that_contradict_the_clock_are_not_believed() -> None:
    speaker = Simulcast()
    viewer = speaker.viewer()
    film(speaker, 0, 30, keys=(SMALL, MIDDLE, LARGE))
    speaker.report(LARGE, 0.9)
    speaker.report(SMALL, 3600.0)
    viewer.follow(speaker.layers.feeds[SMALL])
    speaker.tracks[SMALL].feed.mark = Mark(ntp=NTP, timestamp=0)
    film(speaker, 30, 1, keys=(SMALL,))
    last, first = stamps(speaker.wire.sent)[-2:]
    assert (first - last) & 0xFFFFFFFF == 3000


def test_a_picture_that_was_seen_already_is_still_a_later_one() -> None:
    speaker = Simulcast()
    viewer = speaker.viewer()
    film(speaker, 0, 10, keys=(SMALL, MIDDLE, LARGE))
    speaker.report(LARGE, 0.3)
    speaker.report(SMALL, 0.3)
    viewer.follow(speaker.layers.feeds[SMALL])
    speaker.seqs[SMALL] += 1
    speaker.picture(SMALL, 8 / 30, key=True)
    last, first = stamps(speaker.wire.sent)[-2:]
    assert (first - last) & 0xFFFFFFFF == 1


def test_viewers_of_one_size_share_a_plaintext_however_they_came() -> None:
    """Those who were never elsewhere are one group; those who change together are another."""
    speaker = Simulcast()
    staying = [speaker.viewer() for _ in range(3)]
    going = [speaker.viewer() for _ in range(3)]
    film(speaker, 0, 10, keys=(SMALL, MIDDLE, LARGE))
    for viewer in going:
        viewer.follow(speaker.layers.feeds[SMALL])
    film(speaker, 10, 2, keys=(SMALL,))
    assert len({id(each.group) for each in staying}) == 1
    assert len({id(each.group) for each in going}) == 1
    assert [len(group.destinations) for group in speaker.layers.feeds[LARGE].groups] == [3]


def test_who_changes_their_mind_in_time_notices_nothing() -> None:
    speaker = Simulcast()
    viewer = speaker.viewer()
    film(speaker, 0, 5, keys=(SMALL, MIDDLE, LARGE))
    viewer.follow(speaker.layers.feeds[SMALL])
    viewer.follow(speaker.layers.feeds[LARGE])
    film(speaker, 5, 5, keys=(SMALL,))
    assert viewer.changes == 0
    assert len(speaker.wire.sent) == 10
    assert following(stamps(speaker.wire.sent), 0xFFFFFFFF, by=3000)


def test_pictures_that_paused_come_back_in_another_size() -> None:
    speaker = Simulcast()
    viewer = speaker.viewer()
    film(speaker, 0, 5, keys=(SMALL, MIDDLE, LARGE))
    viewer.pause()
    viewer.follow(speaker.layers.feeds[SMALL])
    film(speaker, 5, 300, keys=(SMALL, LARGE))
    assert len(speaker.wire.sent) == 5
    viewer.resume()
    film(speaker, 305, 5, keys=(SMALL, LARGE))
    sent = speaker.wire.sent
    assert len(sent) == 10
    assert following(numbers(sent), 0xFFFF)
    assert following(counted(sent)[0], 0x7FFF)
    assert (stamps(sent)[5] - stamps(sent)[4]) & 0xFFFFFFFF == 301 * 3000


def test_what_was_lost_before_a_change_is_sent_again_as_it_was_and_not_for_long() -> None:
    speaker = Simulcast()
    viewer = speaker.viewer(SMALL, resend=None)
    film(speaker, 0, 10, keys=(SMALL, MIDDLE, LARGE))
    viewer.follow(speaker.layers.feeds[LARGE])
    film(speaker, 10, 5, keys=(LARGE,))
    sent = list(speaker.wire.sent)
    lost = numbers(sent)[7:13]
    viewer.send_again(lost, 0.5)
    assert speaker.wire.sent[len(sent) :] == sent[7:13]
    before = len(speaker.wire.sent)
    viewer.send_again(lost, 0.4 + FORMER_SECONDS)
    assert speaker.wire.sent[before:] == sent[11:13], "what came after it"


def test_a_thin_line_is_not_filled_with_what_it_lost_of_the_larger_picture() -> None:
    speaker = Simulcast()
    viewer = speaker.viewer(LARGE)
    film(speaker, 0, 10, keys=(SMALL, MIDDLE, LARGE))
    viewer.follow(speaker.layers.feeds[SMALL])
    film(speaker, 10, 5, keys=(SMALL,))
    before = list(speaker.wire.sent)
    viewer.send_again(numbers(before), 0.5)
    again = speaker.wire.sent[len(before) :]
    assert [int.from_bytes(each[12:14], "big") for each in again] == numbers(before)[10:]


def test_another_relay_is_sent_each_size_under_numbers_of_its_own() -> None:
    """Beside a viewer who is sent one of them; and what is sent again is as it was."""
    speaker = Simulcast()
    apart = speaker.layers.apart
    assert len({speaker.layers.ssrc, *apart}) == 1 + len(SIZES)
    edge = [speaker.viewer(layer, resend=None, ssrc=ssrc) for layer, ssrc in enumerate(apart)]
    speaker.viewer()
    film(speaker, 0, 10, keys=(SMALL, MIDDLE, LARGE))
    for layer, track in enumerate(edge):
        before = of(speaker.wire.sent, apart[layer])
        assert following(numbers(before), 0xFFFF)
        assert vp8.size(before[0][12:]) == SIZES[layer], "it begins with its own keyframe"
        track.send_again(numbers(before), 0.5)
        again = of(speaker.wire.sent, apart[layer])[len(before) :]
        assert again == before
        report = track.report(Mark(ntp=NTP, timestamp=0), 1.0)
        assert report is not None
        assert int.from_bytes(report[4:8], "big") == apart[layer]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 2), st.integers(1, 3)),
        st.tuples(st.just("leap"), st.integers(0, 2), st.integers(1000, 40_000)),
        st.tuples(st.just("late"), st.integers(0, 2), st.integers(0, 1500)),
        st.tuples(st.just("again"), st.integers(0, 2), st.integers(0, 1500)),
        st.tuples(st.just("restart"), st.integers(0, 2), st.integers(0, 0xFFFF)),
        st.tuples(st.just("follow"), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.just("nack"), st.integers(0, 2), st.integers(0, 1500)),
        st.tuples(st.just("pause"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("resume"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("passed"), st.just(0), st.integers(0, 2)),
    ),
    min_size=1,
    max_size=150,
)


@given(st.integers(0, 0xFFFF), st.sampled_from([None, 3]), STEPS)
def test_no_number_ever_carries_two_payloads_whatever_size_it_is_of(
    start: int, send_time: int | None, steps: list[tuple[str, int, int]]
) -> None:
    speaker = Simulcast(start, send_time)
    viewers = [speaker.viewer(), speaker.viewer(resend=None), speaker.viewer(SMALL)]
    ssrcs, unique, now = [7, 8, 9], itertools.count(), 0.0
    for at, (step, which, amount) in enumerate(steps):
        now += 1 / 30
        mark = b"%d" % next(unique)
        if step in ("send", "leap"):
            speaker.seqs[which] += amount
            speaker.picture(which, now, key=at % 4 == 0, mark=mark)
        elif step in ("late", "again", "restart"):
            body = payload(at, at, which, key=at % 4 == 0, mark=mark)
            if step == "restart":
                ssrcs[which] += 10
                speaker.seqs[which] = amount
            seq = (speaker.seqs[which] - (0 if step == "restart" else amount)) & 0xFFFF
            track = speaker.tracks[which]
            if step == "again":
                track.receive_again(0, at * 3000, seq.to_bytes(2, "big") + body, now)
            else:
                track.receive(ssrcs[which], 0, seq, at * 3000, body, now)
            speaker.flush(now)
        elif step == "follow":
            viewers[which].follow(speaker.layers.feeds[amount])
        elif step == "pause":
            viewers[which].pause()
        elif step == "resume":
            viewers[which].resume()
        elif step == "passed":
            now += amount
        else:
            viewer = viewers[which]
            newest = (viewer.feed.continuity.last_seq or 0) + viewer.group.shift.seq
            viewer.send_again(range(newest - amount, newest), now)


def test_sizes_are_known_by_their_pictures_and_not_by_their_order() -> None:
    speaker = Simulcast()
    large_first = [speaker.layers.feeds[at] for at in (SMALL, MIDDLE, LARGE)]
    for layer in (LARGE, MIDDLE, SMALL):
        speaker.picture(layer, 0.0, key=True)
    assert speaker.layers.look()
    assert speaker.layers.flowing == large_first
    assert [each.pixels for each in speaker.layers.flowing] == [w * h for w, h in SIZES]
    assert speaker.layers.largest is speaker.layers.feeds[LARGE]
    assert speaker.layers.at_most(2) is speaker.layers.feeds[MIDDLE]
    assert speaker.layers.at_most(9) is speaker.layers.feeds[LARGE]


def test_a_size_that_its_encoder_leaves_out_is_noticed_and_so_is_its_return() -> None:
    speaker = Simulcast()
    film(speaker, 0, 30, keys=(SMALL, MIDDLE, LARGE))
    assert speaker.layers.look()
    for at in range(30, 30 + int(LAYER_SILENT_SECONDS * 30) + 1):
        speaker.picture(SMALL, at / 30)
        speaker.picture(MIDDLE, at / 30)
    assert speaker.layers.look()
    assert speaker.layers.largest is speaker.layers.feeds[MIDDLE]
    film(speaker, 70, 1, keys=(LARGE,))
    assert speaker.layers.look()
    assert speaker.layers.largest is speaker.layers.feeds[LARGE]
    assert not speaker.layers.look()


def test_a_speaker_who_is_silent_altogether_loses_no_size() -> None:
    speaker = Simulcast()
    film(speaker, 0, 30, keys=(SMALL, MIDDLE, LARGE))
    speaker.layers.look()
    film(speaker, 300, 1)
    assert not speaker.layers.look()


def test_a_tap_is_told_of_the_largest_and_of_each_change_as_of_another_source() -> None:
    speaker = Simulcast()
    told: list[Packet | None] = []
    speaker.layers.tap = lambda packet, _: told.append(packet)
    film(speaker, 0, 3, keys=(SMALL, MIDDLE, LARGE))
    speaker.layers.look()
    film(speaker, 3, 3)
    assert speaker.layers.feeds[LARGE].keyframes.wished
    film(speaker, 6, 3, keys=(LARGE,))
    sizes = [vp8.size(each.payload) if each is not None else None for each in told]
    assert sizes[0] is None
    assert sizes[1] == SIZES[SMALL]
    change = sizes.index(SIZES[LARGE])
    assert told[change - 1] is None
    assert len(told) - change == 3
    speaker.layers.tap = None
    film(speaker, 9, 3)
    assert len(told) == change + 3


def test_a_publisher_of_one_size_after_three_leads_viewers_to_it() -> None:
    speaker = Simulcast()
    viewer = speaker.viewer()
    film(speaker, 0, 5, keys=(SMALL, MIDDLE, LARGE))
    speaker.layers.look()
    assert speaker.layers.arrange(1) == speaker.layers.feeds[:1]
    assert not speaker.layers.several
    speaker.layers.feeds[0].new_source()
    viewer.follow(speaker.layers.at_most(9))
    speaker.tracks = [UpTrack(chosen(), speaker.layers.feeds[0])]
    speaker.seqs[0] = 100
    speaker.picture(SMALL, 3.0, key=True)
    assert following(numbers(speaker.wire.sent), 0xFFFF)
    assert viewer.feed is speaker.layers.feeds[0]
