"""The group-commit writer on both databases: each item gets its own answer, after COMMIT."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, select

from server import batch
from server.batch import Busy, Writer, open_writer
from server.db import Database, DatabaseError, Rows, insert, open_database
from server.errors import Invalid, Refused
from server.ids import new_id
from server.people.rules import Profession
from server.people.store import Person
from tests.servers.postgres import running_postgres
from tests.servers.waiting import eventually_async

PATIENCE_SECONDS = 60

pytestmark = pytest.mark.timeout(180)

POISON = "poison"


async def write_people(db: Rows, mails: Sequence[str]) -> list[str | Refused]:
    """Inserts people; one without an `@` is refused, the poisoned one breaks its transaction."""
    good = [mail for mail in mails if "@" in mail or mail == POISON]
    rows = [
        {
            "id": new_id(), "mail": None if mail == POISON else mail, "name": "", "degree": "",
            "profession": Profession.OTHER, "affiliation": "", "zone": "",
        }
        for mail in good
    ]  # fmt: skip
    if rows:
        await db.execute(insert(db, Person), rows)
    return [mail if mail in good else Invalid("no address", where=mail) for mail in mails]


async def count_people(db: Rows, items: Sequence[None]) -> list[int]:
    """What has been written in this transaction when this group's turn comes."""
    found = await db.scalar(select(func.count()).select_from(Person)) or 0
    return [found] * len(items)


async def kept(database: Database) -> set[str]:
    async with database.read() as db:
        return set(await db.scalars(select(Person.mail)))


@asynccontextmanager
async def writing(url: str) -> AsyncGenerator[tuple[Database, Writer]]:
    database = open_database(url)
    try:
        async with asyncio.TaskGroup() as tasks, open_writer(database, tasks) as writer:
            yield database, writer
    finally:
        await database.close()


def mail(number: int) -> str:
    return f"p{number}@example.org"


async def test_an_answer_comes_after_commit_and_each_item_has_its_own(database_url: str) -> None:
    async with writing(database_url) as (database, writer):
        first = writer.submit(write_people, mail(1))
        refused = writer.submit(write_people, "nobody")
        second = writer.submit(write_people, mail(2))
        seen = writer.submit(count_people, None)
        assert not first.done()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await first, await second) == (mail(1), mail(2))
            assert await kept(database) == {mail(1), mail(2)}
            with pytest.raises(Invalid, match="no address") as refusal:
                await refused
            assert refusal.value.where == "nobody"
            assert await seen == 2, "one transaction for all that arrived together"


async def test_a_poisoned_item_fails_alone(database_url: str) -> None:
    async with writing(database_url) as (database, writer):
        futures = [writer.submit(write_people, mail(number)) for number in range(7)]
        poisoned = writer.submit(write_people, POISON)
        futures += [writer.submit(write_people, mail(number)) for number in range(7, 12)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            answers = await asyncio.gather(*futures)
            with pytest.raises(DatabaseError):
                await poisoned
        assert set(answers) == await kept(database) == {mail(number) for number in range(12)}


async def test_a_programming_mistake_in_one_group_harms_no_other(sqlite_url: str) -> None:
    async def mistaken(_db: Rows, _items: Sequence[int]) -> list[int]:
        raise ZeroDivisionError

    async with writing(sqlite_url) as (database, writer):
        futures = [writer.submit(write_people, mail(number)) for number in range(3)]
        wrong = writer.submit(mistaken, 1)
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(ZeroDivisionError):
                await wrong
            await asyncio.gather(*futures)
            assert await writer.submit(write_people, mail(3)) == mail(3), "it goes on"
        assert len(await kept(database)) == 4


async def test_a_caller_that_went_away_takes_nothing_with_it(sqlite_url: str) -> None:
    async with writing(sqlite_url) as (database, writer):
        gone, stays = (writer.submit(write_people, mail(number)) for number in range(2))
        gone.cancel()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await stays == mail(1)
        assert await kept(database) == {mail(0), mail(1)}


async def test_more_than_one_transaction_holds_is_written_in_several(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_BATCH", 4)
    async with writing(sqlite_url) as (database, writer):
        futures = [writer.submit(write_people, mail(number)) for number in range(10)]
        seen = [writer.submit(count_people, None) for _ in range(2)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*futures, *seen)
        assert len(await kept(database)) == 10


async def test_a_stream_of_items_is_written_a_few_times_a_second(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast the database is: each commit costs as much as many rows."""
    monkeypatch.setattr(batch, "FLUSH_SECONDS", batch.NEXT_SECONDS)
    batches: list[int] = []

    async def note(_db: Rows, items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        return list(items)

    async with writing(sqlite_url) as (_, writer):
        now = asyncio.get_running_loop().time
        began, futures = now(), list[asyncio.Future[int]]()
        while len(batches) < 8:
            futures.append(writer.submit(note, len(futures)))
            await asyncio.sleep(0.001)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await asyncio.gather(*futures) == list(range(len(futures)))
        assert len(batches) <= 2 + (now() - began) / batch.NEXT_SECONDS


async def test_beyond_its_limit_it_says_busy_and_keeps_what_waits(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    writer = Writer(database)  # nobody flushes: everything waits
    waiting = [writer.submit(count_people, None) for _ in range(batch.MAX_QUEUE)]
    with pytest.raises(Busy):
        writer.submit(count_people, None)
    assert not any(future.done() for future in waiting)
    await writer.drain()
    assert all(future.done() for future in waiting[: batch.MAX_BATCH])
    await database.close()


async def test_what_waits_at_shutdown_is_written(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_BATCH", 3)
    async with writing(sqlite_url) as (_, writer):
        futures = [writer.submit(write_people, mail(number)) for number in range(8)]
    assert [future.result() for future in futures] == [mail(number) for number in range(8)]


async def test_what_arrives_while_postgresql_is_away_is_written_when_it_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "RETRY_SECONDS", 0.05)
    with running_postgres() as cluster:
        url = cluster.create_database()
        await asyncio.to_thread(_migrate, url)
        async with writing(url) as (database, writer):
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await writer.submit(write_people, mail(0)) == mail(0)
            for crash in range(2):
                numbers = range(100 * crash + 1, 100 * crash + 40)
                before = [writer.submit(write_people, mail(number)) for number in numbers]
                cluster.crash()
                during = writer.submit(write_people, mail(numbers.stop))
                await eventually_async(lambda: not writer._arrived.is_set() or writer._waiting)
                assert not during.done()
                await asyncio.to_thread(cluster.start)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await asyncio.gather(*before, during)
            assert len(await kept(database)) == 1 + 2 * 40


def _migrate(url: str) -> None:
    from server.migrate import upgrade  # noqa: PLC0415 -- as the templates do

    asyncio.run(upgrade(url))
