"""Gives sockets that arrive on the pages' port to the hub, through uvicorn's `ws=` hook.

Requests come through its `http=` hook, so that none may be slow to say what it wants.

uvicorn calls what it was given with `config`, `server_state` and `app_state`, feeds it the request,
and asks the connections registered in `server_state` to shut down. A contract test holds that.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import uvicorn
from uvicorn.config import Config
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import ServerState

from realtime.hub.connection import Connection, Greet
from realtime.limits import HEADER_SECONDS

Factory = Callable[..., asyncio.Protocol]
Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Any, Send], Awaitable[None]]

STOP_SECONDS = 15
"""After this, what still runs is cut off: sockets have been closed for long."""


class Mounted(Connection):
    """A connection that its server knows, and waits for when it stops."""

    __slots__ = ("_server_state",)

    def __init__(self, origins: Sequence[str], greet: Greet, server_state: ServerState) -> None:
        super().__init__(origins, greet)
        self._server_state = server_state

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # asks only .shutdown()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server_state.connections.discard(self)
        super().connection_lost(exc)


class Hurried(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's HTTP, which would wait for ever for the rest of a request's head."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._hurry()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        if self._patience is None and (before is None or before.response_complete):
            self._hurry()
        super().data_received(data)
        if self.cycle is not before or self not in self.connections:
            self._calm()  # the head is complete, or the transport is another protocol's

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def _hurry(self) -> None:
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def mount(origins: Sequence[str], greet: Greet) -> Factory:
    """What to pass as `Config(ws=…)`: `/ws` becomes a peer, any other socket is refused."""

    def connect(
        config: Config,  # noqa: ARG001 - uvicorn passes it by name
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG001
    ) -> Mounted:
        return Mounted(origins, greet, server_state)

    return connect


async def health(scope: Scope, _receive: object, send: Send) -> None:
    """The one page that every process of sockets alone has: `/healthz`."""
    found = scope["path"] == "/healthz"
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n" if found else b"not here\n"})


def hub_server(origins: Sequence[str], greet: Greet, pages: App = health) -> uvicorn.Server:
    """The server of `rounds hub`: `await server.serve(sockets=[listen(host, port)])`."""
    config = Config(
        pages,
        http=Hurried,
        ws=mount(origins, greet),  # type: ignore[arg-type]  # it only calls what it is given
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # who has pages reads them, by the proxies that it trusts
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int, *, shared: bool = True) -> socket.socket:
    """A listening address; several processes may share it: the kernel spreads the sockets."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening
