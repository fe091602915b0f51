"""A rolling restart under load: every page comes back by itself and goes on where it was.

`ROUNDS_TEST_CLIENTS` says how many pages are open: 500 a night.
"""

import asyncio
import os
import random
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from realtime.wire import Close
from server import clock
from server.db import Rows
from server.ids import new_id
from server.questions.rules import Status
from server.questions.store import Question
from server.rights import Role
from tests.fault.crowd import compare
from tests.fault.page import Page, agreed, all_online, busy, opened
from tests.fault.site import Site, running_site
from tests.integration.seeds import Seeded, in_rows
from tests.servers.rounds import Rounds
from tests.servers.waiting import TooLate

CLIENTS = int(os.environ.get("ROUNDS_TEST_CLIENTS", "100"))
WAITING = 480
"""Questions that wait for the moderator; a panel shows 500."""

EVENTS_A_SECOND = 5.0
VOTES_A_SECOND = 5.0

BACK_SECONDS = 20.0
"""From a page's loss of its socket until it has everything that it missed."""

STOP_SECONDS = 30.0
AGREED_SECONDS = 10.0
"""Until everybody sees what the rows say; five on a machine with nothing else to do."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with running_site(tmp_path_factory.mktemp("site"), learners=CLIENTS) as running:
        yield running


async def _wait(db: Rows, seeded: Seeded) -> list[UUID]:
    asked = [
        Question(
            conference_id=seeded.conference_id, id=new_id(), session_id=seeded.session_id,
            author_id=seeded.staff[Role.FACULTY].id, command_id=uuid4(), text=f"Why {number}?",
            status=Status.PENDING, asked_at=clock.now(),
        )
        for number in range(WAITING)
    ]  # fmt: skip
    db.add_all(asked)
    await db.flush()
    return [question.id for question in asked]


def pages_of(site: Site, *, forgetful: bool = False) -> list[Page]:
    """Learners on either hub, as behind a proxy that does not know which of them is well."""
    return [
        Page(
            seat,
            site.seeded.session_id,
            web=site.web.url,
            ports=[hub.port for hub in site.hubs],
            dice=random.Random(number),
            forgetful=forgetful,
        )
        for number, seat in enumerate(site.seeded.learners)
    ]


class Desk:
    """A moderator, on a process that is not restarted, who publishes one question after another."""

    def __init__(self, site: Site) -> None:
        self.published: list[UUID] = []
        self.page = Page(
            site.seeded.staff[Role.MODERATOR],
            site.seeded.session_id,
            web=site.web.url,
            ports=[site.web.port],
            dice=random.Random(0),
        )
        self._waiting = in_rows(site.database, _wait, site.seeded)

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        once = busy([self.page], self._publish, a_second=EVENTS_A_SECOND, dice=random.Random(0))
        async with once:
            yield

    async def _publish(self, page: Page) -> None:
        question = self._waiting.pop(0)
        answer = await page.say("question.approve", question_id=str(question))
        assert answer["type"] == "done", answer
        self.published.append(question)


async def vote(site: Site, dice: random.Random, page: Page) -> None:
    question = dice.choice(site.seeded.questions)
    verb = "unvote" if page.notes.votes.get(question) else "upvote"
    await page.say(f"question.{verb}", question_id=str(question))


async def replaced(hub: Rounds) -> None:
    """What a deploy does to one process: the polite end, then the new one on the same port."""
    assert await asyncio.to_thread(hub.terminate, STOP_SECONDS) == 0
    await asyncio.to_thread(partial(hub.start, media=False))


async def rolled(site: Site, pages: list[Page]) -> None:
    for hub in site.hubs:
        await replaced(hub)
        await all_online(pages, 2 * BACK_SECONDS)


async def test_a_rolling_restart_loses_nothing(site: Site) -> None:
    dice = random.Random(0)
    pages, desk = pages_of(site), Desk(site)
    async with opened([*pages, desk.page]):
        voting: Any = partial(vote, site, dice)
        async with desk.at_work(), busy(pages, voting, a_second=VOTES_A_SECOND, dice=dice):
            await rolled(site, pages)
        took = await agreed(pages, site.rows(), AGREED_SECONDS)
    losses = [loss for page in pages for loss in page.story.losses]
    away = [seconds for page in pages for seconds in page.story.away_seconds]
    print(  # noqa: T201 - the figures of docs/benchmarks.md
        f"{CLIENTS} pages, {len(losses)} sockets closed, each back within {max(away):.1f} s; "
        f"{len(desk.published)} questions published meanwhile, all shown after {took:.1f} s"
    )
    assert set(losses) == {(Close.RESTART, True)}
    assert len(losses) >= CLIENTS / 2, "each process had a good part of them"
    assert max(away) <= BACK_SECONDS
    assert sum(page.story.doubled for page in pages) == 0
    assert sum(page.story.gaps for page in pages) == 0
    assert compare(site.database, site.seeded, pages) == []
    assert [page.refused for page in pages if page.refused] == []
    assert {str(id_) for id_ in desk.published} <= site.rows().questions.keys()
    assert site.accidents() == []


async def test_pages_that_forget_where_they_were_miss_events(site: Site) -> None:
    """The control: resuming is what makes a restart go unnoticed."""
    pages, desk = pages_of(site, forgetful=True), Desk(site)
    async with opened([*pages, desk.page]):
        async with desk.at_work():
            await replaced(site.hubs[0])
            await all_online(pages, 2 * BACK_SECONDS)
        with pytest.raises(TooLate):
            await agreed(pages, site.rows(), AGREED_SECONDS)
