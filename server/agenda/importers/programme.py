"""A programme as another tool wrote it, understood. Values only; knows neither files nor rows."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPerson:
    """A member of the faculty."""

    key: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedLink:
    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSession:
    """A session; times are UTC, `abstract` and `description` are sanitised HTML."""

    key: str
    """Stays the same from one export to the next, so that a second import recognises it."""
    title: str
    subtitle: str
    abstract: str
    description: str
    start: datetime
    end: datetime
    day: date
    """The day of the programme: what begins after midnight belongs to the evening before."""
    track: str
    room: str
    kind: str
    language: str
    slug: str
    url: str
    do_not_record: bool
    people: tuple[ImportedPerson, ...]
    links: tuple[ImportedLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedProgramme:
    """A conference; `tracks` and `rooms` are names in the file's order, rooms become stages."""

    title: str
    acronym: str
    zone: str
    start_date: date
    end_date: date
    tracks: tuple[str, ...]
    rooms: tuple[str, ...]
    sessions: tuple[ImportedSession, ...]
