"""Forged attendance: whatever a socket says, nobody is credited for more than was true.

The server is the product, behind its own sockets and on a real database; its clocks stand still but
for what a script lets pass, so that truth and credit are exact to the millisecond. What is credited
is what a claim would rest on. Against a server that asks for no echo the same scripts must earn
time that nobody spent.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.attendance import store as attendance
from server.credit.gathering import gather
from server.credit.rules import explain
from server.db import Rows
from server.ids import new_id
from tests.attack.forging import STRATEGIES, World
from tests.fault.warped import Clocks
from tests.integration.seeds import Seeded, in_rows, seed
from tests.servers.databases import Templates
from tests.servers.rounds import Rounds, running_rounds

FORGED = 18
"""Strategies at least; fourteen were promised."""

EARNING = ("blind", "guessed", "replayed_elsewhere", "somebody_elses", "stale")
"""What the echo alone stops."""

FAIR = frozenset(
    {
        "replayed", "replayed_elsewhere", "stale", "two_sessions", "many_tabs", "many_devices",
        "changed_clock", "left_and_lingering", "off_air", "in_a_booth",
    }
)  # fmt: skip
"""What of it was true is credited in full: a forger's honest part is as good as anybody's."""

DESIGNATED_MS = 60 * 60_000


@dataclass
class Site:
    """A server, its clocks, and what is planned there."""

    server: Rounds
    clocks: Clocks
    url: str
    seeded: Seeded
    sessions: dict[str, UUID]
    used: list[int] = field(default_factory=list)

    def world(self) -> World:
        """Two people nobody used before."""
        self.used.append(len(self.used))
        first = 2 * self.used[-1]
        people = self.seeded.learners[first], self.seeded.learners[first + 1]
        made = World(self.server.url, self.clocks, people)
        for name, session_id in self.sessions.items():
            setattr(made, name, session_id)
        made.booth = self.seeded.booth_id
        made.turn = self._turn
        return made

    async def _turn(self, session_id: UUID, live: bool) -> None:  # noqa: FBT001 - on or off
        turn = partial(attendance.turn_live, live=live, at_ms=self.clocks.now_ms)
        in_rows(self.url, turn, self.seeded.conference_id, session_id)

    def credited_ms(self, world: World) -> int:
        """Of both people, by the functions that a claim uses."""
        return sum(
            in_rows(self.url, _eligible_ms, self.seeded.conference_id, one.id, self.clocks.now_ms)
            for one in world.people
        )


async def _eligible_ms(db: Rows, conference_id: UUID, person_id: UUID, now_ms: int) -> int:
    conference = await agenda.conference(db, conference_id)
    planned = await agenda.sessions(db, conference_id)
    facts, _ = await gather(db, conference, planned, person_id, now_ms=now_ms)
    return explain(facts).assessment.eligible_ms


async def _plan(db: Rows, seeded: Seeded) -> dict[str, UUID]:
    """The session of the seed, one beside it, one that was never on air, one that is over."""
    now = clock.now()
    ids = {name: new_id() for name in ("parallel", "dark", "over")}
    db.add_all(
        agenda.Session(
            conference_id=seeded.conference_id, id=session_id, title=name.capitalize(),
            starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1),
            phase=Phase.ENDED if name == "over" else Phase.LIVE,
        )
        for name, session_id in ids.items()
    )  # fmt: skip
    await db.flush()
    await db.execute(update(agenda.Session).values(designated_ms=DESIGNATED_MS))
    start = clock.now_ms() - 60_000
    await agenda.open_live(db, seeded.conference_id, ids["parallel"], start)
    await agenda.open_live(db, seeded.conference_id, ids["over"], start)
    await agenda.close_live(db, seeded.conference_id, ids["over"], start + 30_000)
    return {"session": seeded.session_id, **ids}


@contextmanager
def a_site(folder: Path, *faults: str) -> Generator[Site]:
    data = folder / "data"
    data.mkdir()
    url = Templates(folder).sqlite(data)
    seeded = seed(url, learners=2 * len(STRATEGIES) + 2, published=0, opened=0)
    sessions = in_rows(url, _plan, seeded)
    clocks = Clocks(folder / "clocks")
    before = [sys.executable, "-m", "tests.fault.warped", str(clocks.path), *faults]
    with running_rounds(data, before=before) as server:
        yield Site(server, clocks, url, seeded, sessions)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with a_site(tmp_path_factory.mktemp("forge")) as made:
        yield made


@pytest.mark.ci
async def test_an_honest_learner_is_credited_to_the_millisecond(site: Site) -> None:
    async with site.world().open() as world:
        await world.watched(await world.page(), 8)
        assert site.credited_ms(world) == world.truth_ms == 7 * 15_000


@pytest.mark.ci
@pytest.mark.parametrize("name", STRATEGIES)
async def test_forged_beats_are_credited_no_more_than_was_true(site: Site, name: str) -> None:
    assert len(STRATEGIES) >= FORGED
    async with site.world().open() as world:
        await STRATEGIES[name](world)
        found = site.credited_ms(world)
        assert found <= world.truth_ms
        assert found == world.truth_ms or name not in FAIR


@pytest.mark.ci
async def test_without_an_echo_forged_beats_would_earn(tmp_path: Path) -> None:
    """The control: scripts that earn nothing anywhere would show nothing."""
    with a_site(tmp_path, "echoless") as site:
        for name in EARNING:
            async with site.world().open() as world:
                await STRATEGIES[name](world)
                assert site.credited_ms(world) > world.truth_ms, name
