"""The programme and its office over HTTP, on a real server, as each role meets them."""

import asyncio
import re
from collections.abc import Generator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest

from server import migrate
from server.agenda import store
from server.agenda.editing import store as editing
from server.agenda.rules import FacultyMember, SessionDraft
from server.audit import store as audit
from server.db import Database, open_database
from server.ids import new_id
from server.people import store as people
from server.rights import Role
from tests.servers.rounds import running_rounds

PARIS = ZoneInfo("Europe/Paris")
DAY = date(2031, 3, 12)
OFFICE = "/conferences/heart/office"
ERROR = re.compile(r'class="error" id="([\w-]+)-error"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Congress:
    address: str
    folder: Path
    conference_id: UUID
    session_id: UUID
    logins: dict[str, str]

    def browser(self, role: str = "") -> httpx.Client:
        cookies = {"login": self.logins[role]} if role else {}
        headers = {"origin": self.address, "accept": "text/html"}
        return httpx.Client(base_url=self.address, cookies=cookies, headers=headers)

    def database(self) -> Database:
        return open_database(f"sqlite+aiosqlite:///{self.folder / 'rounds.db'}")


def form(**values: str) -> dict[str, str]:
    return {
        "title": "Amyloid",
        "starts_at": "2031-03-12T11:00",
        "ends_at": "2031-03-12T11:45",
        "minutes": "45",
        "act": "save",
        **values,
    }


def faculty_row(name: str, mail: str = "", role: str = "speaker") -> dict[str, str]:
    return {
        "faculty-0-name": name,
        "faculty-0-mail": mail,
        "faculty-0-role": role,
    }


@pytest.fixture(scope="module")
def congress(tmp_path_factory: pytest.TempPathFactory) -> Generator[Congress]:
    folder = tmp_path_factory.mktemp("congress")
    conference_id, session_id, logins = asyncio.run(_prepare(folder))
    with running_rounds(folder) as server:
        yield Congress(
            address=f"http://127.0.0.1:{server.port}",
            folder=folder,
            conference_id=conference_id,
            session_id=session_id,
            logins=logins,
        )


async def _prepare(folder: Path) -> tuple[UUID, UUID, dict[str, str]]:
    url = f"sqlite+aiosqlite:///{folder / 'rounds.db'}"
    await migrate.upgrade(url)
    database = open_database(url)
    logins = {}
    nine = datetime(2031, 3, 12, 9, tzinfo=PARIS)
    async with database.begin() as db:
        conference_id = await store.add_conference(
            db, slug="heart", title="CardioForum", zone="Europe/Paris", starts_on=DAY, ends_on=DAY
        )
        for n in range(3):
            draft = SessionDraft(
                title=f"Iron deficiency {n}",
                starts_at=nine,
                ends_at=nine + timedelta(minutes=45),
                hall=f"Hall {n}",
                track="Heart failure",
                designated_ms=45 * 60_000 * (n > 0),
            )
            session_id = await editing.add_session(db, conference_id, draft)
            member = FacultyMember(id=new_id(), name="Amara Okafor", affiliation="Lagos")
            await editing.set_faculty(db, conference_id, session_id, [member])
        for role in (Role.LEARNER, Role.OFFICER, Role.ORGANISER):
            person = await people.ensure_person(db, f"{role}@example.org", role.capitalize())
            await people.give(db, conference_id, person_id=person.id, role=role)
            logins[role.value], _ = await people.new_login(db, person.id, staff=False)
    await database.close()
    return conference_id, session_id, logins


def test_the_only_conference_is_opened_at_once(congress: Congress) -> None:
    with congress.browser() as browser:
        assert browser.get("/").headers["location"] == "/conferences/heart"


def test_with_registration_open_the_programme_is_public(congress: Congress) -> None:
    with congress.browser() as browser:
        page = browser.get("/conferences/heart").text
    assert "Iron deficiency 1" in page
    assert "Wednesday 12 March" in page
    assert "Sign in to join" in page
    assert "Not accredited" in page
    assert f'datetime="{DAY}T09:00:00+01:00"' in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=okafor+iron", True),
        ("?q=nobody", False),
        ("?show=live", False),
        ("?show=accredited", True),
        ("?day=2031-03-12&view=list", True),
        ("?day=nonsense&track=nonsense&view=nonsense&show=nonsense", True),
    ],
)
def test_the_programme_is_searched_and_filtered(
    congress: Congress,
    query: str,
    found: bool,  # noqa: FBT001
) -> None:
    with congress.browser("learner") as browser:
        page = browser.get(f"/conferences/heart{query}")
    assert page.status_code == 200
    assert ("Iron deficiency 1" in page.text) is found


