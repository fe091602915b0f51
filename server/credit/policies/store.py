"""Published rules as rows: only added, and each entered into the ledger as it is published."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.agenda.store import Session
from server.attendance import ledger
from server.attendance.chain import Entry, Kind
from server.attendance.store import OpenSpan, Span
from server.credit.policies import rules
from server.credit.policies.rules import Published, PublishedMeanwhile, Rule
from server.db import Base, Doc, insert_once


class PolicyRow(Base):
    """A rule of one conference; `body` is what `rules.body` writes."""

    __tablename__ = "policy"

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    effective_at: Mapped[datetime]
    body: Mapped[Any] = mapped_column(Doc)
    published_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    published_at: Mapped[datetime]
    note: Mapped[str]


async def history(db: AsyncSession, conference_id: UUID) -> list[Published]:
    """Every rule that was ever published, oldest first."""
    rows = await db.scalars(
        select(PolicyRow)
        .where(PolicyRow.conference_id == conference_id)
        .order_by(PolicyRow.version)
    )
    return [
        Published(
            version=row.version,
            effective_at=row.effective_at,
            rule=rules.rule_of(row.body),
            published_by=row.published_by,
            published_at=row.published_at,
            note=row.note,
        )
        for row in rows
    ]


async def publish(
    db: AsyncSession,
    conference_id: UUID,
    *,
    after: int,
    rule: Rule,
    effective_at: datetime,
    person_id: UUID,
    note: str,
) -> int:
    """Add a rule behind the version `after`, which its author looked at; returns its number."""
    present = await history(db, conference_id)
    newest = present[-1].version if present else 0
    made = Published(
        version=after + 1, effective_at=effective_at, rule=rule, published_by=person_id,
        published_at=clock.now(), note=note,
    )  # fmt: skip
    new = newest == after and await insert_once(
        db, PolicyRow,
        conference_id=conference_id, version=made.version, effective_at=effective_at,
        body=rules.body(rule), published_by=person_id, published_at=made.published_at, note=note,
    )  # fmt: skip
    if not new:
        raise PublishedMeanwhile("A rule was published meanwhile. Look at it before yours.")
    await ledger.append(db, conference_id, [Entry(kind=Kind.POLICY, body=rules.told(made))])
    return after + 1


async def of_sessions(
    db: AsyncSession, conference_id: UUID, session_ids: Collection[UUID]
) -> dict[UUID, Rule]:
    """The rule that governs each of these sessions."""
    published = await history(db, conference_id)
    rows = await db.execute(
        select(Session.id, Session.starts_at).where(
            Session.conference_id == conference_id, Session.id.in_(session_ids)
        )
    )
    return {row.id: rules.rule_at(published, row.starts_at) for row in rows}


async def attendees(db: AsyncSession, conference_id: UUID) -> list[UUID]:
    """Everybody of whom there is any evidence."""
    found: set[UUID] = set()
    tables: tuple[type[Span | OpenSpan], ...] = (Span, OpenSpan)
    for table in tables:
        wanted = select(table.person_id).where(table.conference_id == conference_id).distinct()
        found.update(await db.scalars(wanted))
    return sorted(found)
