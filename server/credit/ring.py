"""The card beside a session: what is on record of it, what that is worth so far."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.agenda.rules import Session as Planned
from server.attendance import store as attendance
from server.attendance.checks import ON_THE_WAY_MS, Put, State
from server.call import Call
from server.credit.checks import store as checks
from server.credit.findings import Check
from server.credit.gathering import POLICY, gather
from server.credit.policies import store as policies
from server.credit.policies.rules import rule_at, sentence
from server.credit.standing import Standing, standing
from server.db import Rows


class Open(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    left_ms: int
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


async def panel(call: Call, db: Rows, session: Planned) -> Ring:
    """The learner's standing in one session, from rows, by the same functions as a claim."""
    conference = await agenda.conference(db, call.conference_id)
    now_ms = clock.now_ms()
    facts, found = await gather(db, conference, [session], call.person_id, now_ms=now_ms)
    planned = facts.sessions[0] if facts.sessions else None
    faculty = str(session.id) in facts.faculty_of
    published = await policies.history(db, call.conference_id)
    asked = (await checks.of_persons(db, call.conference_id, (call.person_id,))).get(
        call.person_id, []
    )
    if planned is None:
        return _nothing(session, conference.zone)
    stands = standing(
        planned,
        attendance.proofs(found, session.id),
        now_ms=now_ms,
        ends_ms=_end_ms(session),
        policy=POLICY,
        booth=facts.booth,
        faculty=faculty,
    )
    shown = _shown(session, stands, faculty=faculty, zone=conference.zone)
    return _with_checks(
        shown, planned.checks,
        _open([one for one in asked if one.session_id == session.id], now_ms),
        sentence(rule_at(published, session.starts_at)),
    )  # fmt: skip


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
            return Open(id=one.id, left_ms=max(0, one.closes_ms - now_ms), extended=one.extended)
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
