"""What a second import would change: the programme as it is beside the programme of the file.

Both sides are values of the same shape; it knows neither rows nor files, and decides nothing about
sessions the file no longer has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from server.agenda.importers.problems import printable
from server.agenda.importers.programme import ImportedProgramme, ImportedSession

LONGEST_SHOWN = 60
"""Characters of a changed text that a line shows: the change is to be noticed, not read here."""


class Change(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFields:
    """What of a session an import may set, and so compares."""

    title: str
    subtitle: str = ""
    abstract: str = ""
    description: str = ""
    start: datetime
    end: datetime
    track: str = ""
    room: str = ""
    language: str = ""
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    field: str
    old: object
    new: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One session that is new, gone or different."""

    key: str
    change: Change
    title: str
    fields: tuple[FieldChange, ...] = ()


Current = Mapping[str, SessionFields]


def session_fields(session: ImportedSession) -> SessionFields:
    return SessionFields(
        title=session.title,
        subtitle=session.subtitle,
        abstract=session.abstract,
        description=session.description,
        start=session.start,
        end=session.end,
        track=session.track,
        room=session.room,
        language=session.language,
        people=tuple(person.name for person in session.people),
    )


def compare(programme: ImportedProgramme, current: Current) -> tuple[Difference, ...]:
    """Everything that differs: the file's sessions in their order, then those it no longer has."""
    new = {session.key: session_fields(session) for session in programme.sessions}
    found = [_difference(key, current.get(key), session) for key, session in new.items()]
    gone = [
        Difference(key=key, change=Change.REMOVED, title=session.title)
        for key, session in current.items()
        if key not in new
    ]
    return (*(each for each in found if each), *gone)


def lines(differences: tuple[Difference, ...], zone: str) -> Iterator[str]:
    """The differences as an organiser reads them, times in the conference's zone."""
    if not differences:
        yield "no changes"
        return
    for each in differences:
        yield printable(f"{each.change.value}: {each.title} ({each.key})")
        for field in each.fields:
            old, new = _shown(field.old, zone), _shown(field.new, zone)
            yield printable(f"  {field.field}: {old} → {new}")


def _difference(key: str, old: SessionFields | None, new: SessionFields) -> Difference | None:
    if old is None:
        return Difference(key=key, change=Change.ADDED, title=new.title)
    changed = tuple(
        FieldChange(field=name, old=getattr(old, name), new=getattr(new, name))
        for name in (field.name for field in fields(SessionFields))
        if getattr(old, name) != getattr(new, name)
    )
    if not changed:
        return None
    return Difference(key=key, change=Change.CHANGED, title=new.title, fields=changed)


def _shown(value: object, zone: str) -> str:
    if isinstance(value, datetime):
        # Two moments in the hour that comes twice differ only in their offset.
        return f"{value.astimezone(ZoneInfo(zone) if zone else UTC):%Y-%m-%d %H:%M%z}"
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    if not text:
        return "nothing"
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
