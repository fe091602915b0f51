"""Conferences, sessions and live stretches as rows, on both databases."""

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from server.agenda import store
from server.db import Database, open_database
from server.ids import new_id

NINE = datetime(2026, 3, 12, 8, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


async def make_conference(database: Database, slug: str = "heart") -> UUID:
    async with database.begin() as db:
        row = store.Conference(
            slug=slug,
            title="CardioForum",
            zone="Europe/Paris",
            starts_on=date(2026, 3, 12),
            ends_on=date(2026, 3, 14),
        )
        db.add(row)
        await db.flush()
        return row.id


async def make_session(database: Database, conference_id: UUID, **values: object) -> UUID:
    fields = {
        "title": "Iron deficiency",
        "starts_at": NINE,
        "ends_at": NINE + timedelta(minutes=45),
        **values,
    }
    async with database.begin() as db:
        row = store.Session(conference_id=conference_id, id=new_id(), **fields)
        db.add(row)
        await db.flush()
        return row.id


async def test_a_session_is_live_in_stretches(database: Database) -> None:
    conference_id = await make_conference(database)
    session_id = await make_session(database, conference_id)
    async with database.begin() as db:
        assert await store.open_live(db, conference_id, session_id, 1_000)
        assert not await store.open_live(db, conference_id, session_id, 2_000)
        assert await store.close_live(db, conference_id, session_id, 5_000)
        assert not await store.close_live(db, conference_id, session_id, 6_000)
        assert await store.open_live(db, conference_id, session_id, 7_000)
    async with database.read() as db:
        found = await store.live_intervals(db, conference_id, [session_id])
        living = await store.living(db)
    assert found == {session_id: ((1_000, 5_000), (7_000, None))}
    assert [(each.session_id, each.from_ms) for each in living] == [(session_id, 7_000)]


async def test_a_live_stretch_never_ends_before_it_began(database: Database) -> None:
    conference_id = await make_conference(database)
    session_id = await make_session(database, conference_id)
    async with database.begin() as db:
        await store.open_live(db, conference_id, session_id, 5_000)
        await store.close_live(db, conference_id, session_id, 4_000)
        found = await store.live_intervals(db, conference_id)
    assert found == {session_id: ((5_000, 5_000),)}


async def test_live_stretches_stay_in_their_conference(database: Database) -> None:
    conference_id = await make_conference(database)
    other_id = await make_conference(database, "lung")
    session_id = await make_session(database, conference_id)
    async with database.begin() as db:
        await store.open_live(db, conference_id, session_id, 1_000)
        assert await store.live_intervals(db, other_id, [session_id]) == {}
        assert not await store.close_live(db, other_id, session_id, 2_000)
