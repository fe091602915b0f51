"""A day of the programme laid out: which column and which rows a session takes. Pure.

Rows are five minutes of elapsed time, so that the night in which clocks change is as long as it
is. Where halls clash, a hall takes several columns side by side.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from server.agenda.rules import LIVE_PHASES, Phase, Session, credit_figure

ROW = timedelta(minutes=5)
HOUR = timedelta(hours=1)
DAY_BEGINS = time(5)
"""What starts in the small hours belongs to the evening before, as every programme prints it."""

MAX_ROWS = 300
"""A day of 25 hours, which the style sheet has rows for."""

FOLD_FROM = 3
"""Fewer sessions that are over are shown as they are: a fold would only hide them."""

HALLS_OF_A_GRID = 12
"""A table with more columns is wider than it is useful: a list is the better first view."""

ROW_PIXELS = (10.3, 13, 17, 24)
"""How tall a row is by density, as the style sheet has it."""

ROOMY_PIXELS, SHORT_PIXELS, TINY_PIXELS = 104, 66, 40
"""What title, faculty and time take; what two lines of title and time take; and one line each."""
NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The head over a hall's lanes."""

    first: int
    lanes: int
    title: str
    small: str
    accredited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A session where it stands. `percent` is how much of a live one is over."""

    session: Session
    starts_at: datetime
    ends_at: datetime
    row: int
    rows: int
    column: int
    credit: str
    state: str
    size: str
    percent: int
    find: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    row: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Slots and hours in the order of time; `now_row` is None unless now falls into the grid."""

    starts_at: datetime
    rows: int
    lanes: int
    density: int
    columns: tuple[Column, ...]
    hours: tuple[Hour, ...]
    slots: tuple[Slot, ...]
    now_row: int | None


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day of the programme that a session belongs to."""
    local = at.astimezone(zone)
    return local.date() if local.time() >= DAY_BEGINS else local.date() - timedelta(days=1)


def bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when sessions begin that belong to a day."""
    first = datetime.combine(day, DAY_BEGINS, zone)
    last = datetime.combine(day + timedelta(days=1), DAY_BEGINS, zone)
    return first.astimezone(UTC), last.astimezone(UTC)


def default_day(days: Sequence[date], today: date) -> date | None:
    """Today while the conference is on, else the next day that has sessions, else the first."""
    if not days:
        return None
    return next((day for day in days if day >= today), days[0])


def fold(sessions: Sequence[Session], now: datetime) -> tuple[list[Session], list[Session]]:
    """What is over for an hour, to be folded away, and the rest."""
    edge = _floor_hour(now) - HOUR
    earlier = [each for each in sessions if each.ends_at <= edge and each.phase not in LIVE_PHASES]
    if len(earlier) < FOLD_FROM or len(earlier) == len(sessions):
        return [], list(sessions)
    gone = {each.id for each in earlier}
    return earlier, [each for each in sessions if each.id not in gone]


