"""What all learners of some sessions share, as rows: the same for each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from server.agenda import store as agenda
from server.agenda.rules import Conference, Session
from server.credit.checks.store import PresenceCheck
from server.credit.corrections import store as corrections
from server.credit.corrections.rules import Incident
from server.credit.exclusions import store as exclusions
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
        excluded=await exclusions.excluded(db, conference.id, ids),
        incidents=await corrections.incidents(db, conference.id, ids),
        published=await policies.history(db, conference.id) if published is None else published,
    )


class Has(NamedTuple):
    """Whether there is anything of the kind on record of one learner; most have neither."""

    adjustments: bool
    checks: bool


EVERYTHING = Has(adjustments=True, checks=True)

_CONFERENCE = bindparam("conference_id", type_=Uuid())
_SESSION = bindparam("session_id", type_=Uuid())
_PERSON = bindparam("person_id", type_=Uuid())

NOW = (
    select(
        agenda.Session.phase,
        exists()
        .where(
            corrections.Adjustment.conference_id == _CONFERENCE,
            corrections.Adjustment.person_id == _PERSON,
        )
        .label("adjustments"),
        exists()
        .where(
            PresenceCheck.conference_id == _CONFERENCE,
            PresenceCheck.session_id == _SESSION,
            PresenceCheck.person_id == _PERSON,
        )
        .label("checks"),
        agenda.LiveInterval.from_ms,
        agenda.LiveInterval.to_ms,
    )
    .outerjoin(
        agenda.LiveInterval,
        and_(
            agenda.LiveInterval.conference_id == agenda.Session.conference_id,
            agenda.LiveInterval.session_id == agenda.Session.id,
        ),
    )
    .where(
        agenda.Session.conference_id == _CONFERENCE,
        agenda.Session.id == _SESSION,
    )
    .order_by(agenda.LiveInterval.from_ms)
)


async def now(db: AsyncSession, shared: Shared, person_id: UUID) -> tuple[Shared, Has]:
    """The same with its one session as it is on air now, and what there is to read of a learner."""
    (session,) = shared.planned
    given = {
        "conference_id": session.conference_id,
        "session_id": session.id,
        "person_id": person_id,
    }
    found = (await db.execute(NOW, given)).all()
    if not found:
        raise NotFound("There is no such session.")
    phase, adjustments, checks, *_ = found[0]
    stretches = [(from_ms, to_ms) for *_, from_ms, to_ms in found if from_ms is not None]
    fresh = replace(
        shared,
        planned=[replace(session, phase=phase)],
        live={session.id: stretches} if stretches else {},
    )
    return fresh, Has(adjustments, checks)
