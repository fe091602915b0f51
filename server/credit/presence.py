"""What officers see of presence: a table of people and sessions, and one learner's whole record.

Numbers come from the same engine as every claim; this file only arranges them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from server import clock
from server.agenda.rules import Conference
from server.agenda.rules import Session as Planned
from server.attendance.intervals import intersection, length, union
from server.credit.corrections import store as corrections
from server.credit.corrections.rules import Adjustment, State
from server.credit.gathering import Gathered, gather_all
from server.credit.record import store
from server.credit.record.store import TWO_AT_ONCE_MS, Listed, Raw
from server.credit.rules import Assessment, assess, awards
from server.credit.showing import spoken
from server.credit.wording import figure
from server.db import Rows

PEOPLE_A_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One person in one session: whole minutes on record, and those of them that count."""

    present: int
    counted: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceRow:
    id: UUID
    name: str
    mail: str
    cells: tuple[Cell | None, ...]
    on_record: str
    parallel: str
    credit: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRow:
    """A piece of raw evidence, with its times written out."""

    place: str
    kind: str
    connection: str
    device: str
    starts: str
    ends: str
    length: str
    beats: str
    gap: str
    state: str


async def rows(
    db: Rows,
    conference: Conference,
    planned: Sequence[Planned],
    listed: Sequence[Listed],
    columns: Sequence[Planned],
) -> list[PresenceRow]:
    """The page's people: everything read in as many statements as for one."""
    ids = [one.id for one in listed]
    if not ids:
        return []
    now_ms = clock.now_ms()
    everybody = await gather_all(db, conference, planned, ids, now_ms=now_ms)
    twice = await store.twice(db, conference.id, ids)
    apart = await store.apart(db, conference.id, ids)
    made: dict[UUID, list[Adjustment]] = {}
    for one in await corrections.adjustments(db, conference.id, ids):
        made.setdefault(one.person_id, []).append(one)
    return [
        _row(
            one,
            everybody[one.id],
            columns,
            flags(twice.get(one.id, 0), apart.get(one.id, 0), made.get(one.id, ())),
        )
        for one in listed
    ]


def _row(
    one: Listed,
    gathered: Gathered,
    columns: Sequence[Planned],
    flagged: tuple[str, ...],
) -> PresenceRow:
    facts, _found = gathered
    assessed = assess(facts)
    award = awards(facts, assessed)[0]
    return PresenceRow(
        id=one.id,
        name=one.name,
        mail=one.mail,
        cells=_cells(assessed, columns),
        on_record=spoken(assessed.eligible_ms),
        parallel=parallel(assessed),
        credit=figure(award.units),
        flags=flagged,
    )


def _cells(assessed: Assessment, columns: Sequence[Planned]) -> tuple[Cell | None, ...]:
    found = {
        finding.session.id: (finding, own)
        for finding, own in zip(assessed.findings, assessed.counted, strict=True)
    }
    cells: list[Cell | None] = []
    for column in columns:
        pair = found.get(str(column.id))
        if pair is None or not pair[0].present_ms:
            cells.append(None)
            continue
        finding, own = pair
        cells.append(
            Cell(
                present=length(intersection(finding.present, finding.educational)) // 60_000,
                counted=length(own) // 60_000,
                note="" if finding.passed else finding.reason.value.replace("_", " "),
            )
        )
    return tuple(cells)


def parallel(assessed: Assessment) -> str:
    """Time spent in two sessions at once, which counts in one of them; empty when there is none."""
    each = [intersection(found.present, found.educational) for found in assessed.findings]
    twice_ms = sum(length(one) for one in each) - length(union(*each))
    return spoken(twice_ms) if twice_ms >= 1000 else ""  # noqa: PLR2004 - a second


def flags(twice_ms: int, apart_ms: int, made: Iterable[Adjustment]) -> tuple[str, ...]:
    """What an officer may want to look at; none of it takes anything from anybody."""
    states = [one.state for one in made]
    found = []
    if apart_ms > TWO_AT_ONCE_MS:
        found.append(f"Far apart at once, {spoken(apart_ms)}")
    if twice_ms > TWO_AT_ONCE_MS:
        found.append(f"Two at once, {spoken(twice_ms)}")
    if State.IN_FORCE in states:
        found.append("Adjusted")
    if State.WAITING in states:
        found.append("Waits for approval")
    return tuple(found)


def days(planned: Iterable[Planned], zone: ZoneInfo) -> list[date]:
    """The days on which something earns credit."""
    return sorted({one.starts_at.astimezone(zone).date() for one in planned if one.accredited})


def chosen_day(wanted: str, known: Sequence[date], now: datetime) -> date | None:
    """The day asked for, else today or the last day before it, else the first."""
    if not known:
        return None
    by_name = {day.isoformat(): day for day in known}
    if wanted in by_name:
        return by_name[wanted]
    past = [day for day in known if day <= now.date()]
    return past[-1] if past else known[0]


def raw_rows(
    found: Iterable[Raw], names: Mapping[UUID, str], sources: Mapping[UUID, str], zone: ZoneInfo
) -> list[RawRow]:
    return [_raw_row(one, names, sources, zone) for one in found]


def _raw_row(
    one: Raw, names: Mapping[UUID, str], sources: Mapping[UUID, str], zone: ZoneInfo
) -> RawRow:
    imported = one.device == "imported"
    return RawRow(
        place=names.get(one.space_id, "Exhibit booth" if one.booth else "A session that is gone"),
        kind="booth" if one.booth else "session",
        connection=one.connection.hex[-8:],
        device=sources.get(one.connection, "Another tool") if imported else one.device or "unknown",
        starts=f"{clock.moment(one.first_ms).astimezone(zone):%d %b %H:%M:%S}",
        ends=f"{clock.moment(one.last_ms).astimezone(zone):%H:%M:%S}",
        length=spoken(one.last_ms - one.first_ms),
        beats="imported" if imported else str(one.beats),
        gap="" if imported else f"{one.max_gap_ms / 1000:.0f} s",
        state=_state(one),
    )


def _state(one: Raw) -> str:
    words = []
    if not one.booth:
        words.append("playing" if one.playing else "not playing")
    if not one.visible:
        words.append("out of sight")
    if one.left:
        words.append("left")
    if one.open:
        words.append("open")
    return ", ".join(words)
