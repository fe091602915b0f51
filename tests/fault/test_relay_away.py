"""The relay killed and frozen in mid-session: nothing else fails, and the picture comes back.

`rounds serve` watches its relay and starts another; learners beat, ask, vote and answer meanwhile.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from server.db import Rows
from server.disclosures import rules
from server.disclosures import store as disclosures
from server.rights import Role
from tests.fault.conftest import StartRounds
from tests.fault.crowd import Crowd
from tests.fault.pair import Player, Studio
from tests.integration.seeds import Seat, Seeded, in_rows, seed
from tests.servers.databases import Templates
from tests.servers.rounds import Rounds
from tests.servers.waiting import TooLate, eventually, eventually_async

LEARNERS, PLAYERS = 20, 5
RESTARTED_SECONDS, BACK_SECONDS = 10.0, 20.0
EXPECTED = {"too_many"}
"""What a learner of the crowd may be refused by rule."""
NEWS_SECONDS = 0.25
DISCLOSED = rules.text("No relevant relationships.")


@pytest.fixture
def dice() -> random.Random:
    number = int(os.environ.get("ROUNDS_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"ROUNDS_TEST_SEED={number}")  # noqa: T201 - shown when the test fails
    return random.Random(number)


def relay_of(server: Rounds) -> psutil.Process | None:
    for each in psutil.Process(server.pid).children():
        with suppress(psutil.NoSuchProcess):  # or a zombie, that is one who has just ended
            if "relay" in each.cmdline():
                return each
    return None


async def disclose(db: Rows, seeded: Seeded) -> None:
    await disclosures.enter(
        db,
        seeded.conference_id,
        seeded.session_id,
        text=DISCLOSED,
        person_id=seeded.staff[Role.OFFICER].id,
    )


def acknowledge(server: Rounds, session: str, seats: list[Seat]) -> None:
    """Whoever watches has seen who was paid by whom."""
    for seat in seats:
        httpx.post(
            f"{server.url}/sessions/{session}/disclosure/shown",
            data={"sha256": rules.fingerprint(DISCLOSED)},
            headers={"Cookie": seat.cookie, "Origin": server.url},
        )


@asynccontextmanager
async def opened(*runs: Coroutine[None, None, None]) -> AsyncGenerator[None]:
    """Pages that stay open for the length of the block."""
    tasks = [asyncio.ensure_future(run) for run in runs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def tell_news(server: str, cookie: str, session: str, players: list[Player]) -> None:
    """What the topic of the session tells every page, read from where pages fetch it anew."""
    on_air = False
    async with httpx.AsyncClient(headers={"Cookie": cookie}, trust_env=False) as http:
        while True:
            await asyncio.sleep(NEWS_SECONDS)
            try:
                state = (await http.get(f"{server}/sessions/{session}/state")).json()
            except httpx.TransportError:
                continue
            before, on_air = on_air, state["stage"]["on_air"]
            if on_air and not before:
                for player in players:
                    player.hurry()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=str)
async def test_a_relay_that_is_away_fails_nothing_else_and_comes_back(
    number: signal.Signals, start_rounds: StartRounds, tmp_path: Path, dice: random.Random
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    url = Templates(tmp_path).sqlite(data)
    seeded = seed(url, learners=LEARNERS)
    in_rows(url, disclose, seeded)
    server = start_rounds(data=data)
    await eventually_async(lambda: b'"relay":"ok"' in server.get("/readyz")[1], 60, "a relay")
    session, crowd = str(seeded.session_id), Crowd(server.url, seeded, dice=dice)
    acknowledge(server, session, seeded.learners[:PLAYERS])
    studio = Studio(server.url, seeded.staff[Role.FACULTY].cookie, session, dice)
    seats = seeded.learners[:PLAYERS]
    players = [Player(server.url, each.cookie, session, dice) for each in seats]
    news = tell_news(server.url, seats[0].cookie, session, players)

    def playing(since: float) -> bool:
        return all(player.playing_since(since) for player in players)

    async def seconds_until(seen: Callable[[], bool], since: float, what: str) -> float:
        try:
            await eventually_async(seen, 60, what)
        except TooLate as failure:
            told = [dict(each.heard) for each in (studio, *players)]
            raise TooLate(f"{failure}: {told}\n{server.log_text()[-2000:]}") from None
        return time.monotonic() - since

    async with (
        opened(news, studio.run(), *(player.run() for player in players)),
        crowd.busy(),
    ):
        await seconds_until(lambda: playing(0.0), time.monotonic(), "pictures everywhere")
        former, before = relay_of(server), crowd.acknowledged
        assert former is not None
        gone_at = time.monotonic()
        former.send_signal(number)
        restarted = await asyncio.to_thread(another_answers, server, former.pid)
        back = await seconds_until(lambda: playing(gone_at + restarted), gone_at, "pictures again")
        meanwhile = crowd.acknowledged - before
    print(  # noqa: T201 - the figures of docs/benchmarks.md
        f"{number.name}: restarted in {restarted:.1f} s, pictures everywhere after {back:.1f} s, "
        f"{meanwhile} commands acknowledged meanwhile"
    )
    assert restarted <= RESTARTED_SECONDS
    assert back <= BACK_SECONDS
    assert set(crowd.refusals()) <= EXPECTED
    assert [each for each in crowd.learners if len(each.notes.beats_sent) > 1] == [], "one socket"
    assert meanwhile > LEARNERS
    assert crowd.compare(url) == []
    assert server.process.poll() is None


def another_answers(server: Rounds, former: int) -> float:
    """Seconds until the server has another relay that answers."""
    began = time.monotonic()

    def answers() -> bool:
        now = relay_of(server)
        if now is None or now.pid == former:
            return False
        return b'"relay":"ok"' in server.get("/readyz")[1]

    eventually(answers, 60, "another relay")
    return time.monotonic() - began