def test_an_organiser_adds_a_session_and_its_moderator_may_run_it(congress: Congress) -> None:
    with congress.browser("organiser") as browser:
        row = faculty_row("Erik Lindqvist", "erik@example.org", "moderator")
        made = browser.post(f"{OFFICE}/programme/new", data=form(**row))
        assert made.status_code == 303
        page = browser.get(made.headers["location"]).text
    assert "Added." in page
    assert "erik@example.org" in page
    session_id = UUID(made.headers["location"].split("/")[2])

    async def rights() -> set[tuple[Role, UUID | None]]:
        database = congress.database()
        async with database.read() as db:
            profile = await people.person_by_mail(db, "erik@example.org")
            who = await people.who(db, profile.id) if profile else None
        await database.close()
        return {(each.role, each.session_id) for each in who.grants} if who else set()

    assert asyncio.run(rights()) == {(Role.FACULTY, session_id), (Role.MODERATOR, session_id)}
    with congress.browser("organiser") as browser:
        edit = f"/sessions/{session_id}/edit"
        assert browser.post(edit, data=form(**faculty_row("Erik Lindqvist"))).status_code == 303
    assert asyncio.run(rights()) == set()


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(congress: Congress) -> None:
    wrong = form(title="", minutes="soon", ends_at="2031-03-12T10:00", abstract="Kept <b>whole</b>")
    with congress.browser("organiser") as browser:
        answer = browser.post(f"{OFFICE}/programme/new", data=wrong)
    assert answer.status_code == 422
    assert set(ERROR.findall(answer.text)) == {"title", "minutes", "ends_at"}
    assert "Kept &lt;b&gt;whole&lt;/b&gt;" in answer.text


def test_a_row_is_added_without_saving_anything(congress: Congress) -> None:
    with congress.browser("organiser") as browser:
        typed = form(title="Not saved", act="add", **faculty_row("Ada"))
        page = browser.post(f"{OFFICE}/programme/new", data=typed).text
        assert page.count('class="facrow"') == 2
        assert "Not saved" not in browser.get(f"{OFFICE}/programme").text


def test_two_sessions_in_one_hall_are_warned_about(congress: Congress) -> None:
    at = {"starts_at": "2031-03-12T09:30", "ends_at": "2031-03-12T10:00", "hall": "Hall 1"}
    with congress.browser("organiser") as browser:
        made = browser.post(f"{OFFICE}/programme/new", data=form(title="Late", **at))
        page = browser.get(made.headers["location"]).text
        assert "Hall 1 is taken at this time" in page
        gone = made.headers["location"].partition("/edit")[0] + "/remove"
        assert browser.post(gone).status_code == 303
        assert browser.get(made.headers["location"]).status_code == 404


def test_an_officer_changes_minutes_and_nothing_else(congress: Congress) -> None:
    edit = f"/sessions/{congress.session_id}/edit"
    with congress.browser("officer") as browser:
        assert browser.post(edit, data=form(title="Taken over", minutes="30")).status_code == 303
        page = browser.get(edit).text
        assert browser.post(f"{edit.removesuffix('edit')}remove").status_code == 403
        assert browser.get(f"{OFFICE}/import").status_code == 403
    assert "Taken over" not in page
    assert 'value="30"' in page


@pytest.mark.parametrize("path", ["", "/programme", "/import", "/settings", "/audit"])
def test_the_office_is_shut_to_learners_and_strangers(congress: Congress, path: str) -> None:
    with congress.browser("learner") as browser:
        assert browser.get(OFFICE + path).status_code == 403
    with congress.browser() as browser:
        assert browser.get(OFFICE + path).headers["location"].startswith("/sign-in")


def test_by_invitation_strangers_learn_the_title_alone(congress: Congress) -> None:
    settings = {
        "title": "CardioForum",
        "zone": "Europe/Paris",
        "starts_on": str(DAY),
        "ends_on": str(DAY),
        "provider": "Institute for Cardiac Education",
    }
    with congress.browser("organiser") as organiser, congress.browser() as stranger:
        save = f"{OFFICE}/settings"
        shut = {**settings, "registration": "invitation"}
        assert organiser.post(save, data=shut).status_code == 303
        page = stranger.get("/conferences/heart").text
        assert "CardioForum" in page
        assert "by invitation" in page
        assert "Iron deficiency" not in page
        assert organiser.post(save, data={**settings, "registration": "open"}).status_code == 303
        answer = organiser.post(save, data={**shut, "zone": "Nowhere", "ends_on": "2031-03-01"})
    assert answer.status_code == 422
    assert set(ERROR.findall(answer.text)) == {"zone", "ends_on"}


def test_a_file_is_looked_at_then_imported(congress: Congress) -> None:
    raw = Path(__file__).parent.parent.joinpath("unit/agenda/files/congress.json").read_bytes()
    with congress.browser("organiser") as browser:
        seen = browser.post(f"{OFFICE}/import", files={"file": ("congress.json", raw)}).text
        packed = re.search(r'name="packed" value="([^"]+)"', seen)
        assert packed is not None
        assert 'class="added"' in seen
        confirm = {"act": "confirm", "name": "congress.json", "packed": packed[1]}
        assert browser.post(f"{OFFICE}/import", data=confirm).status_code == 303
        again = browser.post(f"{OFFICE}/import", files={"file": ("congress.json", raw)}).text
        assert "already as the file has it" in again
        tampered = browser.post(f"{OFFICE}/import", data={**confirm, "packed": "AAAA"})
        assert tampered.status_code == 422


def test_every_change_is_in_the_log(congress: Congress) -> None:
    with congress.browser("organiser") as browser:
        page = browser.get(f"{OFFICE}/audit").text
        sessions = browser.get(f"{OFFICE}/audit?kind=session").text
    for act in ("Added a session", "Set designated minutes", "Changed the settings"):
        assert act in page
    assert "Changed the settings" not in sessions

    async def acts() -> set[str]:
        database = congress.database()
        async with database.read() as db:
            entries = await audit.entries(db, congress.conference_id, limit=100)
        await database.close()
        return {entry.act for entry in entries}

    assert {"session.add", "session.edit", "session.remove", "programme.import"} <= asyncio.run(
        acts()
    )
