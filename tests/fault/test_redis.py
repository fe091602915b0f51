"""Redis dies, forgets or freezes while two hubs' learners ask and vote: hints are lost, facts not.

`ROUNDS_TEST_REDIS_SECONDS` says for how long it is away (60 a night), `ROUNDS_TEST_LEARNERS` how
many watch (500 a night).
"""

import asyncio
import math
import os
import random
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import pytest

from server.rights import Role
from tests.fault.crowd import compare
from tests.fault.page import Page, agreed, busy, opened
from tests.fault.site import Site, running_site
from tests.servers.redis import Redis
from tests.servers.waiting import TooLate, eventually_async

AWAY_SECONDS = float(os.environ.get("ROUNDS_TEST_REDIS_SECONDS", "8"))
EMPTY_SECONDS = 2.0
"""How long the talk goes on upon an emptied one: to forget takes no time."""

LEARNERS = int(os.environ.get("ROUNDS_TEST_LEARNERS", "20"))
A_SECOND = 3.0
WARM = 10
"""Acknowledgements before anything happens: by then everybody is there."""

ACKNOWLEDGED_SECONDS = 1.5
"""99 of 100 while Redis is away: the first of an outage waits a second for it."""

AGREED_SECONDS = 5.0
"""From the return of Redis until everybody sees what the rows say."""

NEVER_SECONDS = 2 * AGREED_SECONDS

DEAF = (sys.executable, "-m", "tests.fault.deaf")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with running_site(tmp_path_factory.mktemp("site"), learners=3 * LEARNERS) as running:
        yield running


class Talk:
    """A session's learners, half on each hub, who ask and vote, and a moderator who publishes."""

    def __init__(self, site: Site, first: int = 0) -> None:
        self.site, self.dice = site, random.Random(first)
        seeded = site.seeded
        seats = [*seeded.learners[first : first + LEARNERS], seeded.staff[Role.MODERATOR]]
        self.pages = [
            Page(
                seat,
                seeded.session_id,
                web=site.web.url,
                ports=[site.hubs[number % 2].port],
                dice=random.Random(self.dice.random()),
            )
            for number, seat in enumerate(seats)
        ]
        *self.learners, self.moderator = self.pages
        self.published: list[str] = []

    def busy(self) -> AbstractAsyncContextManager[None]:
        return busy(self.learners, self.act, a_second=A_SECOND, dice=self.dice)

    async def act(self, page: Page) -> None:
        """One in four asks, until three were asked, which is what a minute allows."""
        if self.dice.random() < 0.25 and len(page.notes.questions) < 3:
            await self.ask(page)
            return
        question = self.dice.choice(self.site.seeded.questions)
        verb = "unvote" if page.notes.votes.get(question) else "upvote"
        await page.say(f"question.{verb}", question_id=str(question))

    async def ask(self, page: Page) -> None:
        asked = await page.say("question.ask", text=f"Why {uuid4()}?")
        await self.moderator.say("question.approve", question_id=asked["id"])
        self.published.append(asked["id"])

    @property
    def acknowledged(self) -> int:
        return sum(len(page.story.answers) for page in self.pages)

    def took(self, since: float) -> list[float]:
        """How long each command took that was begun since, the quickest first."""
        answers = [answer for page in self.pages for answer in page.story.answers]
        return sorted(seconds for began, seconds in answers if began >= since)

    async def heard(self, more: int) -> None:
        wanted = self.acknowledged + more
        await eventually_async(lambda: self.acknowledged >= wanted, 60, "acknowledgements")

    def renders(self) -> bool:
        """The session's page, with every question that the rows show."""
        place, cookie = f"/sessions/{self.site.seeded.session_id}", self.learners[0].seat.cookie
        status, body = self.site.web.get(place, {"Cookie": cookie, "Accept": "text/html"})
        return status == HTTPStatus.OK and b"<question-panel" in body

    def holds(self) -> None:
        """The rows have what was acknowledged, once, and nobody was refused."""
        assert compare(self.site.database, self.site.seeded, self.learners) == []
        assert [page.refused for page in self.pages if page.refused] == []
        assert set(self.published) <= self.site.rows().questions.keys()
        assert {(page.story.gaps, page.story.doubled) for page in self.pages} == {(0, 0)}
        assert self.site.accidents() == []


