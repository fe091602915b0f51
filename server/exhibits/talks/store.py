"""Visits, the queue, threads and staff as rows.

A visitor is a visit here: nothing that leaves this file names the person behind it.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from server import clock
from server.db import insert_once
from server.errors import Forbidden, NotFound
from server.exhibits import rules
from server.exhibits.rules import RUNNING, STAY_LEASE, Ended, Reused, Taken, TalkStatus
from server.exhibits.store import BoothLine, BoothStaff, Talk, Visit
from server.ids import new_id

MAX_LINES = 200
"""What a page shows of a thread, newest kept."""

MAX_THREADS = 100


async def visit_of(
    db: AsyncSession, conference_id: UUID, booth_id: UUID, person_id: UUID
) -> UUID | None:
    return await db.scalar(
        select(Visit.id).where(
            Visit.conference_id == conference_id,
            Visit.booth_id == booth_id,
            Visit.person_id == person_id,
        )
    )


async def enter(db: AsyncSession, conference_id: UUID, booth_id: UUID, person_id: UUID) -> UUID:
    """The person's visit to this booth, begun when there is none; two tabs begin one."""
    await insert_once(
        db, Visit, conference_id=conference_id, id=uuid4(), booth_id=booth_id,
        person_id=person_id, started_at=clock.now(), seen_at=clock.now(),
    )  # fmt: skip
    visit_id = await visit_of(db, conference_id, booth_id, person_id)
    assert visit_id is not None, "it was inserted just now, or was there"
    await stay(db, conference_id, visit_id)
    return visit_id


async def stay(db: AsyncSession, conference_id: UUID, visit_id: UUID) -> None:
    """The visitor is still there: their place in the queue holds."""
    await db.execute(
        update(Visit)
        .where(Visit.conference_id == conference_id, Visit.id == visit_id)
        .values(seen_at=clock.now())
    )


# The queue.


async def ask(
    db: AsyncSession,
    conference_id: UUID,
    booth_id: UUID,
    visit_id: UUID,
    *,
    about: str,
    command_id: UUID,
) -> UUID:
    """Join the queue, once: who stands in it already keeps their place."""
    new = await insert_once(
        db, Talk, conference_id=conference_id, id=(talk_id := new_id()), booth_id=booth_id,
        visit_id=visit_id, about=about, status=TalkStatus.WAITING, command_id=command_id,
        asked_at=clock.now(),
    )  # fmt: skip
    if new:
        return talk_id
    same = select(Talk.id).where(Talk.conference_id == conference_id, Talk.visit_id == visit_id)
    found = await db.scalar(same.where(Talk.command_id == command_id))
    found = found or await db.scalar(same.where(Talk.status.in_(RUNNING)))
    if found is None:
        raise Reused("This was sent before, by somebody else.")
    return found


async def leave(db: AsyncSession, conference_id: UUID, visit_id: UUID) -> bool:
    """Leave the queue or the talk; False when the visitor was in neither."""
    mine = (Talk.conference_id == conference_id, Talk.visit_id == visit_id)
    left = await db.execute(
        update(Talk)
        .where(*mine, Talk.status == TalkStatus.WAITING)
        .values(status=TalkStatus.LEFT, ended_at=clock.now())
        .returning(Talk.id)
    )
    ended = await db.execute(
        update(Talk)
        .where(*mine, Talk.status == TalkStatus.TALKING)
        .values(status=TalkStatus.DONE, ended_at=clock.now())
        .returning(Talk.id)
    )
    return bool(left.all() or ended.all())


async def take(
    db: AsyncSession, conference_id: UUID, booth_id: UUID, talk_id: UUID, staff_id: UUID
) -> UUID:
    """Begin a talk with one of the staff, in one statement: of two who take it one succeeds."""
    here = (Talk.conference_id == conference_id, Talk.booth_id == booth_id, Talk.id == talk_id)
    taken: UUID | None = await db.scalar(
        update(Talk)
        .where(*here, Talk.status == TalkStatus.WAITING)
        .values(status=TalkStatus.TALKING, staff_id=staff_id, begun_at=clock.now())
        .returning(Talk.visit_id)
    )
    if taken is not None:
        return taken
    row = await db.scalar(select(Talk).where(*here))
    if row is None:
        raise NotFound("There is no such talk.")
    if row.status is not TalkStatus.TALKING:
        raise Ended("The visitor has left.")
    if row.staff_id != staff_id:
        raise Taken("A colleague is talking to this visitor.")
    return row.visit_id


