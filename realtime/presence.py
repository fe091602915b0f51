"""Who is where: distinct persons of a place, over all sockets and processes. A hint, not evidence.

Each process notes its own persons on the bus for a lease and renews them; what a process that died
leaves behind lapses. While the bus is away, a process knows of its own persons only. Attendance is
not here: it is in the ledger.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from secrets import token_hex
from uuid import UUID

from realtime.bus.bus import Bus
from realtime.limits import PRESENCE_REFRESH_SECONDS, PRESENCE_SECONDS

Changed = Callable[[str], None]

CHUNK = 500
"""Names renewed by one script: a hundredth of a second of Redis at most."""


class Presence:
    """The places that persons of this process are in."""

    def __init__(self, bus: Bus, changed: Changed | None = None) -> None:
        self._bus = bus
        self.changed = changed or (lambda _place: None)
        """Called with a place when the persons in it may have changed; set it before the first."""
        self._holder = token_hex(8)
        self._here = defaultdict[str, dict[str, set[UUID]]](dict)
        self._places = defaultdict[UUID, set[tuple[str, str]]](set)
        self._counts: dict[str, int] = {}

    async def enter(self, place: str, person: str, connection: UUID) -> None:
        """A person's connection is in a place; it may be in several."""
        self._places[connection].add((place, person))
        connections = self._here[place].setdefault(person, set())
        connections.add(connection)
        if len(connections) == 1:
            self._note(
                place, await self._bus.mark(place, self._holder, [person], lease=PRESENCE_SECONDS)
            )

    async def leave(self, connection: UUID, place: str | None = None) -> None:
        """A connection leaves one place or, as when it is lost, all of them."""
        left = {at for at in self._places.get(connection, ()) if place in (None, at[0])}
        self._places[connection] -= left
        if not self._places[connection]:
            del self._places[connection]
        for at, person in left:
            connections = self._here[at][person]
            connections.discard(connection)
            if connections:
                continue
            del self._here[at][person]
            if not self._here[at]:
                del self._here[at]
            self._note(at, await self._bus.unmark(at, self._holder, [person]))

    async def people(self, place: str) -> set[str]:
        """The persons in a place."""
        people = await self._bus.marked(place)
        return set(self._here.get(place, ())) if people is None else people

    async def count(self, place: str) -> int:
        """How many distinct persons are in a place."""
        count = await self._mark(place, [])
        return len(self._here.get(place, ())) if count is None else count

    async def renew(self) -> None:
        """Renew what this process holds, and notice what others left to lapse."""
        for place in list(self._here):
            names, count = list(self._here.get(place, ())), self._counts.get(place)
            for first in range(0, len(names), CHUNK):
                # Whoever left meanwhile must not be noted again.
                here = self._here.get(place, {})
                chunk = [name for name in names[first : first + CHUNK] if name in here]
                count = await self._mark(place, chunk)
            if count != self._counts.get(place):
                self._note(place, count)

    async def close(self) -> None:
        """The process stops, and its persons leave with it."""
        for connection in list(self._places):
            await self.leave(connection)

    async def _mark(self, place: str, names: list[str]) -> int | None:
        return await self._bus.mark(place, self._holder, names, lease=PRESENCE_SECONDS)

    def _note(self, place: str, count: int | None) -> None:
        if count is None:
            self._counts.pop(place, None)
        elif place in self._here:
            self._counts[place] = count
        else:
            self._counts.pop(place, None)
        self.changed(place)


async def _renew_for_ever(presence: Presence) -> None:
    while True:
        await asyncio.sleep(PRESENCE_REFRESH_SECONDS)
        await presence.renew()


@asynccontextmanager
async def open_presence(
    bus: Bus, tasks: asyncio.TaskGroup, changed: Changed | None = None
) -> AsyncGenerator[Presence]:
    presence = Presence(bus, changed)
    renewing = tasks.create_task(_renew_for_ever(presence))
    try:
        yield presence
    finally:
        renewing.cancel()
        await presence.close()
