"""Disclosures as rows on both databases, and as the officer and the learner meet them."""

from collections.abc import AsyncGenerator, Generator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from server.agenda import store as agenda
from server.db import Database, open_database
from server.disclosures import rules, store
from server.people import store as people
from server.rights import Role
from tests.integration.live_day import TEXT, Day, a_conference, a_day
from tests.servers.rounds import Rounds

NINE = datetime(2026, 3, 12, 8, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


async def a_session(database: Database) -> tuple[UUID, UUID, UUID]:
    """Conference, session, person."""
    async with database.begin() as db:
        conference_id = await agenda.add_conference(
            db,
            slug="heart",
            title="CardioForum",
            zone="Europe/Paris",
            starts_on=date(2026, 3, 12),
            ends_on=date(2026, 3, 14),
        )
        row = agenda.Session(
            conference_id=conference_id,
            title="Iron",
            starts_at=NINE,
            ends_at=NINE + timedelta(minutes=45),
        )
        db.add(row)
        person = await people.ensure_person(db, "ada@example.org", "Ada")
        await db.flush()
        return conference_id, row.id, person.id


async def test_the_newest_text_is_in_force_and_asked_for_anew(database: Database) -> None:
    conference_id, session_id, person_id = await a_session(database)
    place = (conference_id, session_id)
    async with database.begin() as db:
        assert await store.panel(db, *place, person_id) is None
        assert await store.enter(db, *place, text="Dr A has none.", person_id=person_id)
        assert not await store.enter(db, *place, text="Dr A has none.", person_id=person_id)
    async with database.begin() as db:
        panel = await store.panel(db, *place, person_id)
        assert panel is not None
        assert not panel.acknowledged
        sha256 = panel.disclosure.sha256
        assert await store.acknowledge(db, *place, person_id=person_id, sha256=sha256)
        assert not await store.acknowledge(db, *place, person_id=person_id, sha256=sha256)
    async with database.begin() as db:
        panel = await store.panel(db, *place, person_id)
        assert panel is not None
        assert panel.acknowledged
        assert await store.enter(db, *place, text="Dr B has none.", person_id=person_id)
    async with database.begin() as db:
        panel = await store.panel(db, *place, person_id)
        assert panel is not None
        assert (panel.disclosure.text, panel.acknowledged) == ("Dr B has none.", False)
        # Back to the first text: what was read once has been read.
        assert await store.enter(db, *place, text="Dr A has none.", person_id=person_id)
    async with database.read() as db:
        panel = await store.panel(db, *place, person_id)
        of_all = await store.newest_of_all(db, conference_id)
    assert panel is not None
    assert panel.acknowledged
    assert of_all[session_id].sha256 == rules.fingerprint("Dr A has none.")


@pytest.fixture(scope="module")
def conference(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Rounds, UUID]]:
    with a_conference(tmp_path_factory.mktemp("disclosures")) as running:
        yield running


@pytest.fixture
def day(conference: tuple[Rounds, UUID]) -> Generator[Day]:
    made = a_day(*conference)
    yield made
    made.close()


def test_an_officer_enters_what_a_learner_then_reads(day: Day) -> None:
    officer, learner = day.as_(Role.OFFICER), day.as_(Role.LEARNER)
    listed = officer.get("/conferences/cardio/office/credit")
    assert f'href="{day.session}/disclosure"' in listed.text
    entered = officer.post(f"{day.session}/disclosure", data={"text": TEXT})
    assert entered.status_code == 303

    shown = learner.get(day.session, headers={"accept": "text/html"}).text
    assert "Dr Okafor has received research support" in shown
    assert "I have read this" in shown
    read = learner.post(
        f"{day.session}/disclosure/shown",
        data={"sha256": rules.fingerprint(rules.text(TEXT))},
        headers={"accept": "text/html"},
    )
    assert (read.status_code, read.headers["location"]) == (303, day.session)
    assert "I have read this" not in learner.get(day.session).text


def test_what_is_not_plain_stays_in_the_form(day: Day) -> None:
    officer = day.as_(Role.OFFICER)
    refused = officer.post(f"{day.session}/disclosure", data={"text": "See halvorsen.com & more."})
    assert refused.status_code == 422
    assert "without web or mail addresses" in refused.text
    assert "See halvorsen.com &amp; more." in refused.text


@pytest.mark.parametrize("role", [Role.LEARNER, Role.FACULTY, Role.MODERATOR, Role.ORGANISER])
def test_only_an_officer_enters_it(day: Day, role: Role) -> None:
    refused = day.as_(role).post(f"{day.session}/disclosure", data={"text": TEXT})
    assert refused.status_code == 403


def test_the_gate_holds_until_exactly_this_text_was_read(day: Day) -> None:
    learner = day.as_(Role.LEARNER)
    assert day.step("stage.go_live").json()["code"] == "disclosure.missing"
    assert learner.post(f"{day.session}/ticket").json()["code"] == "disclosure.missing"
    assert day.acknowledge(Role.LEARNER).json()["code"] == "disclosure.missing"

    day.disclose()
    assert day.step("stage.go_live").status_code == 303
    refused = learner.post(f"{day.session}/ticket")
    assert (refused.status_code, refused.json()["code"]) == (409, "disclosure.required")

    other = day.acknowledge(Role.LEARNER, "Another session has another text.")
    assert (other.status_code, other.json()["code"]) == (409, "disclosure.changed")
    assert day.acknowledge(Role.LEARNER).status_code == 204
    assert learner.post(f"{day.session}/ticket").status_code == 200

    changed = TEXT + "\nDr Silva has nothing to disclose."
    day.as_(Role.OFFICER).post(f"{day.session}/disclosure", data={"text": changed})
    assert learner.post(f"{day.session}/ticket").json()["code"] == "disclosure.required"
    assert day.acknowledge(Role.LEARNER).json()["code"] == "disclosure.changed"
    assert day.acknowledge(Role.LEARNER, changed).status_code == 204
    assert learner.post(f"{day.session}/ticket").status_code == 200
