"""The open UDP port under fire: nothing hangs, nothing is answered, and viewers notice nothing.

`ROUNDS_TEST_DATAGRAMS` says how many; a million take about a minute.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from realtime.relay.caller import Caller, CallLost, Kind, call
from server import secrets
from tests.fault import hostile
from tests.fault.conftest import StartRounds
from tests.fault.film import FRAMES, Film, Screen
from tests.fault.hostile import Insider, Made, Outsiders, changed, checks, outsiders
from tests.integration.relays import SESSION, grant
from tests.servers.processes import free_port
from tests.servers.rounds import Rounds
from tests.servers.waiting import eventually_async

DATAGRAMS = int(os.environ.get("ROUNDS_TEST_DATAGRAMS", "1000000"))
LAG_MS = 100.0
LOG_BYTES = 1_000_000
GROWN_KB = 16_384
SET_UPS, AT_ONCE = 100, 10
FORGED_A_SECOND = 2000


@pytest.fixture
def dice() -> random.Random:
    number = int(os.environ.get("ROUNDS_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"ROUNDS_TEST_SEED={number}")  # noqa: T201 - shown when the test fails
    return random.Random(number)


@dataclass
class Target:
    """A relay in a process of its own, as an operator starts it, with a meter in it."""

    server: Rounds
    url: str
    secret: bytes
    meter: Path
    http: httpx.AsyncClient

    @property
    def port(self) -> int:
        return self.server.port

    async def received(self) -> int:
        return await self.counted("rounds_relay_datagrams_received_total ")

    async def counted(self, name: str) -> int:
        """A row of its metrics, by all that stands before the number."""
        text = (await self.http.get(f"{self.url}/metrics")).text
        return next(int(row[len(name) :]) for row in text.splitlines() if row.startswith(name))

    def lag_ms(self) -> float:
        return float(self.meter.read_text())

    def memory_kb(self) -> int:
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS"))


@asynccontextmanager
async def target(
    start_rounds: StartRounds, folder: Path, fault: str = "none"
) -> AsyncGenerator[Target]:
    meter, data = folder / "meter", folder / "data"
    data.mkdir()
    url = f"http://127.0.0.1:{free_port()}"
    before = [sys.executable, "-m", "tests.fault.metered", str(meter), fault]
    server = start_rounds({"ROUNDS_RELAY_URL": url}, ("relay",), data=data, before=before)
    transport = httpx.AsyncHTTPTransport(retries=6)  # its HTTP begins after its media
    async with httpx.AsyncClient(timeout=20, transport=transport) as http:
        await eventually_async(meter.exists, 60, "the relay")
        secret = secrets.relay_key(secrets.load(data / "secret"))
        yield Target(server, url, secret, meter, http)


@asynccontextmanager
async def called(
    relay: Target,
    kind: Kind,
    who: str,
    session: str = SESSION,
    http: httpx.AsyncClient | None = None,
) -> AsyncGenerator[Caller]:
    bearer, url = grant(relay.secret, kind, who, session), f"{relay.url}/{kind}/{session}"
    async with call(url, bearer, kind=kind, http=http or relay.http) as caller:
        yield caller


@asynccontextmanager
async def healthy(relay: Target) -> AsyncGenerator[tuple[Film, Screen]]:
    """A speaker and a viewer who see and hear each other."""
    async with AsyncExitStack() as stack:
        film = Film(await stack.enter_async_context(called(relay, "publish", "ada")))
        screen = Screen(await stack.enter_async_context(called(relay, "watch", "grace")))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        filming = tasks.create_task(film.run())
        await eventually_async(lambda: len(screen.whole) > FRAMES and screen.heard)
        yield film, screen
        filming.cancel()


async def fire(
    relay: Target,
    many: Outsiders,
    made: Made,
    insiders: Sequence[Insider],
    count: int,
) -> int:
    """Send until the relay has read so many; the rest of the world goes on meanwhile."""
    start, sent, received = await relay.received(), 0, 0
    while received < count:
        for _ in range(40):
            many.send(made)
            sent += hostile.BURST
            for each in insiders:
                sent += each.send(2)
            await asyncio.sleep(hostile.PAUSE_SECONDS)
        received = await relay.received() - start
        if sent - received > hostile.BEHIND:
            sent = received  # what a full buffer dropped was not tried, and is not waited for
    return received


@pytest.mark.parametrize("count", [pytest.param(20_000, marks=pytest.mark.ci), DATAGRAMS])
async def test_changed_datagrams_do_no_harm(
    count: int, start_rounds: StartRounds, tmp_path: Path, dice: random.Random
) -> None:
    async with target(start_rounds, tmp_path) as relay, healthy(relay) as (film, screen):
        recorded = await hostile.handshake()
        seeds = recorded + 4 * checks(screen.caller)
        with outsiders(relay.port) as many:
            async with (
                called(relay, "publish", "eve", "other") as speaker,
                called(relay, "watch", "mallory", "other") as viewer,
            ):
                insiders = [Insider(each, recorded, dice) for each in (speaker, viewer)]
                made = changed(seeds, dice)
                await fire(relay, many, made, insiders, 5000)
                memory = relay.memory_kb()
                first = len(film.sounds), len(film.pictures)
                received = await fire(relay, many, made, insiders, count)
                last = len(film.sounds) - 25, len(film.pictures) - 15
                await film_arrived(screen, *last)
                grown = relay.memory_kb() - memory
            print(  # noqa: T201 - the figures of docs/security.md
                f"{received} read, longest turn {relay.lag_ms()} ms, {grown} KB grown, "
                f"{len(relay.server.log_text())} bytes of log"
            )
            assert many.answers() == [], "who did not prove an address is sent nothing"
        assert relay.lag_ms() <= LAG_MS
        assert len(relay.server.log_text()) <= LOG_BYTES
        assert grown <= GROWN_KB
        assert set(range(first[0], last[0])) <= screen.heard.keys()
        assert set(range(first[1], last[1])) <= screen.whole.keys()
        assert not screen.caller.closed.is_set()


async def film_arrived(screen: Screen, sounds: int, pictures: int) -> None:
    await eventually_async(
        lambda: max(screen.heard) >= sounds and max(screen.whole) >= pictures, 10, "the end"
    )


@pytest.mark.ci
async def test_a_relay_that_answers_and_logs_is_found_out(
    start_rounds: StartRounds, tmp_path: Path, dice: random.Random
) -> None:
    """The control: both what is sent to strangers and a log that grows with them are seen."""
    async with target(start_rounds, tmp_path, "talkative") as relay:
        with outsiders(relay.port) as many:
            made = changed(await hostile.handshake(), dice)
            received = await fire(relay, many, made, (), 5000)
            assert many.answers()
        a_million = len(relay.server.log_text()) * 1_000_000 / received
        assert a_million > LOG_BYTES


@asynccontextmanager
async def forging(relay: Target, caller: Caller) -> AsyncGenerator[Outsiders]:
    """Whole ClientHellos and checks with wrong passwords, from many addresses, without a pause."""
    hello, wrong = (await hostile.handshake())[0], checks(caller)

    async def forge(many: Outsiders) -> None:
        turn = 0
        while True:
            for _ in range(FORGED_A_SECOND // 100):
                turn += 1
                many.send(lambda: hello if turn % 2 else wrong[turn % len(wrong)], 1)  # noqa: B023
            await asyncio.sleep(0.01)

    with outsiders(relay.port) as many:
        task = asyncio.create_task(forge(many))
        yield many
        task.cancel()


async def set_up(relay: Target, who: str) -> float | None:
    """Seconds until a viewer is connected; `None` if it never was."""
    began = time.monotonic()
    try:
        async with called(relay, "watch", who):
            took = time.monotonic() - began
    except CallLost:
        return None
    return took


async def test_set_ups_succeed_under_forged_handshakes(
    start_rounds: StartRounds, tmp_path: Path
) -> None:
    async with (
        target(start_rounds, tmp_path) as relay,
        healthy(relay) as (_, screen),
        forging(relay, screen.caller) as many,
    ):
        took: list[float | None] = []
        for first in range(0, SET_UPS, AT_ONCE):
            whos = [f"viewer {n}" for n in range(first, first + AT_ONCE)]
            took += await asyncio.gather(*(set_up(relay, who) for who in whos))
        assert None not in took
        longest = sorted(each for each in took if each is not None)
        print(  # noqa: T201 - the figures of docs/security.md
            f"{len(took)} set-ups, {many.sent} forged, "
            f"median {longest[SET_UPS // 2] * 1000:.0f} ms, longest {longest[-1] * 1000:.0f} ms"
        )
        assert many.answers() == []


async def test_without_the_source_check_forged_handshakes_win(
    start_rounds: StartRounds, tmp_path: Path
) -> None:
    """The control."""
    async with (
        target(start_rounds, tmp_path, "open") as relay,
        called(relay, "publish", "ada") as speaker,
        forging(relay, speaker),
    ):
        took = await asyncio.gather(*(set_up(relay, f"viewer {n}") for n in range(AT_ONCE)))
        assert None in took
