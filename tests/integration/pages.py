"""What a browser does with sockets, in a few lines: send, await a frame of a kind, be closed."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from jsonschema import Draft202012Validator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

import server.app  # noqa: F401 - every type that is sent
from server import schema

Frame = dict[str, Any]
PATIENCE_SECONDS = 45.0


def _down() -> Draft202012Validator:
    told = schema.document()
    return Draft202012Validator({"$defs": told["$defs"]} | told["down"])


DOWN = _down()


class SocketPage:
    """One socket of one person; every frame that came is kept, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[Frame] = []
        self._ref = 0

    async def send(self, type_: str, **fields: Any) -> int:
        self._ref += 1
        words = {"type": type_, "ref": self._ref, "command_id": str(uuid4())} | fields
        await self.socket.send(json.dumps(words, default=str))
        return self._ref

    async def ask(self, type_: str, **fields: Any) -> Frame:
        """Send a command; its answer, `done` or `error`."""
        ref = await self.send(type_, **fields)
        return await self.until(lambda frame: frame.get("ref") == ref)

    async def follow(self, topic: str, epoch: str | None = None, seq: int = 0) -> Frame:
        self._ref += 1
        words = {"type": "topic.follow", "ref": self._ref, "topic": topic}
        await self.socket.send(json.dumps(words | {"epoch": epoch, "seq": seq}))
        kinds = {"followed", "resync", "error"}
        return await self.until(lambda frame: frame["type"] in kinds)

    async def until(
        self, wanted: Callable[[Frame], object], within: float = PATIENCE_SECONDS
    ) -> Frame:
        """The next frame that is wanted; the others are kept too."""
        async with asyncio.timeout(within):
            while True:
                frame = await self._next()
                if wanted(frame):
                    return frame

    async def _next(self) -> Frame:
        """Whatever comes is what the served schema says."""
        frame: Frame = json.loads(await self.socket.recv())
        DOWN.validate(frame)
        self.frames.append(frame)
        return frame

    async def closed(self, within: float = PATIENCE_SECONDS) -> int | None:
        """The code with which the server closed."""
        async with asyncio.timeout(within):
            try:
                while True:
                    await self._next()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None


@asynccontextmanager
async def socket_page(
    port: int, cookie: str, origin: str, *, welcome: bool = True
) -> AsyncGenerator[SocketPage]:
    headers = {"Cookie": cookie} if cookie else {}
    opening = connect(
        f"ws://127.0.0.1:{port}/ws",
        origin=Origin(origin),
        additional_headers=headers,
        proxy=None,
        open_timeout=PATIENCE_SECONDS,
        close_timeout=1,
    )
    async with opening as socket:
        page = SocketPage(socket)
        if welcome:
            await page.until(lambda frame: frame["type"] == "welcome")
        yield page
