"""Disclosure texts and who was shown which, as rows. A new text is a new row: none is edited."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.db import Base
from server.ids import new_id


class Disclosure(Base):
    """What one session's panel says; the newest row is in force."""

    __tablename__ = "disclosure"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            ondelete="CASCADE",
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    text: Mapped[str]
    sha256: Mapped[str]
    entered_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    entered_at: Mapped[datetime] = mapped_column(default=clock.now)


class DisclosureShown(Base):
    """A learner had exactly this text before them and said so, before any media ticket."""

    __tablename__ = "disclosure_shown"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            ondelete="CASCADE",
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), primary_key=True
    )
    sha256: Mapped[str] = mapped_column(primary_key=True)
    shown_at: Mapped[datetime] = mapped_column(default=clock.now)
