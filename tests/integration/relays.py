"""A relay as the server starts one, but inside the test: real sockets, HTTP included."""

import asyncio
import secrets
import socket
import threading
import time
from asyncio import TaskGroup
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from realtime.relay.app import create_app
from realtime.relay.grant import Deed, Grant, sign
from realtime.relay.hls.coding import Audio
from realtime.relay.relay import Relay, open_relay
from tests.servers.waiting import eventually_async

SESSION = "0190d1f2"

Around = Callable[[ASGIApp], ASGIApp]
"""What a test puts around the relay's application: a page, for instance."""


def adjacent() -> int:
    """A UDP port that is free, and so is the next one."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, suppress(OSError):
                other.bind(("127.0.0.1", port + 1))
                return port


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    url: str
    secret: bytes
    relay: Relay

    def grant(self, may: Deed, who: str = "ada", session: str = SESSION, origin: str = "") -> str:
        return grant(self.secret, may, who, session, origin=origin)


def grant(  # noqa: PLR0917 - the fields of one
    secret: bytes,
    may: Deed,
    who: str = "ada",
    session: str = SESSION,
    seconds: int = 60,
    origin: str = "",
) -> str:
    exp = int(time.time()) + seconds
    return sign(Grant(who=who, session=session, may=may, exp=exp, origin=origin), secret)


@asynccontextmanager
async def running_relay(
    path: Path | None = None,
    host: str = "127.0.0.1",
    advertised: str = "127.0.0.1",
    secret: bytes = b"",
    hls_audio: Audio = "opus",
) -> AsyncGenerator[Running]:
    """On a free TCP port, or on a Unix socket."""
    secret = secret or secrets.token_bytes(32)
    async with TaskGroup() as tasks:
        opened = open_relay(
            advertised=advertised,
            host=host,
            port=0,
            secret=secret,
            tasks=tasks,
            hls_audio=hls_audio,
        )
        async with opened as relay, serving(create_app(relay), path) as url:
            yield Running(url=url, secret=secret, relay=relay)


@asynccontextmanager
async def serving(app: ASGIApp, path: Path | None = None) -> AsyncGenerator[str]:
    listening = _listen(path)
    config = uvicorn.Config(app, lifespan="off", log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await eventually_async(lambda: server.started)
        if path is not None:
            yield f"unix:{path}"
        else:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listening.close()


def _listen(path: Path | None) -> socket.socket:
    if path is not None:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
    else:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
    return listening


@contextmanager
def relay_in_thread(
    around: Around,
    host: str = "127.0.0.1",
    advertised: str = "127.0.0.1",
    tell: Callable[[Relay], None] = lambda _relay: None,
) -> Generator[tuple[str, bytes]]:
    """For tests that drive a browser, whose own loop runs in this thread. `tell` gets the relay."""
    secret = secrets.token_bytes(32)
    ready, over = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with TaskGroup() as tasks:
            opened = open_relay(
                advertised=advertised, host=host, port=0, secret=secret, tasks=tasks
            )
            async with opened as relay, serving(around(create_app(relay))) as url:
                tell(relay)
                found.append(url)
                ready.set()
                await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10), "the relay did not start"
        yield found[0], secret
    finally:
        over.set()
        thread.join(10)