async def end(db: AsyncSession, conference_id: UUID, booth_id: UUID, talk_id: UUID) -> UUID:
    """End a talk; ended twice it stays as it was."""
    here = (Talk.conference_id == conference_id, Talk.booth_id == booth_id, Talk.id == talk_id)
    await db.execute(
        update(Talk)
        .where(*here, Talk.status == TalkStatus.TALKING)
        .values(status=TalkStatus.DONE, ended_at=clock.now())
    )
    visit_id = await db.scalar(select(Talk.visit_id).where(*here))
    if visit_id is None:
        raise NotFound("There is no such talk.")
    return visit_id


async def queue(db: AsyncSession, conference_id: UUID, booth_id: UUID) -> list[rules.Waiting]:
    """Talks that wait or run, first come first."""
    rows = await db.scalars(
        select(Talk)
        .where(
            Talk.conference_id == conference_id,
            Talk.booth_id == booth_id,
            Talk.status.in_(RUNNING),
        )
        .order_by(Talk.asked_at, Talk.id)
    )
    return [
        rules.Waiting(
            id=row.id,
            visit_id=row.visit_id,
            about=row.about,
            status=row.status,
            staff_id=row.staff_id,
            asked_at=row.asked_at,
            begun_at=row.begun_at,
        )
        for row in rows
    ]


# Threads.


async def say(
    db: AsyncSession,
    conference_id: UUID,
    visit_id: UUID,
    *,
    staff_id: UUID | None,
    text: str,
    command_id: UUID,
) -> tuple[UUID, bool]:
    """Add a line; its id, and whether it is new. Sent again it is the line that is there."""
    new = await insert_once(
        db, BoothLine, conference_id=conference_id, id=(line_id := new_id()), visit_id=visit_id,
        staff_id=staff_id, text=text, command_id=command_id, said_at=clock.now(),
    )  # fmt: skip
    if new:
        return line_id, True
    row = await db.scalar(
        select(BoothLine).where(
            BoothLine.conference_id == conference_id, BoothLine.command_id == command_id
        )
    )
    assert row is not None, "it is what was in the way"
    if (row.visit_id, row.staff_id, row.text) != (visit_id, staff_id, text):
        raise Reused("This was sent before, and said something else.")
    return row.id, False


async def check_visit(
    db: AsyncSession, conference_id: UUID, booth_id: UUID, visit_id: UUID
) -> None:
    """Whether a visit is to this booth; staff may write in no other thread."""
    booth = await db.scalar(
        select(Visit.booth_id).where(Visit.conference_id == conference_id, Visit.id == visit_id)
    )
    if booth != booth_id:
        raise Forbidden("This is a thread of another booth.")


async def line(db: AsyncSession, conference_id: UUID, line_id: UUID) -> rules.Line:
    found = await _lines(db, conference_id, BoothLine.id == line_id)
    return found[0]


async def lines(db: AsyncSession, conference_id: UUID, visit_id: UUID) -> list[rules.Line]:
    return await _lines(db, conference_id, BoothLine.visit_id == visit_id)


class Thread(NamedTuple):
    """A visitor's lines with a booth, as the list of threads shows it."""

    visit_id: UUID
    last: rules.Line


async def threads(db: AsyncSession, conference_id: UUID, booth_id: UUID) -> list[Thread]:
    """The newest line of every thread, the newest thread first."""
    newest = (
        select(func.max(BoothLine.said_at).label("at"), BoothLine.visit_id)
        .join(
            Visit,
            (Visit.conference_id == BoothLine.conference_id) & (Visit.id == BoothLine.visit_id),
        )
        .where(BoothLine.conference_id == conference_id, Visit.booth_id == booth_id)
        .group_by(BoothLine.visit_id)
        .order_by(func.max(BoothLine.said_at).desc())
        .limit(MAX_THREADS)
    )
    found: list[Thread] = []
    for _, visit_id in await db.execute(newest):
        last = await _lines(db, conference_id, BoothLine.visit_id == visit_id, limit=1)
        found.append(Thread(visit_id, last[-1]))
    return found


async def _lines(
    db: AsyncSession, conference_id: UUID, condition: object, *, limit: int = MAX_LINES
) -> list[rules.Line]:
    rows = await db.execute(
        select(BoothLine, BoothStaff.called)
        .join(
            Visit,
            (Visit.conference_id == BoothLine.conference_id) & (Visit.id == BoothLine.visit_id),
        )
        .outerjoin(
            BoothStaff,
            (BoothStaff.conference_id == BoothLine.conference_id)
            & (BoothStaff.booth_id == Visit.booth_id)
            & (BoothStaff.person_id == BoothLine.staff_id),
        )
        .where(BoothLine.conference_id == conference_id, condition)  # type: ignore[arg-type]
        .order_by(BoothLine.said_at.desc(), BoothLine.id.desc())
        .limit(limit)
    )
    found = [
        rules.Line(
            id=row.id,
            visit_id=row.visit_id,
            called=None if row.staff_id is None else called or "Staff",
            text=row.text,
            said_at=row.said_at,
        )
        for row, called in rows
    ]
    return found[::-1]


