"""What officers look at, in statements made for it: people, raw evidence, gaps. Only reads."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from server.agenda.store import LiveInterval, Session
from server.attendance.intervals import intersection, length, union
from server.attendance.rules import LEASE_MS, Proof
from server.attendance.store import ConnectionNetwork, OpenSpan, Span
from server.credit.corrections.store import Adjustment
from server.credit.store import Claim
from server.people.store import Person, RoleGrant
from server.rights import EDUCATION

TWO_AT_ONCE_MS = 300_000
"""Two connections that play at once for longer than this are flagged, never refused."""

MOST_GAPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Somebody in the list of presence."""

    id: UUID
    name: str
    mail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """One span as it stands in the record; open while it goes on."""

    space_id: UUID
    booth: bool
    connection: UUID
    device: str
    first_ms: int
    last_ms: int
    beats: int
    max_gap_ms: int
    visible: bool
    playing: bool
    left: bool
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch in which nobody gave evidence of a session, between two in which somebody did."""

    session_id: UUID
    from_ms: int
    to_ms: int


def _conditions(conference_id: UUID, wanted: str, show: str) -> list[ColumnElement[bool]]:
    granted = select(RoleGrant.person_id).where(
        RoleGrant.conference_id == conference_id, RoleGrant.role.in_(EDUCATION)
    )
    present = select(Span.person_id).where(Span.conference_id == conference_id)
    arriving = select(OpenSpan.person_id).where(OpenSpan.conference_id == conference_id)
    conditions: list[ColumnElement[bool]] = [
        or_(Person.id.in_(granted), Person.id.in_(present), Person.id.in_(arriving))
    ]
    if wanted:
        escaped = "".join(f"\\{each}" if each in "\\%_" else each for each in wanted.lower())
        conditions.append(
            or_(
                func.lower(Person.name).like(f"%{escaped}%", escape="\\"),
                Person.mail.like(f"%{escaped}%", escape="\\"),
            )
        )
    if show == "present":
        conditions.append(or_(Person.id.in_(present), Person.id.in_(arriving)))
    elif show == "adjusted":
        made = select(Adjustment.person_id).where(Adjustment.conference_id == conference_id)
        conditions.append(Person.id.in_(made))
    elif show == "claimed":
        claimed = select(Claim.person_id).where(
            Claim.conference_id == conference_id, Claim.voided_at.is_(None)
        )
        conditions.append(Person.id.in_(claimed))
    elif show == "two":
        doubled = _twice(conference_id).subquery()
        conditions.append(
            Person.id.in_(select(doubled.c.person_id).where(doubled.c.ms > TWO_AT_ONCE_MS))
        )
    return conditions


async def persons(
    db: AsyncSession, conference_id: UUID, *, wanted: str, show: str, after: str, limit: int
) -> list[Listed]:
    """Who may earn credit here, by mail address; `limit` of them after one."""
    conditions = _conditions(conference_id, wanted, show)
    if show == "apart":
        far = await apart(db, conference_id)
        conditions.append(Person.id.in_([one for one, ms in far.items() if ms > TWO_AT_ONCE_MS]))
    rows = await db.execute(
        select(Person.id, Person.name, Person.mail)
        .where(*conditions, Person.mail > after)
        .order_by(Person.mail)
        .limit(limit)
    )
    return [Listed(id=row.id, name=row.name, mail=row.mail) for row in rows]


async def person(db: AsyncSession, conference_id: UUID, person_id: UUID) -> Listed | None:
    """Somebody of this conference; of others nothing is told."""
    rows = await db.execute(
        select(Person.id, Person.name, Person.mail).where(
            *_conditions(conference_id, "", ""), Person.id == person_id
        )
    )
    row = rows.first()
    return Listed(id=row.id, name=row.name, mail=row.mail) if row else None


def _twice(conference_id: UUID) -> Select[Any]:
    """For everybody, how long two connections were playing at once, in any sessions."""
    spans = (
        select(
            Span.person_id.label("person_id"),
            Span.first_ms.label("first_ms"),
            Span.last_ms.label("last_ms"),
            func.max(Span.last_ms)
            .over(
                partition_by=Span.person_id,
                order_by=(Span.first_ms, Span.last_ms, Span.id),
                rows=(None, -1),
            )
            .label("before_ms"),
        )
        .where(
            Span.conference_id == conference_id,
            Span.playing,
            Span.booth.is_(False),
            Span.device != "imported",
        )
        .subquery()
    )
    until = case((spans.c.last_ms < spans.c.before_ms, spans.c.last_ms), else_=spans.c.before_ms)
    return (
        select(spans.c.person_id, func.sum(until - spans.c.first_ms).label("ms"))
        .where(spans.c.before_ms > spans.c.first_ms)
        .group_by(spans.c.person_id)
    )


async def twice(
    db: AsyncSession, conference_id: UUID, person_ids: Collection[UUID]
) -> dict[UUID, int]:
    """How long two connections of one person were playing; absent when they never were."""
    doubled = _twice(conference_id).subquery()
    rows = await db.execute(
        select(doubled.c.person_id, doubled.c.ms).where(doubled.c.person_id.in_(person_ids))
    )
    return {person_id: int(ms) for person_id, ms in rows}


async def apart(
    db: AsyncSession, conference_id: UUID, person_ids: Collection[UUID] | None = None
) -> dict[UUID, int]:
    """How long somebody was playing from two parts of the net at once; absent who never was.

    Of everybody when nobody is named. A phone on its own network beside a laptop is one, too.
    """
    several = (
        select(ConnectionNetwork.person_id)
        .where(ConnectionNetwork.conference_id == conference_id)
        .group_by(ConnectionNetwork.person_id)
        .having(func.count(ConnectionNetwork.network.distinct()) > 1)
    )
    if person_ids is not None:
        several = several.where(ConnectionNetwork.person_id.in_(person_ids))
    rows = await db.execute(
        select(Span.person_id, ConnectionNetwork.network, Span.first_ms, Span.last_ms)
        .join(
            ConnectionNetwork,
            and_(
                ConnectionNetwork.conference_id == Span.conference_id,
                ConnectionNetwork.connection == Span.connection,
            ),
        )
        .where(
            Span.conference_id == conference_id,
            Span.person_id.in_(several),
            Span.playing,
            Span.booth.is_(False),
        )
    )
    seen: dict[UUID, dict[str, list[tuple[int, int]]]] = {}
    for person_id, network, first_ms, last_ms in rows:
        seen.setdefault(person_id, {}).setdefault(network, []).append((first_ms, last_ms))
    found: dict[UUID, int] = {}
    for person_id, networks in seen.items():
        each = [union(stretches) for stretches in networks.values()]
        at_once = union(*(intersection(one, other) for one, other in combinations(each, 2)))
        if at_once:
            found[person_id] = length(at_once)
    return found


async def raw(db: AsyncSession, conference_id: UUID, person_id: UUID) -> list[Raw]:
    """Every span of one person, in order of time."""
    found: list[Raw] = []
    tables: tuple[type[Span | OpenSpan], ...] = (Span, OpenSpan)
    for table in tables:
        rows: Sequence[Any] = (
            await db.scalars(
                select(table).where(
                    table.conference_id == conference_id, table.person_id == person_id
                )
            )
        ).all()
        found.extend(
            Raw(
                space_id=row.space_id, booth=row.booth, connection=row.connection,
                device=row.device, first_ms=row.first_ms, last_ms=row.last_ms, beats=row.beats,
                max_gap_ms=row.max_gap_ms, visible=row.visible, playing=row.playing,
                left=table is Span and row.left, open=table is OpenSpan,
            )
            for row in rows
        )  # fmt: skip
    return sorted(found, key=lambda one: (one.first_ms, one.last_ms))


async def gaps(db: AsyncSession, conference_id: UUID) -> list[Gap]:
    """Where evidence of a picture stopped for everybody in a live session and then came back.

    Longer than the lease, since shorter ones cost nobody anything; the newest first.
    """
    sealed = select(Span.space_id, Span.first_ms, Span.last_ms).where(
        Span.conference_id == conference_id,
        Span.playing,
        Span.booth.is_(False),
        Span.device != "imported",
    )
    running = select(OpenSpan.space_id, OpenSpan.first_ms, OpenSpan.last_ms).where(
        OpenSpan.conference_id == conference_id, OpenSpan.playing, OpenSpan.booth.is_(False)
    )
    every = union_all(sealed, running).subquery()
    walked = select(
        every.c.space_id,
        every.c.first_ms,
        func.max(every.c.last_ms)
        .over(
            partition_by=every.c.space_id,
            order_by=(every.c.first_ms, every.c.last_ms),
            rows=(None, -1),
        )
        .label("before_ms"),
    ).subquery()
    rows = await db.execute(
        select(walked.c.space_id, walked.c.before_ms, walked.c.first_ms)
        .join(
            LiveInterval,
            and_(
                LiveInterval.conference_id == conference_id,
                LiveInterval.session_id == walked.c.space_id,
                LiveInterval.from_ms <= walked.c.before_ms,
                or_(
                    LiveInterval.to_ms.is_(None), LiveInterval.to_ms > walked.c.before_ms + LEASE_MS
                ),
            ),
        )
        .where(walked.c.first_ms - walked.c.before_ms > LEASE_MS)
        .order_by(walked.c.before_ms.desc())
        .limit(MOST_GAPS)
    )
    return [Gap(session_id=row[0], from_ms=row[1], to_ms=row[2]) for row in rows]


async def around(
    db: AsyncSession, conference_id: UUID, session_id: UUID, from_ms: int, to_ms: int
) -> dict[UUID, list[Proof]]:
    """By person, the evidence of one session that touches a stretch of time."""
    found: dict[UUID, list[Proof]] = {}
    tables: tuple[type[Span | OpenSpan], ...] = (Span, OpenSpan)
    for table in tables:
        left = [table.left] if table is Span else []
        rows = await db.execute(
            select(
                table.person_id, table.connection, table.first_ms, table.last_ms, table.visible,
                table.playing, *left,
            ).where(
                table.conference_id == conference_id,
                table.space_id == session_id,
                table.first_ms <= to_ms,
                table.last_ms >= from_ms,
            )
        )  # fmt: skip
        for person_id, connection, first_ms, last_ms, visible, playing, *leave in rows:
            found.setdefault(person_id, []).append(
                Proof(connection, first_ms, last_ms, bool(leave and leave[0]), visible, playing)
            )
    return found


async def accredited(db: AsyncSession, conference_id: UUID) -> list[tuple[UUID, str]]:
    """Sessions that earn credit, by time: id and title."""
    rows = await db.execute(
        select(Session.id, Session.title)
        .where(Session.conference_id == conference_id, Session.designated_ms > 0)
        .order_by(Session.starts_at, Session.id)
    )
    return [(row.id, row.title) for row in rows]
