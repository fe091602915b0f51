"""Conferences, sessions and live stretches as rows, on both databases."""

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from server.agenda import store
from server.agenda.editing import store as editing
from server.db import Database, open_database
from server.errors import Invalid
from server.ids import new_id
from server.people import store as people
from server.rights import Role

NINE = datetime(2026, 3, 12, 8, tzinfo=UTC)
DAY = timedelta(days=1)


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


async def test_dependents_are_found_by_what_people_did(database: Database) -> None:
    conference_id = await make_conference(database)
    used = await make_session(database, conference_id)
    free = await make_session(database, conference_id, title="Free")
    async with database.begin() as db:
        await store.open_live(db, conference_id, used, 1_000)
        assert await editing.dependents(db, conference_id, [used, free]) == {used}
        await editing.remove_session(db, conference_id, free)
        assert [each.id for each in await store.sessions(db, conference_id)] == [used]


async def test_removing_a_session_takes_its_grants(database: Database) -> None:
    conference_id = await make_conference(database)
    session_id = await make_session(database, conference_id)
    async with database.begin() as db:
        person = await people.ensure_person(db, "ada@example.org")
        await people.give(
            db, conference_id, person_id=person.id, role=Role.FACULTY, session_id=session_id
        )
        await editing.remove_session(db, conference_id, session_id)
        who = await people.who(db, person.id)
    assert who is not None
    assert who.grants == frozenset()


async def test_sessions_between_two_moments_come_without_abstracts(database: Database) -> None:
    conference_id = await make_conference(database)
    early = await make_session(database, conference_id, abstract="<p>Long</p>")
    await make_session(database, conference_id, starts_at=NINE + DAY, ends_at=NINE + 2 * DAY)
    async with database.read() as db:
        found = await store.sessions(
            db, conference_id, since=NINE, until=NINE + DAY, abstracts=False
        )
        outline = await store.outline(db, conference_id)
        whole = await store.session(db, conference_id, early)
    assert [(each.id, each.abstract) for each in found] == [(early, "")]
    assert [each.starts_at for each in outline] == [NINE, NINE + DAY]
    assert whole.abstract == "<p>Long</p>"


async def test_an_address_is_given_once(database: Database) -> None:
    await make_conference(database)
    day = date(2026, 3, 12)
    async with database.begin() as db:
        with pytest.raises(Invalid):
            await store.add_conference(
                db, slug="heart", title="Again", zone="UTC", starts_on=day, ends_on=day
            )
