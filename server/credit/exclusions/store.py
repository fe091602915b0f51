"""Exclusions as rows: added, and taken back by another row; never changed."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.credit.exclusions import rules
from server.credit.exclusions.rules import What
from server.db import Base, Word, insert_once
from server.errors import NotFound


class ExclusionRow(Base):
    """A stretch of a session that is no education: a break, a welcome."""

    __tablename__ = "exclusion"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "session_id"], ["session.conference_id", "session.id"]
        ),
        Index("ix_exclusion_session_id", "conference_id", "session_id"),
        Index("uq_exclusion_command_id", "conference_id", "command_id", unique=True),
    )

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    from_ms: Mapped[int]
    to_ms: Mapped[int]
    what: Mapped[What] = mapped_column(Word(What))
    text: Mapped[str] = mapped_column(default="")
    made_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime] = mapped_column(default=clock.now)
    command_id: Mapped[UUID]


class ExclusionEnd(Base):
    """It was a mistake: from now on the stretch counts again. There is one at most."""

    __tablename__ = "exclusion_end"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "exclusion_id"],
            ["exclusion.conference_id", "exclusion.id"],
            ondelete="CASCADE",
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    exclusion_id: Mapped[UUID] = mapped_column(primary_key=True)
    note: Mapped[str] = mapped_column(default="")
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(default=clock.now)


async def add(
    db: AsyncSession, conference_id: UUID, one: rules.Exclusion, command_id: UUID
) -> bool:
    """False when this command marked it before."""
    return await insert_once(
        db, ExclusionRow, conference_id=conference_id, id=one.id, session_id=one.session_id,
        from_ms=one.from_ms, to_ms=one.to_ms, what=one.what, text=one.text, made_by=one.made_by,
        made_at=one.made_at, command_id=command_id,
    )  # fmt: skip


async def by_command(db: AsyncSession, conference_id: UUID, command_id: UUID) -> UUID | None:
    """What this command marked before."""
    found: UUID | None = await db.scalar(
        select(ExclusionRow.id).where(
            ExclusionRow.conference_id == conference_id, ExclusionRow.command_id == command_id
        )
    )
    return found


async def end(
    db: AsyncSession, conference_id: UUID, exclusion_id: UUID, *, note: str, person_id: UUID
) -> bool:
    """False when somebody took it back before."""
    return await insert_once(
        db, ExclusionEnd, conference_id=conference_id, exclusion_id=exclusion_id, note=note,
        person_id=person_id, at=clock.now(),
    )  # fmt: skip


async def exclusions(
    db: AsyncSession, conference_id: UUID, session_ids: Collection[UUID] | None = None
) -> list[rules.Exclusion]:
    """Of a whole conference or of some sessions, by time; those that were taken back as well."""
    wanted = (
        select(ExclusionRow, ExclusionEnd)
        .outerjoin(
            ExclusionEnd,
            (ExclusionEnd.conference_id == ExclusionRow.conference_id)
            & (ExclusionEnd.exclusion_id == ExclusionRow.id),
        )
        .where(ExclusionRow.conference_id == conference_id)
        .order_by(ExclusionRow.from_ms, ExclusionRow.id)
    )
    if session_ids is not None:
        wanted = wanted.where(ExclusionRow.session_id.in_(session_ids))
    return [_exclusion(row, ended) for row, ended in await db.execute(wanted)]


async def exclusion(db: AsyncSession, conference_id: UUID, exclusion_id: UUID) -> rules.Exclusion:
    """Raises NotFound."""
    for one in await exclusions(db, conference_id):
        if one.id == exclusion_id:
            return one
    raise NotFound("There is no such mark.")


async def excluded(
    db: AsyncSession, conference_id: UUID, session_ids: Collection[UUID] | None = None
) -> dict[UUID, tuple[tuple[int, int], ...]]:
    """The stretches in force by session, oldest first; they may overlap."""
    found: dict[UUID, tuple[tuple[int, int], ...]] = {}
    for one in await exclusions(db, conference_id, session_ids):
        if one.in_force:
            found[one.session_id] = (*found.get(one.session_id, ()), (one.from_ms, one.to_ms))
    return found


def _exclusion(row: ExclusionRow, ended: ExclusionEnd | None) -> rules.Exclusion:
    undone: dict[str, Any] = (
        {} if ended is None
        else {"ended_by": ended.person_id, "ended_at": ended.at, "note": ended.note}
    )  # fmt: skip
    return rules.Exclusion(
        id=row.id, session_id=row.session_id, from_ms=row.from_ms, to_ms=row.to_ms,
        what=row.what, text=row.text, made_by=row.made_by, made_at=row.made_at, **undone,
    )  # fmt: skip
