"""Questions and votes as rows. Every function takes the conference first: no row leaves its own."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Select,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.agenda.store import Session
from server.db import Base, Word, insert, insert_once, of_session, padded
from server.errors import NotFound, Refused
from server.ids import new_id
from server.people.store import Person
from server.questions import rules
from server.questions.rules import Draft, Floor, Status

MAX_SHOWN = 500
"""Questions of a session that a page holds: the newest of more than anybody could answer."""


class Question(Base):
    __tablename__ = "question"
    __table_args__ = (
        of_session(),
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
    revision: Mapped[int] = mapped_column(default=0)  # of two states the greater counts


class FloorRow(Base):
    """How a session takes questions; without a row: open and moderated while it is not over."""

    __tablename__ = "question_floor"
    __table_args__ = (of_session(),)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Voting:
    """One vote, given or taken back, as it waits to be written."""

    conference_id: UUID
    session_id: UUID
    question_id: UUID
    person_id: UUID
    up: bool


async def floor(db: AsyncSession, conference_id: UUID, session_id: UUID) -> Floor:
    found = (
        await db.execute(
            select(Session.phase, FloorRow.open, FloorRow.moderated)
            .outerjoin(
                FloorRow,
                (FloorRow.conference_id == Session.conference_id)
                & (FloorRow.session_id == Session.id),
            )
            .where(Session.conference_id == conference_id, Session.id == session_id)
        )
    ).first()
    if found is None:
        raise NotFound("There is no such session.")
    phase, is_open, moderated = found
    row = None if is_open is None else Floor(open=is_open, moderated=moderated)
    return rules.floor(phase, row)


async def asked(db: AsyncSession, author_id: UUID, command_id: UUID) -> UUID | None:
    """The question that this command made before."""
    return await db.scalar(
        select(Question.id).where(
            Question.author_id == author_id, Question.command_id == command_id
        )
    )


async def recent(db: AsyncSession, author_id: UUID, since: datetime) -> int:
    """How much a person asked since then, anywhere.

    Their row is held meanwhile, so that two tabs do not count side by side.
    """
    await db.execute(
        select(Person.id).where(Person.id == author_id).with_for_update(key_share=True)
    )
    found = await db.scalar(
        select(func.count())
        .select_from(Question)
        .where(Question.author_id == author_id, Question.asked_at > since)
    )
    return found or 0


async def add(
    db: AsyncSession,
    conference_id: UUID,
    session_id: UUID,
    *,
    author_id: UUID,
    command_id: UUID,
    draft: Draft,
) -> UUID | None:
    """The new question's id; None when this command made one before."""
    question_id = new_id()
    new = await insert_once(
        db,
        Question,
        conference_id=conference_id,
        id=question_id,
        session_id=session_id,
        author_id=author_id,
        command_id=command_id,
        text=draft.text,
        anonymous=draft.anonymous,
        status=draft.status,
        reason="",
        asked_at=clock.now(),
        decided_at=None,
        revision=0,
    )
    return question_id if new else None


async def question(
    db: AsyncSession,
    conference_id: UUID,
    session_id: UUID,
    question_id: UUID,
    *,
    lock: bool = False,
) -> rules.Question:
    """Raises NotFound; with `lock` nobody else changes it until the transaction ends."""
    if lock:
        await db.execute(
            select(Question.id)
            .where(Question.conference_id == conference_id, Question.id == question_id)
            .with_for_update()
        )
    found = await _questions(
        db,
        _wanted(conference_id, session_id).where(Question.id == question_id),
    )
    if not found:
        raise NotFound("There is no such question.")
    return found[0]


async def questions(
    db: AsyncSession, conference_id: UUID, session_id: UUID, statuses: Sequence[Status]
) -> list[rules.Question]:
    """A session's questions with one of these statuses, most votes first."""
    wanted = _wanted(conference_id, session_id).where(Question.status.in_(statuses))
    return rules.ranked(await _questions(db, wanted.order_by(Question.id.desc()).limit(MAX_SHOWN)))


