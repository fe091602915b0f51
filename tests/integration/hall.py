"""A hall with two booths and its people, without sockets: what each may call, and what was told.

It knows services and rights; what a queue or a badge is, a test knows.
"""

import json
from asyncio import TaskGroup
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from realtime.wire import Topic
from server.agenda import store as agenda
from server.app import create_app
from server.call import Call
from server.cookies import cookie_name
from server.exhibits.hall import store as hall
from server.people import store as people
from server.people.rules import Profession
from server.places import RememberedPlaces
from server.rights import Place, Role
from server.services import Services, open_services
from server.settings import Settings

SITE = "http://127.0.0.1:8000"
SLUG = "heart"


@dataclass
class Hall:
    """People are made as they are asked for; the same name is the same person."""

    services: Services
    conference_id: UUID
    booths: dict[str, UUID]
    http: httpx.AsyncClient
    _calls: dict[tuple[str, str], Call] = field(default_factory=dict)

    async def call(self, name: str, booth: str = "Cardivue", role: Role = Role.LEARNER) -> Call:
        if (name, booth) not in self._calls:
            place = Place(conference_id=self.conference_id, booth_id=self.booths[booth])
            async with self.services.db.begin() as db:
                person = await people.ensure_person(db, f"{name.lower()}@example.org", name)
                await people.save_profile(
                    db, person.id, affiliation="Hospital Clinico", profession=Profession.NURSE
                )
                await people.give(
                    db,
                    self.conference_id,
                    person_id=person.id,
                    role=role,
                    booth_id=place.booth_id if role is Role.EXHIBITOR else None,
                )
                who = await people.who(db, person.id)
            assert who is not None
            self._calls[name, booth] = Call(who=who, place=place, services=self.services)
        return self._calls[name, booth]

    async def staff(self, name: str = "Daniel", booth: str = "Cardivue") -> Call:
        return await self.call(name, booth, Role.EXHIBITOR)

    async def cookies(self, call: Call) -> dict[str, str]:
        """A login of this person, for `http`."""
        async with self.services.db.begin() as db:
            login, _ = await people.new_login(db, call.person_id, staff=False)
        return {"cookie": f"{cookie_name(secure=False)}={login}", "origin": SITE}

    async def events(self, topic: Topic) -> list[dict[str, Any]]:
        """Everything that was told on a topic, as a new follower could still hear it."""
        past = await self.services.bus.follow(topic)
        return [json.loads(sealed) for _, sealed in past.events]


@asynccontextmanager
async def a_hall(database_url: str, folder: Path) -> AsyncGenerator[Hall]:
    settings = Settings(data=str(folder), database_url=database_url, url=SITE)
    async with TaskGroup() as tasks, open_services(settings, tasks) as services:
        async with services.db.begin() as db:
            conference_id = await agenda.add_conference(
                db,
                slug=SLUG,
                title="CardioForum",
                zone="Europe/Paris",
                starts_on=date(2026, 3, 12),
                ends_on=date(2026, 3, 14),
            )
            booths = {
                name: await hall.add_booth(db, conference_id, {"name": name, "position": place})
                for place, name in enumerate(("Cardivue", "Northlight"))
            }
        app = create_app(services, RememberedPlaces(services.db))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=SITE) as http:
            yield Hall(services, conference_id, booths, http)
