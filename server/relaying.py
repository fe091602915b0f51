"""Runs the relay in a process of its own, which loads neither the conference nor its database.

Or one process a core: each with its own UDP port and its own address, supervised each alone.
"""

import asyncio
import os
import signal
import sys
from asyncio import TaskGroup
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
import uvicorn

from realtime.relay.app import create_app
from realtime.relay.client import RelayClient
from realtime.relay.relay import open_relay
from realtime.relay.supervisor import NeverHealthy, supervised
from server import secrets
from server.errors import Invalid
from server.settings import FIRST_RELAY_PORT, Settings
from server.stopping import stop_gently

log = structlog.get_logger()


async def relay(settings: Settings) -> int:
    """Forward media until SIGTERM; talks to nobody but the server, its viewers and other relays."""
    if len(settings.relays) != settings.relay_processes:
        raise Invalid("ROUNDS_RELAY_URL: a relay listens at one address", where="ROUNDS_RELAY_URL")
    if settings.relay_processes > 1:
        return await several(settings)
    secret = secrets.relay_key(secrets.load(settings.secret_path))
    address, port = settings.media
    async with (
        TaskGroup() as tasks,
        open_relay(
            advertised=address,
            host=settings.host,
            port=port,
            secret=secret,
            tasks=tasks,
            hls_audio=settings.hls_audio,
        ) as opened,
    ):
        config = uvicorn.Config(
            create_app(opened),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            **listening_on(settings.relays[0]),
        )
        stop_gently()
        await uvicorn.Server(config).serve()
    return 0


async def several(settings: Settings) -> int:
    """One child for each process, until SIGTERM."""
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    secret = secrets.relay_key(secrets.load(settings.secret_path))
    keepers = [
        asyncio.create_task(keep(settings, number, RelayClient(url, secret)))
        for number, url in enumerate(settings.relays)
    ]
    ending = asyncio.create_task(over.wait())
    await asyncio.wait([*keepers, ending], return_when=asyncio.FIRST_COMPLETED)
    for task in (*keepers, ending):
        task.cancel()
    ended = await asyncio.gather(*keepers, return_exceptions=True)
    failed = [each for each in ended if isinstance(each, Exception)]
    if failed:
        raise failed[0]
    return 0


async def keep(settings: Settings, number: int, client: RelayClient) -> None:
    """One relay as a supervised child, for ever: back when it died or froze."""
    command = [sys.executable, "-P", "-m", "server.cli", "relay", "--data", settings.data]
    environment = environment_of(settings, number)
    while True:
        try:
            async with supervised(command, client.healthy, environment=environment):
                await asyncio.get_running_loop().create_future()
        except NeverHealthy:
            log.warning("relay.slow")


def environment_of(settings: Settings, number: int) -> Mapping[str, str]:
    """What the nth relay's process needs to know; no database, no Redis."""
    address, port = settings.media
    return {name: value for name, value in os.environ.items() if not name.startswith("ROUNDS_")} | {
        "ROUNDS_DATA": settings.data,
        "ROUNDS_HOST": settings.host,
        "ROUNDS_PORT": str(settings.port),
        "ROUNDS_MEDIA_ADDRESS": address,
        "ROUNDS_MEDIA_PORT": str(port + number),
        "ROUNDS_RELAY_URL": settings.relays[number],
        "ROUNDS_SECRET_FILE": str(settings.secret_path),
        "ROUNDS_HLS_AUDIO": settings.hls_audio,
        "ROUNDS_LOG": settings.log,
    }


def listening_on(url: str) -> dict[str, Any]:
    """Where the relay listens: a Unix socket, or host and port."""
    if url.startswith("unix:"):
        path = url.removeprefix("unix:")
        Path(path).unlink(missing_ok=True)  # a killed process leaves its socket behind
        return {"uds": path}
    parts = urlsplit(url)
    return {"host": parts.hostname or "127.0.0.1", "port": parts.port or FIRST_RELAY_PORT}
