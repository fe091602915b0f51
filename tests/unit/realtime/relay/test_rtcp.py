"""Control packets, byte for byte, and the arithmetic behind them."""

import struct

import pytest
from aiortc.rtp import RtcpRrPacket, RtcpRtpfbPacket, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from realtime.relay import rtcp
from realtime.relay.bounds import MISSING_PACKETS, NACK_TRIES
from realtime.relay.rtcp import Arrivals, Missing, Reception


def test_a_picture_loss_indication() -> None:
    assert rtcp.pli(0x01020304) == bytes.fromhex("81ce0002 00000001 01020304")


def test_a_nack_packs_seventeen_numbers_in_four_bytes() -> None:
    lost = [65534, 65535, 14]
    assert rtcp.nack(9, lost) == bytes.fromhex("81cd0003 00000001 00000009 fffe 8001")
    (parsed,) = rtcp.parse(rtcp.nack(9, [5, 6, 21, 22]))
    assert isinstance(parsed, RtcpRtpfbPacket)
    assert parsed.lost == [5, 6, 21, 22]


def test_a_receiver_limit() -> None:
    assert rtcp.remb(0x3FFFF << 2, [7]) == bytes.fromhex(
        "8fce0005 00000001 00000000 52454d42 010bffff 00000007"
    )


def test_a_sender_report_carries_its_name() -> None:
    report = rtcp.sender_report(5, ntp=1 << 32, timestamp=9, packets=2, octets=30)
    assert report == bytes.fromhex(
        "80c80006 00000005 0000000100000000 00000009 00000002 0000001e"
        "81ca0004 00000005 0106726f756e6473 00000000"
    )
    (parsed,) = rtcp.parse(report)
    assert isinstance(parsed, RtcpSrPacket)


def test_empty_reports_are_stepped_over() -> None:
    assert rtcp.parse(rtcp.receiver_report([])) == []
    reception = Reception(rate=90_000)
    reception.arrived(1, 0, 10, 0.0)
    (parsed,) = rtcp.parse(rtcp.receiver_report([reception.report(3, 1.0)]))
    assert isinstance(parsed, RtcpRrPacket)


@pytest.mark.parametrize("broken", ["80", "80c8", "80c8ffff", "81ce0000", "81cd0001 00000000"])
def test_broken_compounds_say_nothing(broken: str) -> None:
    assert not rtcp.parse(bytes.fromhex(broken))


@given(st.binary(max_size=200))
def test_no_compound_breaks_the_reader(datagram: bytes) -> None:
    rtcp.parse(datagram)


def test_gaps_are_asked_for_a_limited_number_of_times() -> None:
    missing = Missing()
    for seq in (65534, 65535, 2):
        missing.arrived(seq)
    assert missing.due(0.0) == [0, 1]
    assert missing.due(0.01) == []
    missing.arrived(0)
    asked = 1
    for step in range(1, 40):
        asked += missing.due(step / 10) == [1]
    assert asked == NACK_TRIES
    assert missing.gaps == {}
    assert missing.given_up == 1


def test_a_large_hole_is_given_up_at_once() -> None:
    missing = Missing()
    missing.arrived(10)
    missing.arrived(12)
    assert missing.given_up == 0
    missing.arrived(12 + MISSING_PACKETS + 1)
    assert missing.given_up == MISSING_PACKETS + 1
    assert missing.due(0.0) == []


def test_more_gaps_than_are_asked_for_are_given_up() -> None:
    missing = Missing()
    for seq in range(0, 2 * MISSING_PACKETS + 12, 2):
        missing.arrived(seq)
    assert len(missing.gaps) == MISSING_PACKETS
    assert missing.given_up == 5


def test_reception_counts_over_the_wrap() -> None:
    reception = Reception(rate=90_000)
    for seq in (65534, 65535, 1, 2):
        reception.arrived(seq, 0, 100, 0.0)
    report = reception.report(7, 0.0)
    assert report.highest_sequence == (1 << 16) + 2
    assert report.packets_lost == 1
    assert report.fraction_lost == 256 // 5
    assert reception.report(7, 0.0).fraction_lost == 0
    reception.arrived(0, 0, 100, 0.0)
    assert reception.report(7, 0.0).packets_lost == 0


