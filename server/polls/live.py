"""Polls over the socket: staff make and open them, everybody answers, results are told.

Drafts and hidden results are on the desk's topic only. Told is what was committed.
"""

from uuid import UUID, uuid5

from realtime.wire import Command, State
from server import topics
from server.access import Table
from server.audit import store as audit
from server.call import Call
from server.db import Rows
from server.errors import Invalid
from server.polls import events, rules, store
from server.polls.rules import Kind, Poll, Status
from server.rights import Act
from server.sanitise import plain_text

commands = Table()


class Create(Command, frozen=True, tag="poll.create"):
    session_id: UUID
    text: str
    options: tuple[str, ...]
    kind: Kind = Kind.SINGLE


class Open(Command, frozen=True, tag="poll.open"):
    session_id: UUID
    poll_id: UUID


class Close(Command, frozen=True, tag="poll.close"):
    session_id: UUID
    poll_id: UUID


class Reveal(Command, frozen=True, tag="poll.reveal"):
    session_id: UUID
    poll_id: UUID


class Hide(Command, frozen=True, tag="poll.hide"):
    session_id: UUID
    poll_id: UUID


class Delete(Command, frozen=True, tag="poll.delete"):
    """Of a draft; what was open once stays."""

    session_id: UUID
    poll_id: UUID


class Answer(Command, frozen=True, tag="poll.answer"):
    """Positions among the options; it replaces the same person's answer before."""

    session_id: UUID
    poll_id: UUID
    choices: tuple[int, ...]


@commands.may(Act.RUN_DESK)
async def create(command: Create, call: Call) -> UUID:
    """A draft. Its id comes from the command's, so that the same command makes one poll."""
    draft = rules.draft(
        plain_text(command.text), command.kind, [plain_text(each) for each in command.options]
    )
    poll_id = uuid5(call.person_id, command.command_id.hex)
    place = (call.conference_id, command.session_id)
    async with call.db.begin() as db:
        if await store.count(db, *place) >= store.MAX_POLLS:
            raise Invalid(f"A session has at most {store.MAX_POLLS} polls.")
        new = await store.add(db, *place, poll_id, created_by=call.person_id, draft=draft)
        if new:
            await _note(db, call, "create", poll_id)
        poll = await store.poll(db, *place, poll_id)

    if new:
        await call.publish(topics.desk(poll.session_id), events.poll_state(poll))
    return poll_id


@commands.may(Act.RUN_DESK)
async def open_poll(command: Open, call: Call) -> None:
    await _set_status(call, command.session_id, command.poll_id, Status.OPEN, "open")


@commands.may(Act.RUN_DESK)
async def close(command: Close, call: Call) -> None:
    await _set_status(call, command.session_id, command.poll_id, Status.CLOSED, "close")


@commands.may(Act.RUN_DESK)
async def reveal(command: Reveal, call: Call) -> None:
    await _set_revealed(call, command.session_id, command.poll_id, revealed=True)


@commands.may(Act.RUN_DESK)
async def hide(command: Hide, call: Call) -> None:
    await _set_revealed(call, command.session_id, command.poll_id, revealed=False)


@commands.may(Act.RUN_DESK)
async def delete(command: Delete, call: Call) -> None:
    async with call.db.begin() as db:
        poll = await _load(db, call, command.session_id, command.poll_id)
        rules.delete(poll.status)
        await store.remove(db, call.conference_id, poll.id)
        await _note(db, call, "delete", poll.id)

    await call.publish(topics.desk(poll.session_id), events.deleted(poll))


@commands.may(Act.ATTEND, often=True)
async def answer(command: Answer, call: Call) -> list[int]:
    """Returns the answer as it was kept."""
    kept = await call.services.writer.submit(
        store.write_answers,
        store.Answering(
            conference_id=call.conference_id,
            session_id=command.session_id,
            poll_id=command.poll_id,
            person_id=call.person_id,
            choices=command.choices,
        ),
    )
    _show_tally(call, command.session_id, command.poll_id, audience=kept.revealed)
    return list(kept.choices)


async def _set_status(
    call: Call, session_id: UUID, poll_id: UUID, wanted: Status, act: str
) -> None:
    async with call.db.begin() as db:
        poll = await _load(db, call, session_id, poll_id)
        status = rules.step(poll.status, wanted)
        if status is None:
            return
        await store.set_status(db, call.conference_id, poll_id, status)
        await _note(db, call, act, poll_id)
        after = await store.poll(db, call.conference_id, session_id, poll_id)

    await _tell(call, after)


async def _set_revealed(call: Call, session_id: UUID, poll_id: UUID, *, revealed: bool) -> None:
    async with call.db.begin() as db:
        poll = await _load(db, call, session_id, poll_id)
        if not rules.reveal(poll.status, revealed=poll.revealed, wanted=revealed):
            return
        await store.set_revealed(db, call.conference_id, poll_id, revealed=revealed)
        await _note(db, call, "reveal" if revealed else "hide", poll_id)
        after = await store.poll(db, call.conference_id, session_id, poll_id)

    await _tell(call, after)


async def _load(db: Rows, call: Call, session_id: UUID, poll_id: UUID) -> Poll:
    return await store.poll(db, call.conference_id, session_id, poll_id, lock=True)


async def _note(db: Rows, call: Call, act: str, poll_id: UUID) -> None:
    await audit.record(
        db, call.conference_id, person_id=call.person_id, act=f"poll.{act}", on=poll_id
    )


async def _tell(call: Call, poll: Poll) -> None:
    """Never a draft: the poll was opened, closed, shown or hidden."""
    state = events.poll_state(poll)
    await call.publish(topics.desk(poll.session_id), state)
    await call.publish(topics.session(poll.session_id), state)
    _show_tally(call, poll.session_id, poll.id, audience=poll.revealed)


def _show_tally(call: Call, session_id: UUID, poll_id: UUID, *, audience: bool) -> None:
    """The audience is shown what it may see when the result is read, which is when it is sent."""

    async def read(*, desk: bool) -> State:
        async with call.db.read() as db:
            poll = await store.poll(db, call.conference_id, session_id, poll_id)
            if not (desk or poll.revealed):
                return events.hidden(poll_id)
            return events.shown(poll_id, await store.tally(db, call.conference_id, poll))

    key = events.tally_key(poll_id)
    call.show(topics.desk(session_id), key, lambda: read(desk=True))
    if audience:
        call.show(topics.session(session_id), key, lambda: read(desk=False))
