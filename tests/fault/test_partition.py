"""One hub of two cannot reach Redis, but the database, and its pages do not notice.

Each of the two believes what the rows say: a poll is closed once, a check is put once, and both
write to one chain. The firewall drops packets, so that no end is told that the other is gone.
"""

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, update

from server import clock
from server.agenda import store as agenda
from server.attendance import checks, ledger
from server.attendance.chain import Walk
from server.attendance.rules import Counts
from server.audit import store as audit
from server.credit.checks import store as put
from server.credit.policies import store as policies
from server.credit.policies.rules import Rule
from server.db import Rows
from server.rights import Role
from tests.attack.forging import Page as Beater
from tests.fault.crowd import Notes, compare
from tests.fault.firewall import Firewall, cut, running_firewall
from tests.fault.page import Page, agreed, busy, opened
from tests.fault.site import Behind, Site, running_site
from tests.integration.pages import socket_page
from tests.integration.seeds import Seat, Seeded, in_rows
from tests.servers.waiting import eventually_async

LEARNERS = 40
ANSWERS_A_SECOND = 20.0
CLOSINGS = 15
"""So often is the same poll closed on both hubs at the same moment, and opened again."""

AGREED_SECONDS = 5.0
"""From the end of the cut until everybody sees what the rows say."""

BEAT_SECONDS = 11.0
"""A page may give evidence every ten."""

SOON_MS, WITHIN_MS = 8_000, 12_000
"""When the first check of those who are asked comes, from the moment the seed is held fast."""

ASKED = 3
"""Learners at least whose first check comes then; of thirty, with a seed that was looked for."""

CUT_OFF = Behind(redis=("two",))
UNLOCKED = (sys.executable, "-m", "tests.fault.unlocked")


@pytest.fixture
def firewall() -> Generator[Firewall]:
    with running_firewall() as made:
        yield made


class House:
    """Learners on either hub, each bound to theirs, and somebody at the desk on each."""

    def __init__(self, site: Site, dice: random.Random) -> None:
        self.site, self.dice = site, dice
        (self.poll,) = site.seeded.polls
        staff = site.seeded.staff
        seats = [*site.seeded.learners, staff[Role.MODERATOR], staff[Role.ORGANISER]]
        self.pages = [
            Page(
                seat,
                site.seeded.session_id,
                web=site.web.url,
                ports=[site.hubs[number % 2].port],
                dice=random.Random(dice.random()),
            )
            for number, seat in enumerate(seats)
        ]
        *self.learners, one, two = self.pages
        self.desks = (one, two)

    async def answer(self, page: Page) -> None:
        await page.say("poll.answer", poll_id=str(self.poll), choices=[self.dice.randrange(3)])

    async def closed_by_both(self, times: int) -> None:
        """The poll is open again after each but the last."""
        poll = {"poll_id": str(self.poll)}
        for left in reversed(range(times)):
            told = await asyncio.gather(*(desk.say("poll.close", **poll) for desk in self.desks))
            assert [answer["type"] for answer in told] == ["done", "done"]
            if left:
                await self.desks[left % 2].say("poll.open", **poll)

    def closings(self) -> int:
        return in_rows(self.site.database, _closings, self.site.seeded)