def lay_out(sessions: Sequence[Session], zone: ZoneInfo, now: datetime, *, mark: bool) -> Grid:
    """`mark` says whether sessions without credit are told apart. Needs one session at least."""
    start = _floor_hour(min(each.starts_at for each in sessions), zone)
    latest = max(each.ends_at for each in sessions)
    rows = min(-((start - latest) // ROW), MAX_ROWS)
    columns, places = _columns(sessions, mark=mark)
    density = _density(sessions)
    # Of a day that is over, everything is: what is past is told apart only beside what is not.
    frame = _Frame(start, rows, zone, now if latest > now else start, density)
    slots = [
        _slot(each, places[each.id], frame)
        for each in sorted(sessions, key=lambda each: (each.starts_at, places[each.id]))
    ]
    hours = [Hour(row=row, at=(start + row * ROW).astimezone(zone)) for row in range(0, rows, 12)]
    now_row = (now - start) // ROW
    return Grid(
        starts_at=start,
        rows=rows,
        lanes=sum(column.lanes for column in columns),
        density=density,
        columns=tuple(columns),
        hours=tuple(hours),
        slots=tuple(slots),
        now_row=now_row if 0 <= now_row < rows else None,
    )


def slots(sessions: Iterable[Session], zone: ZoneInfo, now: datetime) -> list[Slot]:
    """Sessions for a list, in the order of time."""
    ordered = sorted(sessions, key=lambda each: (each.starts_at, _natural(each.hall)))
    return [_slot(each, 1, _Frame(each.starts_at, MAX_ROWS, zone, now)) for each in ordered]


def clashes(sessions: Iterable[Session]) -> list[tuple[Session, Session]]:
    """Pairs that take the same hall at the same time; neighbours in time, each pair once."""
    halls: dict[str, list[Session]] = {}
    for each in sessions:
        if each.hall:
            halls.setdefault(each.hall.casefold(), []).append(each)
    found = []
    for own in halls.values():
        own.sort(key=lambda each: (each.starts_at, each.ends_at))
        found += [(a, b) for a, b in pairwise(own) if b.starts_at < a.ends_at]
    return found


def find_text(session: Session) -> str:
    """Everything a search looks at, in lower case."""
    names = (f"{each.name} {each.degree} {each.affiliation}" for each in session.faculty)
    track = session.track.name if session.track else ""
    return " ".join((session.title, session.subtitle, track, session.hall, *names)).casefold()


def matches(session: Session, query: str) -> bool:
    """Whether every word of the query occurs somewhere."""
    text = find_text(session)
    return all(word in text for word in query.casefold().split())


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all slots of one page are measured against."""

    start: datetime
    rows: int
    zone: ZoneInfo
    now: datetime
    density: int = 3


def _slot(session: Session, column: int, frame: _Frame) -> Slot:
    row = max(0, round((session.starts_at - frame.start) / ROW))
    last = max(row + 1, min(frame.rows, round((session.ends_at - frame.start) / ROW)))
    span, now = last - row, frame.now
    return Slot(
        session=session,
        starts_at=session.starts_at.astimezone(frame.zone),
        ends_at=session.ends_at.astimezone(frame.zone),
        row=row,
        rows=span,
        column=column,
        credit=credit_figure(session.designated_ms),
        state=_state(session, now),
        size=_size(span * ROW_PIXELS[frame.density]),
        percent=_percent(session, now),
        find=find_text(session),
    )


def _size(pixels: float) -> str:
    sizes = ((TINY_PIXELS, "tiny"), (SHORT_PIXELS, "short"), (ROOMY_PIXELS, ""))
    return next((size for edge, size in sizes if pixels < edge), "roomy")


def _state(session: Session, now: datetime) -> str:
    if session.phase in LIVE_PHASES:
        return "live"
    over = session.phase is Phase.ENDED or session.ends_at <= now
    return "past" if over else ""


def _percent(session: Session, now: datetime) -> int:
    if session.phase not in LIVE_PHASES:
        return 0
    share = (now - session.starts_at) / (session.ends_at - session.starts_at)
    return round(100 * min(1, max(0.04, share)))


def _columns(sessions: Sequence[Session], *, mark: bool) -> tuple[list[Column], Mapping[UUID, int]]:
    halls: dict[str, list[Session]] = {}
    for each in sessions:
        halls.setdefault(each.hall or (each.track.name if each.track else ""), []).append(each)
    columns: list[Column] = []
    places: dict[UUID, int] = {}
    first = 1
    ordered = sorted(halls, key=lambda hall: (not _accredited(halls[hall]), _natural(hall)))
    for hall in ordered:
        lanes = _lanes(halls[hall])
        places |= {key: first + lane for key, lane in lanes.items()}
        width = 1 + max(lanes.values())
        columns.append(_head(hall, halls[hall], first, width, mark=mark))
        first += width
    return columns, places


def _head(hall: str, own: Sequence[Session], first: int, lanes: int, *, mark: bool) -> Column:
    tracks = {each.track.name for each in own if each.track}
    only = next(iter(tracks)) if len(tracks) == 1 and all(each.track for each in own) else ""
    accredited = _accredited(own) or not mark
    small = hall if only and only != hall else ""
    if not accredited:
        small = f"{small} · Not accredited" if small else "Not accredited"
    return Column(first=first, lanes=lanes, title=only or hall, small=small, accredited=accredited)


def _accredited(sessions: Iterable[Session]) -> bool:
    return any(each.accredited for each in sessions)


def _lanes(sessions: Iterable[Session]) -> dict[UUID, int]:
    """Side by side where they overlap: each takes the first lane that is free."""
    free: list[datetime] = []
    lanes: dict[UUID, int] = {}
    for each in sorted(sessions, key=lambda each: (each.starts_at, each.ends_at)):
        lane = next((n for n, until in enumerate(free) if until <= each.starts_at), len(free))
        if lane == len(free):
            free.append(each.ends_at)
        free[lane] = each.ends_at
        lanes[each.id] = lane
    return lanes


def _density(sessions: Sequence[Session]) -> int:
    """How tall a row must be for short sessions to be readable, from 0 to 3."""
    lengths = sorted((each.ends_at - each.starts_at) // timedelta(minutes=1) for each in sessions)
    short = lengths[len(lengths) // 20]
    return sum(short < edge for edge in (30, 20, 15))


def _floor_hour(at: datetime, zone: ZoneInfo | None = None) -> datetime:
    local = at.astimezone(zone or UTC)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return at.astimezone(UTC) - past


def _natural(text: str) -> list[tuple[int, str]]:
    """Hall 2 before hall 10."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part.casefold())
        for part in NUMBERS.split(text)
    ]
