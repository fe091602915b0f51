"""Measures what attendance and credit cost: acknowledging, verifying, recomputing, the live ring.

Ratios compare with the cost of reading the same rows in the same run. Acknowledgements are timed
from the arrival of a beat to the moment its answer could be sent, as the socket's handler does it.
Server time is CPU time of this process, which on SQLite includes the database's; a delay is told
beside it. Growth is the cost of twice as much as a multiple of the cost of once: 2 is linear.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.attendance import checkpoints, store, verifying
from server.attendance.spans import Received
from server.batch import open_writer
from server.credit import ring
from server.credit.gathering import gather_all
from server.credit.rules import explain
from server.credit.systems import SYSTEMS
from server.db import Database, insert, open_database
from server.ids import new_id
from server.migrate import upgrade
from server.people.rules import Profession
from server.people.store import Person
from server.signing import Signer
from tests.bench.figures import Figure, of_samples
from tests.servers.postgres import running_postgres

LEARNERS = 2_000
BEAT_MS = 15_000
SPAN_MS = 300_000
SESSION_MS = 3_600_000
SESSIONS = 20
RINGS = 100
CHUNK = 1_000
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A conference with sessions one after another and people who attend them."""

    database: Database
    conference_id: UUID
    sessions: list[UUID]
    persons: list[UUID]
    began_ms: int


def main(*, quick: bool, peers: bool) -> list[Figure]:  # noqa: ARG001 - no peer does this
    figures: list[Figure] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rounds-bench-")))
        cluster = stack.enter_context(running_postgres())
        sqlite = f"sqlite+aiosqlite:///{folder / 'rounds.db'}"
        postgresql = cluster.create_database()
        figures += asyncio.run(_acknowledging(postgresql, "", seconds=8 if quick else 30))
        figures += asyncio.run(_acknowledging(sqlite, "_sqlite", seconds=8 if quick else 30))
        learners = 250 if quick else LEARNERS
        figures += asyncio.run(_recomputing(cluster.create_database(), learners=learners))
        figures += asyncio.run(_ringing(cluster.create_database(), "", rounds=2 if quick else 5))
        figures += asyncio.run(_ringing(f"{sqlite}.ring", "_sqlite", rounds=2 if quick else 5))
        figures += asyncio.run(_growing(f"{sqlite}.growth", learners=125 if quick else 250))
        rows = 40_000 if quick else 200_000
        figures += asyncio.run(_verifying(f"{sqlite}.verify", "", rows))
        figures += asyncio.run(_verifying(cluster.create_database(), "_postgresql", rows))
    return figures


async def _acknowledging(url: str, suffix: str, *, seconds: int) -> list[Figure]:
    """2,000 learners, each with a beat every 15 s, evenly: 133 a second."""
    async with _day(url, learners=LEARNERS, sessions=1) as day:
        async with day.database.begin() as db:
            for session_id in day.sessions:
                await store.turn_live(
                    db, day.conference_id, session_id, live=True, at_ms=clock.now_ms()
                )
        async with asyncio.TaskGroup() as tasks, open_writer(day.database, tasks) as writer:
            sockets = [_Socket(day, person, writer) for person in day.persons]
            took: list[float] = []
            pace = BEAT_MS / 1000 / LEARNERS
            began = time.perf_counter()
            beating: list[asyncio.Task[None]] = []
            for number in range(int(seconds / pace)):
                await asyncio.sleep(max(0, began + number * pace - time.perf_counter()))
                socket = sockets[number % LEARNERS]
                beating.append(tasks.create_task(socket.beat(took)))
            await asyncio.gather(*beating)
    middle, last = statistics.median(took), statistics.quantiles(took, n=100)[98]
    bounds = ("<= 250", "<= 500") if not suffix else ("", "")
    return [
        Figure(figure=f"ack_p50_ms{suffix}", value=middle, unit="ms", bound=bounds[0],
               must="<= 500" if bounds[0] else ""),
        Figure(figure=f"ack_p99_ms{suffix}", value=last, unit="ms", bound=bounds[1],
               must="<= 2000" if bounds[1] else ""),
    ]  # fmt: skip


