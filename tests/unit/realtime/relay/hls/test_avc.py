"""H.264 out of RTP: pictures whole or not at all, and what a parameter set says of their size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.relay.hls.avc import Format, Pictures
from realtime.relay.hls.frames import Took
from realtime.relay.hls.reorder import Reorder
from realtime.relay.sps import Malformed

SPS = bytes.fromhex("6742c01fd900a02ff9610000030001000003003c8f183248")
CROPPED = bytes.fromhex("6742c01fd9005005bfa840000003004000000f23c60c92")
PPS = bytes.fromhex("68cb8cb2")
IDR, SLICE = b"\x65" + bytes(range(200)), b"\x41" + bytes(range(100))


def took(seq: int, timestamp: int, payload: bytes, *, marker: bool = False, at: float = 0) -> Took:
    return Took("video", int(marker), seq, timestamp, at, payload)


def fragments(unit: bytes, size: int) -> list[bytes]:
    """FU-A (RFC 6184 §5.8)."""
    body = unit[1:]
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    last = len(pieces) - 1
    return [
        bytes((unit[0] & 0xE0 | 28, unit[0] & 0x1F | (n == 0) << 7 | (n == last) << 6)) + piece
        for n, piece in enumerate(pieces)
    ]


def together(*units: bytes) -> bytes:
    """STAP-A (§5.7.1)."""
    return b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def behind(unit: bytes) -> bytes:
    return len(unit).to_bytes(4, "big") + unit


def test_parameter_sets_and_a_picture_in_pieces_make_one_keyframe() -> None:
    pictures = Pictures()
    payloads = [together(SPS, PPS), *fragments(IDR, 60)]
    for seq, payload in enumerate(payloads[:-1]):
        assert pictures.take(took(seq, 7, payload)) == (None, False)
    picture, lost = pictures.take(took(9, 7, payloads[-1], marker=True))
    assert picture is not None
    assert not lost
    assert (picture.key, picture.sps, picture.pps) == (True, SPS, PPS)
    assert picture.data == behind(IDR), "parameter sets are the beginning's, not the picture's"


def test_a_picture_with_a_hole_is_none() -> None:
    pictures = Pictures()
    first, _, last = fragments(IDR, 80)
    pictures.take(took(0, 7, first))
    pictures.lost()
    assert pictures.take(took(2, 7, last, marker=True)) == (None, True)
    picture, _ = pictures.take(took(3, 8, SLICE, marker=True))
    assert picture is not None
    assert not picture.key


def test_a_picture_without_its_last_packet_is_lost_and_the_next_is_not() -> None:
    pictures = Pictures()
    pictures.take(took(0, 7, SLICE))
    picture, lost = pictures.take(took(1, 8, SLICE, marker=True))
    assert lost
    assert picture is not None
    assert picture.timestamp == 8


@pytest.mark.parametrize("payload", [b"\x7c", b"\x78\x00\x09\x41", b"\x1d\x00", b"\x7c\x05\x01"])
def test_nonsense_is_no_picture(payload: bytes) -> None:
    assert Pictures().take(took(0, 7, payload, marker=True)) == (None, True)


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_no_packets_break_it(payloads: list[bytes]) -> None:
    pictures = Pictures()
    for seq, payload in enumerate(payloads):
        picture, _ = pictures.take(took(seq, seq // 3, payload, marker=seq % 3 == 2))
        assert picture is None or picture.data


@pytest.mark.parametrize(("sps", "size"), [(SPS, (640, 360)), (CROPPED, (1280, 718))])
def test_the_size_is_what_is_shown(sps: bytes, size: tuple[int, int]) -> None:
    form = Format(sps, PPS)
    assert form.size == size
    assert form.codec == "avc1.42c01f"
    assert form.configuration == (
        b"\x01\x42\xc0\x1f\xff\xe1" + len(sps).to_bytes(2, "big") + sps + b"\x01\x00\x04" + PPS
    )


@given(st.binary(min_size=4, max_size=60))
def test_no_parameter_set_breaks_it(sps: bytes) -> None:
    try:
        width, height = Format(sps, PPS).size
    except Malformed:
        return
    assert 0 < width < 1 << 16
    assert 0 < height < 1 << 16


@given(st.permutations(range(8)))
def test_packets_come_out_in_order_whatever_order_they_came_in(order: list[int]) -> None:
    reorder = Reorder()
    first = (65_533 + order[0]) & 0xFFFF
    out = [each for n in order for each in reorder.take(took((65_533 + n) & 0xFFFF, 0, b"x"))]
    out += reorder.passed(9.0)
    seqs = [each.seq for each in out if each is not None]
    assert seqs == sorted(seqs, key=lambda seq: (seq - first) & 0xFFFF)
    assert seqs[0] == first


def test_what_is_lost_is_waited_for_a_while_and_then_said() -> None:
    reorder = Reorder(seconds=0.4)
    assert [each and each.seq for each in reorder.take(took(1, 0, b"a", at=0.0))] == [1]
    assert reorder.take(took(3, 0, b"c", at=0.1)) == []
    assert reorder.passed(0.4) == []
    assert [each and each.seq for each in reorder.passed(0.6)] == [None, 3]
    assert reorder.take(took(2, 0, b"b", at=0.7)) == [], "too late"
