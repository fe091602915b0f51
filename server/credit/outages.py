"""Outages of ours: recorded once, excusing alike all who were there at their start.

Who that is follows from the evidence each time credit is computed; no list of people is kept. The
product proposes what it can see, gaps in everybody's evidence at once, and records nothing itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from server import clock
from server.agenda import store as agenda
from server.attendance import ledger
from server.attendance.chain import Entry, Kind
from server.attendance.intervals import length
from server.attendance.rules import LEASE_MS
from server.audit import store as audit
from server.call import Call
from server.credit.corrections import rules, store
from server.credit.corrections.rules import Cause, Incident, excused
from server.credit.policies import store as policies
from server.credit.record import store as record_store
from server.credit.record.store import Gap
from server.db import Rows
from server.errors import Invalid
from server.ids import new_id

MOST_PROPOSALS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A gap that looks like an outage, and how many it would excuse."""

    session_ids: tuple[UUID, ...]
    from_ms: int
    to_ms: int
    persons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Excused:
    """What an outage comes to now: in how many cases, and how long the longest is."""

    persons: int
    longest_ms: int


async def record(
    call: Call,
    *,
    session_ids: Iterable[UUID],
    from_ms: int,
    to_ms: int,
    cause: Cause,
    text: str,
    cap_ms: int | None,
    command_id: UUID,
) -> UUID:
    """Record an outage; the same command again records nothing more."""
    wanted = frozenset(session_ids)
    if not wanted:
        raise Invalid("Choose the sessions it hit.", where="sessions")
    rules.stretch(from_ms, to_ms, now_ms=clock.now_ms(), longest_ms=rules.MAX_OUTAGE_MS)
    incident = Incident(
        id=new_id(), from_ms=from_ms, to_ms=to_ms, session_ids=wanted, cause=cause,
        text=rules.text(text, "text"), made_by=call.person_id, made_at=clock.now(),
    )  # fmt: skip
    async with call.db.begin() as db:
        known = await agenda.titles(db, call.conference_id, wanted)
        if known.keys() != wanted:
            raise Invalid("There is no such session.", where="sessions")
        if not await store.add_outage(db, call.conference_id, incident, command_id):
            return incident.id
        if cap_ms is not None:
            await _rule(db, call, incident.id, refused=False, cap_ms=cap_ms, note="")
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="outage.add", on=incident.id,
            sessions=len(wanted), seconds=(to_ms - from_ms) // 1000, cause=cause.value,
        )  # fmt: skip
        await ledger.append(
            db,
            call.conference_id,
            [
                Entry(
                    kind=Kind.OUTAGE,
                    command_id=command_id if at == 0 else None,
                    body={
                        "cap_ms": -1 if cap_ms is None else cap_ms,
                        "cause": cause.value,
                        "from_ms": from_ms,
                        "incident": incident.id.hex,
                        "session": session_id.hex,
                        "to_ms": to_ms,
                    },
                )
                for at, session_id in enumerate(sorted(wanted))
            ],
        )
    return incident.id


async def rule(
    call: Call, outage_id: UUID, *, refused: bool, cap_ms: int | None, note: str
) -> None:
    """Cap what an outage excuses, refuse it, or let it stand: for everybody, from now on."""
    note = rules.text(note, "note", required=refused)
    async with call.db.begin() as db:
        await store.incident(db, call.conference_id, outage_id)
        await _rule(db, call, outage_id, refused=refused, cap_ms=cap_ms, note=note)
        await audit.record(
            db, call.conference_id, person_id=call.person_id,
            act="outage.refuse" if refused else "outage.rule", on=outage_id,
            minutes=None if cap_ms is None else cap_ms // 60_000,
        )  # fmt: skip
        body = {
            "cap_ms": -1 if cap_ms is None else cap_ms,
            "incident": outage_id.hex,
            "refused": refused,
        }
        await ledger.append(db, call.conference_id, [Entry(kind=Kind.OUTAGE, body=body)])


async def _rule(
    db: Rows, call: Call, outage_id: UUID, *, refused: bool, cap_ms: int | None, note: str
) -> None:
    await store.rule(
        db, call.conference_id, outage_id,
        refused=refused, cap_ms=cap_ms, note=note, person_id=call.person_id,
    )  # fmt: skip


async def reach(db: Rows, conference_id: UUID, incident: Incident) -> Excused:
    """Whom an outage excuses, counted by person and session, by the same rule as every credit."""
    rules = await policies.of_sessions(db, conference_id, incident.session_ids)
    given = [
        length(excused(incident, proofs, policy=rules[session_id].engine))
        for session_id in incident.session_ids
        for proofs in (
            await record_store.around(
                db,
                conference_id,
                session_id,
                incident.from_ms - LEASE_MS,
                incident.to_ms + LEASE_MS,
            )
        ).values()
    ]
    return Excused(persons=sum(1 for ms in given if ms), longest_ms=max(given, default=0))


async def proposals(db: Rows, conference_id: UUID, recorded: Sequence[Incident]) -> list[Proposal]:
    """Gaps in everybody's evidence that no recorded outage explains, the newest first."""
    open_gaps = [
        gap for gap in await record_store.gaps(db, conference_id) if not _explained(gap, recorded)
    ]
    found: list[Proposal] = []
    for together in _together(open_gaps)[:MOST_PROPOSALS]:
        incident = _incident(together)
        reached = await reach(db, conference_id, incident)
        if reached.persons:
            found.append(
                Proposal(
                    session_ids=tuple(sorted(incident.session_ids)),
                    from_ms=incident.from_ms,
                    to_ms=incident.to_ms,
                    persons=reached.persons,
                )
            )
    return found


def _explained(gap: Gap, recorded: Iterable[Incident]) -> bool:
    return any(
        gap.session_id in one.session_ids and one.from_ms < gap.to_ms and gap.from_ms < one.to_ms
        for one in recorded
    )


def _together(found: Sequence[Gap]) -> list[list[Gap]]:
    """Gaps of several sessions that began within one lease are one failure."""
    groups: list[list[Gap]] = []
    for gap in sorted(found, key=lambda one: -one.from_ms):
        if groups and groups[-1][0].from_ms - gap.from_ms <= LEASE_MS:
            groups[-1].append(gap)
        else:
            groups.append([gap])
    return groups


def _incident(together: Sequence[Gap]) -> Incident:
    """From the last proof of anybody to when evidence had come back everywhere."""
    return Incident(
        id=new_id(),
        from_ms=max(gap.from_ms for gap in together),
        to_ms=max(gap.to_ms for gap in together),
        session_ids=frozenset(gap.session_id for gap in together),
        cause=Cause.SERVER,
        text="",
        made_by=UUID(int=0),
        made_at=clock.now(),
    )


def titles_of(session_ids: Iterable[UUID], titles: Mapping[UUID, str]) -> list[str]:
    return sorted(titles.get(one, "a session that is gone") for one in session_ids)