async def asked_by(
    db: AsyncSession, conference_id: UUID, session_id: UUID, author_ids: Collection[UUID]
) -> dict[UUID, list[rules.Question]]:
    """What each of these people asked in a session, newest first."""
    wanted = _wanted(conference_id, session_id).where(
        Question.author_id.in_(padded(author_ids)), Question.status != Status.WITHDRAWN
    )
    asked: dict[UUID, list[rules.Question]] = {each: [] for each in author_ids}
    for question in await _questions(db, wanted.order_by(Question.id.desc())):
        if len(asked[question.author_id]) < MAX_SHOWN:
            asked[question.author_id].append(question)
    return asked


async def hold_desk(
    db: AsyncSession, conference_id: UUID, session_id: UUID, question_id: UUID
) -> None:
    """One at a time decides which question of a session is being answered.

    Held are that question and the one answered until now, in the order in which votes hold them.
    """
    await db.execute(
        select(Session.id)
        .where(Session.conference_id == conference_id, Session.id == session_id)
        .with_for_update(key_share=True)
    )
    await db.execute(
        select(Question.id)
        .where(
            Question.conference_id == conference_id,
            Question.session_id == session_id,
            or_(Question.id == question_id, Question.status == Status.ANSWERING),
        )
        .order_by(Question.id)
        .with_for_update()
    )


async def answering(
    db: AsyncSession, conference_id: UUID, session_id: UUID
) -> rules.Question | None:
    found = await _questions(
        db,
        _wanted(conference_id, session_id).where(Question.status == Status.ANSWERING),
    )
    return found[0] if found else None


async def set_status(
    db: AsyncSession,
    conference_id: UUID,
    question_id: UUID,
    status: Status,
    *,
    reason: str = "",
) -> None:
    await db.execute(
        update(Question)
        .where(Question.conference_id == conference_id, Question.id == question_id)
        .values(
            status=status,
            reason=reason,
            decided_at=clock.now(),
            revision=Question.revision + 1,
        )
    )


async def voted(
    db: AsyncSession, conference_id: UUID, session_id: UUID, person_ids: Collection[UUID]
) -> dict[UUID, set[UUID]]:
    """The questions of a session that each of these people voted for."""
    rows = await db.execute(
        select(Upvote.person_id, Upvote.question_id)
        .join(
            Question,
            (Question.conference_id == Upvote.conference_id) & (Question.id == Upvote.question_id),
        )
        .where(
            Upvote.conference_id == conference_id,
            Upvote.person_id.in_(padded(person_ids)),
            Question.session_id == session_id,
        )
    )
    found: dict[UUID, set[UUID]] = {each: set() for each in person_ids}
    for person_id, question_id in rows:
        found[person_id].add(question_id)
    return found


async def votes(db: AsyncSession, conference_id: UUID, question_id: UUID) -> int:
    found = await db.scalar(
        select(func.count()).where(
            Upvote.conference_id == conference_id, Upvote.question_id == question_id
        )
    )
    return found or 0


async def write_votes(db: AsyncSession, items: Sequence[Voting]) -> list[int | Refused]:
    """Give and take back many votes in one transaction; a question's new count for each.

    What stands when the group is written counts: questions are held against change until then, and
    of one person's votes for a question the last one wins. One that is on record and comes again
    when voting is over, because its sender was never told, is answered as it stands.
    """
    standing = await _standing(db, items)
    wanted: dict[tuple[UUID, UUID, UUID], bool] = {}
    refusals: list[Refused | None] = []
    for item in items:
        session_id, status = standing.get((item.conference_id, item.question_id), (None, None))
        refusal = rules.votable(status if session_id == item.session_id else None)
        refusals.append(refusal)
        if refusal is None:
            wanted[item.conference_id, item.question_id, item.person_id] = item.up
    await _write_votes(db, wanted)
    late = [at for at, refusal in enumerate(refusals) if isinstance(refusal, rules.VotingOver)]
    given = await _given(db, [items[at] for at in late]) if late else set()
    for at in late:
        item = items[at]
        if item.up == ((item.conference_id, item.question_id, item.person_id) in given):
            refusals[at] = None
    answered = {
        (item.conference_id, item.question_id)
        for item, refusal in zip(items, refusals, strict=True)
        if refusal is None
    }
    counts = await _counts(db, answered)
    return [
        counts.get((item.conference_id, item.question_id), 0) if refusal is None else refusal
        for item, refusal in zip(items, refusals, strict=True)
    ]


