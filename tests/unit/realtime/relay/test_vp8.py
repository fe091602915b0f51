"""VP8's descriptor and the head of its key frames, byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.relay import vp8
from realtime.relay.sizes import pixels


@pytest.mark.parametrize(
    ("payload", "picture", "base", "shifted"),
    [
        ("10 00", None, None, "10 00"),
        ("90 80 ffff 01", 0x7FFF, None, "90 80 8004 01"),  # 15 bits, over the wrap
        ("90 80 7e 01", 0x7E, None, "90 80 03 01"),  # 7 bits, over the wrap
        ("90 e0 8001 ff 20 01", 1, 255, "90 e0 8006 01 20 01"),
        ("90 40 10 20 01", None, 0x10, "90 40 12 20 01"),  # TL0PICIDX alone
        ("90 20 20 01", None, None, "90 20 20 01"),  # a temporal layer alone
        ("80 f0 8100 05 21 aa", 0x100, 5, "80 f0 8105 07 21 aa"),  # with KEYIDX
    ],
)
def test_a_descriptor_is_read_and_moved_on(
    payload: str, picture: int | None, base: int | None, shifted: str
) -> None:
    data = bytes.fromhex(payload)
    found = vp8.describe(data)
    assert found is not None
    assert (found.picture(data), found.base(data)) == (picture, base)
    assert vp8.shifted(data, 5, 2) == bytes.fromhex(shifted)


@pytest.mark.parametrize("payload", ["", "90 80", "90 80 80", "90 e0 8001", "90 c0 01"])
def test_what_is_cut_short_is_left_as_it_is(payload: str) -> None:
    data = bytes.fromhex(payload)
    assert vp8.describe(data) is None
    assert vp8.shifted(data, 5, 2) == data


@given(st.binary(max_size=20), st.integers(0, 0x7FFF), st.integers(0, 255))
def test_a_payload_stays_as_long_as_it_was_and_can_be_moved_back(
    payload: bytes, picture: int, base: int
) -> None:
    moved = vp8.shifted(payload, picture, base)
    assert len(moved) == len(payload)
    assert vp8.shifted(moved, -picture, -base) == payload


@pytest.mark.parametrize(
    ("codec", "payload", "size"),
    [
        ("vp8", "10 50f600 9d012a 0005 d002", 1280 * 720),
        ("vp8", "90 e0 8001 ff 20 50f600 9d012a 4041 b4c0", 320 * 180),  # with scaling bits
        ("vp8", "10 51f600 9d012a 0005 d002", 0),  # not a key frame
        ("vp8", "10 50f600 9d012b 0005 d002", 0),
        ("vp8", "10 50f600 9d012a 0005", 0),
        ("h264", "6742c01fd900a02ff9610000030001000003003c8f183248", 640 * 360),
        ("h264", "78 0018 6742c01fd900a02ff9610000030001000003003c8f183248 0002 68ce", 640 * 360),
        ("h264", "6742c01fd9", 0),
        ("h264", "41 9a", 0),
        ("h264", "78 ffff 67", 0),
        ("h264", "", 0),
        ("opus", "10 50f600 9d012a 0005 d002", 0),
    ],
)
def test_a_keyframe_says_how_large_it_is(codec: str, payload: str, size: int) -> None:
    assert pixels(codec, bytes.fromhex(payload)) == size
