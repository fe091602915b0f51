"""The group reader: each asker gets their own answer, out of rows read after they asked."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from realtime.bus.bus import Ear
from realtime.bus.memory import MemoryBus
from realtime.presence import Presence
from server.db import Database, DatabaseError, Rows, open_database, padded
from server.gathering import Reader, open_reader
from server.people import store as people
from server.people.store import Person
from server.rights import Role
from tests.integration.desks import a_session
from tests.servers.waiting import eventually_async

PATIENCE_SECONDS = 30


@asynccontextmanager
async def reading(url: str) -> AsyncGenerator[tuple[Database, Reader]]:
    database = open_database(url)
    try:
        async with asyncio.TaskGroup() as tasks, open_reader(database, tasks) as reader:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield database, reader
    finally:
        await database.close()


async def add(database: Database, mail: str) -> None:
    async with database.begin() as db:
        await people.ensure_person(db, mail, mail.partition("@")[0])


async def names(db: Rows, mails: Collection[str]) -> dict[str, str]:
    rows = await db.execute(select(Person.mail, Person.name).where(Person.mail.in_(padded(mails))))
    return {mail: name for mail, name in rows}  # noqa: C416 - typed


async def test_who_ask_together_are_read_together_and_each_gets_their_own(
    database_url: str,
) -> None:
    read: list[int] = []

    async def counted(db: Rows, mails: Collection[str]) -> dict[str, str]:
        read.append(len(mails))
        return await names(db, mails)

    async with reading(database_url) as (database, reader):
        for name in ("ada", "ben", "eve"):
            await add(database, f"{name}@example.org")
        asked = [reader.ask(counted, f"{name}@example.org") for name in ("ada", "ben", "eve", "no")]
        assert await asyncio.gather(*asked) == ["ada", "ben", "eve", None]
        assert read == [4]


async def test_what_was_committed_before_the_question_is_in_the_answer(database_url: str) -> None:
    async with reading(database_url) as (database, reader):
        for number in range(5):
            mail = f"p{number}@example.org"
            early = reader.ask(names, mail)
            await add(database, mail)
            assert await reader.ask(names, mail) == f"p{number}"
            assert await early in {None, f"p{number}"}


async def test_an_accident_is_told_to_who_asked_and_the_next_is_answered(database_url: str) -> None:
    async def wrong(db: Rows, _keys: Collection[str]) -> dict[str, str]:
        await db.execute(select(Person.mail).where(Person.mail == 1))
        raise ZeroDivisionError

    async with reading(database_url) as (database, reader):
        await add(database, "ada@example.org")
        with pytest.raises((DatabaseError, ZeroDivisionError)):
            await reader.ask(wrong, "ada@example.org")
        assert await reader.ask(names, "ada@example.org") == "ada"


async def test_an_accident_of_one_question_is_not_told_to_who_asked_another(
    database_url: str,
) -> None:
    """Logins are read with what panels show: a row that one panel cannot read signs nobody out."""

    async def wrong(db: Rows, _keys: Collection[str]) -> dict[str, str]:
        await db.execute(select(Person.mail).where(Person.mail == 1))
        raise ZeroDivisionError

    async with reading(database_url) as (database, reader):
        await add(database, "ada@example.org")
        asked = [reader.ask(read, "ada@example.org") for read in (wrong, names, wrong)]
        first, second, third = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(first, (DatabaseError, ZeroDivisionError))
        assert second == "ada"
        assert type(third) is type(first)


async def test_who_still_waits_at_the_end_is_let_go(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    async with asyncio.TaskGroup() as tasks, open_reader(database, tasks) as reader:
        waiting = reader.ask(names, "ada@example.org")
    await database.close()
    assert waiting.cancelled()


class Hanging(MemoryBus):
    """A bus whose counts take until they are let go."""

    def __init__(self, ear: Ear) -> None:
        super().__init__(ear)
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def mark(self, place: str, holder: str, names: Sequence[str], *, lease: float) -> int:
        self.asked.set()
        await self.go_on.wait()
        return await super().mark(place, holder, names, lease=lease)


@pytest.mark.parametrize("path", ["", "/state", "/desk"])
async def test_a_page_that_waits_for_the_bus_holds_no_connection(
    sqlite_url: str, tmp_path: Path, path: str
) -> None:
    async with a_session(sqlite_url, tmp_path) as world:
        call = await world.call("Mo", Role.MODERATOR)
        bus = Hanging(world.services.hub)
        world.services = replace(world.services, presence=Presence(bus))
        async with world.browser(call) as browser:
            address = str(browser.base_url).rstrip("/") + path
            page = asyncio.create_task(browser.get(address))
            await asyncio.wait_for(bus.asked.wait(), PATIENCE_SECONDS)
            await eventually_async(lambda: held(world.services.db) == 0, 5, "no connection held")
            assert not page.done()
            bus.go_on.set()
            assert (await page).status_code == 200


def held(database: Database) -> int:
    engines = (database.engine, database._reader)
    return sum(engine.pool.checkedout() for engine in engines)  # type: ignore[attr-defined]
