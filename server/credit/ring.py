"""The card beside a session: what is on record of it, what that is worth so far."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import msgspec

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.agenda.rules import Session as Planned
from server.attendance import store as attendance
from server.attendance.checks import ON_THE_WAY_MS, Put, State
from server.call import Call
from server.credit.findings import Check
from server.credit.gathering import POLICY, made_of, own
from server.credit.policies.rules import rule_at, sentence
from server.credit.rules import Facts, explain
from server.credit.shared import store as rows
from server.credit.shared.memory import Memory
from server.credit.shared.store import EVERYTHING, Has, Shared
from server.credit.showing import Stretch, strip
from server.credit.standing import Standing, standing
from server.db import Rows


class Open(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    left_ms: int
    closes_ms: int
    extended: bool


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """What the ring shows; times are milliseconds, credit is a decimal as text."""

    session_id: UUID
    accredited: bool
    faculty: bool
    live: bool
    over: bool
    percent: int
    minutes: int
    of_minutes: int
    units: str
    units_if_staying: str
    designated_units: str
    ends_ms: int | None
    next_units: str
    next_at_ms: int | None
    recorded_until_ms: int | None
    stopped: bool
    zone: str
    rule: str = ""
    """What counts here, as a sentence."""
    checks_done: int = 0
    checks_asked: int = 0
    check: Open | None = None
    """The check that waits for an answer."""
    short_ms: int = 0
    """What is missing to the session's minimum."""
    strip: tuple[Stretch, ...] = ()
    """What each stretch was until now, as on the page "My credit"."""


SHARED = Memory()
"""Of this process."""


async def panel(call: Call, db: Rows, session: Planned) -> Ring:
    """The learner's standing in one session, from rows, by the same functions as a claim."""
    return await _ring(call, db, await _read(call, db, session))


async def again(call: Call, db: Rows, session_id: UUID) -> Ring:
    """The same for a page that asks often: what all learners share may be a second old."""
    shared = SHARED.get(call.conference_id, session_id)
    if shared is None:
        session = await agenda.session(db, call.conference_id, session_id)
        return await panel(call, db, session)
    return await _ring(call, db, *await rows.now(db, shared, call.person_id))


async def _read(call: Call, db: Rows, session: Planned) -> Shared:
    read_ms = clock.steady_ms()
    conference = await agenda.conference(db, call.conference_id)
    shared = await rows.read(db, conference, [session])
    SHARED.put(shared, read_ms=read_ms)
    return shared


async def _ring(call: Call, db: Rows, shared: Shared, has: Has = EVERYTHING) -> Ring:
    (session,) = shared.planned
    now_ms = clock.now_ms()
    zone = shared.conference.zone
    if not session.accredited:
        return _nothing(session, zone)
    everybody = await own(db, call.conference_id, (call.person_id,), session_id=session.id, has=has)
    facts, found = made_of(shared, everybody, now_ms=now_ms)[call.person_id]
    planned = facts.sessions[0]
    faculty = str(session.id) in facts.faculty_of
    stands = standing(
        planned,
        attendance.proofs(found, session.id),
        now_ms=now_ms,
        ends_ms=_end_ms(session),
        policy=POLICY,
        booth=facts.booth,
        faculty=faculty,
    )
    shown = _shown(session, stands, faculty=faculty, zone=zone)
    asked = everybody[call.person_id].asked
    return _with_checks(
        msgspec.structs.replace(shown, strip=_strip(shared, facts, found)),
        planned.checks,
        _open([one for one in asked if one.session_id == session.id], now_ms),
        sentence(rule_at(shared.published, session.starts_at)),
    )


def _strip(
    shared: Shared, facts: Facts, found: Sequence[attendance.Evidence]
) -> tuple[Stretch, ...]:
    """The stretches until now. A minimum that is not met yet takes nothing away before the end."""
    (session,) = shared.planned
    if session.phase is not Phase.ENDED:
        none = Decimal()
        free = [replace(one, min_percent=none, min_minutes=none) for one in facts.sessions]
        facts = replace(facts, sessions=free)
    drawn = strip(session, explain(facts), found, shared.conference.tz)
    return drawn.stretches if drawn else ()


def _with_checks(shown: Ring, counted: Sequence[Check], waits: Open | None, rule: str) -> Ring:
    return msgspec.structs.replace(
        shown,
        rule=rule,
        check=waits,
        checks_asked=len(counted),
        checks_done=sum(one.answered for one in counted),
    )


def _open(asked: Sequence[Put], now_ms: int) -> Open | None:
    for one in asked:
        if one.state is State.OPEN and now_ms <= one.closes_ms + ON_THE_WAY_MS:
            left_ms = max(0, one.closes_ms - now_ms)
            return Open(id=one.id, left_ms=left_ms, closes_ms=one.closes_ms, extended=one.extended)
    return None


def _end_ms(session: Planned) -> int | None:
    """The end that is still to come: the planned one, while the session is not over."""
    return None if session.phase is Phase.ENDED else clock.milliseconds(session.ends_at)


def _shown(session: Planned, stands: Standing, *, faculty: bool, zone: str) -> Ring:
    base_ms = max(stands.base_ms, 1)
    return Ring(
        session_id=session.id,
        accredited=True,
        faculty=faculty,
        live=session.phase is Phase.LIVE,
        over=session.phase is Phase.ENDED,
        percent=min(100, stands.qualified_ms * 100 // base_ms),
        minutes=stands.qualified_ms // 60_000,
        of_minutes=max(stands.base_ms, session.designated_ms) // 60_000,
        units=f"{stands.units:f}",
        units_if_staying=f"{stands.units_if_staying:f}",
        designated_units=designated_units(session.designated_ms),
        ends_ms=stands.ends_ms,
        next_units=f"{stands.upcoming.units:f}" if stands.upcoming else "",
        next_at_ms=stands.upcoming.at_ms if stands.upcoming else None,
        recorded_until_ms=stands.recorded_until_ms,
        stopped=stands.stopped,
        short_ms=stands.short_ms,
        zone=zone,
    )


def _nothing(session: Planned, zone: str) -> Ring:
    return Ring(
        session_id=session.id, accredited=False, faculty=False, live=session.phase is Phase.LIVE,
        over=session.phase is Phase.ENDED, percent=0, minutes=0, of_minutes=0, units="0",
        units_if_staying="0", designated_units="0", ends_ms=None, next_units="", next_at_ms=None,
        recorded_until_ms=None, stopped=True, zone=zone,
    )  # fmt: skip


def designated_units(designated_ms: int) -> str:
    """What a session is designated for, as the programme writes it: to the nearest quarter hour."""
    quarters = (2 * designated_ms + 900_000) // 1_800_000
    return f"{quarters / 4:.2f}"
