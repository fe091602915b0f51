"""PostgreSQL's disk is full in mid-session: nothing is promised that is not kept.

Its data lie on a small tmpfs. Where no room is left for a segment of the log, PostgreSQL ends and
cannot start again; whoever runs it tries again and again, as a container's restart policy does.
"""

import asyncio
import random
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fault.conftest import StartRounds
from tests.fault.crowd import Crowd
from tests.fault.test_disk_full import (
    FULL_SECONDS,
    LEARNERS,
    QUIET_SECONDS,
    RECOVERY_SECONDS,
    TOLD_SECONDS,
    Disk,
    answers,
    full,
    heard,
    silent,
)
from tests.integration.seeds import seed
from tests.servers.databases import Templates
from tests.servers.postgres import Cluster, running_postgres
from tests.servers.rounds import Rounds
from tests.servers.waiting import TooLate

ROOM_MB = 120
RETRY_SECONDS = 0.5


@dataclass
class Site:
    cluster: Cluster
    url: str
    server: Rounds
    disk: Disk
    crowd: Crowd


@pytest.fixture
def small_postgres() -> Generator[Cluster]:
    """A cluster whose disk holds little more than itself; making one takes root."""
    with running_postgres(room_mb=ROOM_MB) as cluster:
        yield cluster


def a_site(cluster: Cluster, folder: Path, start_rounds: StartRounds, *words: str) -> Site:
    url = Templates(folder).postgresql(cluster)
    seeded = seed(url, learners=LEARNERS)
    server = start_rounds({"ROUNDS_DATABASE_URL": url}, before=words)
    crowd = Crowd(server.url, seeded, dice=random.Random(1))
    return Site(cluster, url, server, Disk(cluster.data), crowd)


@asynccontextmanager
async def restarted(cluster: Cluster) -> AsyncGenerator[None]:
    """PostgreSQL is started again whenever it ended, until it stays."""
    ended = asyncio.Event()

    async def keep_running() -> None:
        while not ended.is_set():
            if cluster.process.poll() is not None:
                with suppress(RuntimeError):  # no room to start in
                    await asyncio.to_thread(cluster.start)
            await asyncio.wait([asyncio.create_task(ended.wait())], timeout=RETRY_SECONDS)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_running())
        try:
            yield
        finally:
            ended.set()


async def test_with_no_room_in_postgresql_nothing_is_promised_and_nothing_is_lost(
    small_postgres: Cluster, tmp_path: Path, start_rounds: StartRounds
) -> None:
    site = a_site(small_postgres, tmp_path, start_rounds)
    server, crowd, pid = site.server, site.crowd, site.server.pid
    async with restarted(site.cluster), crowd.busy():
        await heard(crowd, 5 * LEARNERS)
        async with full(site.disk):
            await silent(crowd, TOLD_SECONDS)
            since, told = time.monotonic(), crowd.acknowledged
            while time.monotonic() - since < FULL_SECONDS:
                assert await asyncio.to_thread(answers, server)
            assert crowd.acknowledged == told, "acknowledged with nowhere to write it"
        assert await heard(crowd, 1) <= RECOVERY_SECONDS
        await heard(crowd, 3 * LEARNERS)
    assert (server.process.poll(), server.pid) == (None, pid)
    assert "Traceback" not in server.log_text()
    assert "No space left on device" in site.cluster.log_text()
    assert crowd.compare(site.url) == []
    assert set(crowd.refusals()) <= {"too_many"}


async def test_a_careless_server_promises_with_no_room_in_postgresql_and_loses(
    small_postgres: Cluster,
    tmp_path: Path,
    start_rounds: StartRounds,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: it acknowledges what it cannot write, and the comparison finds it missing."""
    careless = (sys.executable, "-m", "tests.fault.careless")
    site = a_site(small_postgres, tmp_path, start_rounds, *careless)
    crowd = site.crowd
    monkeypatch.setattr("tests.fault.crowd.WEIGHTS", {"vote": 1, "answer": 1})
    async with restarted(site.cluster), crowd.busy():
        await heard(crowd, 5 * LEARNERS)
        async with full(site.disk):
            with pytest.raises(TooLate):
                await silent(crowd, 2 * QUIET_SECONDS)
        await heard(crowd, 1)
    await silent(crowd, 2 * QUIET_SECONDS)  # what could still be written is
    found = crowd.compare(site.url)
    assert found, "a test that cannot find a loss shows nothing"
    assert all("vote" in text or "answer" in text for text in found), found
