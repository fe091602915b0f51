"""Stages over the socket: who runs a session takes it live, into a break, and to its end."""

from uuid import UUID

from realtime.wire import Command
from server import clock, topics
from server.access import Table
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.agenda.states import state_of
from server.attendance import store as attendance
from server.audit import store as audit
from server.call import Call
from server.disclosures import store as disclosures
from server.disclosures.rules import DisclosureMissing
from server.rights import Act
from server.stages import audience, states

commands = Table()


class GoLive(Command, frozen=True, kw_only=True, tag="stage.go_live"):
    session_id: UUID


class Pause(Command, frozen=True, kw_only=True, tag="stage.pause"):
    session_id: UUID


class Resume(Command, frozen=True, kw_only=True, tag="stage.resume"):
    session_id: UUID


class End(Command, frozen=True, kw_only=True, tag="stage.end"):
    session_id: UUID


class Enter(Command, frozen=True, kw_only=True, tag="session.enter"):
    """A page of the session is open; it is left when the socket closes."""

    session_id: UUID


STEPS: dict[str, Phase] = {
    "stage.go_live": Phase.LIVE,
    "stage.pause": Phase.PAUSED,
    "stage.resume": Phase.LIVE,
    "stage.end": Phase.ENDED,
}


@commands.may(Act.RUN_DESK)
async def go_live(command: GoLive, call: Call) -> None:
    await step(command.session_id, "stage.go_live", call)


@commands.may(Act.RUN_DESK)
async def pause(command: Pause, call: Call) -> None:
    await step(command.session_id, "stage.pause", call)


@commands.may(Act.RUN_DESK)
async def resume(command: Resume, call: Call) -> None:
    await step(command.session_id, "stage.resume", call)


@commands.may(Act.RUN_DESK)
async def end(command: End, call: Call) -> None:
    await step(command.session_id, "stage.end", call)


@commands.may(Act.ATTEND, often=True)
async def enter(command: Enter, call: Call) -> None:
    if call.peer is not None:
        await audience.enter(call.services, command.session_id, call.person_id, call.peer)


async def step(session_id: UUID, act: str, call: Call) -> None:
    """Take a step of `STEPS`. Raises WrongStep, and DisclosureMissing before going live."""
    wanted = STEPS[act]
    async with call.db.begin() as db:
        if wanted is Phase.LIVE and not await disclosures.newest(
            db, call.conference_id, session_id
        ):
            raise DisclosureMissing("An officer has to enter the disclosure first.")
        present = await agenda.set_phase(db, call.conference_id, session_id, wanted)
        await audit.record(
            db,
            call.conference_id,
            person_id=call.person_id,
            act=act,
            on=session_id,
            before=present.value,
        )
        await attendance.turn_live(
            db,
            call.conference_id,
            session_id,
            live=wanted is Phase.LIVE,
            at_ms=clock.now_ms(),
        )

    async with call.db.read() as db:
        session = await agenda.session(db, call.conference_id, session_id)
    await call.publish(topics.session(session_id), state_of(session))
    await states.tell(call.services, call.conference_id, session_id)
    if wanted is not Phase.LIVE:
        audience.send_out(call.services, call.conference_id, session_id)
