"""Gathers learners' facts from rows, for the pure functions that make credit of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from server.agenda.rules import Conference
from server.agenda.rules import Session as Planned
from server.attendance import store as attendance
from server.attendance.checks import Put
from server.attendance.intervals import Intervals, union
from server.attendance.rules import Counts, Proof, coverage
from server.attendance.store import Evidence
from server.credit.checks import rules as check_rules
from server.credit.checks import store as checks
from server.credit.corrections import store as corrections
from server.credit.corrections.rules import Adjustment, Incident, excused, net
from server.credit.findings import Session
from server.credit.policies.rules import DEFAULT, Published, Rule, rule_at
from server.credit.rules import Facts
from server.credit.shared import store as rows
from server.credit.shared.store import EVERYTHING, Has, Shared, Stretches
from server.credit.systems import AMA_PRA_1
from server.db import Rows

POLICY = DEFAULT.engine
"""What holds where officers published nothing; a session under a rule of theirs says so itself."""

IMPORTED = "imported"
"""What stands for the device in evidence that came from another tool's report."""

Gathered = tuple[Facts, list[Evidence]]


def session_of(
    planned: Planned, live: Stretches, excluded: Iterable[tuple[int, int]], conference: Conference,
    *, now_ms: int, rule: Rule = DEFAULT,
) -> Session:  # fmt: skip
    """What the engine needs of a session; one that is on air is taken to last until now."""
    return Session(
        id=str(planned.id),
        live=union((start, max(start, now_ms if end is None else end)) for start, end in live),
        designated_ms=planned.designated_ms,
        excluded=union(excluded),
        day=planned.starts_at.astimezone(conference.tz).date(),
        min_percent=rule.min_percent,
        min_minutes=rule.min_minutes,
        policy=None if rule.engine == POLICY else rule.engine,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What is on record of one learner."""

    evidence: list[Evidence]
    adjustments: Sequence[Adjustment] = ()
    asked: Sequence[Put] = ()


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
    published: Sequence[Published] | None = None,
) -> dict[UUID, Gathered]:
    """The same of many learners, in as many statements as of one.

    `published` are the rules to go by; without them, those that are.
    """
    shared = await rows.read(db, conference, planned, published=published)
    return made_of(shared, await own(db, conference.id, person_ids), now_ms=now_ms)


async def own(
    db: Rows,
    conference_id: UUID,
    person_ids: Collection[UUID],
    *,
    session_id: UUID | None = None,
    has: Has = EVERYTHING,
) -> dict[UUID, Own]:
    """What is on record of these people: of everything, or of one session and all booths.

    What they have none of is not asked for.
    """
    found = await corrections.evidence_of(db, conference_id, person_ids, session_id=session_id)
    adjusted: dict[UUID, list[Adjustment]] = {}
    if has.adjustments:
        for one in await corrections.adjustments(db, conference_id, person_ids):
            if one.in_force:
                adjusted.setdefault(one.person_id, []).append(one)
    asked: dict[UUID, list[Put]] = {}
    if has.checks:
        asked = await checks.of_persons(db, conference_id, person_ids, session_id=session_id)
    return {
        person_id: Own(
            evidence=evidence,
            adjustments=adjusted.get(person_id, ()),
            asked=asked.get(person_id, ()),
        )
        for person_id, evidence in found.items()
    }


def made_of(shared: Shared, everybody: Mapping[UUID, Own], *, now_ms: int) -> dict[UUID, Gathered]:
    """The facts of each learner, of what they share and what is their own."""
    conference = shared.conference
    rules = {session.id: rule_at(shared.published, session.starts_at) for session in shared.planned}
    accredited = [session for session in shared.planned if session.accredited]
    sessions = [
        session_of(
            session,
            shared.live.get(session.id, ()),
            shared.excluded.get(session.id, ()),
            conference,
            now_ms=now_ms,
            rule=rules[session.id],
        )
        for session in accredited
    ]
    maxima = {AMA_PRA_1.id: Decimal(conference.designated_max)} if conference.designated_max else {}
    return {
        person_id: (
            Facts(
                systems=(AMA_PRA_1,),
                sessions=corrected(
                    checked(sessions, one.asked, rules, shared.incidents),
                    one.evidence,
                    one.adjustments,
                    shared.incidents,
                ),
                proofs=_proofs(accredited, one.evidence),
                policy=POLICY,
                designated_max=maxima,
                booth=booth_time(one.evidence),
                faculty_of=_faculty_of(accredited, person_id),
            ),
            one.evidence,
        )
        for person_id, one in everybody.items()
    }


def _proofs(sessions: Iterable[Planned], evidence: Iterable[Evidence]) -> dict[str, list[Proof]]:
    """The proofs of each session, in one go over the evidence."""
    found: dict[UUID, list[Proof]] = {session.id: [] for session in sessions}
    for one in evidence:
        own = found.get(one.space_id)
        if own is not None:
            own.append(one.proof)
    return {str(session_id): own for session_id, own in found.items()}


def checked(
    sessions: Sequence[Session],
    asked: Sequence[Put],
    rules: Mapping[UUID, Rule],
    incidents: Iterable[Incident],
) -> list[Session]:
    """The sessions with the checks that were put to one learner, where their rule asks for any.

    A check that one of our outages ran into was none, unless it was answered.
    """
    if not asked:
        return list(sessions)
    incidents = tuple(incidents)
    own: list[Session] = []
    for session in sessions:
        session_id = UUID(session.id)
        spared = [
            (one.from_ms, one.to_ms)
            for one in incidents
            if session_id in one.session_ids and not one.refused
        ]
        found = (
            check_rules.facts(asked, session_id, spared) if rules[session_id].checks_an_hour else ()
        )
        own.append(replace(session, checks=found))
    return own


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
        given = union(*(excused(one, proofs, policy=session.governed(POLICY)) for one in hit))
        own.append(replace(session, excused=given, added=folded.added, withdrawn=folded.withdrawn))
    return own


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
