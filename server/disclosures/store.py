"""Disclosure texts and who was shown which, as rows. A new text is a new row: none is edited."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.attendance import ledger
from server.attendance.chain import Broken, Entry, Kind
from server.db import Base, insert_once, of_session, padded
from server.disclosures import rules
from server.ids import new_id


class Disclosure(Base):
    """What one session's panel says; the newest row is in force."""

    __tablename__ = "disclosure"
    __table_args__ = (of_session(),)

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    text: Mapped[str]
    sha256: Mapped[str]
    entered_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    entered_at: Mapped[datetime] = mapped_column(default=clock.now)


class DisclosureShown(Base):
    """A learner had exactly this text before them and said so, before any media ticket."""

    __tablename__ = "disclosure_shown"
    __table_args__ = (of_session(),)

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), primary_key=True
    )
    sha256: Mapped[str] = mapped_column(primary_key=True)
    shown_at: Mapped[datetime] = mapped_column(default=clock.now)


async def newest(
    db: AsyncSession, conference_id: UUID, session_id: UUID
) -> rules.Disclosure | None:
    """The text in force, if any was entered."""
    row = await db.scalar(
        select(Disclosure)
        .where(Disclosure.conference_id == conference_id, Disclosure.session_id == session_id)
        .order_by(Disclosure.entered_at.desc(), Disclosure.id.desc())
        .limit(1)
    )
    return None if row is None else _disclosure(row)


async def newest_of_all(db: AsyncSession, conference_id: UUID) -> dict[UUID, rules.Disclosure]:
    """The text in force of every session that has one."""
    rows = await db.scalars(
        select(Disclosure)
        .where(Disclosure.conference_id == conference_id)
        .order_by(Disclosure.entered_at, Disclosure.id)
    )
    return {row.session_id: _disclosure(row) for row in rows}


async def enter(
    db: AsyncSession, conference_id: UUID, session_id: UUID, *, text: str, person_id: UUID
) -> bool:
    """Put a text in force; False when exactly this one already is."""
    present = await newest(db, conference_id, session_id)
    sha256 = rules.fingerprint(text)
    if present is not None and present.sha256 == sha256:
        return False
    db.add(
        Disclosure(
            conference_id=conference_id,
            session_id=session_id,
            text=text,
            sha256=sha256,
            entered_by=person_id,
        )
    )
    await db.flush()
    return True


async def acknowledge(
    db: AsyncSession, conference_id: UUID, session_id: UUID, *, person_id: UUID, sha256: str
) -> bool:
    """Note that a person has read a text; False when that was noted before."""
    new = await insert_once(
        db,
        DisclosureShown,
        conference_id=conference_id,
        session_id=session_id,
        person_id=person_id,
        sha256=sha256,
        shown_at=clock.now(),
    )
    if new:
        subject = (await ledger.pseudonym(db, person_id)).subject
        body = {"session": session_id.hex, "sha256": sha256}
        shown = Entry(kind=Kind.DISCLOSURE, subject=subject, body=body)
        await ledger.append(db, conference_id, [shown])
    return new


async def panel(
    db: AsyncSession, conference_id: UUID, session_id: UUID, person_id: UUID
) -> rules.Panel | None:
    """The text in force, and whether this person has said that they read exactly it."""
    return (await panels(db, conference_id, session_id, [person_id])).get(person_id)


async def panels(
    db: AsyncSession, conference_id: UUID, session_id: UUID, person_ids: Collection[UUID]
) -> dict[UUID, rules.Panel]:
    """The same of each of these people; nothing where no text was entered."""
    disclosure = await newest(db, conference_id, session_id)
    if disclosure is None:
        return {}
    shown = await db.scalars(
        select(DisclosureShown.person_id).where(
            DisclosureShown.conference_id == conference_id,
            DisclosureShown.session_id == session_id,
            DisclosureShown.person_id.in_(padded(person_ids)),
            DisclosureShown.sha256 == disclosure.sha256,
        )
    )
    read = set(shown)
    return {
        each: rules.Panel(disclosure=disclosure, acknowledged=each in read) for each in person_ids
    }


async def unlike_ledger(
    db: AsyncSession, conference_id: UUID, *, erased: set[str], person_id: UUID | None = None
) -> list[Broken]:
    """Acknowledgements that only one of the two knows, the ledger or these rows."""
    wanted = (
        select(DisclosureShown.session_id, DisclosureShown.sha256, ledger.Subject.subject)
        .outerjoin(ledger.Subject, ledger.Subject.person_id == DisclosureShown.person_id)
        .where(DisclosureShown.conference_id == conference_id)
    )
    subject = None
    if person_id is not None:
        wanted = wanted.where(DisclosureShown.person_id == person_id)
        subject = await ledger.known_subject(db, person_id)
    present = {
        (row.subject.hex if row.subject else "", row.session_id.hex, row.sha256)
        for row in await db.execute(wanted)
    }
    told: dict[tuple[str, str, str], int] = {}
    for entered in await ledger.bodies(db, conference_id, Kind.DISCLOSURE):
        body = msgspec.json.decode(entered.body)
        if person_id is None or (subject and entered.subject == subject.hex):
            told[entered.subject, body["session"], body["sha256"]] = entered.n
    gone = sorted(told[one] for one in told.keys() - present if one[0] not in erased)
    stray = sorted(UUID(hex=one[1]) for one in present - told.keys())
    return [Broken(n, "the acknowledgement it tells of is missing") for n in gone] + [
        Broken(0, f"an acknowledgement for session {one} is in no row") for one in stray
    ]


def _disclosure(row: Disclosure) -> rules.Disclosure:
    return rules.Disclosure(text=row.text, sha256=row.sha256, entered_at=row.entered_at)
