"""Reads schedule.json as c3voc, pretalx and frab write it.

The tables follow the format's own JSON Schema. Where real exports lack a key that the schema
demands and something else in the file stands in for it, that is a warning. It knows how the file
is laid out; what its texts mean is `assemble.py`'s.
"""

import re
from datetime import time
from functools import partial
from typing import Any

from server.agenda.importers import times
from server.agenda.importers.assemble import MAX_EVENTS, assemble, attempt
from server.agenda.importers.drafts import (
    ConferenceDraft,
    DayDraft,
    EventDraft,
    LinkDraft,
    PersonDraft,
)
from server.agenda.importers.fields import (
    ANY,
    Json,
    Key,
    NotJson,
    check,
    items,
    name_of,
    parse_json,
    text,
)
from server.agenda.importers.problems import (
    Problems,
    Reading,
    TooManyProblems,
    quote,
    refusal,
    step,
)
from server.agenda.importers.programme import ImportedProgramme

SLUG = re.compile(r"^[a-z0-9_-]+[a-z0-9]$")
ACRONYM = re.compile(r"^[a-z0-9_-][a-z0-9_]{3,}(-2[0-9]{3}-[a-z]+)?$")
CODE = re.compile(r"^[A-Z0-9]+$")
GUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
CLOCK = re.compile(r"^(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]$")

STRING = Key()
NEEDED = Key(required=True)
NULLABLE = Key("string null")
NEEDED_NULLABLE = Key("string null", required=True)
FREE = Key(ANY)

FILE = {"schedule": Key("object", required=True), "$schema": STRING, "generator": FREE}
SCHEDULE = {
    "version": NEEDED,
    "base_url": STRING,
    "conference": Key("object", required=True),
}
CONFERENCE = {
    "acronym": Key(required=True, pattern=ACRONYM),
    "title": NEEDED,
    "description": NULLABLE,
    "start": NEEDED,
    "end": NEEDED,
    "daysCount": Key("integer", required=True),
    "timeslot_duration": NEEDED,
    "time_zone_name": STRING,
    "logo": NULLABLE,
    "colors": Key("object"),
    "keywords": Key("array"),
    "url": STRING,
    "base_url": STRING,
    "tracks": Key("array"),
    "rooms": Key("array"),
    "meta": Key("object"),
    "days": Key("array", required=True),
}
TRACK = {"name": NULLABLE, "slug": Key(pattern=SLUG), "color": NULLABLE}
ROOM = {
    "name": NEEDED,
    "slug": Key(pattern=SLUG),
    "type": STRING,
    "guid": Key("string null", pattern=GUID),
    "stream_id": NULLABLE,
    "description": Key("string null object"),
    "capacity": Key("number null"),
    "url": STRING,
    "features": Key("object"),
    "assembly": Key("object null"),
    "id": FREE,
    "description_de": NULLABLE,
    "description_en": NULLABLE,
}
DAY = {
    "index": Key("integer", required=True),
    "date": NEEDED,
    "day_start": NEEDED,
    "day_end": NEEDED,
    "rooms": Key("object", required=True),
}
EVENT = {
    "guid": Key(pattern=GUID),
    "code": Key(pattern=CODE),
    "id": Key("integer"),
    "logo": FREE,
    "date": NEEDED,
    "start": Key(required=True, pattern=CLOCK),
    "end": STRING,
    "duration": STRING,
    "room": NEEDED,
    "slug": Key(pattern=SLUG),
    "url": STRING,
    "title": NEEDED,
    "subtitle": NEEDED_NULLABLE,
    "track": NEEDED_NULLABLE,
    "type": NEEDED,
    "language": NEEDED_NULLABLE,
    "abstract": NEEDED_NULLABLE,
    "description": NULLABLE,
    "recording_license": STRING,
    "do_not_record": Key("boolean null"),
    "do_not_stream": Key("boolean string null"),
    "persons": Key("array", required=True),
    "links": Key("array", required=True),
    "feedback_url": STRING,
    "origin_url": STRING,
    "attachments": Key("array"),
}
REPLACEABLE = ("guid", "id", "slug", "url")
"""Demanded by the schema, absent from older exports; one of the first three is enough to know an
event again."""

PERSON = {
    "id": Key("integer null"),
    "guid": Key("string null"),
    "code": Key(pattern=CODE),
    "name": NULLABLE,
    "public_name": NULLABLE,
    "full_public_name": NULLABLE,
    "avatar": NULLABLE,
    "biography": NULLABLE,
    "links": Key("array null"),
    "url": NULLABLE,
}
LINK = {"url": NEEDED, "title": NULLABLE, "type": NULLABLE}


def read_schedule_json(raw: bytes, zone: str | None = None) -> Reading[ImportedProgramme]:
    """The programme of a schedule.json; `zone` is for times when the file names none."""
    try:
        root = parse_json(raw)
    except NotJson as error:
        return refusal("$", str(error))
    problems = Problems()
    try:
        programme = _programme(root, problems, zone)
    except TooManyProblems:
        programme = None
    return problems.reading(programme)


