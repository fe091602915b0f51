"""From the text of an organiser's form to values, or to what is wrong beside each field. Pure.

A form keeps what was typed even when it makes no sense; only `draft` and `faculty` understand it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from server.agenda import rules
from server.agenda.rules import Conference, FacultyMember, FacultyRole, Session, SessionDraft
from server.errors import Invalid
from server.ids import new_id
from server.people import rules as people
from server.people.rules import Registration
from server.sanitise import plain_text, rich_html

T = TypeVar("T")

ROLES = {role.value: role for role in FacultyRole}

MAX_FACULTY = 200
MAX_LINE = 120
MAX_SUBTITLE = 500
MAX_STATEMENT = 4_000
MAX_MINUTES = 24 * 60
MINUTE_MS = 60_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WALL = "%Y-%m-%dT%H:%M"

SESSION_FIELDS = (
    *("title", "subtitle", "abstract", "track", "hall", "language"),
    *("starts_at", "ends_at", "minutes"),
)
CONFERENCE_FIELDS = (
    *("title", "zone", "starts_on", "ends_on", "registration"),
    *("provider", "accreditation", "designation", "designated_max"),
)
STATEMENTS = ("provider", "accreditation", "designation", "designated_max")


@dataclass(frozen=True, slots=True, kw_only=True)
class FacultyRow:
    """A row of the faculty as typed; `linked` is the address of the person it belongs to."""

    id: str = ""
    name: str = ""
    degree: str = ""
    affiliation: str = ""
    role: str = FacultyRole.SPEAKER.value
    mail: str = ""

    @property
    def blank(self) -> bool:
        return not (self.name or self.degree or self.affiliation or self.mail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A member of the faculty and the address that links them to a person, if there is one."""

    member: FacultyMember
    mail: str


@dataclass(slots=True, kw_only=True)
class Typed:
    """Everything that stands in a form, and what is wrong with it."""

    values: dict[str, str]
    faculty: list[FacultyRow] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def read(self, where: str, understand: Callable[[], T], otherwise: T) -> T:
        try:
            return understand()
        except Invalid as error:
            self.errors[where] = str(error)
            return otherwise


def typed(form: Mapping[str, object], names: tuple[str, ...]) -> Typed:
    """What was posted; anything that is no text counts as empty."""
    values = {name: _text(form, name) for name in names}
    rows = []
    for n in range(MAX_FACULTY):
        if f"faculty-{n}-name" not in form:
            break
        cells = {
            name: _text(form, f"faculty-{n}-{name}")
            for name in ("id", "name", "degree", "affiliation", "role", "mail")
        }
        rows.append(FacultyRow(**cells))
    return Typed(values=values, faculty=rows)


def shown(session: Session, zone_name: str, mails: Mapping[UUID, str]) -> Typed:
    """A session as the form first shows it, in the conference's zone."""
    values = {
        "title": session.title,
        "subtitle": session.subtitle,
        "abstract": session.abstract,
        "track": session.track.name if session.track else "",
        "hall": session.hall,
        "language": session.language,
        "starts_at": wall(session.starts_at, zone_name),
        "ends_at": wall(session.ends_at, zone_name),
        "minutes": minutes(session.designated_ms),
    }
    rows = [
        FacultyRow(
            id=str(each.id),
            name=each.name,
            degree=each.degree,
            affiliation=each.affiliation,
            role=each.role.value,
            mail=mails.get(each.person_id, "") if each.person_id else "",
        )
        for each in session.faculty
    ]
    return Typed(values=values, faculty=rows)


def rearranged(rows: list[FacultyRow], act: str) -> list[FacultyRow]:
    """The rows after one press of add, up-N, down-N or remove-N; anything else changes nothing."""
    name, _, number = act.partition("-")
    rows = list(rows)
    if name == "add" and len(rows) < MAX_FACULTY:
        return [*rows, FacultyRow()]
    if not number.isdecimal() or int(number) >= len(rows):
        return rows
    n = int(number)
    other = {"up": n - 1, "down": n + 1}.get(name, -1)
    if name == "remove":
        del rows[n]
    elif 0 <= other < len(rows):
        rows[n], rows[other] = rows[other], rows[n]
    return rows


def draft(form: Typed, zone_name: str, present: Session | None) -> SessionDraft:
    """The session that the form describes; `form.errors` tells whether it may be saved."""
    values = form.values
    starts_at = form.read(
        "starts_at", lambda: _moment(values, "starts_at", zone_name, present), EPOCH
    )
    ends_at = form.read("ends_at", lambda: _moment(values, "ends_at", zone_name, present), EPOCH)
    if "starts_at" not in form.errors and "ends_at" not in form.errors:
        form.read("ends_at", lambda: rules.span(starts_at, ends_at), None)
    return SessionDraft(
        key=present.key if present else "",
        title=form.read("title", lambda: _needed(values, "title", rules.MAX_TITLE), ""),
        subtitle=form.read("subtitle", lambda: _line(values, "subtitle", MAX_SUBTITLE), ""),
        abstract=form.read("abstract", lambda: _rich(values, "abstract"), ""),
        track=form.read("track", lambda: _line(values, "track", MAX_LINE), ""),
        hall=form.read("hall", lambda: _line(values, "hall", MAX_LINE), ""),
        language=form.read("language", lambda: _line(values, "language", MAX_LINE), ""),
        starts_at=starts_at,
        ends_at=ends_at,
        designated_ms=form.read("minutes", lambda: designated(values["minutes"]), 0),
    )


