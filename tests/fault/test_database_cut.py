"""A hub's packets to PostgreSQL are dropped: nobody else waits for it, and it comes back by itself.

The connections of a process that was killed are closed by its kernel. Here both ends keep theirs,
and PostgreSQL the locks of whoever vanished in the middle of a transaction.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from server.attendance import ledger
from server.db import DATABASE_AWAY, Database, open_database
from server.watched import LET_GO_SECONDS, VANISHED_SECONDS
from tests.fault.firewall import Firewall, cut, running_firewall
from tests.fault.page import Page, agreed, opened
from tests.fault.site import Behind, running_site
from tests.fault.test_redis import AGREED_SECONDS, LEARNERS, WARM, Talk, percentile
from tests.fault.tun import FAR, FAR_AS_SEEN
from tests.integration.seeds import seed
from tests.servers.databases import Templates
from tests.servers.postgres import running_postgres
from tests.servers.waiting import eventually_async

CUT_SECONDS = 30.0
BACK_SECONDS = 10.0
"""From the end of the cut to the first acknowledgement of a hub that was cut off."""

WAITED_SECONDS = VANISHED_SECONDS + LET_GO_SECONDS + 5.0
"""By those who are not cut off, for what one who vanished holds and another one waited for."""

QUICK_SECONDS = 0.5
"""For a page that needs no database, whatever hangs beside it."""


@pytest.fixture
def firewall() -> Generator[Firewall]:
    with running_firewall() as made:
        yield made


@asynccontextmanager
async def open_one(url: str, *, serving: bool) -> AsyncGenerator[Database]:
    database = open_database(url, serving=serving)
    try:
        yield database
    finally:
        await database.close()


async def hold(database: Database, conference_id: UUID, held: asyncio.Event) -> None:
    """Take the ledger's head, and never be heard of again."""
    with suppress(*DATABASE_AWAY):
        async with database.begin() as db:
            await ledger.lock_head(db, conference_id)
            held.set()
            await asyncio.Event().wait()


async def waited(firewall: Firewall, folder: Path, *, serving: bool) -> float | None:
    """How long the ledger's head is kept by two who vanish, one that holds it and one in line.

    `None` if it is still not free after `WAITED_SECONDS`.
    """
    with running_postgres(host=FAR) as cluster:
        url = Templates(folder).postgresql(cluster)
        conference_id = seed(url).conference_id
        away = f"postgresql://rounds@{FAR_AS_SEEN}{urlsplit(url).path}"
        async with (
            open_one(url, serving=True) as near,
            open_one(away, serving=serving) as far,
            asyncio.TaskGroup() as tasks,
        ):
            held = asyncio.Event()
            vanishing = [tasks.create_task(hold(far, conference_id, held)) for _ in range(2)]
            await held.wait()
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            await eventually_async(lambda: cluster.execute(waiting) == "1")
            took, began = None, time.monotonic()
            async with cut(firewall):
                with suppress(TimeoutError):
                    async with asyncio.timeout(WAITED_SECONDS), near.begin() as db:
                        await ledger.lock_head(db, conference_id)
                        took = time.monotonic() - began
            for task in vanishing:
                task.cancel()
            return took


async def test_what_somebody_held_who_vanished_is_given_to_others(
    firewall: Firewall, tmp_path: Path
) -> None:
    took = await waited(firewall, tmp_path, serving=True)
    assert took is not None
    print(f"the ledger's head was held for {took:.1f} s")  # noqa: T201


async def test_who_is_not_watched_holds_it_on(firewall: Firewall, tmp_path: Path) -> None:
    """The control."""
    assert await waited(firewall, tmp_path, serving=False) is None


async def test_a_hub_cut_off_from_the_database_harms_nobody_and_comes_back(
    firewall: Firewall, tmp_path: Path
) -> None:
    cut_off = Behind(database=("two",))
    with running_site(tmp_path / "site", learners=LEARNERS, behind=cut_off) as site:
        talk = Talk(site)
        one, two = (talk.pages[number::2] for number in (0, 1))

        def answered(pages: list[Page]) -> list[tuple[float, float]]:
            return [answer for page in pages for answer in page.story.answers]

        async with opened(talk.pages):
            async with talk.busy():
                await talk.heard(WARM)
                lags: list[float] = []
                async with cut(firewall):
                    began, before = time.monotonic(), len(answered(two))
                    while time.monotonic() - began < CUT_SECONDS:
                        asked = time.monotonic()
                        assert (await asyncio.to_thread(site.hubs[1].get, "/healthz"))[0] == 200
                        lags.append(time.monotonic() - asked)
                        await asyncio.sleep(QUICK_SECONDS)
                back, silent = time.monotonic(), len(answered(two)) - before
                await eventually_async(
                    lambda: any(at + took > back for at, took in answered(two)), BACK_SECONDS
                )
                first = time.monotonic() - back
            done = time.monotonic()
            await agreed(talk.pages, site.rows(), AGREED_SECONDS)
        meanwhile = sorted(took for at, took in answered(one) if began <= at < back)
        print(  # noqa: T201 - the figures of docs/benchmarks.md
            f"cut off for {CUT_SECONDS:g} s: {len(meanwhile)} commands elsewhere, the slowest "
            f"{meanwhile[-1]:.1f} s; {silent} of its own; its first {first:.1f} s after it is "
            f"over, all {done - back:.1f} s; without rows it answers in {max(lags) * 1000:.0f} ms"
        )
        assert len(meanwhile) >= WARM
        assert percentile(sorted(lags), 0.95) <= QUICK_SECONDS
        assert meanwhile[-1] <= WAITED_SECONDS
        assert done - back <= BACK_SECONDS
        talk.holds()
