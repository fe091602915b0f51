"""Captions as WebVTT: a transcript of a session, and segments beside those of its picture. Pure.

Lines say when they were said; how long each stands is decided here. A line gives way to the next,
or goes when it could be read.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from server.captions.rules import Line

TYPE = "text/vtt"

LEAST_MS = 1_000
"""So long each line stands; two that were said at once stand together for it."""

READ_MS, READ_CHAR_MS, MOST_READ_MS = 1_500, 60, 7_000
"""After its last word a line is left to be read: some 17 characters a second, as subtitles have."""

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_IDENTITY = "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0"
"""Our times are those of the media (RFC 8216 §3.5)."""


class Cue(NamedTuple):
    """What stands from when until when, in milliseconds."""

    from_ms: int
    to_ms: int
    text: str


def cues(lines: Sequence[Line]) -> Iterator[Cue]:
    """Of the lines of one language, in the order in which they began; times of the wall clock."""
    for line, following in pairwise([*lines, None]):
        assert line is not None, "only the last has none after it"
        reading = min(MOST_READ_MS, READ_MS + READ_CHAR_MS * len(line.text))
        ends = max(line.ended_ms, line.said_ms) + reading
        if following is not None:
            ends = min(ends, following.said_ms)
        yield Cue(line.said_ms, max(ends, line.said_ms + LEAST_MS), line.text)


def transcript(title: str, language: str, lines: Sequence[Line], began_ms: int) -> str:
    """All of a session; its beginning is zero, and what was said before stands there."""
    note = f"{title} ({language})".replace("-->", "→")
    return _file(
        [f"NOTE {note}"],
        (
            Cue(max(0, cue.from_ms - began_ms), cue.to_ms - began_ms, cue.text)
            for cue in cues(lines)
        ),
    )


def segment(lines: Sequence[Line], from_ms: int, to_ms: int, media_ms: int) -> str:
    """What stands while a segment of the picture plays, which is `media_ms` of its own time.

    A cue that goes on over the edge is cut there and begins anew in the next segment: so what is in
    one does not change with what comes later.
    """
    ahead_ms = media_ms - from_ms
    return _file(
        [],
        (
            Cue(max(cue.from_ms, from_ms) + ahead_ms, min(cue.to_ms, to_ms) + ahead_ms, cue.text)
            for cue in cues(lines)
            if cue.from_ms < to_ms and cue.to_ms > from_ms
        ),
        header=[_IDENTITY],
    )


def _file(blocks: Iterable[str], shown: Iterable[Cue], header: Iterable[str] = ()) -> str:
    begins = "\n".join(["WEBVTT", *header])
    written = [
        f"{_time(cue.from_ms)} --> {_time(cue.to_ms)}\n{cue.text.translate(_ENTITIES)}"
        for cue in shown
        if cue.to_ms > cue.from_ms
    ]
    return "\n\n".join([begins, *blocks, *written]) + "\n"


def _time(ms: int) -> str:
    seconds, thousandths = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}"
