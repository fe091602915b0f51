"""Reviews that were asked for, and their answers: rows that are only added."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from server import clock
from server.credit.reviews.rules import Outcome, Review
from server.db import Base, Word, insert_once
from server.errors import NotFound
from server.ids import new_id


class ReviewRow(Base):
    """What a learner asks to be looked at again."""

    __tablename__ = "review"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "session_id"], ["session.conference_id", "session.id"]
        ),
        Index("ix_review_person_id", "conference_id", "person_id"),
        Index("uq_review_command_id", "conference_id", "command_id", unique=True),
    )

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    session_id: Mapped[UUID]
    text: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    command_id: Mapped[UUID]


class ReviewAnswer(Base):
    """An officer's word on a review; there is one at most."""

    __tablename__ = "review_answer"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "review_id"], ["review.conference_id", "review.id"],
            ondelete="CASCADE",
        ),
    )  # fmt: skip

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    review_id: Mapped[UUID] = mapped_column(primary_key=True)
    outcome: Mapped[Outcome] = mapped_column(Word(Outcome))
    text: Mapped[str]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(default=clock.now)


async def add(
    db: AsyncSession, conference_id: UUID, *, person_id: UUID, session_id: UUID, text: str,
    command_id: UUID,
) -> bool:  # fmt: skip
    """False when this command was carried out before."""
    return await insert_once(
        db, ReviewRow, conference_id=conference_id, id=new_id(), person_id=person_id,
        session_id=session_id, text=text, asked_at=clock.now(), command_id=command_id,
    )  # fmt: skip


async def answer(
    db: AsyncSession, conference_id: UUID, review_id: UUID, *, outcome: Outcome, text: str,
    person_id: UUID,
) -> bool:  # fmt: skip
    """False when somebody answered before."""
    return await insert_once(
        db, ReviewAnswer, conference_id=conference_id, review_id=review_id, outcome=outcome,
        text=text, person_id=person_id, at=clock.now(),
    )  # fmt: skip


async def review(db: AsyncSession, conference_id: UUID, review_id: UUID) -> Review:
    """Raises NotFound."""
    found = await _reviews(db, conference_id, ReviewRow.id == review_id)
    if not found:
        raise NotFound("There is no such review.")
    return found[0]


async def reviews(
    db: AsyncSession, conference_id: UUID, person_id: UUID | None = None
) -> list[Review]:
    """In the order in which they were asked for: somebody's, or everybody's."""
    if person_id is None:
        return await _reviews(db, conference_id)
    return await _reviews(db, conference_id, ReviewRow.person_id == person_id)


async def by_command(db: AsyncSession, conference_id: UUID, command_id: UUID) -> bool:
    """Whether this command was carried out before."""
    return bool(await _reviews(db, conference_id, ReviewRow.command_id == command_id))


async def waiting(db: AsyncSession, conference_id: UUID) -> int:
    """How many have no answer yet."""
    counted = (
        select(func.count())
        .select_from(ReviewRow)
        .outerjoin(ReviewAnswer, _of_review())
        .where(ReviewRow.conference_id == conference_id, ReviewAnswer.review_id.is_(None))
    )
    return await db.scalar(counted) or 0


def _of_review() -> ColumnElement[bool]:
    return (ReviewAnswer.conference_id == ReviewRow.conference_id) & (
        ReviewAnswer.review_id == ReviewRow.id
    )


async def _reviews(
    db: AsyncSession, conference_id: UUID, *conditions: ColumnElement[bool]
) -> list[Review]:
    rows: Sequence[Any] = (
        await db.execute(
            select(ReviewRow, ReviewAnswer)
            .outerjoin(ReviewAnswer, _of_review())
            .where(ReviewRow.conference_id == conference_id, *conditions)
            .order_by(ReviewRow.asked_at, ReviewRow.id)
        )
    ).all()
    return [
        Review(
            id=asked.id, person_id=asked.person_id, session_id=asked.session_id, text=asked.text,
            asked_at=asked.asked_at,
            outcome=given.outcome if given else None, answer=given.text if given else "",
            answered_by=given.person_id if given else None,
            answered_at=given.at if given else None,
        )
        for asked, given in rows
    ]  # fmt: skip
