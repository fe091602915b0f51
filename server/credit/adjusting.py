"""Adjusting what is on record of a learner: with a reason, and from a quarter on with two officers.

Rows are only added. A claim that was made stays as it is; a learner whose credit grew may raise it.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from server import clock
from server.agenda import store as agenda
from server.attendance import ledger
from server.attendance.chain import Entry, Kind
from server.attendance.intervals import hull
from server.audit import store as audit
from server.call import Call
from server.credit import store as claims
from server.credit import weighing
from server.credit.corrections import rules, store
from server.credit.corrections.auditing import as_told
from server.credit.corrections.rules import Adjustment, Effect, Why
from server.credit.gathering import gather
from server.credit.rules import Facts
from server.db import Rows
from server.errors import Forbidden, Invalid, Refused
from server.ids import new_id

LONGEST_MS = 24 * 3_600_000


class OwnRecord(Forbidden):
    code = "adjustment.own_record"


class SameOfficer(Forbidden):
    code = "adjustment.same_officer"


class Decided(Refused):
    code = "adjustment.decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An adjustment as an officer enters it."""

    person_id: UUID
    session_id: UUID
    effect: Effect
    from_ms: int
    to_ms: int
    why: Why
    text: str
    evidence: str


async def adjust(call: Call, wanted: Wanted, *, command_id: UUID) -> Adjustment:
    """Record it; the same command again gets the same adjustment."""
    if wanted.person_id == call.person_id:
        raise OwnRecord("Nobody adjusts their own record. Ask another officer.")
    now_ms = clock.now_ms()
    rules.stretch(wanted.from_ms, wanted.to_ms, now_ms=now_ms, longest_ms=LONGEST_MS)
    made = Adjustment(
        id=new_id(), person_id=wanted.person_id, session_id=wanted.session_id,
        effect=wanted.effect, from_ms=wanted.from_ms, to_ms=wanted.to_ms, why=wanted.why,
        text=rules.text(wanted.text, "text"), evidence=rules.text(wanted.evidence, "evidence"),
        units="0", second=False, made_by=call.person_id, made_at=clock.now(),
    )  # fmt: skip
    async with call.db.begin() as db:
        await claims.lock(db, call.conference_id, wanted.person_id)
        known = await store.adjustment_by_command(db, call.conference_id, command_id)
        if known is not None:
            return known
        facts = await _facts(db, call.conference_id, wanted.person_id, now_ms)
        _check_place(facts, wanted)
        before = await store.adjustments(db, call.conference_id, (wanted.person_id,))
        worth = weighing.effect(facts, [*(one for one in before if one.in_force), made])
        made = replace(made, units=f"{worth:f}", second=weighing.needs_second(worth))
        await store.add_adjustment(db, call.conference_id, made, command_id)
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="adjustment.add",
            on=made.person_id, adjustment=str(made.id), session=str(made.session_id),
            effect=made.effect.value, minutes=(made.to_ms - made.from_ms) // 60_000,
            why=made.why.value, units=made.units, second=made.second,
        )  # fmt: skip
        await _enter(db, call, made, command_id)
    return made


async def decide(call: Call, adjustment_id: UUID, *, approved: bool, note: str) -> Adjustment:
    """The second officer's word. Who made it may withdraw it, and never approve it."""
    note = rules.text(note, "note", required=False)
    async with call.db.begin() as db:
        made = await store.adjustment(db, call.conference_id, adjustment_id)
        if made.person_id == call.person_id:
            raise OwnRecord("Nobody decides about their own record.")
        if approved and made.made_by == call.person_id:
            raise SameOfficer("A second officer approves what the first one made.")
        if not made.second:
            raise Decided("It took effect at once; nobody needs to approve it.")
        await claims.lock(db, call.conference_id, made.person_id)
        new = await store.decide(
            db, call.conference_id, adjustment_id,
            approved=approved, note=note, person_id=call.person_id,
        )  # fmt: skip
        if not new:
            raise Decided("Somebody has decided about it already.")
        await audit.record(
            db, call.conference_id, person_id=call.person_id,
            act="adjustment.approve" if approved else "adjustment.decline",
            on=made.person_id, adjustment=str(made.id), units=made.units,
        )  # fmt: skip
        made = await store.adjustment(db, call.conference_id, adjustment_id)
        await _enter_decision(db, call, made)
    return made


async def _facts(db: Rows, conference_id: UUID, person_id: UUID, now_ms: int) -> Facts:
    conference = await agenda.conference(db, conference_id)
    sessions = await agenda.sessions(db, conference_id, abstracts=False)
    facts, _found = await gather(db, conference, sessions, person_id, now_ms=now_ms)
    return facts


def _check_place(facts: Facts, wanted: Wanted) -> None:
    """Only time in which the session was live can be presence in it."""
    session = next((one for one in facts.sessions if one.id == str(wanted.session_id)), None)
    if session is None:
        raise Invalid("This session earns no credit.", where="session")
    if not session.live:
        raise Invalid("This session was never live.", where="session")
    ((start, end),) = hull(session.live)
    if wanted.to_ms <= start or wanted.from_ms >= end:
        raise Invalid("The session was not live then.", where="from")


async def _enter(db: Rows, call: Call, made: Adjustment, command_id: UUID) -> None:
    """The ledger tells what and by whom; of words it keeps a keyed digest alone."""
    known = await ledger.pseudonyms(db, {made.person_id, made.made_by})
    learner = known[made.person_id]
    body = as_told(made, learner, known[made.made_by].subject.hex)
    entry = Entry(kind=Kind.ADJUSTMENT, subject=learner.subject, command_id=command_id, body=body)
    await ledger.append(db, call.conference_id, [entry])


async def _enter_decision(db: Rows, call: Call, made: Adjustment) -> None:
    known = await ledger.pseudonyms(db, {made.person_id, call.person_id})
    body = {
        "adjustment": made.id.hex,
        "approved": bool(made.approved),
        "by": known[call.person_id].subject.hex,
    }
    entry = Entry(kind=Kind.ADJUSTMENT, subject=known[made.person_id].subject, body=body)
    await ledger.append(db, call.conference_id, [entry])
