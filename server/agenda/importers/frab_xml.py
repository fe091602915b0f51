"""Reads schedule.xml as frab, pretalx and Pentabarf write it.

XML from outside is read without entities, document types, network or huge trees. Everything in it
is text, so that little can have a wrong type: a missing element or a time that is none refuses the
file, an unknown element or attribute is a warning. It knows how the file is laid out; what its
texts mean is `assemble.py`'s.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import time

from lxml import etree

from server.agenda.importers import times
from server.agenda.importers.assemble import MAX_EVENTS, assemble, attempt
from server.agenda.importers.drafts import (
    ConferenceDraft,
    DayDraft,
    EventDraft,
    LinkDraft,
    PersonDraft,
    Where,
)
from server.agenda.importers.fields import MAX_BYTES
from server.agenda.importers.problems import (
    Problems,
    Reading,
    TooManyProblems,
    quote,
    refusal,
)
from server.agenda.importers.programme import ImportedProgramme

MAX_TAGS = 2_500_000
MAX_ATTRIBUTES = 2_000_000
"""Twice what 20,000 events need: fifty megabytes of `<a/>` would take gigabytes of memory."""

ENCODINGS = {"utf-8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252"}
"""In all of them `<!DOCTYPE` is these very bytes, so that none is hidden by its encoding."""

DECLARED_ENCODING = re.compile(
    rb"^<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']"
)
PROLOG = re.compile(rb"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)

ELEMENTS: Mapping[str, frozenset[str]] = {
    "schedule": frozenset({"generator", "url", "version", "conference", "day", "tracks"}),
    "conference": frozenset(
        {"title", "subtitle", "acronym", "venue", "city", "start", "end", "days", "day_change"}
        | {"timeslot_duration", "base_url", "logo", "url", "time_zone_name", "color", "track"}
        | {"tracks", "release", "description"}
    ),
    "day": frozenset({"room"}),
    "room": frozenset({"event"}),
    "event": frozenset(
        {"room", "title", "subtitle", "type", "date", "start", "end", "duration", "abstract"}
        | {"slug", "track", "logo", "persons", "language", "description", "recording", "links"}
        | {"attachments", "video_download_url", "url", "feedback_url", "origin_url", "tag"}
        | {"conference_url", "full_conference_url", "code", "guid", "license"}
    ),
}
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "schedule": frozenset(),
    "conference": frozenset(),
    "day": frozenset({"date", "start", "end", "index"}),
    "room": frozenset({"name", "guid", "slug", "id"}),
    "event": frozenset({"id", "guid", "code"}),
}
REPEATED = {"day", "room", "event", "track", "person", "link"}
"""What a place counts even when there is one: /schedule/day[1], but /schedule/conference."""

ACRONYM = re.compile(r"[a-z0-9_-]{4,}")
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NUMBER = re.compile(r"[0-9]{1,12}")


def read_frab_xml(raw: bytes, zone: str | None = None) -> Reading[ImportedProgramme]:
    """The programme of a schedule.xml; `zone` is for times when the file names none."""
    if message := unsafe(raw):
        return refusal("/", message)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        return refusal("/", f"is not XML: {error}")
    if root.getroottree().docinfo.doctype:
        return refusal("/", "has a document type declaration, which is not accepted")
    problems = Problems()
    try:
        programme = _programme(Place(root, f"/{_name(root)}"), problems, zone)
    except TooManyProblems:
        programme = None
    return problems.reading(programme)


def unsafe(raw: bytes) -> str:
    """Why these bytes must not even be parsed, or nothing."""
    if len(raw) > MAX_BYTES:
        return f"larger than {MAX_BYTES // 1024 // 1024} MB"
    if raw.count(b"<") > MAX_TAGS or raw.count(b'="') + raw.count(b"='") > MAX_ATTRIBUTES:
        return "holds more elements than any programme"
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    declared = DECLARED_ENCODING.match(raw)
    encoding = declared[1].decode().lower() if declared else "utf-8"
    if encoding not in ENCODINGS or b"\0" in raw[:100]:
        return "must be UTF-8"
    at = 0
    while found := PROLOG.match(raw, at):
        at = found.end()
    if raw.startswith(b"<!", at):
        return "has a document type declaration, which is not accepted"
    return ""


class Place:
    """An element and where it stands, so that every problem can say so."""

    def __init__(self, element: etree._Element, path: str) -> None:
        self.element = element
        self.path = path

    def where(self, name: str) -> str:
        """The place of a child, or of an attribute where the format keeps it in one."""
        return f"{self.path}/{name}"

    def text(self, name: str) -> str:
        child = next((each for each in self.element if _name(each) == name), None)
        return "" if child is None else _content(child)

    def attribute(self, name: str) -> str:
        return self.element.get(name, "").strip()

    def children(self, name: str) -> "Iterator[Place]":
        found = (each for each in self.element if _name(each) == name)
        for index, element in enumerate(found, start=1):
            mark = f"[{index}]" if name in REPEATED else ""
            yield Place(element, f"{self.path}/{name}{mark}")

    def inside(self, outer: str, name: str) -> "Iterator[Place]":
        for place in self.children(outer):
            yield from place.children(name)

    def check(self, problems: Problems) -> None:
        """Warn of elements and attributes the format does not have; refuse what is there twice."""
        kind = _name(self.element)
        for name in self.element.attrib:
            if str(name) not in ATTRIBUTES[kind] and not str(name).startswith("{"):
                problems.warn(f"{self.path}/@{name}", "unknown attribute")
        counts = Counter(_name(each) for each in self.element)
        for name, count in counts.items():
            if name not in ELEMENTS[kind]:
                problems.warn(f"{self.path}/{name}", "unknown element")
            elif count > 1 and name not in REPEATED | {"tag"}:
                problems.error(f"{self.path}/{name}", f"stands here {count} times")


def _programme(root: Place, problems: Problems, zone: str | None) -> ImportedProgramme | None:
    if _name(root.element) != "schedule":
        problems.error(root.path, "is no schedule: the outermost element must be <schedule>")
        return None
    root.check(problems)
    conference = next(root.children("conference"), None)
    if conference is None:
        problems.error(f"{root.path}/conference", "is missing")
        return None
    conference.check(problems)
    _require(conference, ("title",), problems)
    acronym = conference.text("acronym").strip()
    if acronym and not ACRONYM.fullmatch(acronym):
        problems.warn(conference.where("acronym"), f"{quote(acronym)} is not {ACRONYM.pattern}")
    if sum(1 for _ in root.element.iter("{*}event")) > MAX_EVENTS:
        problems.error(f"{root.path}/day", f"have more than {MAX_EVENTS} events together")
        return None
    days = [(_day(place, conference, problems), place) for place in root.children("day")]
    if not days:
        problems.error(f"{root.path}/day", "is missing")
    rooms = [(day, room) for day, place in days for room in place.children("room")]
    for _, room in rooms:
        room.check(problems)
        if not room.attribute("name"):
            problems.error(f"{room.path}/@name", "is missing")
    events = [
        _event(event, room, day, problems)
        for day, room in rooms
        for event in room.children("event")
    ]
    draft = ConferenceDraft(
        where=conference.where,
        title=conference.text("title"),
        acronym=acronym,
        zone=conference.text("time_zone_name"),
        start=conference.text("start"),
        end=conference.text("end"),
        days=[day.day for day, _ in days if day],
        tracks=[*_tracks(conference), *_tracks(root)],
        rooms=[room.attribute("name") for _, room in rooms],
    )
    return assemble(draft, [event for event in events if event], problems, zone)


def _day(place: Place, conference: Place, problems: Problems) -> DayDraft | None:
    place.check(problems)
    path = f"{place.path}/@date"
    start = place.attribute("start")
    named = place.attribute("date") or start
    if not named:
        problems.error(path, "is missing")
        return None
    day = attempt(times.read_date, named, path, problems)
    change = time()
    if conference.text("day_change").strip():
        where = conference.where("day_change")
        change = attempt(times.read_clock, conference.text("day_change"), where, problems) or change
    elif start:
        begin = attempt(times.read_moment, start, f"{place.path}/@start", problems)
        change = begin.time() if begin else change
    return DayDraft(day=day, change=change) if day else None


def _event(
    place: Place, room: Place, day: DayDraft | None, problems: Problems
) -> EventDraft | None:
    place.check(problems)
    _require(place, ("title",), problems)
    guid = place.attribute("guid") or place.text("guid")
    number = place.attribute("id")
    if guid and not GUID.fullmatch(guid.strip()):
        problems.warn(f"{place.path}/@guid", f"{quote(guid)} is no UUID")
    if number and not NUMBER.fullmatch(number):
        problems.warn(f"{place.path}/@id", f"{quote(number)} is no number")
    if day is None:
        return None
    return EventDraft(
        where=_event_places(place),
        day=day,
        guid=guid,
        id=number,
        code=place.attribute("code") or place.text("code"),
        slug=place.text("slug"),
        title=place.text("title"),
        subtitle=place.text("subtitle"),
        abstract=place.text("abstract"),
        description=place.text("description"),
        date=place.text("date"),
        start=place.text("start"),
        end=place.text("end"),
        duration=place.text("duration"),
        track=place.text("track"),
        room=place.text("room").strip() or room.attribute("name"),
        kind=place.text("type"),
        language=place.text("language"),
        url=place.text("url"),
        do_not_record=_opted_out(place),
        people=[_person(person) for person in place.inside("persons", "person")],
        links=[_link(link) for link in place.inside("links", "link")],
    )


def _event_places(place: Place) -> Where:
    attributes = {"guid", "id", "code"}
    return lambda name: f"{place.path}/@{name}" if name in attributes else place.where(name)


def _person(place: Place) -> PersonDraft:
    return PersonDraft(
        where=lambda _: place.path,
        name=_content(place.element),
        guid=place.attribute("guid"),
        code=place.attribute("code"),
        id=place.attribute("id"),
    )


def _link(place: Place) -> LinkDraft:
    return LinkDraft(
        where=lambda name: f"{place.path}/@href" if name == "url" else place.path,
        title=_content(place.element),
        url=place.attribute("href"),
    )


def _opted_out(event: Place) -> bool:
    recording = next(event.children("recording"), None)
    return recording is not None and recording.text("optout").strip().lower() in ("true", "1")


def _tracks(place: Place) -> list[str]:
    found = [*place.children("track"), *place.inside("tracks", "track")]
    return [each.attribute("name") or _content(each.element) for each in found]


def _require(place: Place, names: tuple[str, ...], problems: Problems) -> None:
    present = {_name(each) for each in place.element}
    for name in names:
        if name not in present:
            problems.error(place.where(name), "is missing")


def _content(element: etree._Element) -> str:
    return "".join(element.itertext())


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname
