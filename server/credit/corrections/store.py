"""Adjustments, outages and what was decided of them: rows that are only added, never changed."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Uuid,
    bindparam,
    false,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.attendance.rules import Proof
from server.attendance.store import Evidence, OpenSpan, Span
from server.credit.corrections import rules
from server.credit.corrections.rules import Cause, Effect, Why
from server.db import Base, Word, insert_once
from server.errors import NotFound
from server.ids import new_id


class Adjustment(Base):
    """Presence that an officer added or took away, with reason and evidence."""

    __tablename__ = "adjustment"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "session_id"], ["session.conference_id", "session.id"]
        ),
        Index("ix_adjustment_person_id", "conference_id", "person_id"),
        Index("uq_adjustment_command_id", "conference_id", "command_id", unique=True),
    )

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    session_id: Mapped[UUID]
    effect: Mapped[Effect] = mapped_column(Word(Effect))
    from_ms: Mapped[int]
    to_ms: Mapped[int]
    why: Mapped[Why] = mapped_column(Word(Why))
    text: Mapped[str]
    evidence: Mapped[str]
    units: Mapped[str]  # a decimal: what it was worth at most when it was made
    second: Mapped[bool]  # it counts once another officer has approved it
    made_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime] = mapped_column(default=clock.now)
    command_id: Mapped[UUID]


class Decision(Base):
    """The second officer's word on an adjustment; there is one at most."""

    __tablename__ = "adjustment_decision"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "adjustment_id"],
            ["adjustment.conference_id", "adjustment.id"],
            ondelete="CASCADE",
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    adjustment_id: Mapped[UUID] = mapped_column(primary_key=True)
    approved: Mapped[bool]
    note: Mapped[str] = mapped_column(default="")
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(default=clock.now)


class Outage(Base):
    """A stretch in which we failed."""

    __tablename__ = "outage"
    __table_args__ = (Index("uq_outage_command_id", "conference_id", "command_id", unique=True),)

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    from_ms: Mapped[int]
    to_ms: Mapped[int]
    cause: Mapped[Cause] = mapped_column(Word(Cause))
    text: Mapped[str]
    made_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime] = mapped_column(default=clock.now)
    command_id: Mapped[UUID]


class OutageSession(Base):
    __tablename__ = "outage_session"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "outage_id"], ["outage.conference_id", "outage.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["conference_id", "session_id"], ["session.conference_id", "session.id"]
        ),
    )  # fmt: skip

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    outage_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)


class Ruling(Base):
    """How far an outage excuses, for all alike; the newest one holds."""

    __tablename__ = "outage_ruling"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "outage_id"], ["outage.conference_id", "outage.id"],
            ondelete="CASCADE",
        ),
        Index("ix_outage_ruling_outage_id", "conference_id", "outage_id", "id"),
    )  # fmt: skip

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    outage_id: Mapped[UUID]
    refused: Mapped[bool]
    cap_ms: Mapped[int | None]
    note: Mapped[str] = mapped_column(default="")
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(default=clock.now)


# Adjustments.


async def add_adjustment(
    db: AsyncSession, conference_id: UUID, adjustment: rules.Adjustment, command_id: UUID
) -> None:
    values: dict[str, Any] = {
        name: getattr(adjustment, name)
        for name in (
            "id", "person_id", "session_id", "effect", "from_ms", "to_ms", "why", "text",
            "evidence", "units", "second", "made_by", "made_at",
        )
    }  # fmt: skip
    db.add(Adjustment(conference_id=conference_id, command_id=command_id, **values))
    await db.flush()


async def adjustment_by_command(
    db: AsyncSession, conference_id: UUID, command_id: UUID
) -> rules.Adjustment | None:
    found = await _adjustments(
        db, Adjustment.conference_id == conference_id, Adjustment.command_id == command_id
    )
    return found[0] if found else None


async def adjustment(
    db: AsyncSession, conference_id: UUID, adjustment_id: UUID
) -> rules.Adjustment:
    """Raises NotFound."""
    found = await _adjustments(
        db, Adjustment.conference_id == conference_id, Adjustment.id == adjustment_id
    )
    if not found:
        raise NotFound("There is no such adjustment.")
    return found[0]


async def adjustments(
    db: AsyncSession, conference_id: UUID, person_ids: Collection[UUID] | None = None
) -> list[rules.Adjustment]:
    """In the order in which they were made; of a whole conference when nobody is named."""
    conditions = [Adjustment.conference_id == conference_id]
    if person_ids is not None:
        conditions.append(Adjustment.person_id.in_(person_ids))
    return await _adjustments(db, *conditions)


async def waiting(db: AsyncSession, conference_id: UUID) -> int:
    """How many adjustments wait for a second officer."""
    counted = (
        select(func.count())
        .select_from(Adjustment)
        .outerjoin(Decision, _of_adjustment())
        .where(
            Adjustment.conference_id == conference_id,
            Adjustment.second,
            Decision.adjustment_id.is_(None),
        )
    )
    return await db.scalar(counted) or 0


async def decide(
    db: AsyncSession,
    conference_id: UUID,
    adjustment_id: UUID,
    *,
    approved: bool,
    note: str,
    person_id: UUID,
) -> bool:
    """False when somebody decided before."""
    return await insert_once(
        db, Decision, conference_id=conference_id, adjustment_id=adjustment_id,
        approved=approved, note=note, person_id=person_id, at=clock.now(),
    )  # fmt: skip


def _of_adjustment() -> ColumnElement[bool]:
    return (Decision.conference_id == Adjustment.conference_id) & (
        Decision.adjustment_id == Adjustment.id
    )


async def _adjustments(
    db: AsyncSession, *conditions: ColumnElement[bool]
) -> list[rules.Adjustment]:
    rows = await db.execute(
        select(Adjustment, Decision)
        .outerjoin(Decision, _of_adjustment())
        .where(*conditions)
        .order_by(Adjustment.made_at, Adjustment.id)
    )
    return [_adjustment(row, decision) for row, decision in rows]


def _adjustment(row: Adjustment, decision: Decision | None) -> rules.Adjustment:
    return rules.Adjustment(
        id=row.id, person_id=row.person_id, session_id=row.session_id, effect=row.effect,
        from_ms=row.from_ms, to_ms=row.to_ms, why=row.why, text=row.text, evidence=row.evidence,
        units=row.units, second=row.second, made_by=row.made_by, made_at=row.made_at,
        approved=decision.approved if decision else None,
        decided_by=decision.person_id if decision else None,
        decided_at=decision.at if decision else None,
        note=decision.note if decision else "",
    )  # fmt: skip


# Outages.


async def add_outage(
    db: AsyncSession, conference_id: UUID, incident: rules.Incident, command_id: UUID
) -> bool:
    """False when this command recorded it before."""
    new = await insert_once(
        db, Outage, conference_id=conference_id, id=incident.id, from_ms=incident.from_ms,
        to_ms=incident.to_ms, cause=incident.cause, text=incident.text,
        made_by=incident.made_by, made_at=incident.made_at, command_id=command_id,
    )  # fmt: skip
    if new:
        for session_id in sorted(incident.session_ids):
            db.add(
                OutageSession(
                    conference_id=conference_id, outage_id=incident.id, session_id=session_id
                )
            )
        await db.flush()
    return new


async def rule(
    db: AsyncSession,
    conference_id: UUID,
    outage_id: UUID,
    *,
    refused: bool,
    cap_ms: int | None,
    note: str,
    person_id: UUID,
) -> None:
    db.add(
        Ruling(
            conference_id=conference_id, id=new_id(), outage_id=outage_id, refused=refused,
            cap_ms=cap_ms, note=note, person_id=person_id,
        )
    )  # fmt: skip
    await db.flush()