async def _closings(db: Rows, seeded: Seeded) -> int:
    told = await audit.entries(db, seeded.conference_id, kind="poll", limit=1000)
    return sum(entry.act == "poll.close" for entry in told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What the chain tells: who wrote to it, and how often each check was put."""

    boots: frozenset[UUID]
    put: Counter[tuple[str, int]]


async def _ledger(db: Rows, seeded: Seeded, since_ms: int) -> Ledger:
    walking = Walk(seeded.conference_id, {})
    rows = [
        ledger.Written(*row)
        async for page in ledger.pages(db, seeded.conference_id)
        for row in page
    ]
    assert [walking.step(row.n, row.text, row.h) for row in rows] == [None] * len(rows)
    assert [row.n for row in rows] == list(range(1, len(rows) + 1))
    boots = await db.scalars(
        select(ledger.Ledger.boot_id).where(ledger.Ledger.committed_ms >= since_ms).distinct()
    )
    asked = await db.execute(
        select(put.PresenceCheck.person_id, put.PresenceCheck.number).where(
            put.PresenceCheck.conference_id == seeded.conference_id
        )
    )
    told = Counter(row.subject for row in rows if '"step":"asked"' in row.body)
    rows_of = Counter((str(person), number) for person, number in asked)
    assert sum(told.values()) == sum(rows_of.values()), "a check and its row in the chain"
    return Ledger(boots=frozenset(boots), put=rows_of)


async def _ask_soon(db: Rows, seeded: Seeded, seats: Sequence[Seat]) -> int:
    """Hold a seed fast by which some of these are asked soon; how many."""
    await db.execute(update(agenda.Session).values(designated_ms=3_600_000))
    await policies.publish(
        db, seeded.conference_id, after=0, rule=Rule(counts=Counts.PLAYING, checks_an_hour=3),
        person_id=seeded.staff[Role.OFFICER].id, note="", effective_at=clock.moment(0),
    )  # fmt: skip
    now_ms = clock.now_ms()
    subjects = [(await ledger.pseudonym(db, seat.id)).subject for seat in seats]
    dice, soon = random.Random(7), range(SOON_MS, SOON_MS + WITHIN_MS)

    def asked(seed: bytes) -> int:
        until = SOON_MS + WITHIN_MS
        times = [checks.schedule(seed, one, an_hour=3, until_ms=until) for one in subjects]
        return sum(each[0] in soon for each in times if each)

    seed = next(seed for seed in iter(lambda: dice.randbytes(32), b"") if asked(seed) >= ASKED)
    assert await put.commit_seed(
        db, seeded.conference_id, seeded.session_id, seed=seed, an_hour=3, at_ms=now_ms
    )
    return asked(seed)


@asynccontextmanager
async def beating(site: Site, learners: Sequence[Page]) -> AsyncGenerator[None]:
    """Players of theirs that give evidence, half of them on each hub: a span each, and no more."""

    async def beat(page: Beater, notes: Notes, connection: str) -> None:
        while True:
            notes.beats_sent[connection] = 1
            await page.kept(site.seeded.session_id)
            notes.beats[connection] = 1
            await asyncio.sleep(BEAT_SECONDS)  # a page's pace, which is part of the scene

    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        running = []
        for number, learner in enumerate(learners):
            opening = socket_page(site.hubs[number % 2].port, learner.seat.cookie, site.web.url)
            page = await stack.enter_async_context(opening)
            welcome = page.frames[-1]
            beater = Beater(page.socket, welcome["echo"])
            running.append(tasks.create_task(beat(beater, learner.notes, welcome["connection"])))
        yield
        for task in running:
            task.cancel()


async def alone(site: Site) -> None:
    """The second hub has noticed, and it alone."""
    one, two = site.hubs
    await eventually_async(lambda: "bus.away" in two.log_text(), 20, "the hub behind the firewall")
    assert "bus.away" not in one.log_text()


async def test_a_hub_cut_off_from_redis_does_nothing_twice(
    firewall: Firewall, tmp_path: Path, dice: random.Random
) -> None:
    with running_site(tmp_path / "site", learners=LEARNERS, behind=CUT_OFF) as site:
        house, seats = House(site, dice), site.seeded.learners
        async with opened(house.pages), beating(site, house.learners):
            answering = busy(house.learners, house.answer, a_second=ANSWERS_A_SECOND, dice=dice)
            async with answering:
                async with cut(firewall):
                    await alone(site)
                    since_ms = clock.now_ms()
                    soon = in_rows(site.database, _ask_soon, site.seeded, seats)
                    await house.closed_by_both(CLOSINGS)
                    kept = site.answers(house.poll)

                    def written() -> Ledger:
                        return in_rows(site.database, _ledger, site.seeded, since_ms)

                    await eventually_async(lambda: len(written().put) >= soon, 60, "the checks")
                back = time.monotonic()
            await agreed(house.pages, site.rows(), back + AGREED_SECONDS - time.monotonic())
            took = time.monotonic() - back
        found = written()
        told = sorted(seconds for page in house.pages for _, seconds in page.story.answers)
        print(  # noqa: T201 - the figures of docs/benchmarks.md
            f"{CLOSINGS} closings by two hubs, {len(found.put)} checks put, {len(told)} commands, "
            f"the slowest {told[-1]:.2f} s; everybody sees everything {took:.1f} s after the cut"
        )
        assert house.closings() == CLOSINGS
        assert site.answers(house.poll) == kept, "none counts after the close"
        assert set(found.put.values()) == {1}
        assert len(found.boots) == 2, "both hubs wrote to the chain meanwhile"
        assert compare(site.database, site.seeded, house.learners) == []
        refused = {frame["code"] for page in house.pages for frame in page.refused}
        assert refused <= {"poll.closed"}
        assert site.accidents() == []


async def test_hubs_that_hold_no_row_close_a_poll_twice(
    firewall: Firewall, tmp_path: Path, dice: random.Random
) -> None:
    """The control."""
    with running_site(tmp_path / "site", learners=2, behind=CUT_OFF, before=UNLOCKED) as site:
        house = House(site, dice)
        async with opened(house.pages), cut(firewall):
            await alone(site)
            await house.closed_by_both(CLOSINGS)
        assert house.closings() > CLOSINGS
