"""What the relay reports, made the session's: media on and off, and how the line is.

A session is live because somebody who runs it said so: that is its phase, and credit counts the
stretches of that phase. Media may come and go meanwhile. A relay that is away closes no stretch,
and a session that was live when the server stopped is live when it starts again. Marks are
committed before they are shown.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import UUID

import structlog

from realtime.relay.events import Began, Current, OffAir, OnAir, RelayEvent, Statistics
from server import clock, topics
from server.db import DATABASE_AWAY
from server.services import Services
from server.stages import states, store

SWEEP_SECONDS = 600
KEPT = timedelta(days=1)
"""How long expired tickets and tokens stay to be looked at; no connection is older either."""

RETRY_SECONDS = 1.0

SEATS_MS = 15_000
"""A relay that said nothing of a session for so long shows it to nobody any more."""

log = structlog.get_logger()


Seats = dict[UUID, dict[str, tuple[int, int]]]
"""By session and relay: how many watch there, and when it said so."""


async def listen(services: Services) -> None:
    """Follow the relays' events for ever; they may die and come back meanwhile."""
    seats: Seats = {}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sweep(services))
        for name in services.relay.clients:
            tasks.create_task(follow(Reporter(services, name, seats)))


async def follow(reporter: "Reporter") -> None:
    async for event in reporter.events():
        await reporter.hear(event)


class Reporter:
    """Folds one relay's event stream into rows and tells followers what changed."""

    def __init__(self, services: Services, name: str, seats: Seats) -> None:
        self._services = services
        self._name = name
        self._seats = seats
        self._relay = ""
        self._present: set[UUID] | None = None
        """Who is on air while a new stream tells the present state; None when it is told."""

    def events(self) -> AsyncGenerator[RelayEvent]:
        return self._services.relay.events(self._name)

    async def hear(self, event: RelayEvent) -> None:
        """Never lost: while the database is away, the event is tried again."""
        while True:
            try:
                await self._hear(event)
            except (*DATABASE_AWAY, OSError) as error:
                log.warning("on_air.away", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _hear(self, event: RelayEvent) -> None:
        match event:
            case Began():
                await self._began(event)
            case Current():
                await self._current()
            case OnAir():
                await self._on_air(event)
            case OffAir():
                await self._off_air(event.session)
            case Statistics():
                self._line(event)
            case _:
                pass

    async def _began(self, event: Began) -> None:
        self._present = set()
        if self._relay and event.relay != self._relay:
            async with self._services.db.begin() as db:
                await store.forget_resources(db, clock.moment(event.at_ms), relay=self._name)
        self._relay = event.relay

    async def _current(self) -> None:
        """Whoever was on air before and was not told to be is off air now."""
        present = self._present or set()
        async with self._services.db.read() as db:
            known = await store.all_on_air(db)
        for session_id in known:
            here = self._services.relay.origin(str(session_id)) == self._name
            if here and session_id not in present:
                await self._off_air(str(session_id))
        self._present = None

    async def _on_air(self, event: OnAir) -> None:
        session_id, person_id = _id(event.session), _id(event.who)
        if session_id is None or person_id is None:
            return
        if self._present is not None:
            self._present.add(session_id)
        async with self._services.db.begin() as db:
            conference_id = await store.go_on_air(
                db, session_id, person_id=person_id, media=event.media, at_ms=event.at_ms
            )
        if conference_id is not None:
            await states.tell(self._services, conference_id, session_id)

    async def _off_air(self, session: str) -> None:
        session_id = _id(session)
        if session_id is None:
            return
        async with self._services.db.begin() as db:
            conference_id = await store.go_off_air(db, session_id)
        if conference_id is not None:
            await states.tell(self._services, conference_id, session_id)

    def _line(self, event: Statistics) -> None:
        """The origin's figures, and the viewers of all relays."""
        session_id = _id(event.session)
        if session_id is None:
            return
        seats = self._seats.setdefault(session_id, {})
        seats[self._name] = (event.viewers, event.at_ms)
        if self._services.relay.origin(event.session) != self._name:
            return
        since = event.at_ms - SEATS_MS
        watching = sum(viewers for viewers, at_ms in seats.values() if at_ms > since)

        async def read() -> states.Line:
            return states.Line(
                kbit_per_second=event.kbit_per_second,
                lost_percent=event.lost_percent,
                round_trip_ms=event.round_trip_ms,
                watching=watching,
                steady_percent=round(100 - event.viewers_lost_percent),
            )

        self._services.publisher.show(topics.desk(session_id), states.LINE, read)


async def sweep(services: Services) -> None:
    """Forget what no longer holds, for ever, now and then."""
    while True:
        before = clock.now() - KEPT
        try:
            async with services.db.begin() as db:
                await store.forget_expired(db, before)
                await store.forget_resources(db, before)
        except (*DATABASE_AWAY, OSError) as error:
            log.warning("on_air.sweep", error=type(error).__name__)
        await asyncio.sleep(SWEEP_SECONDS)


def _id(text: str) -> UUID | None:
    """Sessions and people are named by us; whatever else a relay knows is not ours."""
    try:
        return UUID(text)
    except ValueError:
        return None
