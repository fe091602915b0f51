"""Requests that never end to begin: a thousand heads, a byte a second, and nobody else waits."""

import asyncio
import math
import resource
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from realtime.limits import HEADER_SECONDS
from tests.servers.rounds import Rounds, running_rounds
from tests.servers.waiting import TooLate, eventually_async

pytestmark = pytest.mark.timeout(300)

SLOW = 1000
ASKED = 200
QUICK_SECONDS = 0.05
"""A page's p99 that nobody notices: twice of less is the machine's own unrest."""

CLOSED_SECONDS = HEADER_SECONDS + 5.0
PATIENT = (sys.executable, "-m", "tests.fault.patient")


@pytest.fixture(autouse=True)
def many_files() -> Generator[None]:
    """Room for both ends of every connection, in this process and in those it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * SLOW)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Slow:
    """A connection whose request gets longer and is never complete."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.closed = asyncio.create_task(self._wait(reader))
        self._writer = writer

    def drip(self) -> None:
        if not self.closed.done():
            self._writer.write(b"a")

    async def end(self) -> None:
        self._writer.transport.abort()
        await self.closed

    async def _wait(self, reader: asyncio.StreamReader) -> bytes:
        """What the server says before it hangs up."""
        try:
            return await reader.read()
        except ConnectionError:
            return b""


@asynccontextmanager
async def slow(server: Rounds, head: str, count: int = SLOW) -> AsyncGenerator[list[Slow]]:
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(head.encode())
            made.append(Slow(reader, writer))
            stack.push_async_callback(made[-1].end)
        yield made


def half_a_head(server: Rounds, path: str = "/") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: {server.url.removeprefix('http://')}\r\nX-Why: "


async def p99(server: Rounds) -> float:
    """Of a page that asks nothing of the database."""
    took = []
    for _ in range(ASKED):
        began = time.monotonic()
        assert (await asyncio.to_thread(server.get, "/healthz"))[0] == 200
        took.append(time.monotonic() - began)
    return sorted(took)[math.ceil(0.99 * ASKED) - 1]


async def all_closed(connections: list[Slow], within: float) -> None:
    def closed() -> bool:
        for each in connections:
            each.drip()
        return all(each.closed.done() for each in connections)

    await eventually_async(closed, within, "the slow ones closed")


async def test_a_thousand_slow_heads_keep_nobody_and_are_closed(tmp_path: Path) -> None:
    with running_rounds(tmp_path / "data") as server:
        calm = await p99(server)
        async with slow(server, half_a_head(server)) as connections:
            beside = await p99(server)
            await all_closed(connections, CLOSED_SECONDS)
            assert {each.closed.result() for each in connections} == {b""}
        print(f"p99 {calm * 1000:.1f} ms, beside them {beside * 1000:.1f} ms")  # noqa: T201
        assert beside <= max(2 * calm, QUICK_SECONDS)
        assert "Traceback" not in server.log_text()


async def test_a_second_request_may_not_be_slow_either(tmp_path: Path) -> None:
    with running_rounds(tmp_path / "data") as server:
        host = server.url.removeprefix("http://")
        whole = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"
        for head in (whole + half_a_head(server), half_a_head(server, "/ws")):
            async with slow(server, head, 5) as connections:
                await all_closed(connections, CLOSED_SECONDS)
                answers = {each.closed.result().count(b"200 OK") for each in connections}
                assert answers == {head.count(whole)}


async def test_a_server_that_waits_keeps_them_all(tmp_path: Path) -> None:
    """The control."""
    with running_rounds(tmp_path / "data", before=PATIENT) as server:
        async with slow(server, half_a_head(server), 20) as connections:
            with pytest.raises(TooLate):
                await all_closed(connections, CLOSED_SECONDS)
            assert not any(each.closed.done() for each in connections)
