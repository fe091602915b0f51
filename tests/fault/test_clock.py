"""Somebody sets the server's clock while learners watch: nobody gains or loses a millisecond.

The clocks of the server stand still but for what the test lets pass, so that what is due is known
exactly. A server that stamps evidence with the wall clock must fail the same.
"""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import update

from server.agenda import store as agenda
from server.attendance import ledger
from server.attendance.chain import Kind
from server.credit.gathering import gather_all
from server.credit.rules import explain
from server.db import Rows
from tests.attack.forging import Page, World
from tests.fault.conftest import StartRounds
from tests.fault.warped import Clocks
from tests.integration.seeds import Seat, Seeded, in_rows, seed
from tests.servers.databases import Templates
from tests.servers.rounds import Rounds
from tests.servers.waiting import eventually_async

LEARNERS = 6
BEATS = 12
BEAT_MS = 15_000
DUE_MS = (BEATS - 1) * BEAT_MS
NOTED_SECONDS = 60.0
HOURS_MS = 2 * 3_600_000
DRIFT_MS = 300
"""Between two beats, as of a clock that runs 2 % fast."""

Moves = Mapping[int, int]
MOVES: dict[str, Moves] = {
    "forth": {4: HOURS_MS},
    "back": {4: -HOURS_MS},
    "drifting": dict.fromkeys(range(1, BEATS), DRIFT_MS),
}
"""What the wall clock does before which beat."""


class Machine:
    """A server, its clocks and the conference on it."""

    def __init__(self, folder: Path, start_rounds: StartRounds, crowds: int, *faults: str) -> None:
        data = folder / "data"
        data.mkdir()
        self.url = Templates(folder).sqlite(data)
        self.seeded: Seeded = seed(self.url, learners=crowds * LEARNERS, published=0, opened=0)
        in_rows(self.url, _designate)
        self.clocks = Clocks(folder / "clocks")
        words = [sys.executable, "-m", "tests.fault.warped", str(self.clocks.path), *faults]
        self.server: Rounds = start_rounds(data=data, before=words)

    def seats(self, crowd: int) -> list[Seat]:
        return self.seeded.learners[crowd * LEARNERS : (crowd + 1) * LEARNERS]

    async def watched(self, seats: list[Seat], moves: Moves) -> set[int]:
        """Everybody beats to the end; what `kept` said at last."""
        async with AsyncExitStack() as stack:
            pages: list[Page] = []
            for seat in seats:
                world = World(self.server.url, self.clocks, (seat, seat))
                pages.append(await (await stack.enter_async_context(world.open())).page())
            told: list[int] = []
            for number in range(BEATS):
                if number:
                    self.clocks.let_pass(BEAT_MS)
                self.clocks.step(moves.get(number, 0))
                answers = await asyncio.gather(
                    *(page.kept(self.seeded.session_id) for page in pages)
                )
                told = [answer["credited_ms"] for answer in answers]
        return set(told)

    def credited(self, seats: list[Seat]) -> set[int]:
        """What a claim of each would rest on."""
        ids = [seat.id for seat in seats]
        return in_rows(self.url, _eligible, self.seeded, ids, self.clocks.now_ms)

    def steps(self) -> int:
        return in_rows(self.url, _steps, self.seeded)


async def _designate(db: Rows) -> None:
    await db.execute(update(agenda.Session).values(designated_ms=3_600_000))


async def _eligible(db: Rows, seeded: Seeded, ids: list[object], now_ms: int) -> set[int]:
    conference = await agenda.conference(db, seeded.conference_id)
    planned = await agenda.sessions(db, seeded.conference_id)
    found = await gather_all(db, conference, planned, ids, now_ms=now_ms)  # type: ignore[arg-type]
    return {explain(facts).assessment.eligible_ms for facts, _ in found.values()}


async def _steps(db: Rows, seeded: Seeded) -> int:
    return len(await ledger.bodies(db, seeded.conference_id, Kind.CLOCK_STEP))


@pytest.mark.ci
async def test_setting_the_clock_changes_no_credit(
    tmp_path: Path, start_rounds: StartRounds
) -> None:
    machine = Machine(tmp_path, start_rounds, len(MOVES))
    for crowd, moves in enumerate(MOVES.values()):
        seats, before = machine.seats(crowd), machine.steps()
        assert await machine.watched(seats, moves) == {DUE_MS}
        assert machine.credited(seats) == {DUE_MS}
        await eventually_async(
            lambda before=before: machine.steps() > before,  # type: ignore[misc]
            NOTED_SECONDS,
            "the ledger's clock.step",
        )
    assert "Traceback" not in machine.server.log_text()


@pytest.mark.ci
async def test_evidence_stamped_by_the_wall_clock_would_change_it(
    tmp_path: Path, start_rounds: StartRounds
) -> None:
    """The control."""
    machine = Machine(tmp_path, start_rounds, len(MOVES), "unanchored")
    for crowd, (name, moves) in enumerate(MOVES.items()):
        assert DUE_MS not in await machine.watched(machine.seats(crowd), moves), name
