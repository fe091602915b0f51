"""Booths, visits, talks and badge receipts as rows.

A visit's id is random and lives for one booth: it is all that an exhibitor sees of a visitor until
a receipt hands over more.
"""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.db import Base, Doc, Word
from server.exhibits.rules import TalkStatus, Tier
from server.ids import new_id
from server.rights import Place

OF_BOOTH = {
    "columns": ["conference_id", "booth_id"],
    "refcolumns": ["booth.conference_id", "booth.id"],
    "ondelete": "CASCADE",
}
OF_VISIT = {
    "columns": ["conference_id", "visit_id"],
    "refcolumns": ["visit.conference_id", "visit.id"],
    "ondelete": "CASCADE",
}


class Booth(Base):
    __tablename__ = "booth"
    __table_args__ = (Index("ix_booth_id", "id"),)

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
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    booth_id: Mapped[UUID]
    visit_id: Mapped[UUID]
    about: Mapped[str] = mapped_column(default="")
    status: Mapped[TalkStatus] = mapped_column(Word(TalkStatus), default=TalkStatus.WAITING)
    staff_id: Mapped[UUID | None]
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Receipt(Base):
    """A badge handed over: who gave which fields to which booth for what, in which words, until when.

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


async def place_of_booth(db: AsyncSession, booth_id: UUID) -> Place | None:
    found = await db.scalar(select(Booth.conference_id).where(Booth.id == booth_id))
    return Place(conference_id=found, booth_id=booth_id) if found else None


async def visitor_of(db: AsyncSession, visit_id: UUID) -> UUID | None:
    return await db.scalar(select(Visit.person_id).where(Visit.id == visit_id))
