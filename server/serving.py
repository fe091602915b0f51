"""Runs the roles of this server: pages, sockets, relay; together or apart."""

import os
from asyncio import TaskGroup
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, nullcontext
from enum import StrEnum

import structlog
import uvicorn
from realtime.hub.reception import Reception

from realtime.hub.mount import mount
from server.app import create_app
from server.commands import commands
from server.errors import Invalid, Unavailable
from server.gate import ConferenceGate
from server.places import RememberedPlaces
from server.services import open_services
from server.settings import Settings
from server.stages import on_air

GOODBYE_SECONDS = 20
"""How long open requests may finish after SIGTERM; sockets are told to reconnect at once."""

log = structlog.get_logger()


class Roles(StrEnum):
    ALL = "serve"
    WEB = "web"
    HUB = "hub"


class Behind(Unavailable):
    code = "database.behind"


async def serve(settings: Settings, role: Roles) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    if role is not Roles.ALL and settings.embedded:
        raise Invalid(
            f"`rounds {role}` shares its work with other processes: set ROUNDS_DATABASE_URL to "
            "PostgreSQL and ROUNDS_REDIS_URL, or run `rounds serve` alone.",
        )
    with alone(settings):
        await prepare_database(settings)
        async with running(settings, role) as server:
            await server.serve()
    return 0


@asynccontextmanager
async def running(settings: Settings, role: Roles) -> AsyncGenerator[uvicorn.Server]:
    """Everything open around a server that is yet to serve."""
    async with TaskGroup() as tasks, open_services(settings, tasks) as services:
        places = RememberedPlaces(services.db)
        reception = Reception(
            hub=services.hub,
            bus=services.bus,
            commands=commands,
            gate=ConferenceGate(services, places),
            tasks=tasks,
        )
        services.closing.append(reception.close_person)
        sockets = mount(reception, origins=[settings.address])
        async with with_relay(settings) if role is Roles.ALL else nullcontext():
            listening = tasks.create_task(on_air.listen(services))
            try:
                yield uvicorn.Server(
                    uvicorn.Config(
                        create_app(services, places),
                        host=settings.host,
                        port=settings.port,
                        ws=sockets,  # type: ignore[arg-type]
                        lifespan="off",
                        log_config=None,
                        access_log=False,
                        server_header=False,
                        timeout_graceful_shutdown=GOODBYE_SECONDS,
                    )
                )
            finally:
                listening.cancel()


def relay_environment(settings: Settings) -> Mapping[str, str]:
    """What the relay's process needs to know; no database, no Redis."""
    address, port = settings.media
    return {name: value for name, value in os.environ.items() if not name.startswith("ROUNDS_")} | {
        "ROUNDS_DATA": settings.data,
        "ROUNDS_HOST": settings.host,
        "ROUNDS_PORT": str(settings.port),
        "ROUNDS_MEDIA_ADDRESS": address,
        "ROUNDS_MEDIA_PORT": str(port),
        "ROUNDS_RELAY_URL": settings.relay,
        "ROUNDS_SECRET_FILE": str(settings.secret_path),
        "ROUNDS_LOG": settings.log,
    }
