"""Streams from changing sources are one stream, across every wrap."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.relay.cache import Cache, Packet
from realtime.relay.rewrite import Continuity, seq_after

SEQ = st.integers(0, 0xFFFF)


@given(SEQ, st.integers(-0x7FFF, 0x7FFF))
def test_distance_is_measured_across_the_wrap(seq: int, ahead: int) -> None:
    assert seq_after((seq + ahead) & 0xFFFF, seq) == ahead


def test_the_first_source_keeps_its_numbers() -> None:
    line = Continuity()
    line.resume(65535, 7, now=0.0, rate=90_000)
    assert line.seq(65535) == 65535
    assert line.timestamp(7) == 7


@given(SEQ, SEQ, st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF), st.floats(0.001, 60))
def test_another_source_continues(
    before: int, after: int, then: int, later: int, gap: float
) -> None:
    line = Continuity()
    line.resume(before, then, now=5.0, rate=90_000)
    line.sent(line.seq(before), line.timestamp(then), 5.0)
    line.resume(after, later, now=5.0 + gap, rate=90_000)
    assert line.seq(after) == (before + 1) & 0xFFFF
    elapsed = (line.timestamp(later) - then) & 0xFFFFFFFF
    assert 1 <= elapsed <= gap * 90_000 + 1
    assert line.owns(line.seq(after))
    assert not line.owns(line.seq((after - 1) & 0xFFFF))


def test_a_late_packet_does_not_turn_the_stream_back() -> None:
    line = Continuity()
    line.resume(10, 0, now=0.0, rate=90_000)
    line.sent(12, 200, 1.0)
    line.sent(11, 100, 2.0)
    assert (line.last_seq, line.last_timestamp, line.last_at) == (12, 200, 1.0)


def test_ownership_lasts_for_more_than_one_lap() -> None:
    line = Continuity()
    line.resume(0, 0, now=0.0, rate=90_000)
    for seq in range(200_000):
        assert line.owns(seq & 0xFFFF)
        line.sent(seq & 0xFFFF, 0, 0.0)
        assert line.owns((seq - min(seq, 100)) & 0xFFFF)


def packet(seq: int) -> Packet:
    return Packet(0, seq, 0, b"%d" % seq)


def test_the_newest_packets_are_kept() -> None:
    cache = Cache(8)
    for seq in range(65530, 65530 + 12):
        assert cache.add(packet(seq & 0xFFFF))
    assert [cache.get(seq & 0xFFFF) is not None for seq in range(65530, 65542)] == (
        [False] * 4 + [True] * 8
    )


def test_a_number_goes_out_once_and_never_late() -> None:
    cache = Cache(8)
    assert cache.add(packet(100))
    assert not cache.add(packet(100))
    assert cache.add(packet(104))
    assert cache.add(packet(102)), "a gap may still be filled"
    assert not cache.add(packet(102))
    assert not cache.add(packet(96)), "too old to know"
    assert cache.add(packet(97))


@given(st.lists(st.integers(-40, 40), max_size=200), SEQ)
def test_no_number_is_accepted_twice_within_a_lap(steps: list[int], start: int) -> None:
    cache = Cache(16)
    accepted: set[int] = set()
    at = start
    for step in steps:
        at = max(start, at + step) if step < 0 else at + step
        if cache.add(packet(at & 0xFFFF)):
            assert at not in accepted
            accepted.add(at)
