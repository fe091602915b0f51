"""The texts of a programme as they stand in a file, before anybody reads a time or cleans a word.

Each draft can name the place of its parts. It knows no format and judges nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, time

Where = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDraft:
    """A day of the file; `change` is the wall clock at which the next one begins."""

    day: date
    change: time


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDraft:
    where: Where
    name: str
    guid: str = ""
    code: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDraft:
    where: Where
    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """The texts of one event as they stand in the file; empty where it has none."""

    where: Where
    day: DayDraft
    guid: str
    id: str
    code: str
    slug: str
    title: str
    subtitle: str
    abstract: str
    description: str
    date: str
    start: str
    end: str
    duration: str
    track: str
    room: str
    kind: str
    language: str
    url: str
    do_not_record: bool
    people: Sequence[PersonDraft]
    links: Sequence[LinkDraft]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceDraft:
    where: Where
    title: str
    acronym: str
    zone: str
    start: str
    end: str
    days: Sequence[date]
    tracks: Sequence[str]
    rooms: Sequence[str]
