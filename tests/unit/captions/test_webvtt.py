"""WebVTT of captions: how long lines stand, what a segment holds, and that any text is safe."""

import re
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from server.captions import webvtt
from server.captions.rules import Line
from server.sanitise import plain_text

BEGAN = 1_773_316_800_000
TIMING = re.compile(
    r"(\d\d+):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d\d+):([0-5]\d):([0-5]\d)\.(\d{3})"
)


def parsed(text: str) -> list[tuple[int, int, str]]:
    """Cues as a WebVTT parser finds them: blocks apart by empty lines, timings, their payload."""
    head, *blocks = text.rstrip("\n").split("\n\n")
    assert head.split("\n")[0] == "WEBVTT"
    found = []
    for block in blocks:
        first, *payload = block.split("\n")
        if first.startswith("NOTE"):
            assert "-->" not in block
            continue
        timing = TIMING.fullmatch(first)
        assert timing is not None, block
        (line,) = payload
        assert "<" not in line
        assert "-->" not in line
        h, m, s, ms, *to = (int(each) for each in timing.groups())
        ends = ((to[0] * 60 + to[1]) * 60 + to[2]) * 1000 + to[3]
        plain = line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        found.append((((h * 60 + m) * 60 + s) * 1000 + ms, ends, plain))
    return found


def said(*lines: tuple[int, int, str]) -> list[Line]:
    return [
        Line(
            id=UUID(int=number), session_id=UUID(int=0), language="en", text=text, final=True,
            said_ms=BEGAN + from_ms, ended_ms=BEGAN + to_ms, revision=0,
        )
        for number, (from_ms, to_ms, text) in enumerate(lines)
    ]  # fmt: skip


def test_a_line_gives_way_to_the_next_or_goes_when_it_was_read() -> None:
    lines = said((2_000, 4_000, "Good morning."), (5_000, 5_000, "x" * 10), (60_000, 60_000, "End"))
    assert parsed(webvtt.transcript("Talk", "en", lines, BEGAN)) == [
        (2_000, 5_000, "Good morning."),
        (5_000, 7_100, "x" * 10),
        (60_000, 61_680, "End"),
    ]


def test_two_lines_at_once_stand_together_for_a_moment() -> None:
    lines = said((2_000, 2_000, "One"), (2_000, 2_000, "Two"))
    assert [cue[:2] for cue in parsed(webvtt.transcript("Talk", "en", lines, BEGAN))] == [
        (2_000, 3_000), (2_000, 3_680),
    ]  # fmt: skip


def test_what_was_said_before_the_beginning_stands_there() -> None:
    (cue,) = parsed(webvtt.transcript("Talk", "en", said((-900, -900, "Hello")), BEGAN))
    assert cue == (0, 900, "Hello")


def test_hours_go_on() -> None:
    (cue,) = parsed(
        webvtt.transcript("Talk", "en", said((100 * 3_600_000, 100 * 3_600_000, "Late")), BEGAN)
    )
    assert cue[0] == 100 * 3_600_000


def test_segments_hold_what_stands_in_them_by_the_time_of_the_picture() -> None:
    lines = said((1_500, 1_500, "Good morning."), (3_000, 3_000, "Thank you."))
    pieces = [
        webvtt.segment(lines, BEGAN + at, BEGAN + at + 2_000, 700_000 + at)
        for at in (-2_000, 0, 2_000, 4_000, 8_000)
    ]
    assert [parsed(piece) for piece in pieces] == [
        [],
        [(701_500, 702_000, "Good morning.")],
        [(702_000, 703_000, "Good morning."), (703_000, 704_000, "Thank you.")],
        [(704_000, 705_100, "Thank you.")],
        [],
    ]
    assert all(
        piece.split("\n")[1] == "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0" for piece in pieces
    )


@given(st.text(min_size=1, max_size=300), st.text(max_size=60))
def test_whatever_is_said_is_one_cue(text: str, title: str) -> None:
    line = plain_text(text)
    if line:
        found = parsed(webvtt.transcript(plain_text(title), "en", said((0, 0, line)), BEGAN))
        assert [cue[2] for cue in found] == [line]