@asynccontextmanager
async def killed(redis: Redis) -> AsyncGenerator[None]:
    redis.kill()
    yield
    await asyncio.to_thread(redis.start)


@asynccontextmanager
async def emptied(redis: Redis) -> AsyncGenerator[None]:
    redis.forget()
    yield


@asynccontextmanager
async def frozen(redis: Redis) -> AsyncGenerator[None]:
    redis.freeze()
    try:
        yield
    finally:
        redis.thaw()


def percentile(ascending: Sequence[float], share: float) -> float:
    return ascending[math.ceil(share * len(ascending)) - 1]


FAULTS = (killed, emptied, frozen)


async def lives_without(
    talk: Talk, name: str, fault: AbstractAsyncContextManager[None], away: float
) -> None:
    """While the fault lasts commands are answered, and afterwards everybody sees everything."""
    site = talk.site
    async with opened(talk.pages):
        async with talk.busy():
            await talk.heard(WARM)
            calm = talk.took(0)
            before, began = talk.acknowledged, time.monotonic()
            async with fault:
                await asyncio.sleep(away)
                meanwhile = talk.acknowledged - before
                assert await asyncio.to_thread(talk.renders)
            back = time.monotonic()
        await agreed(talk.pages, site.rows(), back + AGREED_SECONDS - time.monotonic())
        took = talk.took(began)
        print(  # noqa: T201 - the figures of docs/benchmarks.md
            f"{name}, {LEARNERS} learners, {away:g} s: {meanwhile} commands meanwhile, "
            f"p50 {percentile(calm, 0.5):.2f} -> {percentile(took, 0.5):.2f}, "
            f"p99 {percentile(calm, 0.99):.2f} -> {percentile(took, 0.99):.2f} s, "
            f"everybody sees everything {time.monotonic() - back:.1f} s after it is back"
        )
        assert meanwhile >= A_SECOND * away / 2
        assert percentile(took, 0.99) <= ACKNOWLEDGED_SECONDS
        await talk.ask(talk.learners[0])
        await agreed(talk.pages, site.rows(), AGREED_SECONDS)
    talk.holds()


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
async def test_a_redis_that_fails_loses_nothing(
    site: Site, fault: Callable[[Redis], AbstractAsyncContextManager[None]]
) -> None:
    away = AWAY_SECONDS if fault is not emptied else EMPTY_SECONDS
    talk = Talk(site, LEARNERS * FAULTS.index(fault))
    await lives_without(talk, fault.__name__, fault(site.redis), away)


async def said(site: Site, what: str, times: int) -> None:
    def both() -> bool:
        return all(hub.log_text().count(what) >= times for hub in site.hubs)

    await eventually_async(both, 20, f"{what} of both hubs")


async def test_a_hub_that_asks_for_nothing_afterwards_leaves_pages_behind(tmp_path: Path) -> None:
    """The control: what was published while Redis was away is seen by nobody."""
    with running_site(tmp_path / "site", learners=LEARNERS, before=DEAF) as site:
        talk = Talk(site)
        async with opened(talk.pages):
            await said(site, "bus.here", 1)
            await talk.ask(talk.learners[0])
            await agreed(talk.pages, site.rows(), AGREED_SECONDS)
            async with killed(site.redis):
                await talk.ask(talk.learners[0])
            await said(site, "bus.here", 2)
            with pytest.raises(TooLate):
                await agreed(talk.pages, site.rows(), NEVER_SECONDS)
        assert compare(site.database, site.seeded, talk.learners) == []
