"""Runs the roles of this server: pages, sockets, relay; together or apart."""

import asyncio
import errno
import fcntl
import socket
from asyncio import TaskGroup
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import structlog
import uvicorn

from realtime.hub.mount import Factory, Hurried, health, hub_server, listen, mount
from realtime.hub.reception import open_reception
from server import metrics, migrate
from server.app import create_app
from server.attendance.keeping import kept
from server.attendance.sealing import keep_sealed
from server.commands import commands
from server.credit.checks.asking import ask_checks
from server.db import may_rewrite, open_database, unsafe_settings
from server.errors import Invalid, Unavailable
from server.exhibits.keeping import keep_booths
from server.gate import ConferenceGate
from server.places import RememberedPlaces
from server.relaying import keep
from server.services import Services, open_services
from server.settings import Settings
from server.stages import audience, on_air
from server.stopping import stop_gently

GOODBYE_SECONDS = 20
"""How long open requests may finish after SIGTERM; sockets are told to reconnect at once."""

log = structlog.get_logger()


class Roles(StrEnum):
    ALL = "serve"
    WEB = "web"
    HUB = "hub"


class Behind(Unavailable):
    code = "database.behind"


class Forgetful(Unavailable):
    code = "database.forgetful"


async def serve(settings: Settings, role: Roles) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    if role is not Roles.ALL and settings.embedded:
        raise Invalid(
            f"`rounds {role}` shares its work with other processes: set ROUNDS_DATABASE_URL to "
            "PostgreSQL and ROUNDS_REDIS_URL, or run `rounds serve` alone.",
        )
    with alone(settings), address(settings, shared=role is Roles.HUB) as listening:
        await prepare_database(settings)
        async with running(settings, role) as ready:
            stop_gently()
            await ready.server.serve(sockets=[listening])
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A server that is yet to serve, and what it runs on."""

    server: uvicorn.Server
    services: Services
    places: RememberedPlaces


@asynccontextmanager
async def running(settings: Settings, role: Roles) -> AsyncGenerator[Ready]:
    """Everything open around a server that is yet to serve."""
    async with (
        TaskGroup() as tasks,
        open_services(settings, tasks) as services,
        AsyncExitStack() as stack,
    ):
        places = RememberedPlaces(services.db)
        reception = await stack.enter_async_context(
            open_reception(
                hub=services.hub,
                bus=services.bus,
                commands=commands,
                gate=ConferenceGate(services, places),
                tasks=tasks,
                proxies=settings.proxies,
            )
        )
        services.closing.append(reception.close_person)
        services.strangers["socket"] = reception.strangers
        audience.watch(services)
        sockets = mount([settings.address], reception.greet)
        if role is not Roles.WEB:
            sealing = tasks.create_task(keep_sealed(services))
            stack.callback(sealing.cancel)
            await stack.enter_async_context(kept(services))
            booths = tasks.create_task(keep_booths(services))
            stack.callback(booths.cancel)
            asking = tasks.create_task(ask_checks(services))
            stack.callback(asking.cancel)
        async with with_relay(settings, services) if role is Roles.ALL else nullcontext():
            if role is Roles.HUB:
                pages = metrics.beside(health, services)
                alone_hub = hub_server([settings.address], reception.greet, pages)
                yield Ready(server=alone_hub, services=services, places=places)
                return
            listening = tasks.create_task(on_air.listen(services))
            try:
                server = uvicorn.Server(_config(settings, services, places, sockets))
                yield Ready(server=server, services=services, places=places)
            finally:
                listening.cancel()


def _config(
    settings: Settings, services: Services, places: RememberedPlaces, sockets: Factory
) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(services, places),
        host=settings.host,
        port=settings.port,
        http=Hurried,
        ws=sockets,  # type: ignore[arg-type]  # it only calls what it is given
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `security.Nearest` reads them, as the hub does
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )


@asynccontextmanager
async def with_relay(settings: Settings, services: Services) -> AsyncGenerator[None]:
    """The relays as supervised children, unless the operator runs them elsewhere.

    Pages and sockets do not wait for it: attendance, questions and polls go on without media.
    """
    if settings.relay_url:
        yield
        return
    keepers = [
        services.tasks.create_task(keep(settings, number, client))
        for number, client in enumerate(services.relay.clients.values())
    ]
    try:
        yield
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.wait(keepers)


async def prepare_database(settings: Settings) -> None:
    """SQLite migrates by itself; PostgreSQL refuses to start when behind."""
    if settings.database.startswith("sqlite"):
        await migrate.upgrade(settings.database)
    elif await migrate.behind(settings.database):
        raise Behind("The database is behind this version: run `rounds migrate` first.")
    database = open_database(settings.database)
    try:
        if wrong := await unsafe_settings(database):
            raise Forgetful(
                f"PostgreSQL may lose what it has acknowledged ({', '.join(wrong)}): attendance "
                "cannot be kept there. Turn these on, then start again."
            )
        if await may_rewrite(database, "ledger"):
            log.warning("ledger.unguarded", reason="the running role owns the tables")
    finally:
        await database.close()


@contextmanager
def address(settings: Settings, *, shared: bool = False) -> Generator[socket.socket]:
    """The address to serve at, taken before anything else: a port that is taken is told at once.

    Hubs share theirs; the kernel spreads the sockets over them.
    """
    try:
        listening = listen(settings.host, settings.port, shared=shared)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise Invalid(
            f"{settings.host}:{settings.port}: another program listens there. "
            "Choose a port with --port or ROUNDS_PORT."
        ) from None
    with listening:
        yield listening


@contextmanager
def alone(settings: Settings) -> Generator[None]:
    """Hold the data folder of an embedded store: two processes on one would hear half each."""
    if not settings.embedded:
        yield
        return
    with (Path(settings.data) / "serving.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Invalid(
                f"{settings.data}: another process serves this folder. Several processes need "
                "ROUNDS_DATABASE_URL (PostgreSQL) and ROUNDS_REDIS_URL."
            ) from None
        yield
