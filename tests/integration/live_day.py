"""The running product with one session and somebody in every role, for tests of the live day.

Rows are written beside the server, into its own database; everything else goes over HTTP.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import httpx
import psutil

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import FacultyRole
from server.cookies import cookie_name
from server.db import Rows, open_database
from server.disclosures import rules as disclosure_rules
from server.disclosures import store as disclosures
from server.people import store as people
from server.rights import Role
from tests.servers.rounds import Rounds, running_rounds
from tests.servers.waiting import eventually

TEXT = (
    "Dr Okafor has received research support from Halvorsen Therapeutics.\n"
    "Drs Lindqvist and Haddad have nothing to disclose. "
    "All relevant financial relationships have been mitigated."
)
Answer = TypeVar("Answer")

NAMES = {
    Role.LEARNER: "Marta Ruiz",
    Role.FACULTY: "Amara Okafor",
    Role.MODERATOR: "Erik Lindqvist",
    Role.OFFICER: "Nuno Silva",
    Role.ORGANISER: "Ines Moreau",
    Role.EXHIBITOR: "Hal Vorsen",
}


@dataclass
class Day:
    """One conference, one session, and a login of everybody."""

    server: Rounds
    conference_id: UUID
    session_id: UUID
    people: dict[Role, UUID]
    logins: dict[Role, str]
    closing: list[httpx.Client] = field(default_factory=list)

    @property
    def session(self) -> str:
        return f"/sessions/{self.session_id}"

    def as_(self, role: Role | None) -> httpx.Client:
        """A browser's requests, without a browser."""
        cookies = {} if role is None else {cookie_name(secure=False): self.logins[role]}
        made = httpx.Client(
            base_url=self.server.url,
            cookies=cookies,
            headers={"Origin": self.server.url},
            timeout=20,
            trust_env=False,
        )
        self.closing.append(made)
        return made

    def another(self, role: Role, name: str) -> Role:
        """The login of `role` is from now on another person's in that role."""
        self.people[role], self.logins[role] = in_rows(
            self.server.data, _person, self.conference_id, self.session_id, role, name
        )
        return role

    def disclose(self, text: str = TEXT) -> None:
        in_rows(
            self.server.data,
            _disclose,
            self.conference_id,
            self.session_id,
            self.people[Role.OFFICER],
            text,
        )

    def acknowledge(self, role: Role, text: str = TEXT) -> httpx.Response:
        sha256 = disclosure_rules.fingerprint(disclosure_rules.text(text))
        return self.as_(role).post(f"{self.session}/disclosure/shown", data={"sha256": sha256})

    def close(self) -> None:
        for opened in self.closing:
            opened.close()

    def step(self, act: str, role: Role = Role.FACULTY) -> httpx.Response:
        return self.as_(role).post(f"{self.session}/phase", data={"act": act})

    def kill_relay(self) -> None:
        """`kill -9` of the server's children that forward media."""
        children = psutil.Process(self.server.pid).children()
        relays = [each for each in children if "relay" in each.cmdline()]
        assert relays
        for each in relays:
            each.kill()

    def relay_is_back(self) -> None:
        eventually(lambda: b'"relay":"ok"' in self.server.get("/readyz")[1], 60, "another relay")

    def cookie(self, role: Role) -> tuple[str, str, str]:
        """Name, value and address, for a browser's context."""
        return cookie_name(secure=False), self.logins[role], self.server.url


def in_rows(data: Path, act: Callable[..., Awaitable[Answer]], *arguments: object) -> Answer:
    """Run `act(db, …)` in a transaction on the server's own database."""

    async def run() -> Answer:
        database = open_database(f"sqlite+aiosqlite:///{data / 'rounds.db'}")
        try:
            async with database.begin() as db:
                return await act(db, *arguments)
        finally:
            await database.close()

    with ThreadPoolExecutor(1) as thread:  # in a loop of its own, even where another one runs
        return thread.submit(asyncio.run, run()).result()


async def found(db: Rows) -> UUID:
    today = clock.now().date()
    return await agenda.add_conference(
        db,
        slug="cardio",
        title="CardioForum 2026",
        zone="Europe/Paris",
        starts_on=today,
        ends_on=today + timedelta(days=2),
    )


async def _plan(db: Rows, conference_id: UUID) -> UUID:
    now = clock.now()
    session = agenda.Session(
        conference_id=conference_id,
        title="SGLT2 inhibition across the ejection-fraction spectrum",
        hall="Hall A",
        starts_at=now + timedelta(minutes=2),
        ends_at=now + timedelta(minutes=47),
        designated_ms=45 * 60_000,
    )
    db.add(session)
    await db.flush()
    return session.id


async def _person(
    db: Rows, conference_id: UUID, session_id: UUID, role: Role, name: str
) -> tuple[UUID, str]:
    person = await people.ensure_person(db, f"{name.lower().replace(' ', '.')}@example.org", name)
    await people.give(
        db,
        conference_id,
        person_id=person.id,
        role=role,
        session_id=session_id if role is Role.FACULTY else None,
    )
    if role in {Role.FACULTY, Role.MODERATOR}:
        db.add(
            agenda.Faculty(
                conference_id=conference_id,
                session_id=session_id,
                person_id=person.id,
                name=name,
                degree="MD",
                affiliation="Lagos University Teaching Hospital",
                role=FacultyRole.MODERATOR if role is Role.MODERATOR else FacultyRole.SPEAKER,
            )
        )
    login, _ = await people.new_login(db, person.id, staff=False)
    return person.id, login


async def _disclose(
    db: Rows, conference_id: UUID, session_id: UUID, person_id: UUID, text: str
) -> None:
    await disclosures.enter(
        db, conference_id, session_id, text=disclosure_rules.text(text), person_id=person_id
    )


def a_day(server: Rounds, conference_id: UUID) -> Day:
    """A session of its own for each test, with everybody in it."""
    session_id = in_rows(server.data, _plan, conference_id)
    day = Day(server, conference_id, session_id, {}, {})
    for role, name in NAMES.items():
        day.another(role, name)
    return day


@contextmanager
def a_conference(
    folder: Path, env: Mapping[str, str] | None = None
) -> Generator[tuple[Rounds, UUID]]:
    """The server takes its time to start: a file of tests shares one."""
    with running_rounds(folder, env) as server:
        yield server, in_rows(server.data, found)
