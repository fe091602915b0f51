"""Group commit: what arrives at a high rate is written a few times a second, in one transaction.

A beat, a vote or a poll answer is handed in, and its future is resolved after COMMIT: with its
result, or with the refusal that the write gave it. Knows nothing of what it writes.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import structlog

from server.db import DATABASE_AWAY, Database, Rows
from server.errors import Refused, Unavailable

FLUSH_SECONDS = 0.2
"""What the first after a pause waits: five commits a second instead of thousands."""

NEXT_SECONDS = 0.1
"""From one batch to the next while more comes: at once, a commit would hold what came in the
milliseconds of the one before, and each costs as much as its rows."""

MAX_BATCH = 500
"""Rows of one transaction; more would keep others waiting for its locks."""

MAX_QUEUE = 20_000
"""Beats of 2,000 learners through a minute's outage; beyond, the sender is told: busy."""

RETRY_SECONDS = 1.0

Item = TypeVar("Item")
Result = TypeVar("Result")
Write = Callable[[Rows, Sequence[Item]], Awaitable[Sequence[Result | Refused]]]
Waiting = tuple[Write[Any, Any], Any, asyncio.Future[Any]]

log = structlog.get_logger()


class Busy(Unavailable):
    code = "busy"


class Writer:
    """Collects items by the function that writes them; each call writes many items at once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[Waiting] = []
        self._arrived = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many items are yet to be written."""
        return len(self._waiting)

    def submit(self, write: Write[Item, Result], item: Item) -> asyncio.Future[Result]:
        """Hand an item in; the future is done after COMMIT. Raises Busy when too much waits."""
        if len(self._waiting) >= MAX_QUEUE:
            raise Busy("The server is busy. Nothing was recorded; please try again.")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, item, future))
        self._arrived.set()
        return future

    async def run(self) -> None:
        """Flush for ever; a database that is away is tried again, and nothing is dropped."""
        now = asyncio.get_running_loop().time
        while True:
            await self._arrived.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            while self._waiting:
                next_at = now() + NEXT_SECONDS
                if not await self._flush():
                    await asyncio.sleep(RETRY_SECONDS)
                elif 0 < len(self._waiting) < MAX_BATCH:
                    await asyncio.sleep(max(0.0, next_at - now()))
            self._arrived.clear()

    async def drain(self) -> None:
        """Write what waits at shutdown, unless the database is away."""
        while self._waiting and await self._flush():
            pass

    async def _flush(self) -> bool:
        """Write a batch; False when the database is away, and the batch waits again."""
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        try:
            await self._commit(batch)
        except (*DATABASE_AWAY, OSError) as error:
            log.warning("batch.away", error=type(error).__name__, items=len(batch))
            return False
        finally:
            # Also when cancelled half-way: whether it was committed is unknown, so it is written
            # again, which every writing function allows for.
            self._waiting = [item for item in batch if not item[2].done()] + self._waiting
        return True

    async def _commit(self, batch: list[Waiting]) -> None:
        """One transaction; a batch that holds a poisoned item is halved until it stands alone."""
        try:
            outcomes = await self._write(batch)
        except (*DATABASE_AWAY, OSError):
            raise
        except Exception as error:  # one item's accident is not the others', nor the process's
            if len(batch) == 1:
                log.exception("batch.poison")
                if not batch[0][2].done():
                    batch[0][2].set_exception(error)
                return
            middle = len(batch) // 2
            await self._commit(batch[:middle])
            await self._commit(batch[middle:])
            return
        for (_, _, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, Refused):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    async def _write(self, batch: list[Waiting]) -> list[Any]:
        groups: dict[Write[Any, Any], list[int]] = {}
        for position, (write, _, _) in enumerate(batch):
            groups.setdefault(write, []).append(position)
        outcomes: list[Any] = [None] * len(batch)
        async with self._db.begin() as db:
            for write, positions in groups.items():
                results = await write(db, [batch[position][1] for position in positions])
                for position, result in zip(positions, results, strict=True):
                    outcomes[position] = result
        return outcomes


@asynccontextmanager
async def open_writer(db: Database, tasks: asyncio.TaskGroup) -> AsyncGenerator[Writer]:
    writer = Writer(db)
    running = tasks.create_task(writer.run())
    try:
        yield writer
    finally:
        running.cancel()
        await asyncio.wait([running])
        await writer.drain()
