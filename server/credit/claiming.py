"""Claiming credit: recomputed inside the transaction that records it, once per learner."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from uuid import UUID

import msgspec

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Conference, Session
from server.attendance import store as attendance
from server.attendance.intervals import length
from server.call import Call
from server.credit import recording, store
from server.credit.certificate import Certificate, Signer
from server.credit.flow import allot
from server.credit.gathering import gather
from server.credit.rules import Explanation, Facts, explain, rounded
from server.credit.systems import AMA_PRA_1
from server.credit.wording import designation_statement
from server.credit.written import write_facts
from server.db import Rows
from server.errors import Invalid, Refused
from server.people import store as people
from server.people.rules import Profile
from server.rendering import dates

ATTESTATION = (
    "I claim only the credit commensurate with the extent of my participation in this activity."
)
"""The learner's own statement, kept word for word with the claim."""

REPLACED = "Replaced by a larger claim."

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No letters that look like digits: the number is read from paper."""


class NothingToClaim(Refused):
    code = "claim.nothing"


class AlreadyClaimed(Refused):
    code = "claim.already"


class NotAttested(Invalid):
    code = "claim.not_attested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """What a learner's facts come to now."""

    conference: Conference
    sessions: list[Session]
    facts: Facts
    explanation: Explanation
    award: Decimal
    designated: Decimal


async def earned(db: Rows, conference_id: UUID, person_id: UUID) -> Earned:
    conference = await agenda.conference(db, conference_id)
    sessions = await agenda.sessions(db, conference_id)
    now_ms = clock.now_ms()
    facts, _found = await gather(db, conference, sessions, person_id, now_ms=now_ms)
    explanation = explain(facts)
    return Earned(
        conference=conference,
        sessions=sessions,
        facts=facts,
        explanation=explanation,
        award=explanation.awards[0].award,
        designated=designated(conference, sessions),
    )


def designated(conference: Conference, sessions: list[Session]) -> Decimal:
    """The activity's maximum: as its provider set it, else what a perfect attendee could reach."""
    if conference.designated_max:
        return Decimal(conference.designated_max)
    accredited = [session for session in sessions if session.accredited]
    planned = [
        ((clock.milliseconds(session.starts_at), clock.milliseconds(session.ends_at)),)
        for session in accredited
    ]
    shares = allot(planned, [session.designated_ms for session in accredited])
    return AMA_PRA_1.step * rounded(AMA_PRA_1, sum(length(share) for share in shares))


async def claim(call: Call, *, units: str, attested: bool, command_id: UUID) -> store.Claimed:
    """Claim credit and make the certificate; the same command again gets the same claim.

    A larger claim replaces the one before, whose certificate then says so.
    """
    if not attested:
        raise NotAttested("Please confirm the statement.", where="attested")
    wanted = _decimal(units)
    async with call.db.begin() as db:
        await store.lock(db, call.conference_id, call.person_id)
        known = await store.by_command(db, call.conference_id, call.person_id, command_id)
        if known is not None:
            return known
        now = await earned(db, call.conference_id, call.person_id)
        _check(wanted, now.award)
        before = await store.living(db, call.conference_id, call.person_id, AMA_PRA_1.id)
        if before is not None:
            if wanted <= Decimal(before.units):
                raise AlreadyClaimed(f"You have claimed {before.units} already.")
            await store.void(db, call.conference_id, before.id, REPLACED)
        facts = write_facts(now.facts)
        claimed = await store.add_claim(
            db,
            call.conference_id,
            person_id=call.person_id,
            system=AMA_PRA_1.id,
            units=f"{wanted:f}",
            award=f"{now.award:f}",
            eligible_ms=now.explanation.assessment.eligible_ms,
            inputs_digest=hashlib.sha256(facts).hexdigest(),
            attestation=ATTESTATION,
            command_id=command_id,
        )
        await store.add_facts(db, call.conference_id, claimed.id, facts)
        await attendance.seal_now(db, call.conference_id, call.person_id)
        if before is not None:
            await recording.voided(
                db, call.conference_id, call.person_id, before.id, reason=REPLACED
            )
        checkpoint = await recording.claimed(
            db, call.conference_id, claimed.id, signer=call.services.signer
        )
        profile = await people.profile(db, call.person_id)
        secret = secrets.token_hex(16)
        address = f"{call.services.settings.address}/verify/{secret}"
        printed = _certificate(now, profile, wanted, address, checkpoint)
        await store.add_certificate(
            db,
            call.conference_id,
            secret=secret,
            claim_id=claimed.id,
            person_id=call.person_id,
            number=printed.number,
            printed=msgspec.to_builtins(printed),
        )
        await recording.certified(db, call.conference_id, claimed.id)
    return claimed


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Invalid("Choose how much you claim.", where="units") from None


def _check(wanted: Decimal, award: Decimal) -> None:
    if award <= 0:
        raise NothingToClaim("There is nothing to claim yet.")
    if not wanted.is_finite() or wanted <= 0 or wanted % AMA_PRA_1.step:
        raise Invalid("Credit is claimed in quarters.", where="units")
    if wanted > award:
        raise Invalid(f"At most {award:f} can be claimed now.", where="units")


def _certificate(
    now: Earned, profile: Profile, units: Decimal, address: str, checkpoint: str
) -> Certificate:
    conference = now.conference
    provider = conference.provider or conference.title
    return Certificate(
        number=_number(conference),
        verify_url=address,
        name=profile.name or profile.mail,
        degree=profile.degree,
        profession=profile.profession,
        provider=provider,
        activity=conference.title,
        dates=dates(conference.starts_on, conference.ends_on),
        units=units,
        designated=max(now.designated, units),
        accreditation=conference.accreditation,  # never invented: without one nothing is printed
        designation=conference.designation
        or designation_statement(provider, max(now.designated, units)),
        issued=_today(conference),
        signers=(Signer(name=provider, role="Accredited provider"),),
        checkpoint=checkpoint,
    )


def _today(conference: Conference) -> date:
    return clock.now().astimezone(conference.tz).date()


def _number(conference: Conference) -> str:
    """`CF26-7Q4M-93KD`: the conference's letters and year, then 40 random bits."""
    initials = "".join(word[0] for word in conference.slug.split("-") if word[0].isalpha())
    prefix = (initials or "R").upper()[:3] + f"{conference.starts_on:%y}"
    tail = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"{prefix}-{tail[:4]}-{tail[4:]}"
