"""Sessions and where they stand: upcoming, live, paused, over. Pure."""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from server.errors import Invalid, Refused
from server.people.rules import Registration

MAX_TITLE = 300
MAX_ABSTRACT = 20_000
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Phase(StrEnum):
    """Where a session stands; only these steps exist, and each is recorded."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"


LIVE_PHASES = frozenset({Phase.LIVE, Phase.PAUSED})
QUARTER_MS = 15 * 60 * 1000


class FacultyRole(StrEnum):
    SPEAKER = "speaker"
    MODERATOR = "moderator"
    PANEL = "panel"


STEPS: dict[Phase, frozenset[Phase]] = {
    Phase.SCHEDULED: frozenset({Phase.LIVE}),
    Phase.LIVE: frozenset({Phase.PAUSED, Phase.ENDED}),
    Phase.PAUSED: frozenset({Phase.LIVE, Phase.ENDED}),
    Phase.ENDED: frozenset({Phase.LIVE}),  # ended too early by mistake: it can go on
}


class WrongStep(Refused):
    code = "session.wrong_step"


class NotLive(Refused):
    code = "session.not_live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conference:
    id: UUID
    slug: str
    title: str
    zone: str
    starts_on: date
    ends_on: date
    registration: Registration = Registration.OPEN
    provider: str = ""
    accreditation: str = ""  # the provider's accreditation statement
    designation: str = ""  # the designation statement as shown to learners
    designated_max: str = ""  # decimal credits of the whole activity; empty: no maximum

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    id: UUID
    name: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FacultyMember:
    id: UUID
    name: str
    degree: str = ""
    affiliation: str = ""
    role: FacultyRole = FacultyRole.SPEAKER
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    conference_id: UUID
    id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    key: str = ""  # its identity in the programme it was imported from
    subtitle: str = ""
    abstract: str = ""  # sanitised HTML
    track: Track | None = None
    hall: str = ""  # where it is shown: "Hall A"
    language: str = ""
    designated_ms: int = 0  # zero: the session earns no credit
    phase: Phase = Phase.SCHEDULED
    faculty: tuple[FacultyMember, ...] = field(default_factory=tuple)

    @property
    def accredited(self) -> bool:
        return self.designated_ms > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDraft:
    """What an organiser or a file says of a session. A track is named, and made when it is new."""

    title: str
    starts_at: datetime
    ends_at: datetime
    key: str = ""
    subtitle: str = ""
    abstract: str = ""
    track: str = ""
    hall: str = ""
    language: str = ""
    designated_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """As much of a session as a programme's day tabs need."""

    starts_at: datetime
    designated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much there is of a conference."""

    sessions: int
    accredited: int
    faculty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Living:
    """A session that is live now, and since when by the server's clock."""

    conference_id: UUID
    session_id: UUID
    from_ms: int


def credit_figure(designated_ms: int) -> str:
    """`0.75`: AMA PRA Category 1 Credit for a session's designated time, in quarters; or nothing.

    A session's figure tells what it adds; a learner's credit is rounded once, over everything.
    """
    if designated_ms <= 0:
        return ""
    quarters = (designated_ms + QUARTER_MS // 2) // QUARTER_MS
    if not quarters:
        return f"{designated_ms // 60_000} min"
    figure = f"{quarters // 4}.{quarters % 4 * 25:02}"
    return figure.removesuffix("0")


def step(present: Phase, wanted: Phase) -> Phase:
    """The next phase; an illegal jump raises WrongStep."""
    if wanted not in STEPS[present]:
        raise WrongStep(f"A session that is {present} cannot become {wanted}.")
    return wanted


def slug(text: str) -> str:
    if not SLUG.fullmatch(text) or len(text) > 60:  # noqa: PLR2004 - fits a line of an address bar
        raise Invalid("Use lower-case letters, digits and hyphens, at most 60.", where="slug")
    return text


def slug_of(text: str) -> str:
    """An address made of a title: `31C3` becomes `31c3`, "Coeur à coeur" `coeur-a-coeur`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:60].strip("-") or "conference"


def zone(text: str) -> str:
    if text not in available_timezones():
        raise Invalid(f"Unknown time zone: {text}", where="zone")
    return text


def span(starts_at: datetime, ends_at: datetime) -> None:
    """Raises Invalid unless the session ends after it starts."""
    if ends_at <= starts_at:
        raise Invalid("A session ends after it starts.", where="ends_at")


def local(text: str, zone_name: str, where: str) -> datetime:
    """A wall-clock time such as `2026-03-12T13:05` in a zone; one that clocks skip is refused."""
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("Give date and time.", where=where) from None
    if wall.tzinfo is not None:
        return wall
    at = wall.replace(tzinfo=ZoneInfo(zone_name))
    back = datetime.fromtimestamp(at.timestamp(), ZoneInfo(zone_name)).replace(tzinfo=None)
    if back != wall:
        raise Invalid("The clocks skip this time in the conference's zone.", where=where)
    return at


def in_zone(session: Session, zone_name: str) -> Session:
    """The same moments, written by the wall clock of a zone: what pages show."""
    tz = ZoneInfo(zone_name)
    return replace(
        session,
        starts_at=session.starts_at.astimezone(tz),
        ends_at=session.ends_at.astimezone(tz),
    )


def zone_abbreviation(at: datetime, zone_name: str) -> str:
    """`CET`, or `UTC+5:30` where a zone has no letters of its own."""
    name = at.astimezone(ZoneInfo(zone_name)).tzname() or zone_name
    if name[0] not in "+-":
        return name
    minutes = f":{name[3:]}" if name[3:] else ""
    return f"UTC{'−' if name[0] == '-' else '+'}{int(name[1:3])}{minutes}"
