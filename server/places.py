"""Finds the conference, session or booth that an address or a command names."""

from collections.abc import Hashable
from typing import Any
from uuid import UUID

from server.agenda import store as agenda
from server.db import Database
from server.exhibits import store as exhibits
from server.rights import Place

REMEMBERED = 10_000
"""Sessions and booths never change their conference; beyond so many the memory starts anew."""


class RememberedPlaces:
    """Looks up once and remembers: what exists keeps its conference for ever."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[Hashable, Place] = {}

    async def conference(self, slug: str) -> Place | None:
        return await self._find(slug, agenda.place_of_conference)

    async def session(self, session_id: UUID) -> Place | None:
        return await self._find(session_id, agenda.place_of_session)

    async def booth(self, booth_id: UUID) -> Place | None:
        return await self._find(booth_id, exhibits.place_of_booth)

    async def _find(self, key: Hashable, look: Any) -> Place | None:
        if (known := self._known.get(key)) is not None:
            return known
        async with self._db.read() as db:
            place: Place | None = await look(db, key)
        if place is not None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = place
        return place
