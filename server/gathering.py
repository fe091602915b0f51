"""Group reading: what many ask at the same moment is read for all of them in one transaction.

A question waits a moment for others, never for an older answer: the rows are read after it was
asked. Knows nothing of what it reads; `server/batch.py` does the same for what is written.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from server.batch import Busy
from server.db import DATABASE_AWAY, Database, Rows

GATHER_SECONDS = 0.02
"""How long others may join: fifty transactions a second instead of thousands."""

MAX_KEYS = 500
"""Of one transaction; the statements' parameters are bounded."""

MAX_WAITING = 40_000
"""Everybody of a full process, twice; beyond, the asker is told: busy."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
Read = Callable[[Rows, Collection[Key]], Awaitable[Mapping[Key, Value]]]
Asked = tuple[Read[Any, Any], Any, asyncio.Future[Any]]


class Reader:
    """Collects keys by the function that reads them; each call reads many keys at once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[Asked] = []
        self._arrived = asyncio.Event()

    def ask(self, read: Read[Key, Value], key: Key) -> "asyncio.Future[Value | None]":
        """The value of a key, None where there is none. Raises Busy when too much waits."""
        if len(self._waiting) >= MAX_WAITING:
            raise Busy("The server is busy; please try again.")
        future: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((read, key, future))
        self._arrived.set()
        return future

    async def run(self) -> None:
        """Read for ever; the first that asks after a pause does not wait."""
        now = asyncio.get_running_loop().time
        last = now() - GATHER_SECONDS
        while True:
            await self._arrived.wait()
            await asyncio.sleep(max(0.0, last + GATHER_SECONDS - now()))
            last = now()
            some, self._waiting = self._waiting[:MAX_KEYS], self._waiting[MAX_KEYS:]
            if not self._waiting:
                self._arrived.clear()
            try:
                await self._read(some)
            finally:
                for _, _, future in some:
                    future.cancel()  # of what was answered it is too late

    def close(self) -> None:
        """Nobody is answered any more."""
        for _, _, future in self._waiting:
            future.cancel()

    async def _read(self, some: list[Asked]) -> None:
        keys: dict[Read[Any, Any], set[Any]] = {}
        for read, key, _ in some:
            keys.setdefault(read, set()).add(key)
        found: dict[Read[Any, Any], Mapping[Any, Any]] = {}
        try:
            async with self._db.read() as db:
                for read, wanted in keys.items():
                    found[read] = await read(db, wanted)
        except Exception as error:  # noqa: BLE001 - it is told to everybody who asked
            if len(keys) > 1 and not isinstance(error, (*DATABASE_AWAY, OSError)):
                # One's accident is not the others', who may only want to know who somebody is.
                for read in keys:
                    await self._read([each for each in some if each[0] == read])
                return
            for _, _, future in some:
                if not future.done():
                    future.set_exception(error)
            return
        for read, key, future in some:
            if not future.done():
                future.set_result(found[read].get(key))


@asynccontextmanager
async def open_reader(db: Database, tasks: asyncio.TaskGroup) -> AsyncGenerator[Reader]:
    reader = Reader(db)
    running = tasks.create_task(reader.run())
    try:
        yield reader
    finally:
        running.cancel()
        await asyncio.wait([running])
        reader.close()
