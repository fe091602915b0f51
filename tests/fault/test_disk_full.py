"""The disk is full in mid-session: nothing is promised that is not kept, and all goes on with room.

The data folder is a small tmpfs in a mount namespace of the server's own; the test reaches it
through `/proc`. Without an acknowledgement for 30 s a page says that attendance is not recorded;
what the test asks for is that none comes, and that the server still answers everything else.
"""

import asyncio
import os
import random
import shutil
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fault.conftest import StartRounds
from tests.fault.crowd import Crowd
from tests.integration.seeds import Seeded, seed
from tests.servers.databases import Templates
from tests.servers.rounds import Rounds
from tests.servers.waiting import TooLate, eventually_async

LEARNERS = 20
ROOM_MB = 12
FULL_SECONDS = float(os.environ.get("ROUNDS_TEST_FULL_SECONDS", "8"))
"""How long the disk stays full; 120 a night."""

TOLD_SECONDS = 30.0
"""From a full disk to the last acknowledgement: what SQLite still had room for is done by then."""

RECOVERY_SECONDS = 30.0
QUIET_SECONDS = 3.0
BLOCK = bytes(4096)

MOUNTED = """
mount -t tmpfs -o size="$1"m rounds "$2" && cp -a "$3"/. "$2" && cd "$2" && shift 3 && exec "$@"
"""
"""A file system of so many megabytes over a folder, filled from another; then the rest."""


@dataclass
class Disk:
    """The server's data folder, as it alone sees it."""

    folder: Path

    def fill(self) -> int:
        """Take every block that is left; how many there were."""
        taken = 0
        with (self.folder / "ballast").open("ab", buffering=0) as file:
            try:
                while file.write(BLOCK) == len(BLOCK):
                    taken += 1
            except OSError:
                return taken
        return taken

    def free(self) -> None:
        (self.folder / "ballast").unlink()


@dataclass
class Site:
    server: Rounds
    disk: Disk
    crowd: Crowd

    def compare(self, folder: Path) -> list[str]:
        """Against a copy as a crash would leave it: SQLite finds no way through `/proc`."""
        folder.mkdir()
        self.server.freeze()
        try:
            for name in ("rounds.db", "rounds.db-wal"):
                shutil.copy(self.disk.folder / name, folder)
        finally:
            self.server.thaw()
        return self.crowd.compare(f"sqlite+aiosqlite:///{folder / 'rounds.db'}")


def a_site(folder: Path, start_rounds: StartRounds, *words: str) -> Site:
    """A conference in full swing on a small disk."""
    packed, data = folder / "packed", folder / "data"
    packed.mkdir()
    data.mkdir()
    seeded: Seeded = seed(Templates(folder).sqlite(packed), learners=LEARNERS)
    alone = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    room = ["sh", "-c", MOUNTED, "sh", str(ROOM_MB), str(data), str(packed)]
    server = start_rounds(data=data, before=[*alone, *room, *words])
    disk = Disk(Path(f"/proc/{server.pid}/root{data}"))
    assert shutil.disk_usage(disk.folder).total == ROOM_MB << 20, (
        "the tmpfs is not where it should be"
    )
    return Site(server, disk, Crowd(server.url, seeded, dice=random.Random(1)))


@asynccontextmanager
async def full(disk: Disk) -> AsyncGenerator[None]:
    """A full disk, whatever the server gives back meanwhile."""
    ended = asyncio.Event()

    async def keep_full() -> None:
        while not ended.is_set():
            disk.fill()
            await asyncio.wait([asyncio.create_task(ended.wait())], timeout=0.05)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_full())
        try:
            yield
        finally:
            ended.set()
    disk.free()


def answers(server: Rounds) -> bool:
    """The process is well, and so are pages that need no writing."""
    assert server.get("/healthz")[0] == 200
    assert server.get("/sign-in", {"Host": f"127.0.0.1:{server.port}"})[0] == 200
    return True


async def heard(crowd: Crowd, more: int) -> float:
    """Seconds until so many more acknowledgements."""
    start, before = time.monotonic(), crowd.acknowledged
    await eventually_async(
        lambda: crowd.acknowledged >= before + more, RECOVERY_SECONDS, "an acknowledgement"
    )
    return time.monotonic() - start


async def silent(crowd: Crowd, within: float) -> None:
    """Until nothing was acknowledged for a while."""
    await eventually_async(
        lambda: time.monotonic() - crowd.last_at >= QUIET_SECONDS, within, "silence"
    )


@pytest.mark.ci
async def test_on_a_full_disk_nothing_is_promised_and_nothing_is_lost(
    tmp_path: Path, start_rounds: StartRounds
) -> None:
    site = a_site(tmp_path, start_rounds)
    server, crowd, pid = site.server, site.crowd, site.server.pid
    async with crowd.busy():
        await heard(crowd, 5 * LEARNERS)
        async with full(site.disk):
            await silent(crowd, TOLD_SECONDS)
            since, told = time.monotonic(), crowd.acknowledged
            await eventually_async(
                lambda: answers(server) and time.monotonic() - since >= FULL_SECONDS,
                2 * FULL_SECONDS,
            )
            assert crowd.acknowledged == told, "acknowledged with nowhere to write it"
        assert await heard(crowd, 1) <= RECOVERY_SECONDS
        await heard(crowd, 3 * LEARNERS)
    assert (server.process.poll(), server.pid) == (None, pid)
    assert "Traceback" not in server.log_text()
    assert site.compare(tmp_path / "copy") == []
    assert set(crowd.refusals()) <= {"too_many"}


async def test_a_careless_server_promises_on_a_full_disk_and_loses(
    tmp_path: Path, start_rounds: StartRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it acknowledges what it cannot write, and the comparison finds it missing."""
    site = a_site(tmp_path, start_rounds, sys.executable, "-m", "tests.fault.careless")
    crowd = site.crowd
    monkeypatch.setattr("tests.fault.crowd.WEIGHTS", {"vote": 1, "answer": 1})
    async with crowd.busy():
        await heard(crowd, 5 * LEARNERS)
        async with full(site.disk):
            with pytest.raises(TooLate):
                await silent(crowd, 2 * QUIET_SECONDS)
        await heard(crowd, 1)
    await silent(crowd, 2 * QUIET_SECONDS)  # what could still be written is
    found = site.compare(tmp_path / "copy")
    assert found, "a test that cannot find a loss shows nothing"
    assert all("vote" in text or "answer" in text for text in found), found
