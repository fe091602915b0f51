"""A conference whose one session was live for an hour: for tests of offices and claims.

In this process, on a real database; evidence is written as sealed spans, through the ledger.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.attendance import store as attendance
from server.attendance.ledger import Ledger
from server.audit import store as audit
from server.cookies import cookie_name
from server.credit import claiming
from server.credit.findings import Reason
from server.credit.rules import explain
from server.db import Database, open_database
from server.ids import new_id
from server.people import store as people
from server.people.rules import Profession
from server.rights import Role
from tests.integration.apps import SITE, an_app

MINUTE = 60_000
SLUG = "spring"
OFFICE = f"/conferences/{SLUG}/office"


@dataclass
class House:
    """A conference with one session that was live for an hour, until ten minutes ago."""

    database: Database
    url: str
    http: httpx.AsyncClient
    conference_id: UUID
    session_id: UUID
    began_ms: int
    persons: dict[str, UUID] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=dict)

    def at(self, minutes: float) -> int:
        return self.began_ms + round(minutes * MINUTE)

    def moment(self, minutes: float) -> str:
        return clock.moment(self.at(minutes)).isoformat(timespec="milliseconds")

    async def join(self, name: str, role: Role) -> None:
        async with self.database.begin() as db:
            person = await people.ensure_person(db, f"{name}@example.org", name.capitalize())
            await people.save_profile(db, person.id, profession=Profession.PHYSICIAN, degree="MD")
            await people.give(db, self.conference_id, person_id=person.id, role=role)
            token, _ = await people.new_login(db, person.id, staff=False)
        self.persons[name], self.logins[name] = person.id, token

    async def watched(
        self, name: str, start: float, end: float, *, left: bool = False, device: str = "laptop"
    ) -> UUID:
        """Returns the connection."""
        connection = uuid4()
        span = {
            "conference_id": self.conference_id, "id": new_id(), "person_id": self.persons[name],
            "space_id": self.session_id, "booth": False, "connection": connection, "device": device,
            "visible": True, "playing": True, "first_ms": self.at(start), "last_ms": self.at(end),
            "beats": 4, "max_gap_ms": 15_000, "left": left,
        }  # fmt: skip
        async with self.database.begin() as db:
            await attendance.keep(db, [span])
        return connection

    def as_(self, name: str) -> None:
        self.http.cookies = httpx.Cookies({cookie_name(secure=False): self.logins[name]})

    async def get(self, name: str, path: str) -> httpx.Response:
        self.as_(name)
        return await self.http.get(path, headers={"accept": "text/html"})

    async def post(self, name: str, path: str, files: Any = None, **data: Any) -> httpx.Response:
        self.as_(name)
        headers = {"origin": SITE, "accept": "text/html"}
        return await self.http.post(path, data=data, files=files, headers=headers)

    async def adjust(
        self, officer: str, learner: str, start: float, end: float, **more: str
    ) -> httpx.Response:
        values = {
            "session": str(self.session_id), "effect": "add", "from": self.moment(start),
            "to": self.moment(end), "why": "gap", "text": "Seen in the hall", "evidence": "Sheet 3",
            "command_id": str(uuid4()),
        } | more  # fmt: skip
        path = f"{OFFICE}/presence/{self.persons[learner]}/adjust"
        return await self.post(officer, path, **values)

    async def exclude(self, officer: str, start: float, end: float, **more: str) -> httpx.Response:
        values = {
            "session": str(self.session_id), "from": self.moment(start), "to": self.moment(end),
            "what": "break", "text": "", "act": "mark", "command_id": str(uuid4()),
        } | more  # fmt: skip
        return await self.post(officer, f"{OFFICE}/exclusions", **values)

    async def minutes(self, learner: str) -> float:
        async with self.database.read() as db:
            now = await claiming.earned(db, self.conference_id, self.persons[learner])
        return now.explanation.assessment.eligible_ms / MINUTE

    async def reasons(self, learner: str) -> list[tuple[str, int]]:
        """What counts, and why, in seconds."""
        async with self.database.read() as db:
            now = await claiming.earned(db, self.conference_id, self.persons[learner])
        return [
            (each.reason.value, round((each.to_ms - each.from_ms) / 1000))
            for each in explain(now.facts).segments
            if each.kind.value == "counted" or each.reason is Reason.ADJUSTED
        ]

    async def acts(self, kind: str) -> list[str]:
        async with self.database.read() as db:
            rows = await audit.entries(db, self.conference_id, kind=kind, limit=50)
        return [each.act for each in reversed(rows)]

    async def ledger(self, kind: str) -> list[dict[str, Any]]:
        async with self.database.read() as db:
            rows = await db.scalars(
                select(Ledger.body).where(Ledger.kind == kind).order_by(Ledger.n)
            )
            return [json.loads(body) for body in rows]


async def _found(database: Database) -> tuple[UUID, UUID, int]:
    now = clock.now()
    began_ms = clock.now_ms() - 70 * MINUTE
    async with database.begin() as db:
        conference_id = await agenda.add_conference(
            db, slug=SLUG, title="Spring Rounds", zone="UTC",
            starts_on=now.date(), ends_on=now.date(),
        )  # fmt: skip
        session = agenda.Session(
            conference_id=conference_id, id=new_id(), title="Imaging", phase=Phase.ENDED,
            starts_at=clock.moment(began_ms), ends_at=clock.moment(began_ms) + timedelta(hours=1),
            designated_ms=60 * MINUTE,
        )  # fmt: skip
        db.add(session)
        await db.flush()
        for live, at_ms in ((True, began_ms), (False, began_ms + 60 * MINUTE)):
            await attendance.turn_live(db, conference_id, session.id, live=live, at_ms=at_ms)
    return conference_id, session.id, began_ms


@asynccontextmanager
async def a_house(database_url: str, folder: Path) -> AsyncGenerator[House]:
    database = open_database(database_url)
    try:
        conference_id, session_id, began_ms = await _found(database)
        async with an_app(database_url, folder) as http:
            house = House(database, database_url, http, conference_id, session_id, began_ms)
            for name, role in {
                "marta": Role.LEARNER, "jonas": Role.LEARNER, "nuno": Role.OFFICER,
                "ines": Role.ORGANISER,
            }.items():  # fmt: skip
                await house.join(name, role)
            yield house
    finally:
        await database.close()
