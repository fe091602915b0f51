"""A keyframe that comes at once leaves in parts; what comes evenly leaves as it comes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.relay.bounds import (
    BURST_OCTETS,
    PACE_LEAST_BITS,
    PACE_SECONDS,
    PACE_STEP_SECONDS,
    PACE_TIMES,
    RESEND_BURST,
)
from realtime.relay.cache import Packet
from realtime.relay.pace import Pace
from tests.unit.realtime.relay.test_feed import DELTA, KEY, Line

OCTETS = 1000
SLACK = 1e-6


def packets(count: int, at: float, octets: int = OCTETS) -> list[Packet]:
    return [Packet(0, number, 0, bytes(octets), at) for number in range(count)]


class Way:
    """What waits, and when each left."""

    def __init__(self, bits: float = 0.0) -> None:
        self.pace, self.bits = Pace(), bits
        self.waiting: list[Packet] = []
        self.left: list[tuple[float, Packet]] = []

    def run(
        self, until: float, coming: list[Packet], step_seconds: float = PACE_STEP_SECONDS
    ) -> None:
        """In steps, as the mux has them, and whenever something comes."""
        coming = sorted(coming, key=lambda packet: packet.at)
        steps = {number * step_seconds for number in range(int(until / step_seconds))}
        for now in sorted(steps | {packet.at for packet in coming}):
            self.waiting += [packet for packet in coming if packet.at == now]
            if self.waiting:
                count = self.pace.leaving(self.waiting, self.bits, now)
                self.left += [(now, packet) for packet in self.waiting[:count]]
                del self.waiting[:count]

    def most(self, seconds: float) -> int:
        """Octets that left within so long."""
        return max(
            sum(len(packet.payload) for at, packet in self.left if begun <= at < begun + seconds)
            for begun, _ in self.left
        )


def test_a_keyframe_at_once_leaves_at_a_multiple_of_the_rate() -> None:
    way = Way(bits=2_000_000)
    way.run(1.0, packets(100, 0.5))
    assert len(way.left) == 100
    took = way.left[-1][0] - way.left[0][0]
    beyond_a_burst = 100 * OCTETS - BURST_OCTETS
    assert abs(took - 8 * beyond_a_burst / (PACE_TIMES * way.bits)) <= 3 * PACE_STEP_SECONDS
    a_moment = 2 * PACE_STEP_SECONDS
    assert way.most(a_moment) <= BURST_OCTETS + PACE_TIMES * way.bits / 8 * a_moment + OCTETS


def test_a_source_of_little_or_of_an_unknown_rate_is_held_no_longer_than_a_usual_one() -> None:
    ways = Way(bits=0.0), Way(bits=150_000), Way(bits=PACE_LEAST_BITS)
    for way in ways:
        way.run(1.0, packets(60, 0.1))
    assert ways[0].left == ways[1].left == ways[2].left
    assert ways[0].left[-1][0] > 0.1


def test_a_slide_after_a_still_one_is_spread_over_the_longest_delay() -> None:
    way = Way(bits=50_000)
    way.run(2.0, packets(300, 1.0))
    assert len(way.left) == 300
    assert way.left[-1][0] - 1.0 <= PACE_SECONDS + SLACK
    # Evenly: no twentieth of the time takes more than three twentieths of the packets.
    assert way.most(PACE_SECONDS / 20) <= 300 * OCTETS * 3 / 20


@pytest.mark.parametrize("step_seconds", [PACE_STEP_SECONDS, 0.0002, 0.00001])
def test_a_socket_that_is_read_often_lets_nothing_leave_sooner(step_seconds: float) -> None:
    """Whatever is read for whomever is a step: reports of viewers, sound, other stages."""
    way = Way(bits=2_000_000)
    way.run(0.2, packets(100, 0.1), step_seconds)
    took = way.left[-1][0] - way.left[0][0]
    beyond_a_burst = len(way.left) * OCTETS - BURST_OCTETS
    assert took >= 8 * beyond_a_burst / (PACE_TIMES * way.bits) - 3 * PACE_STEP_SECONDS


def test_what_a_browser_has_spread_is_not_held() -> None:
    """Four packets a picture, thirty pictures a second, and one of them a paced keyframe."""
    usual = [packet for number in range(30) for packet in packets(4, number / 30, 1200)]
    spread = [packet for number in range(20) for packet in packets(3, 0.5 + number / 200, 1000)]
    way = Way(bits=8 * 4 * 1200 * 30)
    way.run(1.5, usual + spread)
    assert len(way.left) == len(usual) + len(spread)
    late = [now - packet.at for now, packet in way.left]
    assert max(late) <= 2 * PACE_STEP_SECONDS


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 80)), min_size=1, max_size=20),
    st.sampled_from([0.0, 40_000.0, 300_000.0, 3_000_000.0]),
)
def test_everything_leaves_in_its_order_and_in_time(
    bursts: list[tuple[int, int]], bits: float
) -> None:
    coming = [packet for at, count in bursts for packet in packets(count, at / 500)]
    way = Way(bits=bits)
    way.run(3.0, coming)
    assert [packet for _, packet in way.left] == sorted(coming, key=lambda packet: packet.at)
    assert all(now - packet.at <= PACE_SECONDS + SLACK for now, packet in way.left)
    assert all(before <= after for (before, _), (after, _) in itertools.pairwise(way.left))


def sent_numbers(line: Line) -> list[int]:
    return [int.from_bytes(packet[2:4], "big") for packet in line.wire.sent]


def burst(line: Line, count: int, now: float) -> None:
    """A keyframe in one reading of the socket."""
    for seq in range(count):
        body = (KEY if seq == 0 else DELTA).ljust(OCTETS, b"x")
        line.track.receive(7, 0, seq, 3000, body, now)
    line.flush(now)


def test_a_feed_holds_back_and_says_so_until_all_has_left() -> None:
    line = Line()
    line.viewer()
    burst(line, 60, 5.0)
    first = len(line.wire.sent)
    assert 0 < first < 60
    assert line.gathered == [line.feed]
    for step in range(1, 60):
        line.flush(5.0 + step * PACE_STEP_SECONDS)
    assert sent_numbers(line) == list(range(60))
    assert line.gathered == []


def test_what_is_held_is_not_sent_again_before_it_was_sent() -> None:
    """Else one number would carry two times of sending, and under one key that is two payloads."""
    line = Line()
    viewer = line.viewer(resend=None, send_time=3)
    burst(line, 60, 5.0)
    first = len(line.wire.sent)
    viewer.send_again(range(60), 5.0)
    assert len(line.wire.sent) == 2 * first
    for step in range(1, 60):
        line.flush(5.0 + step * PACE_STEP_SECONDS)
    viewer.send_again([59], 5.3)
    assert sent_numbers(line)[2 * first :] == [*range(first, 60), 59]
    assert line.wire.sent[-1] == line.wire.sent[-2], "told when it left, both times"


def test_whoever_asks_for_what_is_held_has_asked() -> None:
    """A thousand times in one datagram costs no more than what may be sent again."""
    line = Line()
    viewer = line.viewer()
    burst(line, 60, 5.0)
    first = len(line.wire.sent)
    viewer.send_again([59] * int(RESEND_BURST), 5.0)
    viewer.send_again([0], 5.0)
    assert len(line.wire.sent) == first
    viewer.send_again([0], 6.0)
    assert len(line.wire.sent) == first + 1


def test_whoever_leaves_has_everything_that_came_before() -> None:
    line = Line()
    staying, leaving = line.viewer(), line.viewer()
    burst(line, 60, 5.0)
    leaving.pause()
    assert len(line.wire.sent) == 60
    assert line.feed.newest is not None
    assert staying.group.packets == 60
    line.receive(60, 6000, DELTA, 5.1)
    assert sent_numbers(line) == list(range(61))
