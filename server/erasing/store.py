"""Every row that tells of a person, and what becomes of it when they ask to be forgotten.

What has nothing to do with credit goes at once. Evidence of credit is kept as long as the
accreditors want it, then it goes too: the person's subject and salt are destroyed, so that the
ledger, which is never changed, still verifies and tells of nobody. The person's own row stays
without anything in it, since what they decided for others stands under its number.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from server import clock
from server.agenda.store import Conference, Faculty
from server.attendance import ledger
from server.attendance.store import ConnectionNetwork, OpenSpan, Span
from server.credit.checks.store import PresenceCheck
from server.credit.corrections.store import Adjustment
from server.credit.imports.store import ReportLine
from server.credit.reviews.store import ReviewRow
from server.credit.store import Certificate, Claim
from server.disclosures.store import DisclosureShown
from server.exhibits.store import BoothStaff, Receipt, Visit
from server.people.store import Link, Login, Person, RoleGrant
from server.polls.store import PollAnswer
from server.questions.store import Question, Upvote
from server.stages.store import MediaAnswer, OnAir, StageToken, WatchTicket

KEPT_YEARS = 7
"""After the activity; accreditors ask for six (ACCME), and an audit may come in the year after."""

AT_ONCE: tuple[Any, ...] = (
    Login.person_id,
    Link.person_id,
    RoleGrant.person_id,
    StageToken.person_id,
    WatchTicket.person_id,
    MediaAnswer.person_id,
    OnAir.person_id,
    Receipt.person_id,
    Visit.person_id,
    PollAnswer.person_id,
    Upvote.person_id,
    Question.author_id,
)
"""Rows that go when somebody asks: sign-ins, roles, badges, visits, what they asked and voted."""

WITH_CREDIT: tuple[Any, ...] = (
    OpenSpan.person_id,
    Span.person_id,
    ConnectionNetwork.person_id,
    DisclosureShown.person_id,
    PresenceCheck.person_id,
    Certificate.person_id,
    Claim.person_id,
    Adjustment.person_id,
    ReviewRow.person_id,
)
"""Rows that prove credit and go when it need not be proved any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What keeps evidence from being erased today."""

    claims: int
    until: date


async def held(db: AsyncSession, person_id: UUID) -> Held | None:
    """Claims whose evidence is still to be kept, and until when the last of them is."""
    rows = await db.scalars(
        select(Conference.ends_on)
        .join(Claim, Claim.conference_id == Conference.id)
        .where(Claim.person_id == person_id, Claim.voided_at.is_(None))
    )
    ends = [_years_after(day) for day in rows]
    later = [day for day in ends if day > clock.now().date()]
    return Held(claims=len(later), until=max(later)) if later else None


async def withdraw(db: AsyncSession, person_id: UUID) -> None:
    """Take back everything that is not evidence of credit."""
    await _delete(db, AT_ONCE, person_id)
    await db.execute(
        update(BoothStaff).where(BoothStaff.person_id == person_id).values(called="", line="")
    )
    await db.execute(update(Faculty).where(Faculty.person_id == person_id).values(person_id=None))


async def erase(db: AsyncSession, person_id: UUID) -> None:
    """Forget somebody whole: afterwards no row says who the person was."""
    mail = await db.scalar(select(Person.mail).where(Person.id == person_id))
    await withdraw(db, person_id)
    await _delete(db, WITH_CREDIT, person_id)
    reported = or_(ReportLine.person_id == person_id, func.lower(ReportLine.mail) == mail)
    await db.execute(
        update(ReportLine).where(reported).values(name="", original="", mail="", person_id=None)
    )
    await ledger.forget(db, person_id)
    await db.execute(
        update(Person)
        .where(Person.id == person_id)
        .values(mail=f"{person_id}@erased.invalid", name="", degree="", affiliation="", zone="")
    )


async def _delete(db: AsyncSession, owners: tuple[Any, ...], person_id: UUID) -> None:
    for owner in owners:
        column: ColumnElement[UUID] = owner
        await db.execute(delete(owner.class_).where(column == person_id))


def _years_after(day: date) -> date:
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + KEPT_YEARS, day=28 if leap else day.day)