class _Socket:
    """One learner's connection: its number and echo, as a browser keeps them."""

    def __init__(self, day: Day, person_id: UUID, writer: Any) -> None:
        self._day, self._person_id, self._writer = day, person_id, writer
        self._connection, self._n, self._echo = uuid4(), 0, "first"

    async def beat(self, took: list[float]) -> None:
        began = time.perf_counter()
        self._n += 1
        outcome = await self._writer.submit(store.write_beats, self._beating())
        self._echo = outcome.echo
        day = self._day
        async with day.database.read() as db:
            await store.live_ms(db, day.conference_id, self._person_id, day.sessions[0])
        took.append((time.perf_counter() - began) * 1000)

    def _beating(self) -> store.Beating:
        received = Received(
            at_ms=clock.now_ms(), n=self._n, echo=self._echo, next_echo=f"{self._n}",
            visible=True, playing=True,
        )  # fmt: skip
        return store.Beating(
            conference_id=self._day.conference_id,
            person_id=self._person_id,
            connection=self._connection,
            space_id=self._day.sessions[0],
            booth=False,
            device="laptop",
            received=received,
            first_echo="first",
        )


async def _recomputing(url: str, *, learners: int) -> list[Figure]:
    """20 sessions, all systems; beside it the time it takes to read what it rests on."""
    async with _day(url, learners=learners, sessions=SESSIONS) as day:
        await _attend(day, spans_each=SESSION_MS // SPAN_MS)
        reading, recomputing = [], []
        for _ in range(3):
            reading.append(await _timed(lambda: _read(day)))
            recomputing.append(await _timed(lambda: _recompute(day)))
    ratios = [whole / read for whole, read in zip(recomputing, reading, strict=True)]
    return [
        of_samples("recompute_s", recomputing, "s"),
        of_samples("recompute_vs_read", ratios, "ratio", bound="<= 1.5", must="<= 3"),
        Figure(figure="recompute_learners", value=learners, unit="learners"),
    ]


async def _ringing(url: str, suffix: str, *, rounds: int) -> list[Figure]:
    """100 learners in the last of 20 sessions ask how they stand, one after another.

    Once as they do while a session goes on, when one of them in a second reads what all share, and
    once with nothing held.
    """
    async with _day(url, learners=RINGS, sessions=SESSIONS) as day:
        await _attend(day, spans_each=SESSION_MS // SPAN_MS)
        await _ring(day, 0)
        cpu, delay = await _rings(day, rounds, alone=False)
        alone, _ = await _rings(day, 1, alone=True)
    return [
        of_samples(f"ring_update_ms{suffix}", cpu, "ms", bound="<= 5", must="<= 10"),
        of_samples(f"ring_update_delay_ms{suffix}", delay, "ms"),
        of_samples(f"ring_update_alone_ms{suffix}", alone, "ms"),
    ]


async def _rings(day: Day, rounds: int, *, alone: bool) -> tuple[list[float], list[float]]:
    """CPU time and delay of each answer."""
    cpu, delay = [], []
    for at in range(rounds * RINGS):
        if alone:
            ring.SHARED.clear()
        used, began = time.process_time(), time.perf_counter()
        await _ring(day, at % RINGS)
        cpu.append((time.process_time() - used) * 1000)
        delay.append((time.perf_counter() - began) * 1000)
    return cpu, delay


async def _growing(url: str, *, learners: int) -> list[Figure]:
    """The CPU time of recomputing, with twice the learners and with twice the sessions."""
    few = SESSIONS // 2
    async with _day(url, learners=learners * 2, sessions=SESSIONS) as day:
        await _attend(day, spans_each=SESSION_MS // SPAN_MS)
        once = replace(day, persons=day.persons[:learners])
        await _recompute(once)  # statements are built once
        more_learners = [
            await _used(lambda: _recompute(day)) / await _used(lambda: _recompute(once))
            for _ in range(3)
        ]
    async with _day(url, learners=learners, sessions=few) as half:
        await _attend(half, spans_each=SESSION_MS // SPAN_MS)
        less = [await _used(lambda: _recompute(half)) for _ in range(3)]
    async with _day(url, learners=learners, sessions=SESSIONS) as whole:
        await _attend(whole, spans_each=SESSION_MS // SPAN_MS)
        more = [await _used(lambda: _recompute(whole)) for _ in range(3)]
    more_sessions = [two / one for two, one in zip(more, less, strict=True)]
    return [
        of_samples("growth_learners", more_learners, "times for twice", bound="<= 2.2",
                   must="<= 2.6"),
        of_samples("growth_sessions", more_sessions, "times for twice", bound="<= 2.2",
                   must="<= 2.6"),
    ]  # fmt: skip


async def _read(day: Day) -> None:
    """Every span of these people, as rows."""
    async with day.database.read() as db:
        for person_id in day.persons:
            await store.evidence(db, day.conference_id, person_id)


async def _recompute(day: Day) -> None:
    async with day.database.read() as db:
        conference = await agenda.conference(db, day.conference_id)
        planned = await agenda.sessions(db, day.conference_id)
        for at in range(0, len(day.persons), CHUNK):
            some = day.persons[at : at + CHUNK]
            gathered = await gather_all(db, conference, planned, some, now_ms=clock.now_ms())
            for facts, _ in gathered.values():
                explain(replace(facts, systems=tuple(SYSTEMS.values())))


async def _ring(day: Day, at: int) -> None:
    call: Any = SimpleNamespace(conference_id=day.conference_id, person_id=day.persons[at])
    async with day.database.read() as db:
        await ring.again(call, db, day.sessions[-1])


async def _verifying(url: str, suffix: str, rows: int) -> list[Figure]:
    """A whole chain with its checkpoint, and every span against its row."""
    learners = 500
    async with _day(url, learners=learners, sessions=1) as day:
        await _attend(day, spans_each=rows // learners)
        async with day.database.begin() as db:
            newest = await checkpoints.make(db, day.conference_id, SIGNER)
        assert newest is not None
        rates = []
        for _ in range(3):
            async with day.database.read() as beside, day.database.read() as db:
                began = time.perf_counter()
                found = await verifying.verify(
                    db,
                    day.conference_id,
                    copies=[newest],
                    keys={SIGNER.key_id: SIGNER.public},
                    beside=beside,
                )
                rates.append(found.rows / (time.perf_counter() - began))
            assert not found.bad, found.bad
            assert found.rows >= rows, "all of it was walked"
    must = ">= 20000" if suffix else ">= 50000"
    return [of_samples(f"verify_rows_per_s{suffix}", rates, "rows/s", bound=">= 100000", must=must)]


async def _timed(act: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await act()
    return time.perf_counter() - began


async def _used(act: Callable[[], Awaitable[None]]) -> float:
    """CPU time of this process, in seconds."""
    began = time.process_time()
    await act()
    return time.process_time() - began


@asynccontextmanager
async def _day(url: str, *, learners: int, sessions: int) -> AsyncGenerator[Day]:
    await upgrade(url)
    database = open_database(url)
    try:
        yield await _found(database, learners, sessions)
    finally:
        await database.close()


async def _found(database: Database, learners: int, sessions: int) -> Day:
    now = clock.now()
    began = now - timedelta(milliseconds=SESSION_MS * sessions)
    async with database.begin() as db:
        conference_id = await agenda.add_conference(
            db, slug=f"c{uuid4().hex[:8]}", title="Cardio", zone="Europe/Paris",
            starts_on=began.date(), ends_on=now.date(),
        )  # fmt: skip
        persons = [new_id() for _ in range(learners)]
        await db.execute(
            insert(db, Person),
            [
                {
                    "id": one, "mail": f"{one}@example.org", "name": "", "degree": "",
                    "profession": Profession.PHYSICIAN, "affiliation": "", "zone": "",
                }
                for one in persons
            ],
        )  # fmt: skip
        planned = []
        for number in range(sessions):
            starts = began + timedelta(milliseconds=SESSION_MS * number)
            session = agenda.Session(
                conference_id=conference_id, title=f"Talk {number}", hall="A", starts_at=starts,
                ends_at=starts + timedelta(milliseconds=SESSION_MS), designated_ms=SESSION_MS,
                phase=Phase.LIVE,
            )  # fmt: skip
            db.add(session)
            await db.flush()
            planned.append(session.id)
    return Day(
        database=database, conference_id=conference_id, sessions=planned, persons=persons,
        began_ms=clock.milliseconds(began),
    )  # fmt: skip


async def _attend(day: Day, *, spans_each: int) -> None:
    """Everybody attends everything; each session was live from its start to its end."""
    for number, session_id in enumerate(day.sessions):
        from_ms = day.began_ms + number * SESSION_MS
        place = day.conference_id, session_id
        async with day.database.begin() as db:
            await store.turn_live(db, *place, live=True, at_ms=from_ms)
            await store.turn_live(db, *place, live=False, at_ms=from_ms + SESSION_MS)
        connections = [uuid4() for _ in day.persons]
        for at in range(spans_each):
            first_ms = from_ms + at * SPAN_MS
            async with day.database.begin() as db:
                await store.keep(
                    db,
                    [
                        {
                            "conference_id": day.conference_id, "person_id": person_id,
                            "space_id": session_id, "booth": False, "connection": connection,
                            "device": "laptop", "visible": True, "playing": True,
                            "first_ms": first_ms, "last_ms": first_ms + SPAN_MS, "beats": 21,
                            "max_gap_ms": BEAT_MS, "id": new_id(), "left": False,
                        }
                        for person_id, connection in zip(day.persons, connections, strict=True)
                    ],
                )  # fmt: skip
