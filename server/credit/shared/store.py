"""What all learners of some sessions share, as rows: the same for each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from server.agenda import store as agenda
from server.agenda.rules import Conference, Session
from server.credit.corrections import store as corrections
from server.credit.corrections.rules import Incident
from server.credit.policies import store as policies
from server.credit.policies.rules import Published
from server.errors import NotFound

Stretches = Sequence[tuple[int, int | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A conference, some of its sessions, and what bears on the credit of whoever attends them."""

    conference: Conference
    planned: Sequence[Session]
    live: Mapping[UUID, Stretches]
    excluded: Mapping[UUID, Sequence[tuple[int, int]]]
    incidents: Sequence[Incident]
    published: Sequence[Published]


async def read(
    db: AsyncSession,
    conference: Conference,
    planned: Sequence[Session],
    *,
    published: Sequence[Published] | None = None,
) -> Shared:
    """`published` are the rules to go by; without them, those that are."""
    ids = [session.id for session in planned]
    return Shared(
        conference=conference,
        planned=planned,
        live=await agenda.live_intervals(db, conference.id, ids),
        excluded=await agenda.excluded(db, conference.id, ids),
        incidents=await corrections.incidents(db, conference.id, ids),
        published=await policies.history(db, conference.id) if published is None else published,
    )


ON_AIR = (
    select(agenda.Session.phase, agenda.LiveInterval.from_ms, agenda.LiveInterval.to_ms)
    .outerjoin(
        agenda.LiveInterval,
        and_(
            agenda.LiveInterval.conference_id == agenda.Session.conference_id,
            agenda.LiveInterval.session_id == agenda.Session.id,
        ),
    )
    .where(
        agenda.Session.conference_id == bindparam("conference_id", type_=Uuid()),
        agenda.Session.id == bindparam("session_id", type_=Uuid()),
    )
    .order_by(agenda.LiveInterval.from_ms)
)


async def on_air_now(db: AsyncSession, shared: Shared) -> Shared:
    """The same with its one session's phase and stretches on air as they are now."""
    (session,) = shared.planned
    given = {"conference_id": session.conference_id, "session_id": session.id}
    found = (await db.execute(ON_AIR, given)).all()
    if not found:
        raise NotFound("There is no such session.")
    stretches = [(from_ms, to_ms) for _, from_ms, to_ms in found if from_ms is not None]
    return replace(
        shared,
        planned=[replace(session, phase=found[0][0])],
        live={session.id: stretches} if stretches else {},
    )
