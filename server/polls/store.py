"""Polls and answers as rows: one answer a person, replaced while the poll is open."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.db import Base, Doc, Word
from server.ids import new_id
from server.polls.rules import Kind, Status


class Poll(Base):
    __tablename__ = "poll"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            ondelete="CASCADE",
        ),
        Index("ix_poll_session_id", "conference_id", "session_id"),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID]
    text: Mapped[str]
    kind: Mapped[Kind] = mapped_column(Word(Kind), default=Kind.SINGLE)
    options: Mapped[list[str]] = mapped_column(Doc())
    status: Mapped[Status] = mapped_column(Word(Status), default=Status.DRAFT)
    revealed: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class PollAnswer(Base):
    """`choices` are positions in the poll's options, ascending, each once."""

    __tablename__ = "poll_answer"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "poll_id"],
            ["poll.conference_id", "poll.id"],
            ondelete="CASCADE",
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    poll_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    choices: Mapped[list[int]] = mapped_column(Doc())
    answered_at: Mapped[datetime] = mapped_column(default=clock.now)
