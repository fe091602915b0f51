"""Polls and answers as rows: one answer a person, replaced while the poll is open."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.db import Base, Doc, Word, insert_once, of_session, overwriting, padded
from server.errors import NotFound, Refused
from server.ids import new_id
from server.polls import rules
from server.polls.rules import Kind, Status, Tally

MAX_POLLS = 100
"""Of one session; a page holds them all."""


class Poll(Base):
    __tablename__ = "poll"
    __table_args__ = (
        of_session(),
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
    revision: Mapped[int] = mapped_column(default=0)  # of two states the greater counts


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """One answer as it waits to be written."""

    conference_id: UUID
    session_id: UUID
    poll_id: UUID
    person_id: UUID
    choices: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer on record, and whether the audience sees the poll's result."""

    choices: tuple[int, ...]
    revealed: bool


async def add(
    db: AsyncSession,
    conference_id: UUID,
    session_id: UUID,
    poll_id: UUID,
    *,
    created_by: UUID,
    draft: rules.Draft,
) -> bool:
    """False when there is a poll with this id already: its command came twice."""
    return await insert_once(
        db,
        Poll,
        conference_id=conference_id,
        id=poll_id,
        session_id=session_id,
        text=draft.text,
        kind=draft.kind,
        options=list(draft.options),
        status=Status.DRAFT,
        revealed=False,
        created_by=created_by,
        created_at=clock.now(),
        opened_at=None,
        closed_at=None,
        revision=0,
    )


async def count(db: AsyncSession, conference_id: UUID, session_id: UUID) -> int:
    found = await db.scalar(
        select(func.count())
        .select_from(Poll)
        .where(Poll.conference_id == conference_id, Poll.session_id == session_id)
    )
    return found or 0


async def poll(
    db: AsyncSession, conference_id: UUID, session_id: UUID, poll_id: UUID, *, lock: bool = False
) -> rules.Poll:
    """Raises NotFound; with `lock` nobody answers or changes it until the transaction ends."""
    wanted = select(Poll).where(
        Poll.conference_id == conference_id, Poll.session_id == session_id, Poll.id == poll_id
    )
    if lock:
        wanted = wanted.with_for_update()
    row = await db.scalar(wanted.execution_options(populate_existing=True))
    if row is None:
        raise NotFound("There is no such poll.")
    return _poll(row)


async def polls(
    db: AsyncSession, conference_id: UUID, session_id: UUID, statuses: Sequence[Status]
) -> list[rules.Poll]:
    """A session's polls in the order in which they were made."""
    rows = await db.scalars(
        select(Poll)
        .where(
            Poll.conference_id == conference_id,
            Poll.session_id == session_id,
            Poll.status.in_(statuses),
        )
        .order_by(Poll.created_at, Poll.id)
    )
    return [_poll(row) for row in rows]


async def set_status(db: AsyncSession, conference_id: UUID, poll_id: UUID, status: Status) -> None:
    now = clock.now()
    if status is Status.OPEN:
        await _change(db, conference_id, poll_id, status=status, opened_at=now, closed_at=None)
    else:
        await _change(db, conference_id, poll_id, status=status, closed_at=now)


async def set_revealed(
    db: AsyncSession, conference_id: UUID, poll_id: UUID, *, revealed: bool
) -> None:
    await _change(db, conference_id, poll_id, revealed=revealed)


async def remove(db: AsyncSession, conference_id: UUID, poll_id: UUID) -> None:
    await db.execute(delete(Poll).where(Poll.conference_id == conference_id, Poll.id == poll_id))


async def tally(db: AsyncSession, conference_id: UUID, poll: rules.Poll) -> Tally:
    return (await tallies(db, conference_id, [poll]))[poll.id]


async def tallies(
    db: AsyncSession, conference_id: UUID, polls: Sequence[rules.Poll]
) -> dict[UUID, Tally]:
    """The answers to each poll, counted by the database for each distinct one."""
    rows = await db.execute(
        select(PollAnswer.poll_id, PollAnswer.choices, func.count())
        .where(
            PollAnswer.conference_id == conference_id,
            PollAnswer.poll_id.in_([poll.id for poll in polls]),
        )
        .group_by(PollAnswer.poll_id, PollAnswer.choices)
    )
    given: dict[UUID, list[tuple[Sequence[int], int]]] = {}
    for poll_id, choices, people in rows:
        given.setdefault(poll_id, []).append((choices, people))
    return {poll.id: rules.tally(len(poll.options), given.get(poll.id, ())) for poll in polls}


