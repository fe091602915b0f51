"""Who has a session's page open: entering, leaving, counting; and sending everybody out.

A hint for people, not evidence: attendance is in its own ledger.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import structlog

from realtime.hub.reception import Peer
from realtime.relay.client import RelayAway, RelayRefused
from server import topics
from server.db import DATABASE_AWAY, Rows
from server.services import Services
from server.stages import store
from server.stages.states import VIEWERS, Viewers
from server.stages.store import Resource

log = structlog.get_logger()

PLACE = "session/"


def place(session_id: UUID) -> str:
    return f"{PLACE}{session_id}"


def watch(services: Services) -> None:
    """Show the count whenever somebody comes or goes; once per process that has sockets.

    Whose rights have changed loses the picture too, and comes back with what is left.
    """
    before = services.presence.changed

    def changed(where: str) -> None:
        before(where)
        if where.startswith(PLACE):
            show(services, UUID(where.removeprefix(PLACE)))

    services.presence.changed = changed
    services.closing.append(partial(_close, services))


def show(services: Services, session_id: UUID) -> None:
    async def read() -> Viewers:
        return Viewers(count=await count(services, session_id))

    services.publisher.show(topics.session(session_id), VIEWERS, read)


async def count(services: Services, session_id: UUID) -> int:
    return await services.presence.count(place(session_id))


async def enter(services: Services, session_id: UUID, person_id: UUID, peer: Peer) -> None:
    """A page of the session is open on this socket, until the socket closes."""
    await services.presence.enter(place(session_id), str(person_id), peer.id)
    if peer.gone:
        await services.presence.leave(peer.id)
    else:
        show(services, session_id)  # whoever came back missed what was shown meanwhile


def send_out(services: Services, conference_id: UUID, session_id: UUID) -> None:
    """End the audience's connections in the background: a break or an end is nobody's picture."""
    services.tasks.create_task(_end(services, partial(_audience, conference_id, session_id)))


async def _close(services: Services, person_id: UUID) -> None:
    services.tasks.create_task(_end(services, partial(_of_person, person_id)))


async def _audience(conference_id: UUID, session_id: UUID, db: Rows) -> list[Resource]:
    return await store.audience(db, conference_id, session_id)


async def _of_person(person_id: UUID, db: Rows) -> list[Resource]:
    return await store.resources_of(db, person_id)


async def _end(services: Services, find: Callable[[Rows], Awaitable[list[Resource]]]) -> None:
    """A relay that is away holds no connection; one that is over is as good."""
    try:
        async with services.db.read() as db:
            standing = await find(db)
        for resource in standing:
            await services.relay.hang_up(resource.location)
            async with services.db.begin() as db:
                await store.forget_resource(db, resource.id)
    except (RelayAway, RelayRefused, *DATABASE_AWAY, OSError) as error:
        log.warning("stage.end", error=type(error).__name__)
