"""Beats over the socket: stamped on arrival, written in groups, acknowledged after COMMIT.

The browser says that it is there, never for how long.
"""

from secrets import token_hex
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from realtime.addresses import region
from realtime.wire import Message, Reply, seal
from server import clock, secrets
from server.access import Table
from server.attendance import store
from server.attendance.spans import Received
from server.call import Call
from server.rights import Act

ECHO_BYTES = 8

Number = Annotated[int, Meta(ge=1, le=2**31)]
"""Of a beat: what no database can hold as a number is no beat."""

commands = Table()


class Beat(Message, frozen=True, tag="beat"):
    """Evidence that a page is open at a session. `n` counts from 1 on each socket."""

    n: Number
    echo: str
    session_id: UUID
    visible: bool
    playing: bool
    leaving: bool = False
    device: Literal["", "laptop", "phone"] = ""


class BoothBeat(Message, frozen=True, tag="beat.booth"):
    """The same at a booth: that time earns no credit, however many tabs are open elsewhere."""

    n: Number
    echo: str
    booth_id: UUID
    visible: bool
    leaving: bool = False
    device: Literal["", "laptop", "phone"] = ""


class Kept(Reply, frozen=True, tag="kept"):
    """The beat `n` is on record; the next one returns `echo`. Sent after COMMIT only."""

    n: int
    echo: str
    credited_ms: int


@commands.may(Act.ATTEND, often=True)
async def beat(command: Beat, call: Call) -> None:
    received = Received(
        at_ms=clock.now_ms(),
        n=command.n,
        echo=command.echo,
        next_echo=token_hex(ECHO_BYTES),
        visible=command.visible,
        playing=command.playing,
        leaving=command.leaving,
    )
    await _record(call, received, command.session_id, command.device, booth=False)


@commands.may(Act.VISIT_HALL, often=True)
async def booth_beat(command: BoothBeat, call: Call) -> None:
    received = Received(
        at_ms=clock.now_ms(),
        n=command.n,
        echo=command.echo,
        next_echo=token_hex(ECHO_BYTES),
        visible=command.visible,
        playing=False,
        leaving=command.leaving,
    )
    await _record(call, received, command.booth_id, command.device, booth=True)


async def _record(
    call: Call, received: Received, space_id: UUID, device: str, *, booth: bool
) -> None:
    assert call.peer is not None, "a beat comes on a socket"
    connection = call.peer.id
    outcome = await call.services.writer.submit(
        store.write_beats,
        store.Beating(
            conference_id=call.conference_id,
            person_id=call.person_id,
            connection=connection,
            space_id=space_id,
            booth=booth,
            device=device,
            received=received,
            first_echo=secrets.first_echo(call.services.secret, connection),
            network=secrets.network(call.services.secret, region(call.peer.address)),
        ),
    )
    if outcome.refusal is not None:
        raise outcome.refusal
    credited_ms = 0 if booth else await _credited_ms(call, space_id)
    call.peer.say(seal(Kept(n=outcome.n, echo=outcome.echo, credited_ms=credited_ms)))


async def _credited_ms(call: Call, session_id: UUID) -> int:
    """Time on record while the session was live: what the ring counts towards."""
    one = store.Attending(call.conference_id, session_id, call.person_id)
    return await call.services.reader.ask(store.live_ms_of, one) or 0
