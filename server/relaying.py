"""Runs the relay in a process of its own, which loads neither the conference nor its database."""

from asyncio import TaskGroup
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from realtime.relay.app import create_app
from realtime.relay.relay import open_relay
from server import secrets
from server.settings import Settings
from server.stopping import stop_gently

FIRST_RELAY_PORT = 8002


async def relay(settings: Settings) -> int:
    """Forward media until SIGTERM; talks to nobody but the server and its viewers."""
    secret = secrets.relay_key(secrets.load(settings.secret_path))
    address, port = settings.media
    async with (
        TaskGroup() as tasks,
        open_relay(
            advertised=address, host=settings.host, port=port, secret=secret, tasks=tasks
        ) as opened,
    ):
        config = uvicorn.Config(
            create_app(opened),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            **listening_on(settings.relay),
        )
        stop_gently()
        await uvicorn.Server(config).serve()
    return 0


def listening_on(url: str) -> dict[str, Any]:
    """Where the relay listens: a Unix socket, or host and port."""
    if url.startswith("unix:"):
        path = url.removeprefix("unix:")
        Path(path).unlink(missing_ok=True)  # a killed process leaves its socket behind
        return {"uds": path}
    parts = urlsplit(url)
    return {"host": parts.hostname or "127.0.0.1", "port": parts.port or FIRST_RELAY_PORT}
