"""The card beside a session: what is on record of it, what that is worth so far."""

from uuid import UUID

import msgspec

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.agenda.rules import Session as Planned
from server.attendance import store as attendance
from server.call import Call
from server.credit.gathering import POLICY, gather
from server.credit.standing import Standing, standing
from server.db import Rows


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


async def panel(call: Call, db: Rows, session: Planned) -> Ring:
    """The learner's standing in one session, from rows, by the same functions as a claim."""
    conference = await agenda.conference(db, call.conference_id)
    now_ms = clock.now_ms()
    facts, found = await gather(db, conference, [session], call.person_id, now_ms=now_ms)
    planned = facts.sessions[0] if facts.sessions else None
    faculty = str(session.id) in facts.faculty_of
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
    return _shown(session, stands, faculty=faculty, zone=conference.zone)


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
