"""Badges: a visitor hands one over and withdraws it; an exhibitor notes on a lead.

The same for sockets and forms.
"""

from collections.abc import Collection
from uuid import UUID

from server import topics
from server.agenda import store as agenda
from server.call import Call
from server.db import Rows
from server.errors import Forbidden, Invalid
from server.exhibits import rules, wire
from server.exhibits import store as booths
from server.exhibits.badges import store
from server.exhibits.rules import CONSENT_VERSION, MAX_INTEREST, MAX_NOTE, Field, Outdated
from server.exhibits.talking import booth_of, is_staff
from server.exhibits.talks import store as talks
from server.sanitise import plain_lines


async def hand_over(
    call: Call,
    *,
    fields: Collection[str],
    purpose: str,
    months: int,
    text_version: str,
    command_id: UUID,
) -> UUID:
    """Hand the ticked details to this company; returns the receipt."""
    badge = rules.badge(fields, purpose, months)
    if text_version != CONSENT_VERSION:
        raise Outdated("The words have changed since you read them. Please read them again.")
    if is_staff(call):
        raise Forbidden("This is your own booth.")
    booth_id = booth_of(call)
    async with call.db.begin() as db:
        conference = await agenda.conference(db, call.conference_id)
        booth = await booths.booth(db, call.conference_id, booth_id)
        await _check_profile(db, call.person_id, badge.fields)
        visit_id = await talks.enter(db, call.conference_id, booth_id, call.person_id)
        receipt_id, new = await store.hand_over(
            db,
            call.conference_id,
            booth,
            visit_id=visit_id,
            person_id=call.person_id,
            badge=badge,
            zone=conference.tz,
            command_id=command_id,
        )
    if new:
        event = wire.Lead(id=receipt_id, visit=visit_id, holds=True)
        await call.publish(topics.booth_desk(booth_id), event)
    return receipt_id


async def withdraw(call: Call, receipt_id: UUID) -> None:
    """Take one's details back; the exhibitor is told, and has them no more."""
    async with call.db.begin() as db:
        booth_id, held = await store.withdraw(db, call.conference_id, receipt_id, call.person_id)
        visit_id = await talks.visit_of(db, call.conference_id, booth_id, call.person_id)
    if held and visit_id is not None:
        event = wire.Lead(id=receipt_id, visit=visit_id, holds=False)
        await call.publish(topics.booth_desk(booth_id), event)


async def note(call: Call, receipt_id: UUID, *, interest: int, text: str) -> None:
    if not 0 <= interest <= MAX_INTEREST:
        raise Invalid(f"From 0 to {MAX_INTEREST}.", where="interest")
    text = plain_lines(text)
    if len(text) > MAX_NOTE:
        raise Invalid(f"At most {MAX_NOTE} characters.", where="note")
    booth_id = booth_of(call)
    async with call.db.begin() as db:
        visit_id = await store.note(
            db, call.conference_id, booth_id, receipt_id, interest=interest, text=text
        )
    event = wire.Lead(id=receipt_id, visit=visit_id, holds=True)
    await call.publish(topics.booth_desk(booth_id), event)


async def _check_profile(db: Rows, person_id: UUID, fields: Collection[Field]) -> None:
    held = await store.details(db, person_id)
    for field in fields:
        if field not in held:
            name = rules.FIELDS[field].lower()
            raise Invalid(f"Your profile has no {name} yet.", where="fields")
