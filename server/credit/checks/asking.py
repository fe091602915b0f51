"""Puts due checks to learners, lapses those nobody answered, and keeps the seeds. Runs for ever.

Several processes may do this at once: each check is put, and ends, in one of them.
"""

import asyncio
import secrets
from collections.abc import Sequence
from uuid import UUID

import structlog

from server import clock, topics
from server.agenda import store as agenda
from server.agenda.rules import Living, Phase
from server.attendance import checks, ledger
from server.attendance.checks import Put
from server.attendance.intervals import union
from server.credit.checks import events, store
from server.credit.checks.store import Due, Seed
from server.credit.policies import store as policies
from server.credit.policies.rules import Rule
from server.db import DATABASE_AWAY, Rows
from server.services import Services

EVERY_SECONDS = 1.0

LOOK_MS = 5_000
"""How often it looks who is there, and whether a live session's rule asks for checks."""

log = structlog.get_logger()


async def ask_checks(services: Services) -> None:
    asker = Asker(services)
    while True:
        try:
            await asker.tick(clock.now_ms())
        except (*DATABASE_AWAY, OSError) as error:
            log.warning("checks.away", error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)


class Asker:
    """What one process knows of sessions with checks, so that a tick costs next to nothing."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._renewed = False
        self._looked: dict[UUID, int] = {}
        self._times: dict[tuple[UUID, int], dict[UUID, list[int]]] = {}
        self._asked: set[tuple[UUID, int, UUID, int]] = set()

    async def tick(self, now_ms: int) -> None:
        if not self._renewed:
            await self._tell(await self._renew(now_ms))
            self._renewed = True
        async with self._services.db.read() as db:
            living = await agenda.living(db)
            seeds = await store.running_seeds(db)
        await self._commit(living, seeds, now_ms)
        on_air = {one.session_id for one in living}
        for seed in seeds:
            if seed.session_id in on_air:
                await self._ask(seed, now_ms)
            else:
                await self._off_air(seed, now_ms)
        if seeds:
            await self._lapse(now_ms)

    async def _lapse(self, now_ms: int) -> None:
        """Last of all: what a pause calls off does not lapse."""
        async with self._services.db.read() as db:
            late = await store.lapsing(db, now_ms)
        if late:
            async with self._services.db.begin() as db:
                lapsed = await store.lapse(db, now_ms)
            await self._tell(lapsed)

    async def _renew(self, now_ms: int) -> list[Put]:
        async with self._services.db.begin() as db:
            return await store.renew(db, now_ms)

    async def _commit(self, living: Sequence[Living], seeds: Sequence[Seed], now_ms: int) -> None:
        """A session went live whose rule asks for checks: hold its seed fast at once."""
        known = {seed.session_id for seed in seeds}
        for one in living:
            if one.session_id in known or not self._look(one.session_id, now_ms):
                continue
            rule = await self._rule(one.conference_id, one.session_id)
            if not rule.checks_an_hour:
                continue
            async with self._services.db.begin() as db:
                await store.commit_seed(
                    db, one.conference_id, one.session_id,
                    seed=secrets.token_bytes(checks.SEED_BYTES), an_hour=rule.checks_an_hour,
                    at_ms=now_ms,
                )  # fmt: skip
            del self._looked[one.session_id]

    def _look(self, session_id: UUID, now_ms: int) -> bool:
        """Whether it is time to look at a session again."""
        last_ms = self._looked.get(session_id)
        if last_ms is not None and 0 <= now_ms - last_ms < LOOK_MS:
            return False
        self._looked[session_id] = now_ms
        return True

    async def _rule(self, conference_id: UUID, session_id: UUID) -> Rule:
        async with self._services.db.read() as db:
            found = await policies.of_sessions(db, conference_id, (session_id,))
            session = await agenda.session(db, conference_id, session_id)
        return found[session_id] if session.accredited else Rule()

    async def _ask(self, seed: Seed, now_ms: int) -> None:
        if self._look(seed.session_id, now_ms):
            await self._learn(seed, now_ms)
        times = self._times.get((seed.session_id, seed.number), {})
        if not times:
            return
        async with self._services.db.read() as db:
            elapsed = await self._elapsed(db, seed, now_ms)
            wanted = self._due(seed, times, elapsed)
            if wanted:
                ids = [one.person_id for one in wanted]
                there = set(await self._there(db, seed, now_ms, ids))
                wanted = [one for one in wanted if one.person_id in there]
        if not wanted:
            return
        async with self._services.db.begin() as db:
            asked = await store.put(db, seed, wanted, now_ms)
        # Whom another process asked first counts as asked here too.
        self._asked.update(
            (seed.session_id, seed.number, one.person_id, one.number) for one in wanted
        )
        await self._tell(asked)

    async def _elapsed(self, db: Rows, seed: Seed, now_ms: int) -> int:
        """How long the session was on air since its seed was committed."""
        live = await agenda.live_intervals(db, seed.conference_id, (seed.session_id,))
        stretches = live.get(seed.session_id, ())
        on_air = union((start, now_ms if end is None else end) for start, end in stretches)
        return checks.elapsed_ms(on_air, seed.from_ms, now_ms)

    def _due(self, seed: Seed, times: dict[UUID, list[int]], elapsed: int) -> list[Due]:
        wanted: list[Due] = []
        for person_id, own in times.items():
            number = checks.due(own, elapsed)
            key = (seed.session_id, seed.number, person_id, number or 0)
            if number is not None and key not in self._asked:
                wanted.append(Due(person_id=person_id, number=number, due_ms=own[number]))
        return wanted

    async def _learn(self, seed: Seed, now_ms: int) -> None:
        """The times of everybody who came; they hold for the whole session."""
        times = self._times.setdefault((seed.session_id, seed.number), {})
        async with self._services.db.read() as db:
            there = await self._there(db, seed, now_ms, None)
        new = [person_id for person_id in there if person_id not in times]
        if not new:
            return
        async with self._services.db.begin() as db:
            known = await ledger.pseudonyms(db, new)
        for person_id in new:
            times[person_id] = checks.schedule(
                seed.seed, known[person_id].subject, an_hour=seed.an_hour,
                until_ms=24 * checks.HOUR_MS,
            )  # fmt: skip

    async def _there(
        self, db: Rows, seed: Seed, now_ms: int, person_ids: list[UUID] | None
    ) -> list[UUID]:
        rule = (await policies.of_sessions(db, seed.conference_id, (seed.session_id,)))[
            seed.session_id
        ]
        return await store.running(
            db, seed.conference_id, seed.session_id,
            since_ms=now_ms, counts=rule.counts, person_ids=person_ids,
        )  # fmt: skip

    async def _off_air(self, seed: Seed, now_ms: int) -> None:
        """A pause asks nobody and calls off what is open; the end reveals the seed."""
        async with self._services.db.read() as db:
            asked = await store.any_open(db, seed)
        if seed.phase is not Phase.ENDED and not asked:
            return
        async with self._services.db.begin() as db:
            gone = await store.withdraw(db, seed, now_ms)
            if seed.phase is Phase.ENDED:
                await store.reveal(db, seed, now_ms)
                self._times.pop((seed.session_id, seed.number), None)
                self._looked.pop(seed.session_id, None)
        await self._tell(gone)

    async def _tell(self, changed: Sequence[Put]) -> None:
        for one in changed:
            await self._services.publisher.publish(topics.person(one.person_id), events.told(one))
