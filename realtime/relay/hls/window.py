"""The newest segments of a stage, as files and as a playlist. Pure.

Media playlists of RFC 8216, and with parts of draft-pantos-hls-rfc8216bis: whoever asks for a
playlist that is not there yet waits for it. The relay and each process that shows pages hold one.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from realtime.relay.hls.bounds import (
    BEGINNING_BYTES,
    HELD_BYTES,
    HELD_SEGMENTS,
    LISTED_SEGMENTS,
    PART_SECONDS,
    SEGMENT_PARTS,
    SEGMENT_SECONDS,
)
from realtime.relay.hls.boxes import begins_at, codecs
from realtime.relay.hls.frames import Part, Segment, TooLong

PLAYLIST, INIT_SUFFIX, SUFFIX = "live.m3u8", ".mp4", ".m4s"
_TARGET = round(SEGMENT_SECONDS)
_MAP = "#EXT-X-MAP:"
_WITH_PARTS = 4
"""Segments at the end whose parts are listed: three target durations and the one in the making."""


@dataclass(slots=True)
class Held:
    """A segment and its parts."""

    segment: Segment
    parts: list[Part] = field(default_factory=list)
    whole: bool = False

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)

    @property
    def media_ms(self) -> int:
        """When it begins, in the media's own time."""
        return round(begins_at(self.parts[0].body) * 1000)

    @property
    def size(self) -> int:
        return sum(len(part.body) for part in self.parts)


class Window:
    """What can be watched now. Empty until the first segment begins."""

    def __init__(self) -> None:
        self._held: deque[Held] = deque()
        self._size = 0

    def add(self, message: Segment | Part) -> None:
        """Raises TooLong for what no packager says that is well."""
        if isinstance(message, Segment):
            if len(message.init) > BEGINNING_BYTES:
                raise TooLong
            if self._held and not self._held[-1].parts:
                self._held.pop()  # whoever made it died: this one has its number
            if self._held:
                self._held[-1].whole = True
            self._held.append(Held(message))
        elif self._held:
            newest = self._held[-1]
            if len(newest.parts) >= SEGMENT_PARTS or newest.size + len(message.body) > HELD_BYTES:
                raise TooLong
            newest.parts.append(message)
            self._size += len(message.body)
        while len(self._held) > HELD_SEGMENTS or (self._size > HELD_BYTES and len(self._held) > 1):
            self._size -= self._held.popleft().size

    def messages(self) -> Iterator[Segment | Part]:
        """What makes a window like this one."""
        for held in self._held:
            yield held.segment
            yield from held.parts

    def next(self, otherwise: int) -> tuple[int, int]:
        """Number and breaks for whoever makes the segments after these: numbers have no gap."""
        if not self._held:
            return otherwise, 0
        newest = self._held[-1]
        number = newest.segment.number + (1 if newest.parts else 0)
        return number, newest.segment.breaks + 1

    @property
    def playable(self) -> bool:
        """Whether there is a whole segment: a player begins with one."""
        return any(held.whole for held in self._held)

    def has(self, number: int, part: int | None) -> bool:
        """Whether a segment is whole, or has this part of it, counted from 0; or is past."""
        if not self._held:
            return False
        newest = self._held[-1]
        if part is not None and number == newest.segment.number:
            return part < len(newest.parts)
        return number < newest.segment.number

    def is_near(self, number: int) -> bool:
        """Whether somebody may wait for it: the segment in the making, or the one after."""
        return not self._held or number <= self._held[-1].segment.number + 2

    @property
    def hint(self) -> str:
        """What the next part will be called."""
        parts = self._held[-1].parts if self._held else []
        if not parts and len(self._held) > 1:
            parts = self._held[-2].parts
        return parts[-1].next if parts else ""

    def body(self, name: str) -> bytes | None:
        """A beginning, a segment that is whole, or a part, by its name."""
        for held in reversed(self._held):
            if held.whole and held.segment.name == name:
                return b"".join(part.body for part in held.parts)
            if held.segment.init_name == name:
                return held.segment.init
            for part in held.parts:
                if part.name == name:
                    return part.body
        return None

    def whole(self, number: int) -> Held | None:
        """A segment by its number, once it is whole."""
        return next((h for h in self._held if h.whole and h.segment.number == number), None)

    @property
    def codecs(self) -> str:
        """Of the newest segment."""
        return codecs(self._held[-1].segment.init) if self._held else ""

    @property
    def bits_a_second(self) -> int:
        """Of the segment that takes most (RFC 8216 §4.3.4.2)."""
        whole = [held for held in self._held if held.whole and held.seconds > 0]
        return max((round(8 * held.size / held.seconds) for held in whole), default=0)

    def playlist(self, *, parts: bool) -> str:
        listed = [held for held in self._held if held.whole or held.parts]
        if not parts:
            listed = [held for held in listed if held.whole]
        listed = listed[-LISTED_SEGMENTS - 1 :]
        lines = _head(listed, parts=parts)
        before: Segment | None = None
        for at, held in enumerate(listed):
            lines += _begun(held.segment, before)
            if parts and at >= len(listed) - _WITH_PARTS:
                lines += [_part(each) for each in held.parts]
            if held.whole:
                lines += [_whole(held), held.segment.name + SUFFIX]
            before = held.segment
        if parts and self.hint:
            lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{self.hint}{SUFFIX}"')
        return "\n".join(lines) + "\n"

    def beside(self, name: Callable[[int], str]) -> str:
        """The playlist of what goes along, segment by segment, in files named by number."""
        listed = [held for held in self._held if held.whole][-LISTED_SEGMENTS - 1 :]
        lines = _head(listed, parts=False)
        before: Segment | None = None
        for held in listed:
            lines += (each for each in _begun(held.segment, before) if not each.startswith(_MAP))
            lines += [_whole(held), name(held.segment.number)]
            before = held.segment
        return "\n".join(lines) + "\n"


def _head(listed: list[Held], *, parts: bool) -> list[str]:
    control = "CAN-BLOCK-RELOAD=YES"
    if parts:
        control += f",PART-HOLD-BACK={3 * PART_SECONDS:.1f}"
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:9",
        f"#EXT-X-TARGETDURATION:{_TARGET}",
        f"#EXT-X-SERVER-CONTROL:{control},HOLD-BACK={3 * _TARGET:.1f}",
    ]
    if parts:
        lines.append(f"#EXT-X-PART-INF:PART-TARGET={PART_SECONDS:.1f}")
    if listed:
        first = listed[0].segment
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{first.number}")
        lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{first.breaks}")
    return lines


def _whole(held: Held) -> str:
    return f"#EXTINF:{held.seconds:.5f},"


def _begun(segment: Segment, before: Segment | None) -> Iterator[str]:
    if before is not None and segment.breaks != before.breaks:
        yield "#EXT-X-DISCONTINUITY"
    if before is None or segment.init_name != before.init_name:
        yield f'{_MAP}URI="{segment.init_name}{INIT_SUFFIX}"'
    at = datetime.fromtimestamp(segment.at_ms / 1000, UTC)
    yield f"#EXT-X-PROGRAM-DATE-TIME:{at.isoformat(timespec='milliseconds')}"


def _part(part: Part) -> str:
    independent = ",INDEPENDENT=YES" if part.independent else ""
    return f'#EXT-X-PART:DURATION={part.seconds:.5f},URI="{part.name}{SUFFIX}"{independent}'
