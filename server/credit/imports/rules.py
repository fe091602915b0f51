"""Whose a reported line is, which lines are one person, and where its time lies. Pure.

It proposes and never decides: a mail address finds its owner, all else waits for a person. Time is
placed so that what counts is never more than what the report guarantees.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from uuid import UUID

from server.attendance.intervals import (
    NOTHING,
    Intervals,
    difference,
    earliest,
    intersection,
    length,
    union,
)

DEVICES = frozenset({
    "android", "computer", "desktop", "galaxy", "handy", "ipad", "iphone", "laptop", "macbook",
    "mobile", "pc", "phone", "pixel", "pro", "samsung", "tablet",
})  # fmt: skip
TITLES = frozenset({"dr", "prof", "md", "phd", "mr", "mrs", "ms", "rn", "the", "s"})

MOST_PROPOSALS = 5
LEAST_WORDS = 2
"""One word in common is a first name: no reason to propose anything."""


class Placing(StrEnum):
    """Where the time of a line lies that tells only how long it was."""

    AS_WRITTEN = "as_written"
    FROM_START = "from_start"


class Pairing(StrEnum):
    OPEN = "open"
    MERGED = "merged"
    APART = "apart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A line as it is kept."""

    id: UUID
    number: int
    name: str
    original: str
    mail: str
    least_ms: int
    from_ms: int | None = None
    to_ms: int | None = None
    person_id: UUID | None = None

    @property
    def shown(self) -> str:
        return f"{self.name} ({self.original})" if self.original else self.name or self.mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Somebody of the conference, as far as a report can name them."""

    id: UUID
    name: str
    mail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two lines that look like one person."""

    first: UUID
    second: UUID
    pairing: Pairing = Pairing.OPEN


def words(*names: str) -> frozenset[str]:
    """What a name says without accents, devices, titles and genitives."""
    plain = unicodedata.normalize("NFKD", " ".join(names)).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    found = re.findall(r"[^\W\d_]+", plain.replace("’", "'"))
    return frozenset(found) - DEVICES - TITLES


def is_device(name: str) -> bool:
    plain = re.findall(r"[a-z]+", name.casefold())
    return any(word in DEVICES for word in plain)


def pairs(lines: Sequence[Reported]) -> list[Pair]:
    """Lines of one mail address, of one name, or of a device that carries somebody's name."""
    said = {line.id: words(line.name, line.original) for line in lines}
    return [
        Pair(first=one.id, second=other.id)
        for one, other in _likely(lines, said)
        if _same(one, other, said)
    ]


def owner(line: Reported, known: Iterable[Known]) -> UUID | None:
    """Who has this very address."""
    return next((one.id for one in known if line.mail and one.mail == line.mail), None)


def perhaps(line: Reported, known: Sequence[Known]) -> list[Known]:
    """Who could be meant by the name; the best first."""
    said = words(line.name, line.original)
    scored = [(len(said & (own := words(one.name))), own, one) for one in known]
    likely = [
        (shared, own == said, one)
        for shared, own, one in scored
        if shared and (shared >= min(LEAST_WORDS, len(own)) or own <= said)
    ]
    likely.sort(key=lambda each: (-each[0], not each[1], each[2].name, each[2].mail))
    return [one for _shared, _whole, one in likely[:MOST_PROPOSALS]]


def groups(lines: Sequence[Reported], decided: Iterable[Pair]) -> list[list[Reported]]:
    """Lines that a person merged, together; every other one by itself, in the file's order."""
    leader = {line.id: line.id for line in lines}

    def lead(line_id: UUID) -> UUID:
        while leader[line_id] != line_id:
            line_id = leader[line_id]
        return line_id

    place = {line.id: at for at, line in enumerate(lines)}
    for pair in decided:
        if pair.pairing is Pairing.MERGED:
            first, second = sorted((lead(pair.first), lead(pair.second)), key=place.__getitem__)
            leader[second] = first
    found: dict[UUID, list[Reported]] = {}
    for line in lines:
        found.setdefault(lead(line.id), []).append(line)
    return list(found.values())


def placed(line: Reported, live: Intervals, meeting: Intervals, placing: Placing) -> Intervals:
    """What of a session's live time a line vouches for.

    A line that fills its times lies there. Of one that tells only a length, as much is sure as
    cannot have lain outside the live time; which minutes they were nobody knows: the first are
    taken. `FROM_START` is an officer's word that the report's own times are not to be used.
    """
    if placing is Placing.FROM_START:
        return earliest(live, line.least_ms)
    window = meeting
    if line.from_ms is not None and line.to_ms is not None:
        window = union(((line.from_ms, line.to_ms),))
    inside = intersection(live, window)
    outside_ms = length(difference(window, live))
    return earliest(inside, line.least_ms - outside_ms) if inside else NOTHING


def _likely(
    lines: Sequence[Reported], said: dict[UUID, frozenset[str]]
) -> Iterable[tuple[Reported, Reported]]:
    """Pairs that share a word or an address, each once: not every line with every other."""
    shelves: dict[str, list[Reported]] = {}
    for line in lines:
        for word in {*said[line.id], *([line.mail] if line.mail else [])}:
            shelves.setdefault(word, []).append(line)
    seen: set[tuple[UUID, UUID]] = set()
    for shelf in shelves.values():
        for one, other in combinations(shelf, 2):
            if (one.id, other.id) not in seen:
                seen.add((one.id, other.id))
                yield one, other


def _same(one: Reported, other: Reported, said: dict[UUID, frozenset[str]]) -> bool:
    if one.mail and one.mail == other.mail:
        return True
    if one.mail and other.mail:
        return False
    left, right = said[one.id], said[other.id]
    if left == right:
        return bool(left)
    for device, whole in ((one, other), (other, one)):
        words_of_device = said[device.id]
        if is_device(device.shown) and words_of_device and words_of_device <= said[whole.id]:
            return True
    return False