async def incidents(
    db: AsyncSession, conference_id: UUID, session_ids: Collection[UUID] | None = None
) -> list[rules.Incident]:
    """Every outage that hit one of these sessions, each with its newest ruling, oldest first."""
    hit = select(OutageSession.outage_id).where(OutageSession.conference_id == conference_id)
    if session_ids is not None:
        hit = hit.where(OutageSession.session_id.in_(session_ids))
    rows = list(
        await db.scalars(
            select(Outage)
            .where(Outage.conference_id == conference_id, Outage.id.in_(hit))
            .order_by(Outage.from_ms, Outage.id)
        )
    )
    if not rows:
        return []
    sessions: dict[UUID, set[UUID]] = {}
    for one in await db.scalars(
        select(OutageSession).where(OutageSession.conference_id == conference_id)
    ):
        sessions.setdefault(one.outage_id, set()).add(one.session_id)
    ruled = {
        ruling.outage_id: ruling
        for ruling in await db.scalars(
            select(Ruling).where(Ruling.conference_id == conference_id).order_by(Ruling.id)
        )
    }
    return [_incident(row, sessions[row.id], ruled.get(row.id)) for row in rows]


async def incident(db: AsyncSession, conference_id: UUID, outage_id: UUID) -> rules.Incident:
    """Raises NotFound."""
    found = [one for one in await incidents(db, conference_id) if one.id == outage_id]
    if not found:
        raise NotFound("There is no such outage.")
    return found[0]


def _incident(row: Outage, sessions: set[UUID], ruling: Ruling | None) -> rules.Incident:
    return rules.Incident(
        id=row.id, from_ms=row.from_ms, to_ms=row.to_ms, session_ids=frozenset(sessions),
        cause=row.cause, text=row.text, made_by=row.made_by, made_at=row.made_at,
        cap_ms=ruling.cap_ms if ruling else None, refused=bool(ruling and ruling.refused),
    )  # fmt: skip


# Evidence of many at once.


def _evidence(*, of_session: bool) -> CompoundSelect[Any]:
    """Built once: writing a statement of many columns anew costs as much as running it."""
    tables: tuple[tuple[type[Span | OpenSpan], Any], ...] = (
        (Span, Span.left),
        (OpenSpan, false()),
    )
    wanted = []
    for table, left in tables:
        columns: list[Any] = [
            table.person_id, table.space_id, table.booth, table.device, table.connection,
            table.first_ms, table.last_ms, table.visible, table.playing, left,
        ]  # fmt: skip
        own = select(*columns).where(
            table.conference_id == bindparam("conference_id", type_=Uuid()),
            table.person_id.in_(bindparam("person_ids", type_=Uuid(), expanding=True)),
        )
        if of_session:
            own = own.where(
                or_(table.space_id == bindparam("session_id", type_=Uuid()), table.booth)
            )
        wanted.append(own)
    return union_all(*wanted)


EVERYTHING = _evidence(of_session=False)
OF_SESSION = _evidence(of_session=True)


async def evidence_of(
    db: AsyncSession,
    conference_id: UUID,
    person_ids: Collection[UUID],
    *,
    session_id: UUID | None = None,
) -> dict[UUID, list[Evidence]]:
    """Everything on record of these people, or of one session and all booths; by time."""
    found: dict[UUID, list[Evidence]] = {person_id: [] for person_id in person_ids}
    given: dict[str, Any] = {"conference_id": conference_id, "person_ids": list(person_ids)}
    if session_id is None:
        rows = await db.execute(EVERYTHING, given)
    else:
        rows = await db.execute(OF_SESSION, {**given, "session_id": session_id})
    for person_id, space_id, booth, device, connection, *times in rows:
        first_ms, last_ms, visible, playing, left = times
        proof = Proof(connection, first_ms, last_ms, left, visible, playing)
        found[person_id].append(
            Evidence(
                person_id=person_id, space_id=space_id, booth=booth, device=device, proof=proof
            )
        )
    for evidence in found.values():
        evidence.sort(key=lambda one: (one.proof.first_ms, one.proof.last_ms))
    return found
