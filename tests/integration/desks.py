"""A session with people, without sockets: what each of them may call, and what its topics said.

It knows services, rights and topics; what a question or a poll is, a test knows.
"""

import json
from asyncio import TaskGroup
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from realtime.hub.hub import Overhear
from realtime.wire import Topic
from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.app import create_app
from server.call import Call
from server.cookies import cookie_name
from server.people import store as people
from server.places import RememberedPlaces
from server.rights import Place, Role
from server.services import Services, open_services
from server.settings import Settings

Frame = dict[str, Any]


@dataclass
class World:
    """One session, live now. People are made as they are asked for."""

    services: Services
    place: Place
    states: dict[Topic, list[Frame]] = field(default_factory=lambda: defaultdict(list))
    _calls: dict[str, Call] = field(default_factory=dict)

    @property
    def session_id(self) -> UUID:
        assert self.place.session_id is not None
        return self.place.session_id

    async def call(self, name: str, role: Role = Role.LEARNER) -> Call:
        """The same person for the same name."""
        if name not in self._calls:
            session_id = self.session_id if role is Role.FACULTY else None
            async with self.services.db.begin() as db:
                person = await people.ensure_person(db, f"{name.lower()}@example.org", name)
                await people.give(
                    db,
                    self.place.conference_id,
                    person_id=person.id,
                    role=role,
                    session_id=session_id,
                )
                who = await people.who(db, person.id)
            assert who is not None
            self._calls[name] = Call(who=who, place=self.place, services=self.services)
        return self._calls[name]

    @asynccontextmanager
    async def browser(self, call: Call) -> AsyncGenerator[httpx.AsyncClient]:
        """A person's browser without scripts, on the session's pages."""
        async with self.services.db.begin() as db:
            token, _ = await people.new_login(db, call.person_id, staff=False)
        app = create_app(self.services, RememberedPlaces(self.services.db))
        site = self.services.settings.address
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url=f"{site}/sessions/{self.session_id}",
            cookies={cookie_name(secure=False): token},
            headers={"origin": site, "accept": "text/html"},
        ) as http:
            yield http

    async def listen(self, *names: Topic) -> None:
        """Keep what states are told from now on; events are kept by the bus itself."""
        for name in names:
            await self.services.bus.follow(name)
            heard = self.states[name]
            self.services.hub.overhear(name, _into(heard))

    async def events(self, topic: Topic, since: int = 0) -> list[Frame]:
        """What was told on a topic after a position."""
        past = await self.services.bus.follow(topic)
        return [json.loads(sealed) for seq, sealed in past.events if seq > since]

    async def session(self) -> Any:
        async with self.services.db.read() as db:
            return await agenda.session(db, self.place.conference_id, self.session_id)


async def shown(browser: httpx.AsyncClient) -> str:
    """The session's page as this person's browser gets it."""
    response = await browser.get(str(browser.base_url).rstrip("/"))
    assert response.status_code == httpx.codes.OK
    return response.text


def _into(heard: list[Frame]) -> Overhear:
    def overhear(_key: str, sealed: bytes) -> None:
        heard.append(json.loads(sealed))

    return overhear


@asynccontextmanager
async def a_session(database_url: str, folder: Path) -> AsyncGenerator[World]:
    settings = Settings(data=str(folder), database_url=database_url)
    async with TaskGroup() as tasks, open_services(settings, tasks) as services:
        now = clock.now()
        async with services.db.begin() as db:
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
                title="SGLT2 inhibition",
                starts_at=now,
                ends_at=now + timedelta(hours=1),
                phase=Phase.LIVE,
            )
            db.add(row)
            await db.flush()
            session_id = row.id
        yield World(services, Place(conference_id=conference_id, session_id=session_id))