# The staff.


async def staff(
    db: AsyncSession, conference_id: UUID, booth_id: UUID | None = None
) -> dict[UUID, list[rules.Staff]]:
    """Everybody who was at a desk, by booth and name; of one booth or of the whole hall."""
    wanted = select(BoothStaff).where(BoothStaff.conference_id == conference_id)
    if booth_id is not None:
        wanted = wanted.where(BoothStaff.booth_id == booth_id)
    since = clock.now() - STAY_LEASE
    found: dict[UUID, list[rules.Staff]] = {}
    for row in await db.scalars(wanted.order_by(BoothStaff.called, BoothStaff.id)):
        found.setdefault(row.booth_id, []).append(
            rules.Staff(
                id=row.id,
                person_id=row.person_id,
                called=row.called,
                line=row.line,
                available=row.available,
                here=row.seen_at is not None and row.seen_at > since,
            )
        )
    return found


async def waiting(db: AsyncSession, conference_id: UUID) -> dict[UUID, int]:
    """How many wait at each booth; a booth where nobody does is absent."""
    rows = await db.execute(
        select(Talk.booth_id, func.count())
        .where(Talk.conference_id == conference_id, Talk.status == TalkStatus.WAITING)
        .group_by(Talk.booth_id)
    )
    return {booth_id: count for booth_id, count in rows}  # noqa: C416 - rows are no pairs to mypy


async def man(
    db: AsyncSession, conference_id: UUID, booth_id: UUID, person_id: UUID, called: str
) -> None:
    """One of the staff is at the desk; the first time under their first name."""
    await insert_once(
        db, BoothStaff, conference_id=conference_id, id=uuid4(), booth_id=booth_id,
        person_id=person_id, called=called, line="", available=True, seen_at=clock.now(),
    )  # fmt: skip
    await set_staff(db, conference_id, booth_id, person_id, seen_at=clock.now())


async def set_staff(
    db: AsyncSession,
    conference_id: UUID,
    booth_id: UUID,
    person_id: UUID,
    **values: str | bool | datetime | None,
) -> None:
    await db.execute(
        update(BoothStaff)
        .where(
            BoothStaff.conference_id == conference_id,
            BoothStaff.booth_id == booth_id,
            BoothStaff.person_id == person_id,
        )
        .values(**values)
    )


# Who has gone without saying so.


async def lapsing(db: AsyncSession) -> bool:
    """Whether `lapse` has anything to do: a look costs less than a write."""
    before = clock.now() - STAY_LEASE
    gone = select(BoothStaff.id).where(BoothStaff.seen_at < before).exists()
    left = (
        select(Talk.id)
        .join(Visit, (Visit.conference_id == Talk.conference_id) & (Visit.id == Talk.visit_id))
        .where(Talk.status == TalkStatus.WAITING, Visit.seen_at < before)
        .exists()
    )
    return bool(await db.scalar(select(or_(gone, left))))


async def lapse(db: AsyncSession) -> dict[tuple[UUID, UUID], list[UUID]]:
    """Let go of visitors and staff not seen for the lease; by booth, the visits that lost a place.

    A booth where only staff have gone is there with no visit.
    """
    before = clock.now() - STAY_LEASE
    changed: dict[tuple[UUID, UUID], list[UUID]] = {}
    gone = await db.execute(
        update(BoothStaff)
        .where(BoothStaff.seen_at < before)
        .values(seen_at=None)
        .returning(BoothStaff.conference_id, BoothStaff.booth_id)
    )
    for conference_id, booth_id in gone:
        changed.setdefault((conference_id, booth_id), [])
    silent = select(Visit.id).where(Visit.id == Talk.visit_id, Visit.seen_at < before).exists()
    left = await db.execute(
        update(Talk)
        .where(Talk.status == TalkStatus.WAITING, silent)
        .values(status=TalkStatus.LEFT, ended_at=clock.now())
        .returning(Talk.conference_id, Talk.booth_id, Talk.visit_id)
    )
    for conference_id, booth_id, visit_id in left:
        changed.setdefault((conference_id, booth_id), []).append(visit_id)
    return changed
