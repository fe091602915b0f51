"""From the texts of a file to a programme: what the JSON and the XML importers have in common.

It reads times and durations, chooses each session's key, cleans every text and checks what holds
between sessions. It knows neither JSON nor XML: drafts bring their texts and a function that
names the place of each.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from server.agenda.importers import times
from server.agenda.importers.drafts import ConferenceDraft, EventDraft
from server.agenda.importers.problems import Problems, quote
from server.agenda.importers.programme import (
    ImportedLink,
    ImportedPerson,
    ImportedProgramme,
    ImportedSession,
)
from server.sanitise import plain_text, rich_html, safe_url

T = TypeVar("T")

MAX_EVENTS = 20_000
"""Fifty times the largest congress; more is no programme."""

LONGEST_NAME = 120
LONGEST_TITLE = 300
LONGEST_SUBTITLE = 500
LONGEST_RICH = 50_000
LONGEST_LABEL = 200
LONGEST_KEY = 255
"""What one session may hold; longer is refused with its place, never cut."""

MAX_PEOPLE = 200
MAX_LINKS = 200


def assemble(
    conference: ConferenceDraft,
    events: Sequence[EventDraft],
    problems: Problems,
    default_zone: str | None,
) -> ImportedProgramme | None:
    """The whole programme, or None when anything in it is wrong."""
    zone_name = _zone(conference, events, problems, default_zone)
    zone = ZoneInfo(zone_name) if zone_name else None
    first, last = _dates(conference, problems)
    if not events:
        problems.warn(conference.where("days"), "hold no events")
    sessions = [
        session for event in events if (session := _session(event, zone, problems)) is not None
    ]
    keyed = _distinct(sessions, events, problems)
    title = _line(conference.title, LONGEST_TITLE, conference.where("title"), problems)
    if not title:
        problems.error(conference.where("title"), "is empty")
    if problems.errors:
        return None
    assert first is not None
    assert last is not None
    return ImportedProgramme(
        title=title,
        acronym=plain_text(conference.acronym),
        zone=zone_name,
        start_date=first,
        end_date=last,
        tracks=_named_once([*conference.tracks, *(each.track for each in keyed)]),
        rooms=_named_once([*conference.rooms, *(each.room for each in keyed)]),
        sessions=tuple(sorted(keyed, key=lambda each: (each.start, each.room, each.key))),
    )


def attempt(read: Callable[[str], T], text: str, path: str, problems: Problems) -> T | None:
    """What `read` makes of a text; what it refuses becomes a problem at its place."""
    try:
        return read(text.strip())
    except ValueError as error:
        problems.error(path, f"{quote(text)} {error}")
        return None


def _zone(
    conference: ConferenceDraft,
    events: Iterable[EventDraft],
    problems: Problems,
    default_zone: str | None,
) -> str:
    path = conference.where("time_zone_name")
    named = conference.zone.strip() or default_zone or ""
    if named:
        zone = attempt(times.read_zone, named, path, problems)
        return zone.key if zone else ""
    offsets: set[timedelta] = set()
    for event in events:
        offset = _offset(event.date)
        if offset is None:
            problems.error(path, "is missing, and not every event has a date with its offset")
            return ""
        offsets.add(offset)
    guess = times.zone_of_offsets(offsets)
    problems.warn(path, f"is missing; the times' own offsets are taken, and {guess} as the zone")
    return guess


def _offset(text: str) -> timedelta | None:
    if not text.strip():
        return None
    try:
        return times.read_moment(text.strip()).utcoffset()
    except ValueError:
        # Whoever reads this time tells what is wrong with it.
        return timedelta()


def _dates(conference: ConferenceDraft, problems: Problems) -> tuple[date | None, date | None]:
    """The first and last day: as the file says, else those of its days."""
    days = sorted(conference.days)
    bounds: list[date | None] = []
    for name, text, day in (
        ("start", conference.start, days[:1]),
        ("end", conference.end, days[-1:]),
    ):
        if text.strip():
            bounds.append(attempt(times.read_date, text, conference.where(name), problems))
        elif day:
            bounds.extend(day)
        else:
            problems.error(conference.where(name), "is missing")
            bounds.append(None)
    first, last = bounds
    if first and last and last < first:
        problems.error(conference.where("end"), f"{last} is before the start, {first}")
    return first, last


def _session(
    event: EventDraft, zone: ZoneInfo | None, problems: Problems
) -> ImportedSession | None:
    before = problems.errors
    where = event.where
    start = _start(event, zone, problems)
    end = _end(event, start, zone, problems)
    read = _texts(event, problems)
    key, people, links = _key(event, problems), _people(event, problems), _links(event, problems)
    for name in ("title", "room"):
        if not read[name]:
            problems.error(where(name), "is empty")
    if start is None or end is None or problems.errors != before:
        return None
    return ImportedSession(
        key=key,
        title=read["title"],
        subtitle=read["subtitle"],
        abstract=read["abstract"],
        description=read["description"],
        start=start,
        end=end,
        day=event.day.day,
        track=read["track"],
        room=read["room"],
        kind=read["type"],
        language=read["language"],
        slug=read["slug"],
        url=safe_url(event.url),
        do_not_record=event.do_not_record,
        people=people,
        links=links,
    )


def _texts(event: EventDraft, problems: Problems) -> dict[str, str]:
    lines = (
        ("title", event.title, LONGEST_TITLE),
        ("subtitle", event.subtitle, LONGEST_SUBTITLE),
        ("track", event.track, LONGEST_LABEL),
        ("room", event.room, LONGEST_LABEL),
        ("type", event.kind, LONGEST_LABEL),
        ("language", event.language, LONGEST_LABEL),
        ("slug", event.slug, LONGEST_KEY),
    )
    rich = (("abstract", event.abstract), ("description", event.description))
    return {
        **{name: _line(text, limit, event.where(name), problems) for name, text, limit in lines},
        **{name: _rich(text, event.where(name), problems) for name, text in rich},
    }


def _start(event: EventDraft, zone: ZoneInfo | None, problems: Problems) -> datetime | None:
    """The moment it begins: the date with its offset, else the day and the wall clock."""
    path = event.where("date")
    clock = None
    if event.start.strip():
        clock = attempt(times.read_clock, event.start, event.where("start"), problems)
    if len(event.date.strip()) > len("2026-11-14"):
        moment = attempt(times.read_moment, event.date, path, problems)
        if moment is None:
            return None
        if clock and clock.replace(second=0) != moment.time().replace(second=0, microsecond=0):
            problems.warn(
                event.where("start"), f"{quote(event.start)} is not the time of {moment}, taken"
            )
        return _utc(moment, zone, path, problems)
    day = event.day.day
    if event.date.strip():
        dated = attempt(times.read_date, event.date, path, problems)
        if dated is None:
            return None
        # A date of its own is a day of the calendar; only the programme's days reach past midnight.
        change = event.day.change if dated == day else time()
        day = dated
    else:
        change = event.day.change
    if clock is None:
        if not event.start.strip():
            problems.error(event.where("start"), "is missing")
        return None
    if times.begins_next_day(clock, change):
        day += timedelta(days=1)
    return _utc(datetime.combine(day, clock), zone, event.where("start"), problems)


def _end(
    event: EventDraft, start: datetime | None, zone: ZoneInfo | None, problems: Problems
) -> datetime | None:
    end = None
    if event.end.strip():
        moment = attempt(times.read_moment, event.end, event.where("end"), problems)
        end = _utc(moment, zone, event.where("end"), problems) if moment else None
        if start and end and not start < end <= start + times.LONGEST_SESSION:
            problems.error(event.where("end"), f"{quote(event.end)} is not after the start, or far")
    if event.duration.strip():
        path = event.where("duration")
        duration = attempt(times.read_duration, event.duration, path, problems)
        if duration and start and not event.end.strip():
            end = start + duration
        elif duration and start and end and end - start != duration:
            problems.warn(path, f"{quote(event.duration)} is not the time until {event.end}, taken")
    elif not event.end.strip():
        problems.error(event.where("duration"), "is missing")
    return end


def _utc(moment: datetime, zone: ZoneInfo | None, path: str, problems: Problems) -> datetime | None:
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if zone is None:
        return None
    if odd := times.oddity(moment, zone):
        problems.warn(path, f"{moment} {odd}")
    return times.to_utc(moment, zone)


def _key(event: EventDraft, problems: Problems) -> str:
    """What a later export of the same event will have in common with this one."""
    for name in ("guid", "id", "slug", "code"):
        value = plain_text(getattr(event, name))
        if len(value) > LONGEST_KEY:
            problems.error(event.where(name), f"has more than {LONGEST_KEY} characters")
        if value:
            return f"{name}:{value}"
    problems.error(event.where("guid"), "is missing, and id and slug are, too")
    return ""


def _distinct(
    sessions: Sequence[ImportedSession], events: Sequence[EventDraft], problems: Problems
) -> list[ImportedSession]:
    """Sessions with one key each: an event held twice has its time in its keys."""
    if len(sessions) != len(events):
        return []
    often = {key for key, n in Counter(each.key for each in sessions).items() if n > 1}
    seen: dict[str, str] = {}
    distinct: list[ImportedSession] = []
    for session, event in zip(sessions, events, strict=True):
        path = event.where(session.key.partition(":")[0])
        key = session.key
        if key in often:
            problems.warn(path, "belongs to several events; they are told apart by their time")
            key = f"{key}@{session.start:%Y-%m-%dT%H:%MZ}/{session.room}"
        if key in seen:
            problems.error(path, f"is the same event as {seen[key]}")
        seen[key] = path
        distinct.append(replace(session, key=key))
    return distinct


def _people(event: EventDraft, problems: Problems) -> tuple[ImportedPerson, ...]:
    if len(event.people) > MAX_PEOPLE:
        problems.error(event.where("persons"), f"has more than {MAX_PEOPLE} entries")
        return ()
    people: dict[str, ImportedPerson] = {}
    for draft in event.people:
        name = _line(draft.name, LONGEST_NAME, draft.where("name"), problems)
        if not name:
            problems.error(draft.where("name"), "is empty")
            continue
        known = (("guid", draft.guid), ("code", draft.code), ("id", draft.id), ("name", name))
        kind, value = next((kind, plain_text(value)) for kind, value in known if plain_text(value))
        key = _line(f"{kind}:{value}", LONGEST_KEY, draft.where(kind), problems)
        people.setdefault(key, ImportedPerson(key=key, name=name))
    return tuple(people.values())


def _links(event: EventDraft, problems: Problems) -> tuple[ImportedLink, ...]:
    if len(event.links) > MAX_LINKS:
        problems.error(event.where("links"), f"has more than {MAX_LINKS} entries")
        return ()
    links: list[ImportedLink] = []
    for draft in event.links:
        url = safe_url(draft.url)
        if url:
            title = _line(draft.title, LONGEST_SUBTITLE, draft.where("title"), problems) or url
            links.append(ImportedLink(title=title, url=url))
        else:
            problems.warn(draft.where("url"), f"{quote(draft.url)} is no web address; left out")
    return tuple(links)


def _line(text: str, limit: int, path: str, problems: Problems) -> str:
    line = plain_text(text)
    if len(line) > limit:
        problems.error(path, f"has {len(line)} characters, at most {limit} are accepted")
        return line[:limit]
    return line


def _rich(text: str, path: str, problems: Problems) -> str:
    if len(text) > LONGEST_RICH:
        problems.error(path, f"has {len(text)} characters, at most {LONGEST_RICH} are accepted")
        return ""
    return rich_html(text)


def _named_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for name in names if (line := plain_text(name))))