def _programme(root: object, problems: Problems, zone: str | None) -> ImportedProgramme | None:
    file = check(root, FILE, "$", problems)
    if "schedule" not in file:
        return None
    path = "$.schedule"
    schedule = check(file["schedule"], SCHEDULE, path, problems, more=True)
    if "rooms" in file["schedule"]:
        problems.warn(step(path, "rooms"), "unknown key: rooms belong to the conference")
    if "conference" not in schedule:
        return None
    path = step(path, "conference")
    conference = check(schedule["conference"], CONFERENCE, path, problems)
    days = [_day(value, at, problems) for value, at in items(conference, "days", path)]
    if sum(len(entries) for *_, rooms in days for _, entries, _ in rooms) > MAX_EVENTS:
        problems.error(step(path, "days"), f"have more than {MAX_EVENTS} events together")
        return None
    events = [
        _event(value, step(at, index), name, day, problems)
        for day, rooms in days
        for name, entries, at in rooms
        for index, value in enumerate(entries)
    ]
    draft = ConferenceDraft(
        where=partial(step, path),
        title=text(conference, "title"),
        acronym=text(conference, "acronym"),
        zone=text(conference, "time_zone_name"),
        start=text(conference, "start"),
        end=text(conference, "end"),
        days=[day.day for day, _ in days if day],
        tracks=_names(conference, "tracks", TRACK, path, problems),
        rooms=_names(conference, "rooms", ROOM, path, problems),
    )
    known = [event for event in events if event is not None]
    return assemble(draft, known, problems, zone)


Rooms = list[tuple[str, list[Any], str]]


def _day(value: object, path: str, problems: Problems) -> tuple[DayDraft | None, Rooms]:
    """A day and its rooms: name, entries and place of each."""
    day = check(value, DAY, path, problems)
    rooms: Rooms = []
    at = step(path, "rooms")
    for name, entries in day.get("rooms", {}).items():
        if isinstance(entries, list):
            rooms.append((name, entries, step(at, name)))
        else:
            problems.error(step(at, name), f"is {name_of(entries)}, expected an array")
    date = None
    if "date" in day:
        date = attempt(times.read_date, day["date"], step(path, "date"), problems)
    for name in ("day_start", "day_end"):
        if name in day and not _is_moment(day[name]):
            problems.warn(step(path, name), f"{quote(day[name])} is no date with time")
    if date is None:
        return None, rooms
    start = text(day, "day_start")
    change = times.read_moment(start).time() if _is_moment(start) else time()
    return DayDraft(day=date, change=change), rooms


def _is_moment(value: str) -> bool:
    try:
        times.read_moment(value)
    except ValueError:
        return False
    return True


def _event(
    value: object, path: str, room: str, day: DayDraft | None, problems: Problems
) -> EventDraft | None:
    event = check(value, EVENT, path, problems)
    if not isinstance(value, dict):
        return None
    for name in REPLACEABLE:
        if name not in value and any(other in value for other in REPLACEABLE[:3]):
            problems.warn(step(path, name), "is missing")
    people = [_person(each, at, problems) for each, at in items(event, "persons", path)]
    links = [_link(each, at, problems) for each, at in items(event, "links", path)]
    if day is None:
        return None
    return EventDraft(
        where=partial(step, path),
        day=day,
        guid=text(event, "guid"),
        id=_id(event),
        code=text(event, "code"),
        slug=text(event, "slug"),
        title=text(event, "title"),
        subtitle=text(event, "subtitle"),
        abstract=text(event, "abstract"),
        description=text(event, "description"),
        date=text(event, "date"),
        start=text(event, "start"),
        end=text(event, "end"),
        duration=text(event, "duration"),
        track=text(event, "track"),
        room=text(event, "room") or room,
        kind=text(event, "type"),
        language=text(event, "language"),
        url=text(event, "url"),
        do_not_record=event.get("do_not_record") is True,
        people=[person for person in people if person is not None],
        links=[link for link in links if link is not None],
    )


def _person(value: object, path: str, problems: Problems) -> PersonDraft | None:
    person = check(value, PERSON, path, problems, more=True)
    if not isinstance(value, dict):
        return None
    names = ("public_name", "name", "full_public_name")
    if not any(name in value for name in names):
        problems.error(step(path, "name"), "is missing, and public_name is, too")
        return None
    held = next((name for name in names if text(person, name).strip()), "name")
    places = {"name": step(path, held), "id": step(path, "id"), "guid": step(path, "guid")}
    return PersonDraft(
        where=lambda name: places.get(name, path),
        name=text(person, held),
        guid=text(person, "guid"),
        code=text(person, "code"),
        id=_id(person),
    )


def _link(value: object, path: str, problems: Problems) -> LinkDraft | None:
    link = check(value, LINK, path, problems, more=True)
    if "url" not in link:
        return None
    return LinkDraft(where=partial(step, path), title=text(link, "title"), url=link["url"])


def _id(values: Json) -> str:
    number = values.get("id")
    return "" if number is None else str(int(number))


def _names(
    conference: Json, name: str, keys: dict[str, Key], path: str, problems: Problems
) -> list[str]:
    found = [
        check(value, keys, at, problems, more=True) for value, at in items(conference, name, path)
    ]
    return [text(each, "name") for each in found]
