"""Answers to presence checks over the socket; forms call the same functions."""

from uuid import UUID

from realtime.wire import Command
from server import clock, topics
from server.access import Table
from server.attendance import checks
from server.attendance.checks import Put
from server.call import Call
from server.credit.checks import events, store
from server.rights import Act

commands = Table()


class Answer(Command, frozen=True, kw_only=True, tag="check.answer"):
    """I am here."""

    session_id: UUID
    check_id: UUID


class Extend(Command, frozen=True, kw_only=True, tag="check.extend"):
    """I need more time."""

    session_id: UUID
    check_id: UUID


@commands.may(Act.ATTEND)
async def answer(command: Answer, call: Call) -> None:
    await act(call, command.session_id, command.check_id, extend=False)


@commands.may(Act.ATTEND)
async def extend(command: Extend, call: Call) -> None:
    await act(call, command.session_id, command.check_id, extend=True)


async def act(call: Call, session_id: UUID, check_id: UUID, *, extend: bool) -> Put:
    """Answer one's own check, or take more time for it. Raises CheckOver and NotFound."""
    now_ms = clock.now_ms()
    async with call.db.begin() as db:
        row = await store.one(
            db, call.conference_id, check_id, session_id=session_id, person_id=call.person_id
        )
        present = store.read(row)
        changed = checks.extend(present, now_ms) if extend else checks.answer(present, now_ms)
        step = "extended" if extend else changed.state.value
        new = await store.change(db, row, changed, step=step, at_ms=now_ms)
    if new:
        await call.publish(topics.person(call.person_id), events.told(changed))
    return changed
