"""Gathers learners' facts from rows, for the pure functions that make credit of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from server.agenda import store as agenda
from server.agenda.rules import Conference
from server.agenda.rules import Session as Planned
from server.attendance import store as attendance
from server.attendance.intervals import Intervals, union
from server.attendance.rules import Counts, coverage
from server.attendance.store import Evidence
from server.credit.corrections import store as corrections
from server.credit.corrections.rules import Adjustment, Incident, excused, net
from server.credit.findings import Policy, Session
from server.credit.imports import store as imports
from server.credit.rules import Facts
from server.credit.systems import AMA_PRA_1
from server.db import Rows

POLICY = Policy(counts=Counts.PLAYING)
"""In force until officers publish their own: time in front of the playing picture counts."""

IMPORTED = "imported"
"""What stands for the device in evidence that came from another tool's report."""

Stretches = Sequence[tuple[int, int | None]]
Gathered = tuple[Facts, list[Evidence]]


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
) -> Gathered:
    """The facts of one learner over these sessions, and the evidence they rest on."""
    everybody = await gather_all(db, conference, planned, (person_id,), now_ms=now_ms)
    return everybody[person_id]


async def gather_all(
    db: Rows,
    conference: Conference,
    planned: Sequence[Planned],
    person_ids: Collection[UUID],
    *,
    now_ms: int,
) -> dict[UUID, Gathered]:
    """The same of many learners, in as many statements as of one."""
    ids = [session.id for session in planned]
    live = await agenda.live_intervals(db, conference.id, ids)
    excluded = await agenda.excluded(db, conference.id, ids)
    incidents = await corrections.incidents(db, conference.id, ids)
    found = await corrections.evidence_of(db, conference.id, person_ids)
    await _name_sources(db, conference.id, found)
    adjusted: dict[UUID, list[Adjustment]] = {}
    for one in await corrections.adjustments(db, conference.id, person_ids):
        if one.in_force:
            adjusted.setdefault(one.person_id, []).append(one)
    accredited = [session for session in planned if session.accredited]
    sessions = [
        session_of(
            session, live.get(session.id, ()), excluded.get(session.id, ()), conference, now_ms
        )
        for session in accredited
    ]
    maxima = {AMA_PRA_1.id: Decimal(conference.designated_max)} if conference.designated_max else {}
    return {
        person_id: (
            Facts(
                systems=(AMA_PRA_1,),
                sessions=corrected(sessions, evidence, adjusted.get(person_id, ()), incidents),
                proofs={one.id: attendance.proofs(evidence, UUID(one.id)) for one in sessions},
                policy=POLICY,
                designated_max=maxima,
                booth=booth_time(evidence),
                faculty_of=_faculty_of(accredited, person_id),
            ),
            evidence,
        )
        for person_id, evidence in found.items()
    }


def corrected(
    sessions: Sequence[Session],
    evidence: Sequence[Evidence],
    adjustments: Iterable[Adjustment],
    incidents: Iterable[Incident],
) -> list[Session]:
    """The sessions as they are for one learner: with outages excused and adjustments in force."""
    adjustments, incidents = tuple(adjustments), tuple(incidents)
    if not adjustments and not incidents:
        return list(sessions)
    own: list[Session] = []
    for session in sessions:
        session_id = UUID(session.id)
        folded = net(adjustments, session_id)
        hit = [one for one in incidents if session_id in one.session_ids]
        proofs = attendance.proofs(evidence, session_id) if hit else []
        given = union(*(excused(one, proofs, policy=POLICY) for one in hit))
        own.append(replace(session, excused=given, added=folded.added, withdrawn=folded.withdrawn))
    return own


async def _name_sources(
    db: Rows, conference_id: UUID, found: Mapping[UUID, list[Evidence]]
) -> None:
    """Imported evidence is told by its file and line, for whoever recomputes from facts alone."""
    imported = {
        one.proof.connection
        for evidence in found.values()
        for one in evidence
        if one.device == IMPORTED and isinstance(one.proof.connection, UUID)
    }
    if not imported:
        return
    sources = await imports.sources(db, conference_id, imported)
    for evidence in found.values():
        for at, one in enumerate(evidence):
            connection = one.proof.connection
            if isinstance(connection, UUID) and connection in sources:
                named = f"{IMPORTED}: {sources[connection]}"
                evidence[at] = replace(one, proof=one.proof._replace(connection=named))


def _faculty_of(sessions: Iterable[Planned], person_id: UUID) -> frozenset[str]:
    return frozenset(
        str(session.id)
        for session in sessions
        if any(member.person_id == person_id for member in session.faculty)
    )


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