def test_jitter_is_smoothed_by_sixteen() -> None:
    reception = Reception(rate=1000)
    reception.arrived(1, 0, 1, 0.0)
    reception.arrived(2, 100, 1, 0.1)
    assert reception.jitter == 0
    reception.arrived(3, 200, 1, 0.216)
    assert reception.jitter == pytest.approx(1.0)


def test_the_last_sender_report_is_echoed_with_its_age() -> None:
    reception = Reception(rate=90_000)
    reception.arrived(1, 0, 1, 0.0)
    reception.reported(0x1234_5678_9ABC_DEF0, 0, 10.0)
    report = reception.report(7, 10.5)
    assert report.lsr == 0x5678_9ABC
    assert report.dlsr == 32768


def read_feedback(packet: bytes) -> dict[int, float]:
    """What a sender reads: number to arrival in seconds (draft-holmer-rmcat… §3.1)."""
    flags, kind, words = struct.unpack_from("!BBH", packet)
    assert (flags & 0xDF, kind, len(packet)) == (0x8F, 205, 4 * words + 4)
    base, count = struct.unpack_from("!HH", packet, 12)
    reference = int.from_bytes(packet[16:19], "big")
    at = 20
    symbols: list[int] = []
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", packet, at)
        at += 2
        if chunk & 0x8000:
            assert chunk & 0x4000
            symbols += [(chunk >> (12 - 2 * place)) & 3 for place in range(7)]
        else:
            symbols += [chunk >> 13] * (chunk & 0x1FFF)
    clock, found = reference * 256, {}
    for place, symbol in enumerate(symbols[:count]):
        if symbol == 1:
            clock += packet[at]
            at += 1
        elif symbol == 2:
            clock += struct.unpack_from("!h", packet, at)[0]
            at += 2
        if symbol:
            found[(base + place) & 0xFFFF] = clock * 250e-6
    padding = packet[-1] if flags & 0x20 else 0
    assert at + padding == len(packet)
    return found


def test_feedback_byte_for_byte() -> None:
    arrivals = Arrivals()
    arrivals.arrived(10, 1.0)
    arrivals.arrived(11, 1.001)
    (packet,) = arrivals.feedback(7)
    # base 10, two statuses, reference 15 x 64 ms, count 0; 1.0 s is 160 ticks after 0.96 s
    assert packet == bytes.fromhex("8fcd0005 00000001 00000007 000a0002 00000f00 d400 a004")


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.integers(1, 60), st.floats(0, 20)), min_size=1, max_size=60),
)
def test_feedback_says_what_arrived_over_gaps_wraps_and_pauses(
    start: int, steps: list[tuple[int, float]]
) -> None:
    arrivals = Arrivals()
    expected: dict[int, float] = {}
    number, now = start, 100.0
    for ahead, pause in steps:
        number, now = number + ahead, now + pause
        if len(expected) < 1000 and number - start - steps[0][0] < 1000:
            arrivals.arrived(number & 0xFFFF, now)
            expected[number & 0xFFFF] = now
    found: dict[int, float] = {}
    counts = []
    for packet in arrivals.feedback(7):
        counts.append(packet[19])
        found |= read_feedback(packet)
    assert found.keys() == expected.keys()
    assert all(abs(found[each] - expected[each]) < 0.001 for each in expected)
    assert counts == list(range(len(counts)))
    assert arrivals.feedback(7) == []


def test_feedback_reports_a_gap_that_spans_two_reports() -> None:
    arrivals = Arrivals()
    arrivals.arrived(65535, 1.0)
    arrivals.feedback(7)
    arrivals.arrived(3, 1.1)
    (packet,) = arrivals.feedback(7)
    assert struct.unpack_from("!HH", packet, 12) == (0, 4)
    assert read_feedback(packet).keys() == {3}


def test_a_leap_in_numbers_starts_afresh() -> None:
    arrivals = Arrivals()
    arrivals.arrived(1, 1.0)
    arrivals.feedback(7)
    arrivals.arrived(30_000, 1.1)
    (packet,) = arrivals.feedback(7)
    assert struct.unpack_from("!HH", packet, 12) == (30_000, 1)
