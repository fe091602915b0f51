"""Booths, talks and badges: what may be seen by whom, and in which words it is agreed to. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from uuid import UUID

from server.errors import Invalid, Refused

MAX_ABOUT = 200
MAX_TAGLINE = 160
MAX_LINE = 120
MAX_RICH = 20_000
MAX_NOTE = 500
MAX_INTEREST = 3
MAX_PDF_BYTES = 50 << 20
MAX_DOCUMENTS = 20

STAY_LEASE = timedelta(seconds=90)
"""A place in a queue is kept over a drop of 60 s: what was last said before it may be 15 s old,
and a browser slows the timers of a hidden tab to one a minute. Staff are gone after as long."""

HIDDEN_BELOW = 5
"""A group smaller than this is not told: it could be somebody in particular."""

VISITS_STEP, GROUP_STEP = 10, 5
"""What totals and groups are rounded to."""


class Tier(StrEnum):
    LEAD = "lead"
    MAJOR = "major"
    STANDARD = "standard"


TIERS = tuple(Tier)


class TalkStatus(StrEnum):
    WAITING = "waiting"
    TALKING = "talking"
    DONE = "done"
    LEFT = "left"


RUNNING = (TalkStatus.WAITING, TalkStatus.TALKING)


class Field(StrEnum):
    """What a badge may hand over; the visitor picks."""

    NAME = "name"
    MAIL = "mail"
    AFFILIATION = "affiliation"
    PROFESSION = "profession"


FIELDS = {
    Field.NAME: "Name",
    Field.MAIL: "E-mail address",
    Field.AFFILIATION: "Hospital or institution",
    Field.PROFESSION: "Profession",
}


class Purpose(StrEnum):
    INFORMATION = "information"
    CALL_BACK = "call_back"
    DEMO = "demo"
    MEETING = "meeting"


PURPOSES = {
    Purpose.INFORMATION: "Product information",
    Purpose.CALL_BACK: "A call back",
    Purpose.DEMO: "A demo",
    Purpose.MEETING: "A meeting",
}

MONTHS = (1, 3, 6, 12, 24)
DEFAULT_MONTHS = 12

CONSENT_VERSION = "2026-11"
"""Changes with the words below; a badge is only handed over in the words that were read."""

CONSENT = (
    "I hand my badge to {company}. {company} receives the details I ticked, and no others, for the "
    "purpose I chose, and may use them until the day I chose. I can withdraw at any time under My "
    "receipts: from then on my details are gone from {company}'s list and from what it downloads, "
    "and {company} is told that I withdrew. Handing over a badge earns nothing and is a condition "
    "of nothing."
)


class Taken(Refused):
    """Somebody else at the booth was faster."""

    code = "talk.taken"


class Ended(Refused):
    code = "talk.ended"


class Outdated(Refused):
    code = "badge.outdated"


class Reused(Refused):
    """The identity of a command that somebody else sent, or that said something else."""

    code = "command.reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booth:
    """A company's place in the hall; `description` and `showcase` are sanitised HTML."""

    id: UUID
    name: str
    tagline: str = ""
    category: str = ""
    tier: Tier = Tier.STANDARD
    description: str = ""
    showcase: str = ""
    website: str = ""
    position: int = 0
    listed: bool = True

    @property
    def lead(self) -> bool:
        return self.tier is Tier.LEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    id: UUID
    title: str
    address: str
    size: int
    opened: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """One of the company's own people, as they present themselves to visitors."""

    id: UUID
    person_id: UUID
    called: str
    line: str
    available: bool
    here: bool

    @property
    def present(self) -> bool:
        return self.available and self.here


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A talk that waits or runs; all that staff know of the visitor is what they wrote."""

    id: UUID
    visit_id: UUID
    about: str
    status: TalkStatus
    staff_id: UUID | None
    asked_at: datetime
    begun_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a thread; `called` is who of the staff wrote it, None is the visitor."""

    id: UUID
    visit_id: UUID
    called: str | None
    text: str
    said_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """What a visitor is about to hand over, checked."""

    fields: tuple[Field, ...]
    purpose: Purpose
    months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The visitor's own copy."""

    id: UUID
    number: str
    booth_id: UUID
    company: str
    fields: tuple[Field, ...]
    purpose: Purpose
    text: str
    text_version: str
    given_at: datetime
    until: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """What a receipt shows its exhibitor: the ticked fields, or nothing once it holds no more."""

    id: UUID
    number: str
    visit_id: UUID
    details: Mapping[Field, str]
    fields: tuple[Field, ...]
    purpose: Purpose
    given_at: datetime
    until: datetime
    withdrawn_at: datetime | None
    expired: bool
    interest: int
    note: str

    @property
    def holds(self) -> bool:
        return self.withdrawn_at is None and not self.expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A share of the visits; `count` is None when it is too small to be told."""

    name: str
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A booth's day in numbers that pick nobody out; None is too few to be told."""

    visits: int | None
    talks: int
    badges: int
    wait_seconds: int | None
    groups: tuple[Group, ...]