async def _standing(
    db: AsyncSession, items: Sequence[Voting]
) -> dict[tuple[UUID, UUID], tuple[UUID, Status]]:
    keys = sorted({(item.conference_id, item.question_id) for item in items})
    rows = await db.execute(
        select(Question.conference_id, Question.id, Question.session_id, Question.status)
        .where(tuple_(Question.conference_id, Question.id).in_(keys))
        .order_by(Question.conference_id, Question.id)
        .with_for_update(read=True)
    )
    return {(conference, id_): (session_id, status) for conference, id_, session_id, status in rows}


async def _write_votes(db: AsyncSession, wanted: dict[tuple[UUID, UUID, UUID], bool]) -> None:
    keys = sorted(wanted)  # in one order everywhere: two processes never wait for each other
    given = [
        dict(zip(VOTE, key, strict=True)) | {"voted_at": clock.now()} for key in keys if wanted[key]
    ]
    taken = [key for key in keys if not wanted[key]]
    if given:
        await db.execute(insert(db, Upvote).on_conflict_do_nothing(), given)
    if taken:
        await db.execute(
            delete(Upvote).where(
                tuple_(Upvote.conference_id, Upvote.question_id, Upvote.person_id).in_(taken)
            )
        )


async def _given(db: AsyncSession, items: Sequence[Voting]) -> set[tuple[UUID, UUID, UUID]]:
    key = (Upvote.conference_id, Upvote.question_id, Upvote.person_id)
    keys = sorted({(item.conference_id, item.question_id, item.person_id) for item in items})
    rows = await db.execute(select(*key).where(tuple_(*key).in_(keys)))
    return {(conference, question, person) for conference, question, person in rows}


VOTE = ("conference_id", "question_id", "person_id")


async def _counts(db: AsyncSession, keys: set[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
    rows = await db.execute(
        select(Upvote.conference_id, Upvote.question_id, func.count())
        .where(tuple_(Upvote.conference_id, Upvote.question_id).in_(sorted(keys)))
        .group_by(Upvote.conference_id, Upvote.question_id)
    )
    return {(conference, question): count for conference, question, count in rows}


def _wanted(conference_id: UUID, session_id: UUID) -> Select[Any]:
    count = (
        select(func.count())
        .where(Upvote.conference_id == Question.conference_id, Upvote.question_id == Question.id)
        .correlate(Question)
        .scalar_subquery()
    )
    return (
        select(Question, Person.name, Person.degree, count)
        .join(Person, Person.id == Question.author_id)
        .where(Question.conference_id == conference_id, Question.session_id == session_id)
    )


async def _questions(db: AsyncSession, wanted: Select[Any]) -> list[rules.Question]:
    # What an earlier statement of this transaction read may have been updated since.
    rows = await db.execute(wanted.execution_options(populate_existing=True))
    return [_question(row, name, degree, votes) for row, name, degree, votes in rows]


def _question(row: Question, name: str, degree: str, votes: int) -> rules.Question:
    shown = ", ".join(part for part in (name, degree) if part)
    return rules.Question(
        id=row.id,
        session_id=row.session_id,
        author_id=row.author_id,
        author="" if row.anonymous else shown or "A participant",
        text=row.text,
        anonymous=row.anonymous,
        status=row.status,
        reason=row.reason,
        asked_at=row.asked_at,
        votes=votes,
        revision=row.revision,
    )
