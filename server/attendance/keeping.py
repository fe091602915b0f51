"""Keeps the ledger of a running process: its start and end, clock steps, outages, checkpoints.

What it notes goes to the conferences that run today. It judges nobody: an outage is a row with its
first and last millisecond, and what that excuses is for officers to say.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from server import clock
from server.agenda import store as agenda
from server.attendance import checkpoints, ledger, store
from server.attendance.chain import Entry, Kind
from server.attendance.rules import LEASE_MS
from server.db import DATABASE_AWAY, Rows
from server.services import Services

TICK_SECONDS = 5
"""A session's end is vouched for within this; also how well the end of a dead process is known."""

CHECKPOINT_MS = 60_000
"""The longest that new rows wait for a checkpoint."""

STEP_MS = 1_000
"""The wall clock moved by more than this: noted."""

AWAY = (*DATABASE_AWAY, OSError)

log = structlog.get_logger()


@asynccontextmanager
async def kept(services: Services) -> AsyncGenerator[None]:
    """Keep the ledger while the process runs; at its end say so and vouch for all."""
    keeper = Keeper(services)
    running = services.tasks.create_task(keeper.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await keeper.close()


class Keeper:
    """What the ledger was told last, so that only what is new enters it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._folder = services.settings.checkpoint_path
        self._alive = Path(services.settings.data) / "alive"
        self._drift_ms = 0
        self._last_ms = _read_ms(self._alive)
        """When all was well last; None until this data folder has seen a process."""
        self._cause = "restart"
        self._told: set[UUID] = set()
        """The conferences whose ledger knows of this process."""

    async def run(self) -> None:
        """For ever; what fails is tried again at the next tick."""
        while True:
            try:
                await self.tick()
            except AWAY as error:
                log.warning("ledger.away", error=type(error).__name__)
            await asyncio.sleep(TICK_SECONDS)

    async def tick(self) -> None:
        async with self._services.db.read() as db:
            conferences = await ledger.around_now(db)
            noticed = {one: await self._noticed(db, one) for one in conferences}
            due = [one for one, entries in noticed.items() if entries]
        if due:
            async with self._services.db.begin() as db:
                for one in due:
                    await ledger.append(db, one, noticed[one])
        self._cause = "database"
        self._told.update(due)
        self._drift_ms = clock.drift_ms() if self._stepped() else self._drift_ms
        self._last_ms = clock.now_ms()
        await self._vouch()
        await asyncio.to_thread(self._alive.write_text, str(self._last_ms))

    async def close(self) -> None:
        """The process ends in order: its last row, and a checkpoint over everything."""
        try:
            async with self._services.db.begin() as db:
                for one in sorted(self._told):
                    await ledger.append(db, one, [self._process(Kind.STOPPED)])
            await self._vouch(all_of_it=True)
        except AWAY as error:
            log.warning("ledger.away", error=type(error).__name__)

    async def _noticed(self, db: Rows, conference_id: UUID) -> list[Entry]:
        entries: list[Entry] = []
        outage = await self._outage(db, conference_id)
        if outage is not None:
            entries.append(outage)
        if conference_id not in self._told:
            entries.append(self._process(Kind.STARTED))
        if self._stepped():
            body = {"before_ms": self._drift_ms, "after_ms": clock.drift_ms()}
            log.warning("clock.step", **body)
            entries.append(Entry(kind=Kind.CLOCK_STEP, body=body))
        return entries

    def _stepped(self) -> bool:
        return abs(clock.drift_ms() - self._drift_ms) > STEP_MS

    async def _outage(self, db: Rows, conference_id: UUID) -> Entry | None:
        """Nothing could be recorded for longer than a lease while a session was live."""
        now_ms = clock.now_ms()
        if self._last_ms is None or now_ms - self._last_ms <= LEASE_MS:
            return None
        seen = [self._last_ms, await ledger.last_ms(db, conference_id)]
        seen.append(await store.last_proof_ms(db, conference_id))
        from_ms = max(at for at in seen if at is not None)  # another process may have gone on
        live = await agenda.living(db)
        if now_ms - from_ms <= LEASE_MS or conference_id not in {one.conference_id for one in live}:
            return None
        body: dict[str, Any] = {"from_ms": from_ms, "to_ms": now_ms, "cause": self._cause}
        log.warning("ledger.outage", **body)
        return Entry(kind=Kind.OUTAGE, body=body)

    def _process(self, kind: Kind) -> Entry:
        return Entry(
            kind=kind, body={"wall_ms": clock.wall_ms(), "key": self._services.signer.key_id}
        )

    async def _vouch(self, *, all_of_it: bool = False) -> None:
        """A checkpoint of every chain that is due, and its copy."""
        async with self._services.db.read() as db:
            heads = await ledger.heads(db)
        for conference_id, head in heads.items():
            async with self._services.db.read() as db:
                due = all_of_it or await _due(db, conference_id, head.n)
            if due:
                async with self._services.db.begin() as db:
                    await checkpoints.make(db, conference_id, self._services.signer)
            await self._copy(conference_id)

    async def _copy(self, conference_id: UUID) -> None:
        """The newest checkpoint lies in the folder too; a full disk there stops nothing here."""
        async with self._services.db.read() as db:
            newest = await ledger.newest_checkpoint(db, conference_id)
        if newest is None or newest.checkpoint.key_id != self._services.signer.key_id:
            return
        try:
            await asyncio.to_thread(
                checkpoints.save, self._folder, newest, self._services.signer.public
            )
        except OSError as error:
            log.warning("checkpoint.copy", error=type(error).__name__, folder=str(self._folder))


async def _due(db: Rows, conference_id: UUID, n: int) -> bool:
    newest = await ledger.newest_checkpoint(db, conference_id)
    if newest is None:
        return n > 0
    if newest.checkpoint.n >= n:
        return False
    old = clock.now_ms() - newest.checkpoint.at_ms >= CHECKPOINT_MS
    return old or await ledger.turned_since(db, conference_id, newest.checkpoint.n)


def _read_ms(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
