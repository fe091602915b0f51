"""Importing files into rows: what changes, what is kept, and that it is all or nothing."""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server import importing
from server.agenda import store
from server.agenda.editing import store as editing
from server.agenda.rules import FacultyRole, Session, SessionDraft
from server.audit import store as audit
from server.db import Database, open_database
from server.errors import Invalid, NotFound
from server.people import store as people

NINE = datetime(2026, 3, 12, 8, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


def event(number: int, title: str = "Iron deficiency", **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "guid": f"00000000-0000-4000-8000-{number:012}",
        "date": "2026-03-12T09:00:00+01:00",
        "start": "09:00",
        "duration": "00:45",
        "room": "Hall A",
        "slug": f"s-{number}",
        "url": "https://example.org/s",
        "title": title,
        "subtitle": "",
        "track": "Heart failure",
        "type": "talk",
        "language": "en",
        "abstract": "Who, when.",
        "description": "Which route.",
        "logo": "",
        "persons": [{"id": 1, "public_name": "Amara Okafor"}],
        "links": [{"title": "Slides", "url": "https://example.org/slides"}],
        **more,
    }


def programme(*events: dict[str, Any], **conference: Any) -> bytes:
    day = {
        "index": 1,
        "date": "2026-03-12",
        "day_start": "2026-03-12T08:00:00+01:00",
        "day_end": "2026-03-12T20:00:00+01:00",
        "rooms": {"Hall A": list(events)},
    }
    head = {
        "acronym": "cardio",
        "title": "CardioForum",
        "start": "2026-03-12",
        "end": "2026-03-12",
        "daysCount": 1,
        "timeslot_duration": "00:05",
        "time_zone_name": "Europe/Paris",
        "rooms": [{"name": "Hall A"}],
        "days": [day],
        **conference,
    }
    return json.dumps({"schedule": {"version": "1", "base_url": "", "conference": head}}).encode()


async def import_file(database: Database, raw: bytes, **options: Any) -> int:
    return await importing.run(database, "schedule.json", raw, **options)


async def stored(database: Database, slug: str = "cardio") -> list[Session]:
    async with database.read() as db:
        place = await store.place_of_conference(db, slug)
        return await store.sessions(db, place.conference_id) if place else []


async def conference_id(database: Database) -> UUID:
    async with database.read() as db:
        place = await store.place_of_conference(db, "cardio")
    assert place is not None
    return place.conference_id


async def test_a_file_makes_its_conference_and_again_changes_nothing(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = programme(event(1), event(2, "Amyloid", start="10:00", date="2026-03-12T10:00:00+01:00"))
    assert await import_file(database, raw) == 0
    first = await stored(database)
    assert capsys.readouterr().out.splitlines()[0] == "added: conference cardio: CardioForum"
    assert await import_file(database, raw) == 0
    assert capsys.readouterr().out == "no changes\n"
    assert await stored(database) == first
    assert [each.title for each in first] == ["Iron deficiency", "Amyloid"]
    assert first[0].starts_at == NINE
    assert first[0].track is not None
    assert first[0].track.name == "Heart failure"
    assert [member.name for member in first[0].faculty] == ["Amara Okafor"]
    assert all(text in first[0].abstract for text in ("Who, when.", "Which route.", "/slides"))
    assert first[0].designated_ms == 0


async def test_a_dry_run_says_the_same_and_writes_nothing(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await import_file(database, programme(event(1)), dry_run=True) == 0
    dry = capsys.readouterr().out
    assert await stored(database) == []
    await import_file(database, programme(event(1)))
    assert capsys.readouterr().out == dry


async def test_a_change_keeps_what_the_file_cannot_know(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await import_file(database, programme(event(1)))
    (old,) = await stored(database)
    here = await conference_id(database)
    async with database.begin() as db:
        await editing.designate(db, here, old.id, 45 * 60_000)
        person = await people.ensure_person(db, "amara@example.org", "Amara Okafor")
        row = await db.get(store.Faculty, (here, old.id, old.faculty[0].id))
        assert row is not None
        row.degree, row.role, row.person_id = "MD", FacultyRole.PANEL, person.id
    capsys.readouterr()
    persons = [{"id": 2, "public_name": "Erik Lindqvist"}, {"id": 1, "public_name": "Amara Okafor"}]
    await import_file(database, programme(event(1, "Iron, who and when", persons=persons)))
    assert "title: Iron deficiency → Iron, who and when" in capsys.readouterr().out
    (new,) = await stored(database)
    assert (new.id, new.title, new.designated_ms) == (old.id, "Iron, who and when", 45 * 60_000)
    assert [member.name for member in new.faculty] == ["Erik Lindqvist", "Amara Okafor"]
    amara = new.faculty[1]
    assert (amara.degree, amara.role, amara.person_id) == ("MD", "panel", person.id)


async def test_a_session_that_is_gone_goes_unless_people_have_used_it(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await import_file(database, programme(event(1), event(2, "Amyloid"), event(3, "Syncope")))
    here = await conference_id(database)
    used = next(each for each in await stored(database) if each.title == "Amyloid")
    async with database.begin() as db:
        await store.open_live(db, here, used.id, 1_000)
    capsys.readouterr()
    await import_file(database, programme(event(1)))
    told = capsys.readouterr().out
    assert {each.title for each in await stored(database)} == {"Amyloid", "Iron deficiency"}
    assert "kept: Amyloid" in told
    assert "removed: Syncope" in told
    assert "removed: Amyloid" not in told


async def test_sessions_made_by_hand_are_left_alone(database: Database) -> None:
    await import_file(database, programme(event(1)))
    here = await conference_id(database)
    draft = SessionDraft(title="By hand", starts_at=NINE, ends_at=NINE + timedelta(hours=1))
    async with database.begin() as db:
        await editing.add_session(db, here, draft)
    await import_file(database, programme(event(2, "Amyloid")))
    assert {each.title for each in await stored(database)} == {"By hand", "Amyloid"}


async def test_one_error_and_nothing_is_imported(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = programme(event(1), event(2, "Amyloid", duration="soon"))
    assert await import_file(database, raw) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "schedule.json: $.schedule.conference.days[0].rooms" in told.err
    assert await stored(database) == []


async def test_a_named_conference_is_filled_and_its_days_grow(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with database.begin() as db:
        await store.add_conference(
            db,
            slug="heart",
            title="Heart",
            zone="Europe/Lisbon",
            starts_on=datetime(2026, 3, 1, tzinfo=UTC).date(),
            ends_on=datetime(2026, 3, 2, tzinfo=UTC).date(),
        )
    await import_file(database, programme(event(1)), slug="heart")
    assert "dates: 2026-03-01 to 2026-03-02 → 2026-03-01 to 2026-03-12" in capsys.readouterr().out
    assert len(await stored(database, "heart")) == 1
    assert await stored(database) == []
    with pytest.raises(NotFound):
        await import_file(database, programme(event(1)), slug="nowhere")


async def test_an_import_is_recorded_once(database: Database) -> None:
    await import_file(database, programme(event(1)))
    await import_file(database, programme(event(1)))
    here = await conference_id(database)
    async with database.read() as db:
        entries = await audit.entries(db, here, kind="programme", limit=10)
        assert await audit.kinds(db, here) == ["programme"]
    assert [(entry.act, entry.detail) for entry in entries] == [("programme.import", {"added": 1})]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"Name (Original Name),Join Time,Leave Time\n", "attendance"),
        (b"hello", "neither a programme"),
    ],
)
async def test_other_files_are_refused_with_a_reason(
    database: Database, capsys: pytest.CaptureFixture[str], raw: bytes, words: str
) -> None:
    assert await importing.run(database, "file.csv", raw) == 1
    assert words in capsys.readouterr().err


async def test_exhibitors_need_a_conference(database: Database) -> None:
    raw = b'[{"title": "Meridian", "slug": "meridian", "website": "https://example.org"}]'
    with pytest.raises(Invalid, match="which conference"):
        await importing.run(database, "stands.json", raw)