async def answers_of(
    db: AsyncSession, conference_id: UUID, session_id: UUID, person_ids: Collection[UUID]
) -> dict[UUID, dict[UUID, tuple[int, ...]]]:
    """What each of these people answered to the polls of a session, by person and poll."""
    rows = await db.execute(
        select(PollAnswer.person_id, PollAnswer.poll_id, PollAnswer.choices)
        .join(
            Poll, (Poll.conference_id == PollAnswer.conference_id) & (Poll.id == PollAnswer.poll_id)
        )
        .where(
            PollAnswer.conference_id == conference_id,
            PollAnswer.person_id.in_(padded(person_ids)),
            Poll.session_id == session_id,
        )
    )
    found: dict[UUID, dict[UUID, tuple[int, ...]]] = {each: {} for each in person_ids}
    for person_id, poll_id, choices in rows:
        found[person_id][poll_id] = tuple(choices)
    return found


async def write_answers(db: AsyncSession, items: Sequence[Answering]) -> list[Kept | Refused]:
    """Write many answers in one transaction; for each what is kept, or why not.

    Each poll is read once and held against closing until the group is committed, so that none
    counts after the close. A person's last answer replaces those before. One that is on record and
    comes again after the close, because its sender was never told, is answered as kept.
    """
    held = await _held(db, items)
    outcomes: list[Kept | Refused] = []
    kept: dict[tuple[UUID, UUID, UUID], tuple[int, ...]] = {}
    for item in items:
        outcome = _choose(held.get((item.conference_id, item.poll_id)), item)
        outcomes.append(outcome)
        if not isinstance(outcome, Refused):
            kept[item.conference_id, item.poll_id, item.person_id] = outcome.choices
    if kept:
        await _keep(db, kept)
    late = [at for at, outcome in enumerate(outcomes) if isinstance(outcome, rules.Closed)]
    recorded = await _recorded(db, [items[at] for at in late]) if late else {}
    for at in late:
        item = items[at]
        choices = recorded.get((item.conference_id, item.poll_id, item.person_id))
        if choices == tuple(sorted(set(item.choices))):
            revealed = held[item.conference_id, item.poll_id].revealed
            outcomes[at] = Kept(choices=choices, revealed=revealed)
    return outcomes


def _choose(poll: rules.Poll | None, item: Answering) -> Kept | Refused:
    if poll is None or poll.session_id != item.session_id or poll.status is Status.DRAFT:
        return NotFound("There is no such poll.")
    try:
        return Kept(choices=rules.choose(poll, item.choices), revealed=poll.revealed)
    except Refused as refused:
        return refused


async def _held(
    db: AsyncSession, items: Sequence[Answering]
) -> dict[tuple[UUID, UUID], rules.Poll]:
    keys = sorted({(item.conference_id, item.poll_id) for item in items})
    rows = await db.scalars(
        select(Poll)
        .where(tuple_(Poll.conference_id, Poll.id).in_(keys))
        .order_by(Poll.conference_id, Poll.id)
        .with_for_update(read=True)
    )
    return {(row.conference_id, row.id): _poll(row) for row in rows}


async def _recorded(
    db: AsyncSession, items: Sequence[Answering]
) -> dict[tuple[UUID, UUID, UUID], tuple[int, ...]]:
    row = PollAnswer
    keys = sorted({(item.conference_id, item.poll_id, item.person_id) for item in items})
    rows = await db.execute(
        select(row.conference_id, row.poll_id, row.person_id, row.choices).where(
            tuple_(row.conference_id, row.poll_id, row.person_id).in_(keys)
        )
    )
    return {
        (conference_id, poll_id, person_id): tuple(choices)
        for conference_id, poll_id, person_id, choices in rows
    }


async def _keep(db: AsyncSession, kept: dict[tuple[UUID, UUID, UUID], tuple[int, ...]]) -> None:
    key = "conference_id", "poll_id", "person_id"
    now = clock.now()
    await db.execute(
        overwriting(db, PollAnswer, key, ("choices", "answered_at")),
        [
            {
                "conference_id": conference_id,
                "poll_id": poll_id,
                "person_id": person_id,
                "choices": list(kept[conference_id, poll_id, person_id]),
                "answered_at": now,
            }
            for conference_id, poll_id, person_id in sorted(kept)
        ],
    )


async def _change(db: AsyncSession, conference_id: UUID, poll_id: UUID, **values: object) -> None:
    await db.execute(
        update(Poll)
        .where(Poll.conference_id == conference_id, Poll.id == poll_id)
        .values(**values, revision=Poll.revision + 1)
    )


def _poll(row: Poll) -> rules.Poll:
    return rules.Poll(
        id=row.id,
        session_id=row.session_id,
        text=row.text,
        kind=row.kind,
        options=tuple(row.options),
        status=row.status,
        revealed=row.revealed,
        opened_at=row.opened_at,
        revision=row.revision,
    )
