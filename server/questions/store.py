"""Questions and votes as rows. Every function takes the conference first: no row leaves its own."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.db import Base, Word
from server.ids import new_id
from server.questions.rules import Status


class Question(Base):
    __tablename__ = "question"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            ondelete="CASCADE",
        ),
        Index("ix_question_session_id", "conference_id", "session_id"),
        Index("uq_question_command_id", "author_id", "command_id", unique=True),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID]
    author_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    command_id: Mapped[UUID]
    text: Mapped[str]
    anonymous: Mapped[bool] = mapped_column(default=False)
    status: Mapped[Status] = mapped_column(Word(Status))
    reason: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_at: Mapped[datetime | None]


class FloorRow(Base):
    """How a session takes questions; without a row: open and moderated while it is not over."""

    __tablename__ = "question_floor"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            ondelete="CASCADE",
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    open: Mapped[bool] = mapped_column(default=True)
    moderated: Mapped[bool] = mapped_column(default=True)


class Upvote(Base):
    __tablename__ = "question_upvote"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "question_id"],
            ["question.conference_id", "question.id"],
            ondelete="CASCADE",
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    question_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    voted_at: Mapped[datetime] = mapped_column(default=clock.now)