def faculty(form: Typed, present: Session | None) -> list[Named]:
    """The rows that name somebody, in order; a row that stays keeps its id and its person."""
    known = {str(each.id): each for each in present.faculty} if present else {}
    found = []
    for n, row in enumerate(form.faculty):
        if row.blank:
            continue
        name = form.read(f"faculty-{n}-name", partial(_name, row.name), "")
        mail = ""
        if row.mail:
            mail = form.read(f"faculty-{n}-mail", partial(people.mail, row.mail), "")
        old = known.get(row.id)
        member = FacultyMember(
            id=old.id if old else new_id(),
            name=name,
            degree=plain_text(row.degree)[:MAX_LINE],
            affiliation=plain_text(row.affiliation)[:MAX_LINE],
            role=ROLES.get(row.role, FacultyRole.SPEAKER),
        )
        found.append(Named(member=member, mail=mail))
    return found


def designated(text: str) -> int:
    """Milliseconds of the minutes typed; nothing typed means that no credit is earned."""
    if not text:
        return 0
    try:
        value = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise Invalid("Give minutes, such as 45.", where="minutes") from None
    if not value.is_finite() or not 0 <= value <= MAX_MINUTES:
        raise Invalid("Give minutes of at most a day.", where="minutes")
    return int(value * MINUTE_MS)


def settings(form: Typed) -> dict[str, object]:
    """A conference's settings by their names as rows have them."""
    values = form.values
    first = form.read("starts_on", lambda: _date(values, "starts_on"), date.min)
    last = form.read("ends_on", lambda: _date(values, "ends_on"), date.max)
    if last < first:
        form.errors["ends_on"] = "A conference ends after it starts."
    return {
        "title": form.read("title", lambda: _needed(values, "title", rules.MAX_TITLE), ""),
        "zone": form.read("zone", lambda: rules.zone(values["zone"]), "UTC"),
        "starts_on": first,
        "ends_on": last,
        "registration": Registration.OPEN
        if values["registration"] == Registration.OPEN
        else Registration.INVITATION,
    }


def statements(form: Typed) -> dict[str, object]:
    """Provider, statements and maximum: what certificates and learners are told."""
    values = form.values
    return {
        "provider": form.read("provider", lambda: _line(values, "provider", MAX_LINE), ""),
        "accreditation": form.read(
            "accreditation", lambda: _line(values, "accreditation", MAX_STATEMENT), ""
        ),
        "designation": form.read(
            "designation", lambda: _line(values, "designation", MAX_STATEMENT), ""
        ),
        "designated_max": form.read(
            "designated_max", lambda: _credits(values["designated_max"]), ""
        ),
    }


def shown_settings(conference: Conference) -> Typed:
    values = {name: str(getattr(conference, name)) for name in CONFERENCE_FIELDS}
    return Typed(values=values)


def wall(at: datetime, zone_name: str) -> str:
    """A moment as a field of date and time shows it."""
    return at.astimezone(ZoneInfo(zone_name)).strftime(WALL)


def minutes(milliseconds: int) -> str:
    if not milliseconds:
        return ""
    return f"{Decimal(milliseconds) / MINUTE_MS:f}"


def _moment(
    values: Mapping[str, str], name: str, zone_name: str, present: Session | None
) -> datetime:
    """A time that was not touched stays the moment it was: one wall clock can mean two."""
    if present is not None:
        old: datetime = getattr(present, name)
        if wall(old, zone_name) == values[name]:
            return old
    return rules.local(values[name], zone_name, name)


def _name(text: str) -> str:
    cleaned = plain_text(text)
    if not cleaned:
        raise Invalid("Give a name, or remove this row.")
    if len(cleaned) > MAX_LINE:
        raise Invalid(f"A name has at most {MAX_LINE} characters.")
    return cleaned


def _needed(values: Mapping[str, str], name: str, most: int) -> str:
    cleaned = _line(values, name, most)
    if not cleaned:
        raise Invalid("This is needed.", where=name)
    return cleaned


def _line(values: Mapping[str, str], name: str, most: int) -> str:
    cleaned = plain_text(values[name])
    if len(cleaned) > most:
        raise Invalid(f"At most {most} characters, this has {len(cleaned)}.", where=name)
    return cleaned


def _rich(values: Mapping[str, str], name: str) -> str:
    if len(values[name]) > 2 * rules.MAX_ABSTRACT:
        raise Invalid(f"At most {2 * rules.MAX_ABSTRACT} characters.", where=name)
    return rich_html(values[name])


def _date(values: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(values[name])
    except ValueError:
        raise Invalid("Give a date.", where=name) from None


def _credits(text: str) -> str:
    """A maximum in quarters of a credit, or none."""
    if not text:
        return ""
    try:
        value = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise Invalid("Give credits, such as 12.5.", where="designated_max") from None
    if not value.is_finite() or value <= 0 or value > 1000 or value % Decimal("0.25"):  # noqa: PLR2004 - forty days of education
        raise Invalid("Credit comes in quarters, such as 12.25.", where="designated_max")
    return f"{value.normalize():f}"


def _text(form: Mapping[str, object], name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def zones() -> set[str]:
    """The zones an organiser may choose from: places, not the list's own abbreviations."""
    return {name for name in available_timezones() if "/" in name and name[0].isupper()}
