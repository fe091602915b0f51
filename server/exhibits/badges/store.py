"""Badges handed over, as rows: the only file that joins a person's details to a company.

Details are read when they are shown, from the profile, by the ticks of a receipt that still holds:
nothing else that an exhibitor is sent has them, so withdrawing one receipt is enough.
"""

from collections import Counter
from datetime import datetime, tzinfo
from os import urandom
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from server import clock
from server.db import insert_once
from server.errors import NotFound
from server.exhibits import rules
from server.exhibits.rules import Badge, Field, Purpose, Reused
from server.exhibits.store import Booth, Receipt, Talk, Visit
from server.ids import new_id
from server.people.store import Person

ATTEMPTS = 5
"""Numbers have forty random bits; two alike are tried again."""


async def hand_over(
    db: AsyncSession,
    conference_id: UUID,
    booth: rules.Booth,
    *,
    visit_id: UUID,
    person_id: UUID,
    badge: Badge,
    zone: tzinfo,
    command_id: UUID,
) -> tuple[UUID, bool]:
    """The receipt, and whether it is new: one for each command, however often it is sent."""
    at = clock.now().astimezone(zone)
    for _ in range(ATTEMPTS):
        new = await insert_once(
            db, Receipt, conference_id=conference_id, id=(receipt_id := new_id()),
            number=rules.number(urandom(8), at), booth_id=booth.id, visit_id=visit_id,
            person_id=person_id, fields=[field.value for field in badge.fields],
            purpose=badge.purpose.value, text=rules.consent(booth.name),
            text_version=rules.CONSENT_VERSION, command_id=command_id, given_at=at,
            until=rules.until(at, badge.months), note="", interest=0,
        )  # fmt: skip
        if new:
            return receipt_id, True
        row = await db.scalar(
            select(Receipt).where(
                Receipt.conference_id == conference_id, Receipt.command_id == command_id
            )
        )
        if row is None:
            continue
        same = (tuple(row.fields), row.purpose, row.visit_id, row.person_id)
        if same != (badge.fields, badge.purpose, visit_id, person_id):
            raise Reused("This was sent before, and said something else.")
        return row.id, False
    raise AssertionError("five numbers of forty random bits are all taken")


async def withdraw(
    db: AsyncSession, conference_id: UUID, receipt_id: UUID, person_id: UUID
) -> tuple[UUID, bool]:
    """Withdraw one's own receipt; its booth, and whether it held until now.

    What the exhibitor noted on it goes too.
    """
    mine = (
        Receipt.conference_id == conference_id,
        Receipt.id == receipt_id,
        Receipt.person_id == person_id,
    )
    withdrawn: UUID | None = await db.scalar(
        update(Receipt)
        .where(*mine, Receipt.withdrawn_at.is_(None))
        .values(withdrawn_at=clock.now(), note="", interest=0)
        .returning(Receipt.booth_id)
    )
    if withdrawn is not None:
        return withdrawn, True
    booth_id = await db.scalar(select(Receipt.booth_id).where(*mine))
    if booth_id is None:
        raise NotFound("There is no such receipt.")
    return booth_id, False


async def mine(
    db: AsyncSession, conference_id: UUID, person_id: UUID, booth_id: UUID | None = None
) -> list[rules.Receipt]:
    """A person's own receipts, newest first; of one booth or of all."""
    wanted = (
        select(Receipt, Booth.name)
        .join(
            Booth,
            (Booth.conference_id == Receipt.conference_id) & (Booth.id == Receipt.booth_id),
        )
        .where(Receipt.conference_id == conference_id, Receipt.person_id == person_id)
        .order_by(Receipt.given_at.desc(), Receipt.id.desc())
    )
    if booth_id is not None:
        wanted = wanted.where(Receipt.booth_id == booth_id)
    return [
        rules.Receipt(
            id=row.id,
            number=row.number,
            booth_id=row.booth_id,
            company=company,
            fields=tuple(Field(name) for name in row.fields),
            purpose=Purpose(row.purpose),
            text=row.text,
            text_version=row.text_version,
            given_at=row.given_at,
            until=row.until,
            withdrawn_at=row.withdrawn_at,
        )
        for row, company in await db.execute(wanted)
    ]


