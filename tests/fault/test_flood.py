"""Fifty learners ask a hundred questions a second: nobody else waits or is thrown out."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import httpx

from realtime.limits import QUESTIONS_A_MINUTE
from realtime.wire import Close
from tests.fault.crowd import compare
from tests.fault.page import Page, busy, opened
from tests.fault.site import Site, running_site
from tests.fault.test_redis import percentile
from tests.integration.pages import SocketPage, socket_page
from tests.integration.seeds import Seat

QUIET, LOUD = 20, 50
QUESTIONS_A_SECOND = 100.0
ACTS_A_SECOND = 20.0
SECONDS = 10.0
LEAST_SECONDS = 0.4
"""A vote waits up to a fifth of a second to be written with others; twice of it nobody notices."""


def pages(site: Site, seats: Sequence[Seat]) -> list[Page]:
    return [
        Page(
            seat, site.seeded.session_id, web=site.web.url, ports=[site.hubs[0].port],
            dice=random.Random(number),
        )
        for number, seat in enumerate(seats)
    ]  # fmt: skip


@asynccontextmanager
async def flood(site: Site, seats: Sequence[Seat]) -> AsyncGenerator[Counter[str]]:
    """All of them ask without a pause; what they are answered."""
    told: Counter[str] = Counter()

    async def ask(page: SocketPage) -> None:
        while True:
            answer = await page.ask(
                "question.ask", session_id=site.seeded.session_id, text=f"Why {sum(told.values())}?"
            )
            told[str(answer.get("code", answer["type"]))] += 1
            await asyncio.sleep(LOUD / QUESTIONS_A_SECOND)  # the flood's pace

    async with AsyncExitStack() as stack:
        opening = [socket_page(site.hubs[0].port, seat.cookie, site.web.url) for seat in seats]
        sockets = [await stack.enter_async_context(each) for each in opening]
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        asking = [tasks.create_task(ask(each)) for each in sockets]
        yield told
        for each in asking:
            each.cancel()


async def test_a_flood_of_questions_slows_nobody_down(tmp_path: Path) -> None:
    with running_site(tmp_path / "site", learners=QUIET + LOUD) as site:
        dice = random.Random(3)
        quiet = pages(site, site.seeded.learners[:QUIET])

        async def vote(page: Page) -> None:
            question = dice.choice(site.seeded.questions)
            verb = "unvote" if page.notes.votes.get(question) else "upvote"
            await page.say(f"question.{verb}", question_id=str(question))

        def took(since: float) -> list[float]:
            answers = [answer for page in quiet for answer in page.story.answers]
            return sorted(seconds for began, seconds in answers if began >= since)

        async def watched() -> float:
            since = time.monotonic()
            await asyncio.sleep(SECONDS)
            return percentile(took(since), 0.99)

        async with opened(quiet), busy(quiet, vote, a_second=ACTS_A_SECOND, dice=dice):
            calm = await watched()
            async with flood(site, site.seeded.learners[QUIET:]) as told:
                beside = await watched()
        print(f"p99 {calm:.2f} s, beside the flood {beside:.2f} s: {dict(told)}")  # noqa: T201
        assert beside <= max(2 * calm, LEAST_SECONDS)
        assert sum(told.values()) >= QUESTIONS_A_SECOND * SECONDS / 2
        assert told["done"] <= QUESTIONS_A_MINUTE * LOUD
        assert [page.story.losses for page in quiet if page.story.losses] == []
        assert compare(site.database, site.seeded, quiet) == []
        assert site.accidents() == []


async def test_failing_in_somebodys_name_throws_nobody_out(tmp_path: Path) -> None:
    """Wrong links, forged cookies, floods and nonsense: each ends its own socket alone."""
    with running_site(tmp_path / "site", learners=2) as site:
        victim, other = site.seeded.learners
        async with socket_page(site.hubs[0].port, victim.cookie, site.web.url) as page:
            asked_for = [await asyncio.to_thread(_sign_in, site, victim.mail) for _ in range(12)]
            assert HTTPStatus.TOO_MANY_REQUESTS in asked_for
            for cookie in (victim.cookie[:-1], victim.cookie + "x", ""):
                opening = socket_page(site.hubs[0].port, cookie, site.web.url, welcome=False)
                async with opening as stranger:
                    assert await stranger.closed() == Close.SIGN_IN
            async with socket_page(site.hubs[0].port, other.cookie, site.web.url) as loud:
                for _ in range(200):
                    await loud.socket.send("null")
                assert await loud.closed() == Close.FLOOD
            asked = await page.ask(
                "question.ask", session_id=site.seeded.session_id, text="Am I still here?"
            )
            assert asked["type"] == "done"


def _sign_in(site: Site, mail: str) -> int:
    """The status of asking for a link to somebody's account."""
    with httpx.Client(base_url=site.web.url, headers={"Origin": site.web.url}) as http:
        return http.post("/sign-in", data={"mail": mail}).status_code
