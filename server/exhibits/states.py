"""A booth as its visitors, its staff and the hall see it now; and telling them when it changes."""

from collections.abc import Sequence
from uuid import UUID

from server import clock, topics
from server.db import Rows
from server.exhibits import rules, wire
from server.exhibits.rules import TalkStatus
from server.exhibits.talks import store as talks
from server.services import Services

QUEUE = "queue"


async def booth(db: Rows, conference_id: UUID, booth_id: UUID) -> wire.Booth:
    staff = (await talks.staff(db, conference_id, booth_id)).get(booth_id, [])
    queue = await talks.queue(db, conference_id, booth_id)
    return wire.Booth(
        key=str(booth_id),
        staff=_present(staff, queue),
        waiting=sum(talk.status is TalkStatus.WAITING for talk in queue),
    )


async def hall(db: Rows, conference_id: UUID) -> dict[UUID, wire.Booth]:
    """Booths with somebody there or in the queue; an empty one is absent."""
    staff = await talks.staff(db, conference_id)
    waiting = await talks.waiting(db, conference_id)
    states = {
        booth_id: wire.Booth(
            key=str(booth_id),
            staff=_present(staff.get(booth_id, []), ()),
            waiting=waiting.get(booth_id, 0),
        )
        for booth_id in staff.keys() | waiting.keys()
    }
    return {key: state for key, state in states.items() if state.staff or state.waiting}


async def queue(db: Rows, conference_id: UUID, booth_id: UUID) -> wire.Queue:
    staff = (await talks.staff(db, conference_id, booth_id)).get(booth_id, [])
    running = await talks.queue(db, conference_id, booth_id)
    named = {each.person_id: each.id for each in staff}
    busy = {talk.staff_id for talk in running}
    return wire.Queue(
        key=QUEUE,
        waiting=tuple(_asking(t, named) for t in running if t.status is TalkStatus.WAITING),
        talking=tuple(_asking(t, named) for t in running if t.status is TalkStatus.TALKING),
        staff=tuple(
            wire.Present(
                id=each.id,
                called=each.called,
                line=each.line,
                available=each.available,
                here=each.here,
                busy=each.person_id in busy,
            )
            for each in staff
        ),
    )


async def talk(db: Rows, conference_id: UUID, booth_id: UUID, visit_id: UUID) -> wire.Talk:
    """Where a visitor stands: nowhere, at a place in the queue, or with one of the staff."""
    running = await talks.queue(db, conference_id, booth_id)
    waiting = [talk for talk in running if talk.status is TalkStatus.WAITING]
    key = str(visit_id)
    for place, mine in enumerate(waiting, 1):
        if mine.visit_id == visit_id:
            return wire.Talk(
                key=key,
                status=mine.status,
                place=place,
                waiting=len(waiting),
                about=mine.about,
            )
    for mine in running:
        if mine.visit_id == visit_id:
            staff = (await talks.staff(db, conference_id, booth_id)).get(booth_id, [])
            called = next((s.called for s in staff if s.person_id == mine.staff_id), "Staff")
            return wire.Talk(key=key, status=mine.status, called=called, about=mine.about)
    return wire.Talk(key=key, status="")


def line(said: rules.Line) -> wire.Line:
    return wire.Line(
        id=said.id,
        visit=said.visit_id,
        called=said.called or "",
        text=said.text,
        said_ms=clock.milliseconds(said.said_at),
    )


async def show(
    services: Services, conference_id: UUID, booth_id: UUID, *visits: UUID | None
) -> None:
    """Who is at the booth or in its queue has changed: tell the hall, the booth, desk and line.

    `visits` are those that are in the queue no longer; who still is, is found here.
    """

    async def read_booth() -> wire.Booth:
        async with services.db.read() as db:
            return await booth(db, conference_id, booth_id)

    async def read_queue() -> wire.Queue:
        async with services.db.read() as db:
            return await queue(db, conference_id, booth_id)

    show = services.publisher.show
    show(topics.hall(conference_id), str(booth_id), read_booth)
    show(topics.booth(booth_id), str(booth_id), read_booth)
    show(topics.booth_desk(booth_id), QUEUE, read_queue)
    async with services.db.read() as db:
        running = await talks.queue(db, conference_id, booth_id)
    for visit_id in {*(talk.visit_id for talk in running), *visits} - {None}:
        _show_talk(services, conference_id, booth_id, visit_id)


def _show_talk(
    services: Services, conference_id: UUID, booth_id: UUID, visit_id: UUID | None
) -> None:
    assert visit_id is not None, "the caller left these out"

    async def read() -> wire.Talk:
        async with services.db.read() as db:
            return await talk(db, conference_id, booth_id, visit_id)

    services.publisher.show(topics.visit(visit_id), str(visit_id), read)


def _present(
    staff: Sequence[rules.Staff], running: Sequence[rules.Waiting]
) -> tuple[wire.Colleague, ...]:
    busy = {talk.staff_id for talk in running}
    return tuple(
        wire.Colleague(
            id=each.id, called=each.called, line=each.line, free=each.person_id not in busy
        )
        for each in staff
        if each.present
    )


def _asking(talk: rules.Waiting, named: dict[UUID, UUID]) -> wire.Asking:
    return wire.Asking(
        id=talk.id,
        visit=talk.visit_id,
        about=talk.about,
        staff=named.get(talk.staff_id) if talk.staff_id else None,
        since_ms=clock.milliseconds(talk.begun_at or talk.asked_at),
    )
