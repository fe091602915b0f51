"""Frames that are none, by the hundred thousand: an answer each, and nobody else misses anything.

What a text may do to the conference's own commands,
`tests/integration/test_matrix.py` tries; here it is the wiring's turn, over real sockets.
"""

import asyncio
import json
import random
import zlib
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from websockets.frames import Frame, Opcode

from realtime.limits import FOLLOW_BURST, MAX_COMMAND_BYTES, MAX_FRAME_BYTES
from realtime.wire import Close, Code
from tests.fault.hostile import changed
from tests.integration.seeds import Seat, seed
from tests.integration.sockets import HERE, STAGE, Page, Process, Question, process
from tests.servers.databases import Templates
from tests.servers.rounds import running_rounds

pytestmark = pytest.mark.timeout(600)

TEXTS, BROKEN = 100_000, 4_000
EACH = int(FOLLOW_BURST) - 4
"""Texts of one socket: more at once would be a flood, which is closed as one."""

AT_ONCE, NAMES = 20, 40
BOMBS = 20
END = "That was all."
GROWN_MB = 10.0
SAYS = (
    b'{"type":"topic.follow","ref":1,"topic":"session/2","epoch":null,"seq":3}',
    b'{"type":"question.ask","ref":2,"command_id":"0190d1f2-0000-7000-8000-000000000000","text":1}',
    b'{"type":"beat","n":"one"}',
    b"null",
    b"[[[[[[[[[[]]]]]]]]]]",
    "\U0001f4a5".encode(),
    b"[" * 2000,
)


TOO_LONG = b'{"type":"question.ask","text":"' + b"x" * MAX_COMMAND_BYTES + b'"}'


