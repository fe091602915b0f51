"""Seeds and checks as rows. Whatever happens to a check enters the ledger in its transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server.agenda.rules import Phase
from server.agenda.store import Faculty, Session
from server.attendance import checks, ledger
from server.attendance.chain import Entry, Kind
from server.attendance.checks import Put, State
from server.attendance.rules import LEASE_MS, Counts
from server.attendance.store import OpenSpan
from server.db import Base, Word, insert_once
from server.errors import NotFound
from server.ids import new_id

IN_SESSION = ["session.conference_id", "session.id"]


class CheckSeed(Base):
    """The secret that decides a session's times; a session taken up again gets another one."""

    __tablename__ = "check_seed"
    __table_args__ = (
        ForeignKeyConstraint(["conference_id", "session_id"], IN_SESSION, ondelete="CASCADE"),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seed: Mapped[bytes] = mapped_column(LargeBinary)
    an_hour: Mapped[int]
    from_ms: Mapped[int]
    revealed_ms: Mapped[int | None]


class PresenceCheck(Base):
    """A check that was put to one learner, and what became of it."""

    __tablename__ = "presence_check"
    __table_args__ = (
        ForeignKeyConstraint(["conference_id", "session_id"], IN_SESSION, ondelete="CASCADE"),
        Index(
            "uq_presence_check_number",
            "conference_id", "session_id", "person_id", "seed_number", "number",
            unique=True,
        ),
        Index("ix_presence_check_state", "state", "closes_ms"),
        Index("ix_presence_check_person_id", "conference_id", "person_id"),
    )  # fmt: skip

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    seed_number: Mapped[int]
    number: Mapped[int]
    due_ms: Mapped[int]
    asked_ms: Mapped[int]
    closes_ms: Mapped[int]
    extended: Mapped[bool]
    state: Mapped[State] = mapped_column(Word(State))
    ended_ms: Mapped[int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A seed that is not revealed yet, and where its session stands."""

    conference_id: UUID
    session_id: UUID
    number: int
    seed: bytes
    an_hour: int
    from_ms: int
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A check as the schedule wants it put now."""

    person_id: UUID
    number: int
    due_ms: int


async def running_seeds(db: AsyncSession) -> list[Seed]:
    rows = await db.execute(
        select(CheckSeed, Session.phase)
        .join(
            Session,
            (Session.conference_id == CheckSeed.conference_id)
            & (Session.id == CheckSeed.session_id),
        )
        .where(CheckSeed.revealed_ms.is_(None))
        .order_by(CheckSeed.conference_id, CheckSeed.session_id)
    )
    return [
        Seed(
            conference_id=row.conference_id, session_id=row.session_id, number=row.number,
            seed=row.seed, an_hour=row.an_hour, from_ms=row.from_ms, phase=Phase(phase),
        )
        for row, phase in rows
    ]  # fmt: skip


async def commit_seed(
    db: AsyncSession,
    conference_id: UUID,
    session_id: UUID,
    *,
    seed: bytes,
    an_hour: int,
    at_ms: int,
) -> bool:
    """Hold a seed fast by its hash; False when another process was faster."""
    known = list(
        await db.scalars(
            select(CheckSeed)
            .where(CheckSeed.conference_id == conference_id, CheckSeed.session_id == session_id)
            .order_by(CheckSeed.number)
        )
    )
    if known and known[-1].revealed_ms is None:
        return False
    number = len(known) + 1
    new = await insert_once(
        db, CheckSeed, conference_id=conference_id, session_id=session_id, number=number,
        seed=seed, an_hour=an_hour, from_ms=at_ms, revealed_ms=None,
    )  # fmt: skip
    if new:
        body = {
            "an_hour": an_hour, "commitment": checks.commitment(seed), "from_ms": at_ms,
            "number": number, "session": session_id.hex,
        }  # fmt: skip
        await ledger.append(db, conference_id, [Entry(kind=Kind.CHECKS_COMMITTED, body=body)])
    return new


async def reveal(db: AsyncSession, seed: Seed, at_ms: int) -> bool:
    """The session is over: from now on anybody can recompute every time."""
    row = await db.scalar(
        select(CheckSeed)
        .where(
            CheckSeed.conference_id == seed.conference_id,
            CheckSeed.session_id == seed.session_id,
            CheckSeed.number == seed.number,
            CheckSeed.revealed_ms.is_(None),
        )
        .with_for_update()
    )
    if row is None:
        return False
    row.revealed_ms = at_ms
    await db.flush()
    body = {"number": seed.number, "seed": seed.seed.hex(), "session": seed.session_id.hex}
    await ledger.append(db, seed.conference_id, [Entry(kind=Kind.CHECKS_REVEALED, body=body)])
    return True


async def running(
    db: AsyncSession,
    conference_id: UUID,
    session_id: UUID,
    *,
    since_ms: int,
    counts: Counts,
    person_ids: Collection[UUID] | None = None,
) -> list[UUID]:
    """Whose evidence is running in a session, faculty of it apart: those who may be asked."""
    wanted = select(OpenSpan.person_id).where(
        OpenSpan.conference_id == conference_id,
        OpenSpan.space_id == session_id,
        OpenSpan.last_ms >= since_ms - LEASE_MS,
        OpenSpan.person_id.not_in(
            select(Faculty.person_id).where(
                Faculty.conference_id == conference_id,
                Faculty.session_id == session_id,
                Faculty.person_id.is_not(None),
            )
        ),
    )
    if counts is Counts.PLAYING:
        wanted = wanted.where(OpenSpan.playing)
    if counts is Counts.VISIBLE:
        wanted = wanted.where(OpenSpan.visible)
    if person_ids is not None:
        wanted = wanted.where(OpenSpan.person_id.in_(person_ids))
    return sorted(await db.scalars(wanted.distinct()))


async def put(db: AsyncSession, seed: Seed, wanted: Sequence[Due], at_ms: int) -> list[Put]:
    """Ask these learners, each once, whichever process comes first."""
    made: list[tuple[Put, Due]] = []
    for one in wanted:
        asked = Put(
            id=new_id(), session_id=seed.session_id, person_id=one.person_id, number=one.number,
            asked_ms=at_ms, closes_ms=at_ms + checks.ANSWER_MS,
        )  # fmt: skip
        new = await insert_once(
            db, PresenceCheck, conference_id=seed.conference_id, id=asked.id,
            session_id=seed.session_id, person_id=one.person_id, seed_number=seed.number,
            number=one.number, due_ms=one.due_ms, asked_ms=at_ms, closes_ms=asked.closes_ms,
            extended=False, state=State.OPEN, ended_ms=None,
        )  # fmt: skip
        if new:
            made.append((asked, one))
    extra = {asked.id: {"due_ms": one.due_ms, "seed": seed.number} for asked, one in made}
    found = [asked for asked, _ in made]
    await _enter(db, seed.conference_id, found, step="asked", at_ms=at_ms, extra=extra)
    return found


async def one(
    db: AsyncSession, conference_id: UUID, check_id: UUID, *, session_id: UUID, person_id: UUID
) -> PresenceCheck:
    """A learner's own check, held until COMMIT."""
    row = await db.scalar(
        select(PresenceCheck)
        .where(
            PresenceCheck.conference_id == conference_id,
            PresenceCheck.id == check_id,
            PresenceCheck.session_id == session_id,
            PresenceCheck.person_id == person_id,
        )
        .with_for_update()
    )
    if row is None:
        raise NotFound("There is no such check.")
    return row


def read(row: PresenceCheck) -> Put:
    return Put(
        id=row.id, session_id=row.session_id, person_id=row.person_id, number=row.number,
        asked_ms=row.asked_ms, closes_ms=row.closes_ms, extended=row.extended, state=row.state,
        ended_ms=row.ended_ms,
    )  # fmt: skip


async def change(
    db: AsyncSession, row: PresenceCheck, changed: Put, *, step: str, at_ms: int
) -> bool:
    """Keep what became of a check; False, and no row in the ledger, when nothing did."""
    if changed == read(row):
        return False
    _write(row, changed)
    await db.flush()
    await _enter(db, row.conference_id, [changed], step=step, at_ms=at_ms)
    return True


async def lapse(db: AsyncSession, now_ms: int) -> list[Put]:
    """Whoever had not answered in time has missed the check."""
    late = PresenceCheck.closes_ms < now_ms - checks.ON_THE_WAY_MS
    return await _end(db, [late], now_ms, State.LAPSED)


async def lapsing(db: AsyncSession, now_ms: int) -> bool:
    wanted = select(PresenceCheck.id).where(
        PresenceCheck.state == State.OPEN,
        PresenceCheck.closes_ms < now_ms - checks.ON_THE_WAY_MS,
    )
    return await db.scalar(wanted.limit(1)) is not None


async def any_open(db: AsyncSession, seed: Seed) -> bool:
    wanted = select(PresenceCheck.id).where(PresenceCheck.state == State.OPEN, *_here(seed))
    return await db.scalar(wanted.limit(1)) is not None


async def withdraw(db: AsyncSession, seed: Seed, now_ms: int) -> list[Put]:
    """Call off what is open of a session that is off air."""
    return await _end(db, _here(seed), now_ms, State.WITHDRAWN)


async def renew(db: AsyncSession, now_ms: int) -> list[Put]:
    """Give the whole time anew for what is open: while no process ran, nobody could answer."""
    renewed: list[Put] = []
    by_conference: dict[UUID, list[Put]] = {}
    for row in await _open(db, []):
        row.closes_ms = max(row.closes_ms, now_ms + checks.ANSWER_MS)
        renewed.append(read(row))
        by_conference.setdefault(row.conference_id, []).append(renewed[-1])
    await db.flush()
    for conference_id in sorted(by_conference):
        await _enter(db, conference_id, by_conference[conference_id], step="renewed", at_ms=now_ms)
    return renewed


async def _end(
    db: AsyncSession, which: Sequence[ColumnElement[bool]], now_ms: int, state: State
) -> list[Put]:
    rows = await _open(db, which)
    by_conference: dict[UUID, list[Put]] = {}
    for row in rows:
        row.state, row.ended_ms = state, now_ms
        by_conference.setdefault(row.conference_id, []).append(read(row))
    await db.flush()
    for conference_id in sorted(by_conference):
        await _enter(
            db, conference_id, by_conference[conference_id], step=state.value, at_ms=now_ms
        )
    return [read(row) for row in rows]


async def _open(db: AsyncSession, which: Sequence[ColumnElement[bool]]) -> list[PresenceCheck]:
    rows = await db.scalars(
        select(PresenceCheck)
        .where(PresenceCheck.state == State.OPEN, *which)
        .order_by(PresenceCheck.conference_id, PresenceCheck.id)
        .with_for_update()
    )
    return list(rows)


def _here(seed: Seed) -> list[ColumnElement[bool]]:
    return [
        PresenceCheck.conference_id == seed.conference_id,
        PresenceCheck.session_id == seed.session_id,
    ]


def _write(row: PresenceCheck, changed: Put) -> None:
    row.closes_ms, row.extended = changed.closes_ms, changed.extended
    row.state, row.ended_ms = changed.state, changed.ended_ms


async def _enter(
    db: AsyncSession,
    conference_id: UUID,
    told: Sequence[Put],
    *,
    step: str,
    at_ms: int,
    extra: dict[UUID, dict[str, int]] | None = None,
) -> None:
    if not told:
        return
    known = await ledger.pseudonyms(db, {each.person_id for each in told})
    entries = [
        Entry(
            kind=Kind.CHECK,
            subject=known[each.person_id].subject,
            body={
                "at_ms": at_ms, "check": each.id.hex, "closes_ms": each.closes_ms,
                "number": each.number, "session": each.session_id.hex, "step": step,
                **(extra or {}).get(each.id, {}),
            },
        )
        for each in told
    ]  # fmt: skip
    await ledger.append(db, conference_id, entries)


async def of_persons(
    db: AsyncSession,
    conference_id: UUID,
    person_ids: Collection[UUID],
    *,
    session_id: UUID | None = None,
) -> dict[UUID, list[Put]]:
    """Every check that was put to these people, or those of one session, in order of time."""
    wanted = select(PresenceCheck).where(
        PresenceCheck.conference_id == conference_id, PresenceCheck.person_id.in_(person_ids)
    )
    if session_id is not None:
        wanted = wanted.where(PresenceCheck.session_id == session_id)
    rows = await db.scalars(wanted.order_by(PresenceCheck.asked_ms, PresenceCheck.id))
    found: dict[UUID, list[Put]] = {}
    for row in rows:
        found.setdefault(row.person_id, []).append(read(row))
    return found


async def as_told(
    db: AsyncSession, conference_id: UUID, *, person_id: UUID | None = None
) -> dict[str, tuple[str, str]]:
    """Subject and state of every check, as the ledger has to tell them; of one person, or all."""
    wanted = (
        select(PresenceCheck.id, PresenceCheck.state, ledger.Subject.subject)
        .outerjoin(ledger.Subject, ledger.Subject.person_id == PresenceCheck.person_id)
        .where(PresenceCheck.conference_id == conference_id)
    )
    if person_id is not None:
        wanted = wanted.where(PresenceCheck.person_id == person_id)
    return {
        row.id.hex: (row.subject.hex if row.subject else "", row.state.value)
        for row in await db.execute(wanted)
    }
