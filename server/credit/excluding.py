"""Marking a stretch of a session as no education, seeing first what it changes, taking it back.

It holds for everybody alike and from now on: rings follow within seconds, claims that were made
stay as they are, and who claims later claims without it.
"""

from dataclasses import dataclass
from uuid import UUID

from server import clock
from server.agenda import store as agenda
from server.attendance import ledger
from server.attendance.chain import Entry, Kind
from server.attendance.intervals import Intervals, difference, intersection, length, union
from server.attendance.rules import coverage
from server.audit import store as audit
from server.call import Call
from server.credit.corrections import rules as words
from server.credit.exclusions import rules, store
from server.credit.exclusions.rules import Exclusion, What
from server.credit.policies import store as policies
from server.credit.record import store as record
from server.db import Rows
from server.errors import Invalid, Refused
from server.ids import new_id


class Ended(Refused):
    code, status = "exclusion.ended", 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a stretch takes from those who were there, before rounding and thresholds."""

    persons: int
    longest_ms: int
    on_air_ms: int
    """How much of it the session was on air, and not excluded before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    session_id: UUID
    from_ms: int
    to_ms: int
    what: What
    text: str


async def change(db: Rows, conference_id: UUID, wanted: Wanted) -> Change:
    """Raises Invalid for a stretch that may not be marked."""
    fresh = await _fresh(db, conference_id, wanted)
    published = await policies.of_sessions(db, conference_id, {wanted.session_id})
    policy = published[wanted.session_id].engine
    found = await record.around(
        db,
        conference_id,
        wanted.session_id,
        wanted.from_ms - policy.lease_ms,
        wanted.to_ms + policy.lease_ms,
    )
    taken = [
        length(
            intersection(fresh, coverage(proofs, lease_ms=policy.lease_ms, counts=policy.counts))
        )
        for proofs in found.values()
    ]
    return Change(
        persons=sum(1 for ms in taken if ms),
        longest_ms=max(taken, default=0),
        on_air_ms=length(fresh),
    )


async def mark(call: Call, wanted: Wanted, command_id: UUID) -> UUID:
    """The same command again marks nothing more."""
    one = Exclusion(
        id=new_id(), session_id=wanted.session_id, from_ms=wanted.from_ms, to_ms=wanted.to_ms,
        what=wanted.what, made_by=call.person_id, made_at=clock.now(),
        text=words.text(wanted.text, "text", required=wanted.what is What.OTHER),
    )  # fmt: skip
    async with call.db.begin() as db:
        known = await store.by_command(db, call.conference_id, command_id)
        if known is not None:
            return known
        await _fresh(db, call.conference_id, wanted)
        if not await store.add(db, call.conference_id, one, command_id):
            return one.id
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="exclusion.add",
            on=wanted.session_id, what=one.what.value, seconds=(one.to_ms - one.from_ms) // 1000,
        )  # fmt: skip
        officer = await ledger.pseudonym(db, call.person_id)
        entry = Entry(
            kind=Kind.EXCLUSION, command_id=command_id, body=rules.told(one, officer.subject.hex)
        )
        await ledger.append(db, call.conference_id, [entry])
    return one.id


async def end(call: Call, exclusion_id: UUID, *, note: str) -> None:
    """Let the stretch count again."""
    note = words.text(note, f"{exclusion_id}")
    async with call.db.begin() as db:
        one = await store.exclusion(db, call.conference_id, exclusion_id)
        ended = await store.end(
            db, call.conference_id, exclusion_id, note=note, person_id=call.person_id
        )
        if not ended:
            raise Ended("Somebody has taken this back already.")
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="exclusion.end",
            on=one.session_id, seconds=(one.to_ms - one.from_ms) // 1000,
        )  # fmt: skip
        officer = await ledger.pseudonym(db, call.person_id)
        entry = Entry(kind=Kind.EXCLUSION, body=rules.told_end(one, officer.subject.hex))
        await ledger.append(db, call.conference_id, [entry])


async def _fresh(db: Rows, conference_id: UUID, wanted: Wanted) -> Intervals:
    """When the session was on air in it and it was not excluded yet; never empty."""
    now_ms = clock.now_ms()
    words.stretch(wanted.from_ms, wanted.to_ms, now_ms=now_ms, longest_ms=rules.LONGEST_MS)
    earning = {session_id for session_id, _title in await record.accredited(db, conference_id)}
    if wanted.session_id not in earning:
        raise Invalid("This session earns no credit.", where="session")
    ids = (wanted.session_id,)
    live = (await agenda.live_intervals(db, conference_id, ids)).get(wanted.session_id, ())
    on_air = union((start, now_ms if stop is None else stop) for start, stop in live)
    stretch = intersection(on_air, union(((wanted.from_ms, wanted.to_ms),)))
    if not stretch:
        raise Invalid("The session was not live then.", where="from")
    before = (await store.excluded(db, conference_id, ids)).get(wanted.session_id, ())
    fresh = difference(stretch, union(before))
    if not fresh:
        raise Invalid("All of it is excluded already.", where="from")
    return fresh
