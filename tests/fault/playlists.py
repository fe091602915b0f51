"""What a player makes of a stage's playlists, one after the other, and what would confuse it.

It knows RFC 8216 §6.2.1: a segment has one number for ever, and numbers have no gap.
"""

import re
from dataclasses import dataclass, field
from typing import TypeVar

Said = TypeVar("Said", int, str)


class Confused(AssertionError):
    """Two playlists contradict each other."""


@dataclass
class Told:
    """Everything that playlists said so far."""

    names: dict[int, str] = field(default_factory=dict)
    """Of whole segments, by number."""
    breaks: dict[int, int] = field(default_factory=dict)
    """How often a player had to begin anew before a segment, by number; of the one in the making
    too, once it has a part."""
    begins: dict[int, str] = field(default_factory=dict)
    """The beginning (EXT-X-MAP) of a segment, by number."""
    parts: int = 0
    """How many there are of the segment after the newest."""

    @property
    def newest(self) -> int:
        """The number of the newest whole segment."""
        return max(self.names)

    def take(self, text: str) -> None:
        """Raise Confused if this playlist does not go on from those before it."""
        number, broken = _value(text, "MEDIA-SEQUENCE"), _value(text, "DISCONTINUITY-SEQUENCE")
        beginning, self.parts = "", 0
        if self.names and number > self.newest + 1:
            raise Confused(f"from {self.newest} to {number}")
        for line in text.splitlines():
            if line == "#EXT-X-DISCONTINUITY":
                broken += 1
            elif line.startswith("#EXT-X-MAP:"):
                beginning = line.split('"')[1]
            elif line.startswith("#EXT-X-PART:"):
                _agree(self.breaks, number, broken)
                _agree(self.begins, number, beginning)
                self.parts += 1
            elif line.startswith("#EXTINF:") and not 0 < float(line[8:-1]) < 2.5:
                raise Confused(line)
            elif line and line[0] != "#":
                _agree(self.names, number, line)
                _agree(self.breaks, number, broken)
                _agree(self.begins, number, beginning)
                number, self.parts = number + 1, 0


def _value(text: str, tag: str) -> int:
    (found,) = re.findall(rf"#EXT-X-{tag}:(\d+)", text)
    return int(found)


def _agree(said: dict[int, Said], number: int, now: Said) -> None:
    if said.setdefault(number, now) != now:
        raise Confused(f"{number} was {said[number]}, and is {now}")