def consent(company: str) -> str:
    """The exact words, shown before a badge is handed over and kept with its receipt."""
    return CONSENT.format(company=company)


def badge(fields: Collection[str], purpose: str, months: int) -> Badge:
    """Raises Invalid: a lead has a name, a purpose and an end, all of them chosen."""
    chosen = tuple(field for field in Field if field in fields)
    if len(chosen) != len(set(fields)):
        raise Invalid("There is no such detail.", where="fields")
    if Field.NAME not in chosen:
        raise Invalid("Tick your name: without it nobody can reach you.", where="fields")
    if purpose not in set(Purpose):
        raise Invalid("Choose what it is for.", where="purpose")
    if months not in MONTHS:
        raise Invalid("Choose until when.", where="months")
    return Badge(fields=chosen, purpose=Purpose(purpose), months=months)


def until(at: datetime, months: int) -> datetime:
    """The same day so many months later, or the last one of a shorter month."""
    year, month = divmod(at.month - 1 + months, 12)
    year, month = at.year + year, month + 1
    for day in range(at.day, 0, -1):
        try:
            return at.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")


ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no letter that is read as a digit."""


def number(random: bytes, at: datetime) -> str:
    """A receipt's number, to be read over the telephone: `R26-7Q4M-2K9D`."""
    letters = "".join(ALPHABET[byte % 32] for byte in random[:8])
    return f"R{at:%y}-{letters[:4]}-{letters[4:]}"


def first_name(name: str) -> str:
    """How staff are called unless they say otherwise."""
    words = [word for word in name.split() if word.rstrip(".") not in ("Dr", "Prof", "Mr", "Ms")]
    return words[0] if words else ""


def figures(
    professions: Mapping[str, int], *, talks: int, badges: int, waits: Iterable[float]
) -> Figures:
    """Aggregates only: no total and no group that could be one person.

    The total and the order come from what is told of the groups, so they tell no more than that:
    five groups of 29 are told as 25 each, and a total of 145 would have said that all are 29.
    """
    waited = list(waits)
    groups = [Group(name=name, count=told(count)) for name, count in professions.items() if count]
    ordered = sorted(groups, key=lambda group: (-(group.count or 0), group.name))
    about = sum((group.count or 0) + GROUP_STEP // 2 for group in groups)
    return Figures(
        visits=nearest(about, VISITS_STEP) if any(group.count for group in groups) else None,
        talks=talks,
        badges=badges,
        wait_seconds=round(median(waited)) if waited else None,
        groups=tuple(ordered),
    )


def told(count: int) -> int | None:
    """A group's size in steps, None below the least that is told."""
    return None if count < HIDDEN_BELOW else count // GROUP_STEP * GROUP_STEP


def nearest(count: int, step: int) -> int:
    """Of the multiples of `step`; halves go up, and nothing goes to 0."""
    return max(step, (count + step // 2) // step * step)


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """A cell that a spreadsheet shows and never computes."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
