"""Gathers one learner's facts from rows, for the pure functions that make credit of them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from server.agenda import store as agenda
from server.agenda.rules import Conference
from server.agenda.rules import Session as Planned
from server.attendance import store as attendance
from server.attendance.intervals import Intervals, union
from server.attendance.rules import Counts, coverage
from server.attendance.store import Evidence
from server.credit.findings import Policy, Session
from server.credit.rules import Facts
from server.credit.systems import AMA_PRA_1
from server.db import Rows

POLICY = Policy(counts=Counts.PLAYING)
"""In force until officers publish their own: time in front of the playing picture counts."""

Stretches = Sequence[tuple[int, int | None]]


def session_of(
    planned: Planned, live: Stretches, excluded: Iterable[tuple[int, int]], conference: Conference,
    now_ms: int,
) -> Session:  # fmt: skip
    """What the engine needs of a session; one that is on air is taken to last until now."""
    return Session(
        id=str(planned.id),
        live=union((start, max(start, now_ms if end is None else end)) for start, end in live),
        designated_ms=planned.designated_ms,
        excluded=union(excluded),
        day=planned.starts_at.astimezone(conference.tz).date(),
    )


async def gather(
    db: Rows,
    conference: Conference,
    planned: Sequence[Planned],
    person_id: UUID,
    *,
    now_ms: int,
) -> tuple[Facts, list[Evidence]]:
    """The facts of one learner over these sessions, and the evidence they rest on."""
    ids = [session.id for session in planned]
    live = await agenda.live_intervals(db, conference.id, ids)
    excluded = await agenda.excluded(db, conference.id, ids)
    found = await attendance.evidence(db, conference.id, person_id)
    accredited = [session for session in planned if session.accredited]
    facts = Facts(
        systems=(AMA_PRA_1,),
        sessions=[
            session_of(
                session, live.get(session.id, ()), excluded.get(session.id, ()), conference, now_ms
            )
            for session in accredited
        ],
        proofs={str(session.id): attendance.proofs(found, session.id) for session in accredited},
        policy=POLICY,
        designated_max=(
            {AMA_PRA_1.id: Decimal(conference.designated_max)} if conference.designated_max else {}
        ),
        booth=booth_time(found),
        faculty_of=frozenset(
            str(session.id)
            for session in accredited
            if any(member.person_id == person_id for member in session.faculty)
        ),
    )
    return facts, found


def booth_time(found: Iterable[Evidence]) -> Intervals:
    """When the learner was at any booth: that time earns no credit elsewhere."""
    by_booth: dict[UUID, list[Evidence]] = {}
    for one in found:
        if one.booth:
            by_booth.setdefault(one.space_id, []).append(one)
    return union(
        *(
            coverage([one.proof for one in visits], counts=Counts.VISIBLE)
            for visits in by_booth.values()
        )
    )
