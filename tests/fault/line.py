"""What a page without a browser speaks through: a socket and requests, cheap enough for thousands.

The socket is websockets' protocol without I/O on a transport of asyncio: no task, no queue and no
timer each, and what hundreds of pages hear alike is decoded once. A request has a connection of its
own, as that of another browser would have, and nobody waits for a neighbour's.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame as Piece
from websockets.frames import Opcode
from websockets.protocol import OPEN
from websockets.typing import Origin
from websockets.uri import parse_uri

Frame = dict[str, Any]
Heard = Callable[[Frame], None]
"""Frames may be shared with other pages: they are read, never changed."""

MEMORY = 512
"""Frames and answers whose meaning is remembered."""

CLOSING_SECONDS = 1.0
"""From a server's goodbye until it must have hung up."""

LONGEST = 4 << 20
"""Of a piece that a server writes at once: a history that is replayed is many frames."""


log = logging.getLogger(__name__)
log.setLevel(logging.CRITICAL)  # websockets tells each frame to whoever listens


class NotServed(OSError):
    """The server answered, and not with what was asked for."""


@lru_cache(MEMORY)
def meaning(text: bytes) -> Frame:
    decoded: Frame = json.loads(text)
    return decoded


class Line(asyncio.Protocol):
    """One socket. `closed` is what it was closed with, None without a word; or `heard`'s error."""

    def __init__(self, address: str, origin: str, cookie: str, heard: Heard) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[int | None] = loop.create_future()
        self._cookie, self._heard = cookie, heard
        self._spoken = ClientProtocol(
            parse_uri(address), origin=Origin(origin), max_size=LONGEST, logger=log
        )
        self._transport: asyncio.Transport

    def say(self, text: str) -> None:
        """Nothing is said on a line that is closing: its owner is about to hear of it."""
        if self._spoken.state is OPEN:
            self._spoken.send_text(text.encode())
            self._flush()

    def hang_up(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        request = self._spoken.connect()
        request.headers["Cookie"] = self._cookie
        self._spoken.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._spoken.receive_data(data)
        self._flush()
        try:
            for event in self._spoken.events_received():
                self._take(event)
        except Exception as error:  # noqa: BLE001 - it is the page's, which awaits `closed`
            self._end(error)
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc if not self.opened.done() else None)

    def _take(self, event: object) -> None:
        if not isinstance(event, Piece):
            if self._spoken.handshake_exc is not None:
                self._end(NotServed(f"{self._spoken.handshake_exc}"))
                self._transport.abort()
            elif not self.opened.done():
                self.opened.set_result(None)
        elif event.opcode is Opcode.TEXT:
            assert event.fin, "the hub writes whole frames"
            self._heard(meaning(bytes(event.data)))
        elif event.opcode is Opcode.CLOSE:
            asyncio.get_running_loop().call_later(CLOSING_SECONDS, self._transport.abort)

    def _end(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionError("closed before it was open"))
            self.closed.cancel()
        elif self.closed.done():
            return
        elif error is not None:
            self.closed.set_exception(error)
        else:
            received = self._spoken.close_rcvd
            self.closed.set_result(None if received is None else int(received.code))

    def _flush(self) -> None:
        for piece in self._spoken.data_to_send():
            if piece:
                self._transport.write(piece)


@asynccontextmanager
async def opened(
    port: int, origin: str, cookie: str, heard: Heard, within: float
) -> AsyncGenerator[Line]:
    """A line to the hub at that port; raises OSError or TimeoutError when there is none."""
    loop = asyncio.get_running_loop()
    address = f"ws://127.0.0.1:{port}/ws"
    async with asyncio.timeout(within):
        _, line = await loop.create_connection(
            lambda: Line(address, origin, cookie, heard), "127.0.0.1", port
        )
        try:
            await line.opened
        except BaseException:
            line.hang_up()
            raise
    try:
        yield line
    finally:
        line.hang_up()


async def fetched(address: str, cookie: str, within: float) -> Frame:
    """What the page at that address answers, as JSON; raises OSError or TimeoutError."""
    place = urlsplit(address)
    request = (
        f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookie}\r\n"
        "Accept: application/json\r\nConnection: close\r\n\r\n"
    )
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            writer.write(request.encode())
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        finally:
            writer.close()
    status, *headers = head.decode().lower().split("\r\n")
    if f" {HTTPStatus.OK} " not in status or f"content-length: {len(body)}" not in headers:
        raise NotServed(f"{place.path}: {head.decode()}")
    return meaning(body)
