"""What followers of a session learn about its stage, and how it is read from rows."""

from uuid import UUID

from realtime.wire import Event, State
from server import clock, topics
from server.agenda import store as agenda
from server.agenda.rules import Phase, Session
from server.db import Rows
from server.disclosures import store as disclosures
from server.services import Services
from server.stages import store

VIEWERS, LINE = "viewers", "line"


class StageState(Event, frozen=True, kw_only=True, tag="stage"):
    """A session's stage as a whole. Of two states the one with the later `at_ms` counts."""

    session_id: UUID
    at_ms: int
    """When it was read, by the server's clock, which a page also sets its own by."""
    phase: Phase
    starts_ms: int
    ends_ms: int
    started_ms: int | None
    """When it first went live."""
    disclosure: str | None
    """SHA-256 of the text in force."""
    on_air: bool
    """Whether a publisher's media flow, which backstage they may before the session is live."""
    media: dict[str, str]
    """Kind to codec, while they flow."""


class Viewers(State, frozen=True, kw_only=True, tag="viewers"):
    """How many people have the session's page open."""

    key: str = VIEWERS
    count: int


class Line(State, frozen=True, kw_only=True, tag="line"):
    """The speaker's line as the relay measures it, for the desk."""

    key: str = LINE
    kbit_per_second: int
    lost_percent: float
    round_trip_ms: int
    watching: int
    """Connections that receive media."""
    steady_percent: int
    """Packets that reached viewers at the first attempt."""


async def read(
    db: Rows, conference_id: UUID, session_id: UUID, session: Session | None = None
) -> StageState:
    at_ms = clock.now_ms()
    session = session or await agenda.session(db, conference_id, session_id)
    intervals = await agenda.live_intervals(db, conference_id, [session_id])
    live = intervals.get(session_id, ())
    disclosure = await disclosures.newest(db, conference_id, session_id)
    air = await store.on_air(db, conference_id, session_id)
    return StageState(
        session_id=session_id,
        at_ms=at_ms,
        phase=session.phase,
        starts_ms=clock.milliseconds(session.starts_at),
        ends_ms=clock.milliseconds(session.ends_at),
        started_ms=live[0][0] if live else None,
        disclosure=disclosure.sha256 if disclosure else None,
        on_air=air is not None,
        media=air.media if air else {},
    )


async def tell(services: Services, conference_id: UUID, session_id: UUID) -> None:
    """Tell everybody in a session how its stage stands; call it after the transaction closed."""
    async with services.db.read() as db:
        state = await read(db, conference_id, session_id)
    await services.publisher.publish(topics.session(session_id), state)
