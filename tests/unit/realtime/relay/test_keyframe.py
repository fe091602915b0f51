"""Where pictures begin, and how a publisher is asked for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.relay.keyframe import KeyframeRequests, h264_begins, h264_describes, vp8_begins


@pytest.mark.parametrize(
    ("payload", "begins"),
    [
        ("10 00", True),  # start of partition 0, key frame
        ("10 01", False),  # the same of an inter frame
        ("00 00", False),  # not a start
        ("11 00", False),  # partition 1
        ("90 80 01 00", True),  # picture id of seven bits
        ("90 80 81 02 00", True),  # of fifteen
        ("90 80 81 02 01", False),
        ("90 e0 81 02 07 20 00", True),  # picture id, TL0PICIDX, TID
        ("90 f0 81 02 07 20 00", True),  # and KEYIDX in the same byte as TID
        ("90 e0 81 02 07 20 01", False),
        ("90 80", False),  # cut short
        ("90 80 81", False),
        ("10", False),
        ("", False),
    ],
)
def test_vp8(payload: str, *, begins: bool) -> None:
    assert vp8_begins(bytes.fromhex(payload)) is begins


@pytest.mark.parametrize(
    ("payload", "begins"),
    [
        ("67 42 e0 1f", True),  # SPS
        ("65 88", True),  # IDR, first slice
        ("65 41", False),  # a later slice of it
        ("68 ce", False),  # PPS alone
        ("41 9a", False),  # a slice of another picture
        ("78 00 02 67 42 00 02 68 ce", True),  # STAP-A: SPS, PPS
        ("78 00 02 68 ce 00 02 41 9a", False),
        ("78 00 00 67 42", False),  # a size of nothing
        ("78 00", False),
        ("78 00 02 68 ce 00 02 65 88", True),
        ("78 00 02 68 ce 00 02 65 41", False),
        ("78 00 01 65", False),  # a unit without anything in it
        ("7c 85 88", True),  # FU-A, first fragment of an IDR
        ("7c 85 41", False),  # of a later slice
        ("7c 85", False),
        ("7c 87 42", True),  # of parameter sets
        ("7c 05 88", False),  # a later one
        ("7c 81 9a", False),  # first fragment of something else
        ("7c", False),
        ("", False),
    ],
)
def test_h264(payload: str, *, begins: bool) -> None:
    assert h264_begins(bytes.fromhex(payload)) is begins


@given(st.binary(max_size=64))
def test_no_payload_breaks_a_detector(payload: bytes) -> None:
    vp8_begins(payload)
    assert not h264_describes(payload) or h264_begins(payload)


def test_the_first_wish_is_granted_at_once() -> None:
    requests = KeyframeRequests()
    assert not requests.due(0.0)
    requests.wish()
    assert requests.due(0.0)


def test_wishes_are_coalesced_to_two_a_second() -> None:
    requests = KeyframeRequests()
    asked = 0
    for step in range(1000):
        requests.wish()
        asked += requests.due(step / 100)
        requests.arrived()
    assert asked <= 20


def test_a_wish_within_the_interval_is_deferred_not_lost() -> None:
    requests = KeyframeRequests()
    requests.wish()
    assert requests.due(10.0)
    requests.arrived()
    requests.wish()
    assert not requests.due(10.2)
    assert requests.due(10.5)


def test_it_is_repeated_until_a_keyframe_comes() -> None:
    requests = KeyframeRequests()
    requests.wish()
    assert [requests.due(step / 10) for step in range(16)].count(True) == 4
    requests.arrived()
    assert not any(requests.due(2 + step / 10) for step in range(20))
