"""A window holds what a packager says, and no more than one that is well would say."""

import pytest

from realtime.relay.hls.bounds import HELD_BYTES, SEGMENT_PARTS
from realtime.relay.hls.frames import Part, Segment, TooLong
from realtime.relay.hls.window import Window


def begun(number: int, init: bytes = b"") -> Segment:
    return Segment(number, 0, f"s{number}", 1_700_000_000_000, "i0", init)


def part(number: int, octets: int = 1) -> Part:
    return Part(f"p{number}", 0.5, independent=True, body=bytes(octets), next=f"p{number + 1}")


def test_a_segment_that_does_not_end_is_not_believed() -> None:
    window = Window()
    window.add(begun(1))
    for number in range(SEGMENT_PARTS):
        window.add(part(number))
    with pytest.raises(TooLong):
        window.add(part(SEGMENT_PARTS))
    assert len(list(window.messages())) == 1 + SEGMENT_PARTS
    window.add(begun(2))
    window.add(part(SEGMENT_PARTS))
    assert window.playable


def test_a_segment_holds_no_more_than_all_of_them_may() -> None:
    window = Window()
    window.add(begun(1))
    window.add(part(0, HELD_BYTES // 2))
    with pytest.raises(TooLong):
        window.add(part(1, HELD_BYTES // 2 + 1))


def test_a_beginning_is_short() -> None:
    with pytest.raises(TooLong):
        Window().add(begun(1, bytes(HELD_BYTES)))
