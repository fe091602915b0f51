"""Booths, visits, talks and badge receipts as rows.

A visit's id is random and lives for one booth: it is all that an exhibitor sees of a visitor until
a receipt hands over more.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, defer, mapped_column

from server import clock
from server.db import Base, Doc, Word
from server.errors import NotFound
from server.exhibits import incoming, rules
from server.exhibits.importer import ImportedBooth
from server.exhibits.rules import TIERS, TalkStatus, Tier
from server.ids import new_id
from server.rights import Place

OF_BOOTH: dict[str, Any] = {
    "columns": ["conference_id", "booth_id"],
    "refcolumns": ["booth.conference_id", "booth.id"],
    "ondelete": "CASCADE",
}
OF_VISIT: dict[str, Any] = {
    "columns": ["conference_id", "visit_id"],
    "refcolumns": ["visit.conference_id", "visit.id"],
    "ondelete": "CASCADE",
}

IMPORTED = "key <> ''"
RUNNING = "status in ('waiting', 'talking')"


class Booth(Base):
    __tablename__ = "booth"
    __table_args__ = (
        Index("ix_booth_id", "id"),
        Index(
            "uq_booth_key",
            "conference_id",
            "key",
            unique=True,
            sqlite_where=text(IMPORTED),
            postgresql_where=text(IMPORTED),
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(default="")  # its identity in the file it was imported from
    name: Mapped[str]
    tagline: Mapped[str] = mapped_column(default="")
    category: Mapped[str] = mapped_column(default="")
    tier: Mapped[Tier] = mapped_column(Word(Tier), default=Tier.STANDARD)
    description: Mapped[str] = mapped_column(default="")  # sanitised HTML
    showcase: Mapped[str] = mapped_column(default="")  # sanitised HTML
    website: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(default=0)
    listed: Mapped[bool] = mapped_column(default=True)  # whether the directory shows it


class BoothStaff(Base):
    """How one of the company's people appears to visitors, and whether they are at the booth.

    The right to be there is a grant; this row gives none.
    """

    __tablename__ = "booth_staff"
    __table_args__ = (
        ForeignKeyConstraint(**OF_BOOTH),
        UniqueConstraint("conference_id", "booth_id", "person_id"),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    booth_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    called: Mapped[str]
    line: Mapped[str] = mapped_column(default="")
    available: Mapped[bool] = mapped_column(default=True)
    seen_at: Mapped[datetime | None]  # null: not here


class BoothDocument(Base):
    """A leaflet: a PDF kept here, or an address elsewhere."""

    __tablename__ = "booth_document"
    __table_args__ = (ForeignKeyConstraint(**OF_BOOTH),)

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    booth_id: Mapped[UUID]
    title: Mapped[str]
    address: Mapped[str] = mapped_column(default="")
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    opened: Mapped[int] = mapped_column(default=0)  # a count of anonymous openings
    added_at: Mapped[datetime] = mapped_column(default=clock.now)


class Visit(Base):
    """A person at a booth under a name that means nothing elsewhere."""

    __tablename__ = "visit"
    __table_args__ = (
        ForeignKeyConstraint(**OF_BOOTH),
        UniqueConstraint("conference_id", "booth_id", "person_id"),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    booth_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    started_at: Mapped[datetime] = mapped_column(default=clock.now)
    seen_at: Mapped[datetime] = mapped_column(default=clock.now)


class BoothLine(Base):
    """One line between a visitor and a booth's staff."""

    __tablename__ = "booth_line"
    __table_args__ = (
        ForeignKeyConstraint(**OF_VISIT),
        Index("ix_booth_line_visit_id", "conference_id", "visit_id"),
        Index("uq_booth_line_command_id", "conference_id", "command_id", unique=True),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    visit_id: Mapped[UUID]
    staff_id: Mapped[UUID | None]  # null: the visitor wrote it
    text: Mapped[str]
    command_id: Mapped[UUID]
    said_at: Mapped[datetime] = mapped_column(default=clock.now)


class Talk(Base):
    """A visitor asks to talk to someone: a place in the queue, then a talk."""

    __tablename__ = "talk"
    __table_args__ = (
        ForeignKeyConstraint(**OF_VISIT),
        Index("ix_talk_booth_id", "conference_id", "booth_id", "status"),
        Index("uq_talk_command_id", "conference_id", "command_id", unique=True),
        # A visitor stands in a booth's queue once, however often they ask.
        Index(
            "uq_talk_visit_id",
            "conference_id",
            "visit_id",
            unique=True,
            sqlite_where=text(RUNNING),
            postgresql_where=text(RUNNING),
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    booth_id: Mapped[UUID]
    visit_id: Mapped[UUID]
    about: Mapped[str] = mapped_column(default="")
    status: Mapped[TalkStatus] = mapped_column(Word(TalkStatus), default=TalkStatus.WAITING)
    staff_id: Mapped[UUID | None]
    command_id: Mapped[UUID]
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Receipt(Base):
    """A badge handed over: who gave which fields to which booth, for what, in which words.

    This is the only row that joins a learner to a company. Withdrawn, it hands over nothing more.
    """

    __tablename__ = "badge_receipt"
    __table_args__ = (
        ForeignKeyConstraint(**OF_VISIT),
        Index("ix_badge_receipt_booth_id", "conference_id", "booth_id"),
        Index("uq_badge_receipt_command_id", "conference_id", "command_id", unique=True),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(unique=True)
    booth_id: Mapped[UUID]
    visit_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    fields: Mapped[list[str]] = mapped_column(Doc())
    purpose: Mapped[str]
    text: Mapped[str]
    text_version: Mapped[str]
    command_id: Mapped[UUID]
    given_at: Mapped[datetime] = mapped_column(default=clock.now)
    until: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")
    interest: Mapped[int] = mapped_column(default=0)


async def booths(
    db: AsyncSession, conference_id: UUID, *, unlisted: bool = False, contents: bool = False
) -> list[rules.Booth]:
    """The hall in the organiser's order, without what the booths say at length unless asked."""
    wanted = select(Booth).where(Booth.conference_id == conference_id)
    if not unlisted:
        wanted = wanted.where(Booth.listed)
    if not contents:
        wanted = wanted.options(defer(Booth.description), defer(Booth.showcase))
    rows = await db.scalars(wanted)
    found = [_booth(row, contents=contents) for row in rows]
    return sorted(found, key=lambda it: (TIERS.index(it.tier), it.position, it.name.casefold()))


async def booth(db: AsyncSession, conference_id: UUID, booth_id: UUID) -> rules.Booth:
    row = await db.get(Booth, (conference_id, booth_id))
    if row is None:
        raise NotFound("There is no such booth.")
    return _booth(row, contents=True)


async def import_booths(
    db: AsyncSession,
    conference_id: UUID,
    booths: Sequence[ImportedBooth],
    dry_run: bool,  # noqa: FBT001 - the last of four that every caller names
) -> list[str]:
    """The differences as lines, carried out unless it is a dry run.

    Booths are recognised by their key; those made by hand have none and are left alone, as are
    tier and order. Everything happens in the caller's transaction.
    """
    rows = await db.scalars(
        select(Booth).where(Booth.conference_id == conference_id, Booth.key != "")
    )
    present = {row.key: row for row in rows}
    last = await db.scalar(
        select(func.max(Booth.position)).where(Booth.conference_id == conference_id)
    )
    lines: list[str] = []
    for offset, imported in enumerate(booths):
        values = incoming.values(imported)
        row = present.get(imported.key)
        before = None if row is None else {name: getattr(row, name) for name in values}
        changes = incoming.difference(imported, values, before)
        lines += changes
        if dry_run or not changes:
            continue
        if row is None:
            position = (last or 0) + offset + 1
            db.add(
                Booth(conference_id=conference_id, key=imported.key, position=position, **values)
            )
        else:
            for name, value in values.items():
                setattr(row, name, value)
    await db.flush()
    return lines or [incoming.NO_CHANGES]


def _booth(row: Booth, *, contents: bool) -> rules.Booth:
    return rules.Booth(
        id=row.id,
        name=row.name,
        tagline=row.tagline,
        category=row.category,
        tier=row.tier,
        description=row.description if contents else "",
        showcase=row.showcase if contents else "",
        website=row.website,
        position=row.position,
        listed=row.listed,
    )


async def place_of_booth(db: AsyncSession, booth_id: UUID) -> Place | None:
    found = await db.scalar(select(Booth.conference_id).where(Booth.id == booth_id))
    return Place(conference_id=found, booth_id=booth_id) if found else None


async def visitor_of(db: AsyncSession, visit_id: UUID) -> UUID | None:
    return await db.scalar(select(Visit.person_id).where(Visit.id == visit_id))