class Raw:
    """A socket that writes bytes of its own making and reads the hub's frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def next(self) -> tuple[int, bytes]:
        """Opcode and payload of a frame; `(0, b"")` at the end."""
        try:
            first, size = await self._reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self._reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self._reader.readexactly(8), "big")
            return first & 15, await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0, b""

    async def closed(self) -> int:
        """The code of the close, past whatever came before it."""
        async with asyncio.timeout(20):
            while (frame := await self.next())[0] != Opcode.CLOSE:
                assert frame[0], "hung up without a word"
            return int.from_bytes(frame[1][:2], "big")


@asynccontextmanager
async def raw(port: int, origin: str, cookie: str, offers: str = "") -> AsyncGenerator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Origin: {origin}\r\nCookie: {cookie}\r\n{offers}\r\n".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert b" 101 " in head
    assert b"sec-websocket-extensions" not in head, "nothing is compressed here"
    socket = Raw(reader, writer)
    try:
        assert b'"welcome"' in (await socket.next())[1]
        yield socket
    finally:
        writer.transport.abort()


def text(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=True)


REPLIES = {"error", "done", "followed", "resync", "kept"}
"""What answers a text; a mutation may well be a message."""


async def answers(socket: Raw, count: int) -> list[dict[str, str]]:
    """The next so many, past what topics tell."""
    found: list[dict[str, str]] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            opcode, payload = await socket.next()
            assert opcode == Opcode.TEXT, (opcode, payload)
            frame = json.loads(payload)
            if frame["type"] in REPLIES:
                found.append(frame)
    return found


@asynccontextmanager
async def watched(here: Process) -> AsyncGenerator[None]:
    """Meanwhile two follow the stage, on which somebody speaks; they miss nothing, and in order."""
    told, over = 0, asyncio.Event()

    async def tell() -> None:
        nonlocal told
        while not over.is_set():
            await here.publisher.publish(STAGE, Question(text=f"{told}"))
            told += 1
            await asyncio.sleep(0.01)  # the pace of the talk

    async def hear(page: Page) -> list[int]:
        seen: list[int] = []
        while True:
            frame = await page.next()
            if frame["type"] == "question":
                seen.append(frame["seq"])
                if frame["text"] == END:
                    return seen

    async with here.peer("ann") as one, here.peer("ben") as two, asyncio.TaskGroup() as tasks:
        for page in (one, two):
            await page.follow()
        telling = tasks.create_task(tell())
        hearing = [tasks.create_task(hear(page)) for page in (one, two)]
        yield
        over.set()
        await telling
        await here.publisher.publish(STAGE, Question(text=END))
        told += 1
        for each in hearing:
            seen = await each
            assert seen == list(range(1, len(seen) + 1))
            assert len(seen) >= told


async def test_texts_that_are_no_commands_are_answered_and_cost_nobody_an_event() -> None:
    dice = random.Random(20261201)
    made, codes = changed(SAYS, dice), Counter[str]()

    async def speak(here: Process, name: str) -> None:
        async with raw(here.port, HERE, name) as socket:
            socket.write(b"".join(text(made()) for _ in range(EACH - 1)) + text(TOO_LONG))
            for frame in await answers(socket, EACH):
                codes[frame.get("code", frame["type"])] += 1
            socket.write(text(b'{"type":"topic.follow","ref":7,"topic":"session/3"}'))
            (alive,) = await answers(socket, 1)
            assert alive["type"] in {"followed", "resync"}

    async with process() as here, watched(here):
        for bout in range(-(-TEXTS // (EACH * AT_ONCE))):
            names = [f"bot {(bout * AT_ONCE + each) % NAMES}" for each in range(AT_ONCE)]
            await asyncio.gather(*(speak(here, name) for name in names))
    print(dict(codes))  # noqa: T201 - what was answered
    assert sum(codes.values()) >= TEXTS
    assert codes[Code.MALFORMED] > TEXTS / 4
    assert codes[Code.TOO_LARGE] > 0
    assert codes[Code.UNKNOWN] > 0
    assert Code.INTERNAL not in codes


def broken(dice: random.Random) -> tuple[bytes, int]:
    """A frame that RFC 6455 forbids, or this hub does, and the code that says so."""
    body = dice.randbytes(dice.randrange(1, 100))
    good = bytearray(Frame(Opcode.TEXT, body).serialize(mask=True))
    kind = dice.randrange(7)
    if kind == 0:
        good[0] |= dice.choice((0x10, 0x20, 0x40))  # what no extension was agreed for
    elif kind == 1:
        good[0] = 0x80 | dice.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15))
    elif kind == 2:
        return Frame(Opcode.TEXT, body).serialize(mask=False), 1002
    elif kind == 3:
        return Frame(Opcode.CONT, body).serialize(mask=True), 1002
    elif kind == 4:
        good[0] = 0x09  # a ping in pieces
    elif kind == 5:
        return Frame(Opcode.BINARY, body).serialize(mask=True), Close.UNSUPPORTED
    else:
        size = dice.randrange(MAX_FRAME_BYTES + 1, 1 << 62)
        return b"\x81\xff" + size.to_bytes(8, "big") + bytes(4), Close.TOO_LARGE
    return bytes(good), 1002


async def test_frames_that_are_none_are_closed_with_their_code_and_cost_nobody_an_event() -> None:
    dice = random.Random(20261202)

    async def speak(here: Process, name: str) -> None:
        bad, code = broken(dice)
        async with raw(here.port, HERE, name) as socket:
            socket.write(bad)
            assert await socket.closed() == code, bad[:20].hex()

    async with process() as here, watched(here):
        for bout in range(BROKEN // AT_ONCE):
            names = [f"bot {(bout * AT_ONCE + each) % NAMES}" for each in range(AT_ONCE)]
            await asyncio.gather(*(speak(here, name) for name in names))


def bombs() -> list[tuple[bytes, int]]:
    """Ten megabytes in ten kilobytes, a gigabyte that is only begun, and one in many pieces."""
    squeezed = zlib.compress(bytes(10 << 20), wbits=-15)
    packed = bytearray(Frame(Opcode.TEXT, squeezed).serialize(mask=True))
    packed[0] |= 0x40
    begun = b"\x81\xff" + (1 << 30).to_bytes(8, "big") + bytes(4) + bytes(60_000)
    piece = Frame(Opcode.CONT, b"x" * 16_000, fin=False).serialize(mask=True)
    pieces = Frame(Opcode.TEXT, b"x" * 16_000, fin=False).serialize(mask=True) + 100 * piece
    return [(bytes(packed), 1002), (begun, Close.TOO_LARGE), (pieces, Close.TOO_LARGE)]


async def test_twenty_bombs_are_refused_and_cost_no_memory(tmp_path: Path) -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    data = tmp_path / "data"
    data.mkdir()
    seats = seed(Templates(tmp_path).sqlite(data), learners=BOMBS).learners
    with running_rounds(data) as server:
        memory = psutil.Process(server.pid).memory_info

        async def throw(seat: Seat, bomb: bytes, code: int) -> None:
            async with raw(server.port, server.url, seat.cookie, offer) as socket:
                socket.write(bomb)
                assert await socket.closed() == code

        async def throw_all(bomb: bytes, code: int) -> None:
            await asyncio.gather(*(throw(seat, bomb, code) for seat in seats))

        await throw_all(text(b"x" * (MAX_FRAME_BYTES + 1)), Close.TOO_LARGE)
        before = memory().rss
        for bomb, code in bombs():
            await throw_all(bomb, code)
        grown = (memory().rss - before) / (1 << 20)
        print(f"{BOMBS} of each bomb: {grown:.1f} MB")  # noqa: T201 - the figure
        assert grown <= GROWN_MB
        assert "Traceback" not in server.log_text()
