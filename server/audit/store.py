"""Every act of moderators, officers, organisers and operators, as rows that are only added."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.db import Base, Doc
from server.ids import new_id


class Entry(Base):
    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_conference_id", "conference_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    conference_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]  # null: from the operator's console
    act: Mapped[str]
    on: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(Doc(), default=dict)
    at: Mapped[datetime] = mapped_column(default=clock.now)


async def record(
    db: AsyncSession,
    conference_id: UUID | None,
    *,
    person_id: UUID | None,
    act: str,
    on: object = "",
    **detail: str | int | bool | None,
) -> None:
    """Note an act in the transaction that carries it out: both happen, or neither."""
    db.add(
        Entry(conference_id=conference_id, person_id=person_id, act=act, on=str(on), detail=detail)
    )


async def recent(db: AsyncSession, conference_id: UUID, limit: int = 100) -> list[Entry]:
    rows = await db.scalars(
        select(Entry)
        .where(Entry.conference_id == conference_id)
        .order_by(Entry.id.desc())
        .limit(limit)
    )
    return list(rows)


async def entries(
    db: AsyncSession, conference_id: UUID, *, kind: str = "", before: UUID | None = None, limit: int
) -> list[Entry]:
    """The log, newest first; `kind` is what stands before the dot of an act."""
    wanted = select(Entry).where(Entry.conference_id == conference_id)
    if kind:
        wanted = wanted.where(Entry.act.startswith(f"{kind}.", autoescape=True))
    if before is not None:
        wanted = wanted.where(Entry.id < before)
    return list(await db.scalars(wanted.order_by(Entry.id.desc()).limit(limit)))


async def kinds(db: AsyncSession, conference_id: UUID) -> list[str]:
    """What stands before the dot of the acts that were recorded."""
    acts = await db.scalars(
        select(Entry.act).where(Entry.conference_id == conference_id).distinct()
    )
    return sorted({act.partition(".")[0] for act in acts})