async def leads(db: AsyncSession, conference_id: UUID, booth_id: UUID) -> list[rules.Lead]:
    """A booth's receipts, newest first: the ticked details of those that hold, and no others."""
    rows = await db.execute(
        select(Receipt, Person)
        .join(Person, Person.id == Receipt.person_id)
        .where(Receipt.conference_id == conference_id, Receipt.booth_id == booth_id)
        .order_by(Receipt.given_at.desc(), Receipt.id.desc())
    )
    now = clock.now()
    return [_lead(receipt, person, now) for receipt, person in rows]


def _lead(receipt: Receipt, person: Person, now: datetime) -> rules.Lead:
    fields = tuple(Field(name) for name in receipt.fields)
    holds = receipt.withdrawn_at is None and receipt.until > now
    return rules.Lead(
        id=receipt.id,
        number=receipt.number,
        visit_id=receipt.visit_id,
        details={field: _detail(person, field) for field in fields} if holds else {},
        fields=fields if holds else (),
        purpose=Purpose(receipt.purpose),
        given_at=receipt.given_at,
        until=receipt.until,
        withdrawn_at=receipt.withdrawn_at,
        expired=receipt.until <= now,
        interest=receipt.interest if holds else 0,
        note=receipt.note if holds else "",
    )


def _detail(person: Person, field: Field) -> str:
    match field:
        case Field.NAME:
            return ", ".join(part for part in (person.name, person.degree) if part)
        case Field.MAIL:
            return person.mail
        case Field.AFFILIATION:
            return person.affiliation
        case Field.PROFESSION:
            return person.profession.value.replace("_", " ").capitalize()


async def details(db: AsyncSession, person_id: UUID) -> dict[Field, str]:
    """What one's own badge would hand over; a detail that the profile lacks is absent."""
    person = await db.get(Person, person_id)
    if person is None:
        raise NotFound("There is no such person.")
    found = {field: _detail(person, field) for field in Field}
    return {field: text for field, text in found.items() if text}


async def note(
    db: AsyncSession,
    conference_id: UUID,
    booth_id: UUID,
    receipt_id: UUID,
    *,
    interest: int,
    text: str,
) -> UUID:
    """What the exhibitor keeps with a lead while its receipt holds; returns its visit."""
    visit_id: UUID | None = await db.scalar(
        update(Receipt)
        .where(
            Receipt.conference_id == conference_id,
            Receipt.booth_id == booth_id,
            Receipt.id == receipt_id,
            Receipt.withdrawn_at.is_(None),
            Receipt.until > clock.now(),
        )
        .values(interest=interest, note=text)
        .returning(Receipt.visit_id)
    )
    if visit_id is None:
        raise NotFound("There is no such lead any more.")
    return visit_id


async def figures(
    db: AsyncSession, conference_id: UUID, booth_id: UUID, since: datetime
) -> rules.Figures:
    """A booth's day in aggregates; see `rules.figures` for what of it is told."""
    visits = await db.execute(
        select(Person.profession, func.count())
        .join(Visit, Visit.person_id == Person.id)
        .where(
            Visit.conference_id == conference_id,
            Visit.booth_id == booth_id,
            Visit.seen_at >= since,
        )
        .group_by(Person.profession)
    )
    professions = Counter[str]()
    for profession, count in visits:
        professions[profession.value] += count
    begun = await db.execute(
        select(Talk.asked_at, Talk.begun_at).where(
            Talk.conference_id == conference_id,
            Talk.booth_id == booth_id,
            Talk.begun_at >= since,
        )
    )
    waits = [(start - asked).total_seconds() for asked, start in begun if start is not None]
    badges = await db.scalar(
        select(func.count())
        .select_from(Receipt)
        .where(
            Receipt.conference_id == conference_id,
            Receipt.booth_id == booth_id,
            Receipt.given_at >= since,
        )
    )
    return rules.figures(professions, talks=len(waits), badges=badges or 0, waits=waits)
