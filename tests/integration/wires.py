"""A wire between a peer and the relay that loses packets and moves, as networks do."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import httpx


def bound() -> socket.socket:
    """A UDP socket on loopback."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind(("127.0.0.1", 0))
    return made


class Wire:
    """Carries one peer's datagrams; the relay sees the wire's address."""

    def __init__(self, relay_port: int) -> None:
        self.relay = ("127.0.0.1", relay_port)
        self.near = bound()
        self.far = bound()
        self.drops: Callable[[bytes], bool] = lambda _datagram: False
        """Asked of every datagram on its way from the relay."""
        self.passes: Callable[[bytes], bool] = lambda _datagram: True
        """Asked of every datagram on its way to the relay."""
        self.dropped = 0
        self.checks: list[bytes] = []
        """What the peer sent to prove its address."""
        self._peer: tuple[str, int] | None = None
        self._former: list[socket.socket] = []

    def open(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self.near, self._up)
        loop.add_reader(self.far, self._down)

    def move(self) -> None:
        """Go on from another port; the old one no longer listens."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.far)
        self._former.append(self.far)
        self.far = bound()
        loop.add_reader(self.far, self._down)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (self.near, self.far):
            loop.remove_reader(each)
        for each in (self.near, self.far, *self._former):
            each.close()

    def _up(self) -> None:
        datagram, self._peer = self.near.recvfrom(2048)
        if datagram[0] < 4 and datagram[1] == 1:
            self.checks.append(datagram)
        if self.passes(datagram):
            self.far.sendto(datagram, self.relay)

    def _down(self) -> None:
        datagram = self.far.recv(2048)
        if self.drops(datagram):
            self.dropped += 1
        elif self._peer is not None:
            with contextlib.suppress(OSError):  # the peer has gone
                self.near.sendto(datagram, self._peer)


class _Led(httpx.AsyncHTTPTransport):
    """HTTP whose answers name the wire instead of the relay."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        body = await response.aread()
        wired = str(self._wire.near.getsockname()[1]).encode()
        body = body.replace(b" %d typ host" % self._wire.relay[1], b" " + wired + b" typ host")
        headers = {k: v for k, v in response.headers.items() if k != "content-length"}
        return httpx.Response(response.status_code, headers=headers, content=body)


@asynccontextmanager
async def wired(relay_port: int) -> AsyncGenerator[tuple[Wire, httpx.AsyncClient]]:
    """A wire, and the HTTP client whose calls run over it."""
    wire = Wire(relay_port)
    wire.open()
    try:
        async with httpx.AsyncClient(transport=_Led(wire)) as http:
            yield wire, http
    finally:
        wire.close()
