"""Kill -9 in mid-session: whatever was acknowledged is there afterwards, and there once.

`ROUNDS_TEST_KILLS` says how often (25 a night) and `ROUNDS_TEST_LEARNERS` how many watch (300 a
night); unasked, both are of a size that a change can wait for.
"""

import asyncio
import os
import random
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.fault.conftest import StartRounds
from tests.fault.crowd import Crowd
from tests.integration.seeds import Seeded, seed
from tests.servers.databases import Templates
from tests.servers.postgres import Cluster
from tests.servers.redis import Redis
from tests.servers.rounds import Rounds
from tests.servers.waiting import eventually_async

KILLS = int(os.environ.get("ROUNDS_TEST_KILLS", "3"))
LEARNERS = int(os.environ.get("ROUNDS_TEST_LEARNERS", "40"))
RECOVERY_SECONDS = 10.0
"""From the moment a server can serve again to the first acknowledgement."""

PATIENCE_SECONDS = 120
LIFE_SECONDS = (0.3, 2.0)
"""How long a server lives between its first acknowledgement and its end."""

EXPECTED = {"too_many"}
"""What a learner of the crowd may be refused by rule."""

HASTY = ("-m", "tests.fault.hasty")


async def acknowledged_again(crowd: Crowd, at_least: int = 1) -> float:
    """Seconds until so many more acknowledgements have come."""
    start, before = time.monotonic(), crowd.acknowledged
    await eventually_async(
        lambda: crowd.acknowledged >= before + at_least, PATIENCE_SECONDS, "an acknowledgement"
    )
    return time.monotonic() - start


async def kill_and_restart(server: Rounds, crowd: Crowd, dice: random.Random, times: int) -> None:
    for _ in range(times):
        await acknowledged_again(crowd, LEARNERS)
        await asyncio.sleep(dice.uniform(*LIFE_SECONDS))  # any moment is a good one to die
        server.kill()
        await asyncio.to_thread(partial(server.start, PATIENCE_SECONDS, media=False))
        took = await acknowledged_again(crowd)
        assert took <= RECOVERY_SECONDS
    await acknowledged_again(crowd, LEARNERS)


def holds(crowd: Crowd, url: str) -> None:
    assert crowd.compare(url) == []
    assert set(crowd.refusals()) <= EXPECTED
    notes = [learner.notes for learner in crowd.learners]
    kinds = ("beats", "votes", "answers", "questions", "leads")
    assert [kind for kind in kinds if not any(getattr(note, kind) for note in notes)] == []


def prepared(request: pytest.FixtureRequest, kind: str, data: Path) -> tuple[str, Seeded]:
    """A database of the kind, with a conference in full swing; SQLite's lies in `data`."""
    if kind == "sqlite":
        data.mkdir()
        url = Templates(request.getfixturevalue("tmp_path")).sqlite(data)
    else:
        url = str(request.getfixturevalue("own_database"))
    return url, seed(url, learners=LEARNERS)


def setting(url: str) -> dict[str, str]:
    return {} if url.startswith("sqlite") else {"ROUNDS_DATABASE_URL": url}


@pytest.mark.ci
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_killed_server_loses_nothing_acknowledged(
    kind: str,
    request: pytest.FixtureRequest,
    start_rounds: StartRounds,
    tmp_path: Path,
    dice: random.Random,
) -> None:
    data = tmp_path / "data"
    url, seeded = prepared(request, kind, data)
    server = start_rounds(setting(url), data=data)
    crowd = Crowd(server.url, seeded, dice=dice)
    async with crowd.busy():
        await kill_and_restart(server, crowd, dice, KILLS)
    holds(crowd, url)


@pytest.mark.ci
async def test_acknowledging_before_commit_loses_votes(
    request: pytest.FixtureRequest, start_rounds: StartRounds, tmp_path: Path, dice: random.Random
) -> None:
    """The control: against a server that promises too early, the comparison must find losses."""
    data = tmp_path / "data"
    url, seeded = prepared(request, "sqlite", data)
    server = start_rounds(data=data, before=[sys.executable, *HASTY])
    crowd = Crowd(server.url, seeded, dice=dice)
    async with crowd.busy():
        await kill_and_restart(server, crowd, dice, 1)
    found = crowd.compare(url)
    assert found, "a test that cannot find a loss shows nothing"
    assert all("vote" in text or "answer" in text for text in found), found


@pytest.mark.ci
async def test_a_crashed_postgresql_loses_nothing_acknowledged(
    own_postgres: Cluster,
    own_database: str,
    start_rounds: StartRounds,
    dice: random.Random,
) -> None:
    seeded = seed(own_database, learners=LEARNERS)
    server = start_rounds(setting(own_database))
    crowd = Crowd(server.url, seeded, dice=dice)
    pid = server.pid
    async with crowd.busy():
        for _ in range(KILLS):
            await acknowledged_again(crowd, LEARNERS)
            await asyncio.sleep(dice.uniform(*LIFE_SECONDS))  # any moment
            own_postgres.crash()
            assert server.get("/healthz")[0] == 200
            assert server.get("/readyz")[0] == 503
            assert server.get("/sign-in", {"Host": server.url.removeprefix("http://")})[0] == 200
            await asyncio.to_thread(own_postgres.start)
            assert await acknowledged_again(crowd) <= RECOVERY_SECONDS
        await acknowledged_again(crowd, LEARNERS)
    assert server.process.poll() is None
    assert server.pid == pid
    holds(crowd, own_database)


@pytest.mark.ci
async def test_a_redis_that_dies_and_forgets_loses_nothing(
    own_database: str, own_redis: Redis, start_rounds: StartRounds, dice: random.Random
) -> None:
    seeded = seed(own_database, learners=LEARNERS)
    server = start_rounds(setting(own_database) | {"ROUNDS_REDIS_URL": own_redis.url})
    crowd = Crowd(server.url, seeded, dice=dice)
    async with crowd.busy():
        for _ in range(KILLS):
            await acknowledged_again(crowd, LEARNERS)
            own_redis.forget()
            await acknowledged_again(crowd, LEARNERS)
            own_redis.kill()
            assert await acknowledged_again(crowd, 2 * LEARNERS) <= PATIENCE_SECONDS
            assert server.get("/readyz")[0] == 200
            await asyncio.to_thread(own_redis.start)
        await acknowledged_again(crowd, LEARNERS)
    assert "Traceback" not in server.log_text()
    holds(crowd, own_database)
