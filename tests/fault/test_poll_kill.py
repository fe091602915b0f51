"""Kill -9 of a hub in the middle of a poll: what counts is what was acknowledged, for everybody."""

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from server.rights import Role
from tests.fault.crowd import compare
from tests.fault.page import Page, agreed, all_online, busy, opened
from tests.fault.site import Site, running_site
from tests.servers.rounds import Rounds
from tests.servers.waiting import eventually_async

VOTERS = 40
ANSWERS_A_SECOND = 60.0
MOMENT_SECONDS = 0.5
"""Any moment within two commits is a good one to die."""

SHOWN_SECONDS = 5.0
"""From everybody's return to the final tally."""

BACK_SECONDS = 20.0
MUTE = (sys.executable, "-m", "tests.fault.mute")
HASTY = (*MUTE, "hasty")


class Poll:
    """One open poll, voters on either hub, each bound to theirs, and a moderator on the second."""

    def __init__(self, site: Site, dice: random.Random) -> None:
        self.site, self.dice = site, dice
        (self.id,) = site.seeded.polls
        seats = [*site.seeded.learners, site.seeded.staff[Role.MODERATOR]]
        self.pages = [
            Page(
                seat,
                site.seeded.session_id,
                web=site.web.url,
                ports=[site.hubs[number % 2 if seat in site.seeded.learners else 1].port],
                dice=random.Random(dice.random()),
            )
            for number, seat in enumerate(seats)
        ]
        *self.voters, self.moderator = self.pages

    async def answer(self, page: Page) -> None:
        await page.say("poll.answer", poll_id=str(self.id), choices=[self.dice.randrange(3)])

    async def decide(self, verb: str) -> None:
        told = await self.moderator.say(f"poll.{verb}", poll_id=str(self.id))
        assert told["type"] == "done", told

    async def answered(self, more: int) -> None:
        wanted = self._answers() + more
        await eventually_async(lambda: self._answers() >= wanted, 60, "answers")

    async def refused(self, at_least: int) -> None:
        await eventually_async(lambda: len(self.refusals()) >= at_least, 60, "refusals")

    def refusals(self) -> list[str]:
        return [frame["code"] for page in self.voters for frame in page.refused]

    def tally(self) -> tuple[list[int], int]:
        """What was acknowledged, counted."""
        last = [page.notes.answers[self.id] for page in self.voters if page.notes.answers]
        return [sum(choice in each for each in last) for choice in range(3)], len(last)

    def _answers(self) -> int:
        return sum(len(page.story.answers) for page in self.voters)


async def die_at_any_moment(hub: Rounds, dice: random.Random) -> None:
    await asyncio.sleep(dice.uniform(0, MOMENT_SECONDS))
    hub.kill()


async def die_when_told(hub: Rounds, _dice: random.Random) -> None:
    """As `mute` does, between the COMMIT of answers and their acknowledgement."""
    (hub.data / "die").touch()
    await eventually_async(lambda: hub.process.poll() is not None)


Die = Callable[[Rounds, random.Random], Awaitable[None]]


@pytest.mark.parametrize("die", [die_at_any_moment, die_when_told])
async def test_a_poll_counts_what_was_acknowledged_though_a_hub_died(
    tmp_path: Path, dice: random.Random, die: Die
) -> None:
    """It dies while everybody answers, and the poll is closed and shown before it is back."""
    with running_site(tmp_path / "site", learners=VOTERS, before=MUTE) as site:
        poll, dying = Poll(site, dice), site.hubs[0]
        async with opened(poll.pages):
            async with busy(poll.voters, poll.answer, a_second=ANSWERS_A_SECOND, dice=dice):
                await poll.answered(2 * VOTERS)
                await die(dying, dice)
                await poll.answered(VOTERS // 2)
                await poll.decide("close")
                closed = site.answers(poll.id)
                await poll.refused(1)
                await poll.decide("reveal")
                await asyncio.to_thread(partial(dying.start, media=False))
                await all_online(poll.pages, BACK_SECONDS)
                await poll.refused(VOTERS)
            final = site.rows()
            await agreed(poll.pages, final, SHOWN_SECONDS)
        assert site.answers(poll.id) == closed, "and none counts after the close"
        assert compare(site.database, site.seeded, poll.voters) == []
        assert final.tallies == {str(poll.id): poll.tally()}
        assert set(poll.refusals()) == {"poll.closed"}
        assert site.accidents() == []


async def test_a_hub_that_acknowledges_too_early_loses_answers(
    tmp_path: Path, dice: random.Random
) -> None:
    """The control: the comparison finds what was promised before COMMIT.

    Nobody answers once more after the death, which would put a lost answer right.
    """
    with running_site(tmp_path / "site", learners=VOTERS, before=HASTY) as site:
        poll, dead = Poll(site, dice), asyncio.Event()

        async def answer(page: Page) -> None:
            if not dead.is_set():
                await poll.answer(page)
            page.busy = False

        async with (
            opened(poll.pages),
            busy(poll.voters, answer, a_second=ANSWERS_A_SECOND, dice=dice),
        ):
            await poll.answered(2 * VOTERS)
            await die_when_told(site.hubs[0], dice)
            dead.set()
            await asyncio.to_thread(partial(site.hubs[0].start, media=False))
            await all_online(poll.pages, BACK_SECONDS)
        assert compare(site.database, site.seeded, poll.voters) != []
