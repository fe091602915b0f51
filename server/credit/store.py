"""Claims and certificates as rows: at most one living claim per person, conference and system."""

import zlib
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Select,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.db import Base, Doc
from server.ids import new_id
from server.people.store import Person


class Claim(Base):
    """What a learner claimed, frozen with the digest of the facts it rests on."""

    __tablename__ = "claim"
    __table_args__ = (
        Index(
            "uq_claim_living",
            "conference_id",
            "person_id",
            "system",
            unique=True,
            postgresql_where=text("voided_at IS NULL"),
            sqlite_where=text("voided_at IS NULL"),
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    system: Mapped[str]
    units: Mapped[str]  # a decimal, as claimed
    award: Mapped[str]  # a decimal, the most that could be claimed then
    eligible_ms: Mapped[int]
    inputs_digest: Mapped[str]
    attestation: Mapped[str]
    command_id: Mapped[UUID]
    claimed_at: Mapped[datetime] = mapped_column(default=clock.now)
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str] = mapped_column(default="")


class Certificate(Base):
    """What was printed, as values, to be printed again; `secret` is its public address."""

    __tablename__ = "certificate"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "claim_id"],
            ["claim.conference_id", "claim.id"],
            ondelete="CASCADE",
        ),
        Index("uq_certificate_claim_id", "conference_id", "claim_id", unique=True),
    )

    secret: Mapped[str] = mapped_column(primary_key=True)  # 128 random bits, hexadecimal
    conference_id: Mapped[UUID]
    claim_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    number: Mapped[str] = mapped_column(unique=True)
    printed: Mapped[dict[str, Any]] = mapped_column(Doc())
    issued_at: Mapped[datetime] = mapped_column(default=clock.now)


class ClaimFacts(Base):
    """The facts that a claim rests on, as they were written then: compressed canonical JSON."""

    __tablename__ = "claim_facts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "claim_id"],
            ["claim.conference_id", "claim.id"],
            ondelete="CASCADE",
        ),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    claim_id: Mapped[UUID] = mapped_column(primary_key=True)
    facts: Mapped[bytes] = mapped_column(LargeBinary)


class Claimed(NamedTuple):
    """A claim as it stands."""

    id: UUID
    units: str
    claimed_at: datetime


class Recorded(NamedTuple):
    """A claim, the facts it was made from, and its certificate; None for what is not there."""

    id: UUID
    person_id: UUID
    system: str
    units: str
    award: str
    eligible_ms: int
    inputs_digest: str
    command_id: UUID
    voided: bool
    void_reason: str
    facts: bytes | None
    secret: str | None
    number: str | None
    printed: dict[str, Any] | None


class Issued(NamedTuple):
    """A certificate: its public secret, its number, what it says, and whether it still holds."""

    secret: str
    number: str
    units: str
    printed: dict[str, Any]
    issued_at: datetime
    voided_at: datetime | None
    void_reason: str
    inputs_digest: str
    conference_id: UUID


async def lock(db: AsyncSession, conference_id: UUID, person_id: UUID) -> None:
    """Let one claim of a learner be made at a time; on SQLite the transaction does."""
    key = (conference_id.int ^ person_id.int) & (2**63 - 1)
    if db.get_bind().dialect.name == "postgresql":
        await db.execute(text("select pg_advisory_xact_lock(:key)"), {"key": key})


async def by_command(
    db: AsyncSession, conference_id: UUID, person_id: UUID, command_id: UUID
) -> Claimed | None:
    row = await db.scalar(
        select(Claim).where(
            Claim.conference_id == conference_id,
            Claim.person_id == person_id,
            Claim.command_id == command_id,
        )
    )
    return Claimed(row.id, row.units, row.claimed_at) if row else None


async def living(
    db: AsyncSession, conference_id: UUID, person_id: UUID, system: str
) -> Claimed | None:
    row = await db.scalar(
        select(Claim).where(
            Claim.conference_id == conference_id,
            Claim.person_id == person_id,
            Claim.system == system,
            Claim.voided_at.is_(None),
        )
    )
    return Claimed(row.id, row.units, row.claimed_at) if row else None


async def void(db: AsyncSession, conference_id: UUID, claim_id: UUID, reason: str) -> None:
    await db.execute(
        update(Claim)
        .where(Claim.conference_id == conference_id, Claim.id == claim_id)
        .values(voided_at=clock.now(), void_reason=reason)
    )


async def add_claim(db: AsyncSession, conference_id: UUID, **values: Any) -> Claimed:
    row = Claim(conference_id=conference_id, **values)
    db.add(row)
    await db.flush()
    return Claimed(row.id, row.units, row.claimed_at)


async def add_facts(db: AsyncSession, conference_id: UUID, claim_id: UUID, facts: bytes) -> None:
    """Keep what a claim rests on, so that anybody can recompute it later."""
    db.add(ClaimFacts(conference_id=conference_id, claim_id=claim_id, facts=zlib.compress(facts)))
    await db.flush()


async def recorded(
    db: AsyncSession, conference_id: UUID, claim_id: UUID | None = None
) -> list[Recorded]:
    """Claims with what the ledger and a verifier need of them: one of them, or all."""
    wanted = (
        select(Claim, ClaimFacts.facts, Certificate.secret, Certificate.number, Certificate.printed)
        .outerjoin(
            ClaimFacts,
            (ClaimFacts.conference_id == Claim.conference_id) & (ClaimFacts.claim_id == Claim.id),
        )
        .outerjoin(
            Certificate,
            (Certificate.conference_id == Claim.conference_id) & (Certificate.claim_id == Claim.id),
        )
        .where(Claim.conference_id == conference_id)
        .order_by(Claim.id)
    )
    if claim_id is not None:
        wanted = wanted.where(Claim.id == claim_id)
    return [_recorded(*row) for row in await db.execute(wanted)]


async def add_certificate(db: AsyncSession, conference_id: UUID, **values: Any) -> None:
    db.add(Certificate(conference_id=conference_id, **values))
    await db.flush()


async def certificates(db: AsyncSession, conference_id: UUID, person_id: UUID) -> list[Issued]:
    """Somebody's certificates of one conference, newest first."""
    rows = await db.execute(
        _issued()
        .where(Certificate.conference_id == conference_id, Certificate.person_id == person_id)
        .order_by(Certificate.issued_at.desc())
    )
    return [Issued(*row) for row in rows]


async def certificate(db: AsyncSession, secret: str) -> Issued | None:
    """The certificate at a public address; its secret is the only key that leads to it."""
    row = (await db.execute(_issued().where(Certificate.secret == secret))).first()
    return Issued(*row) if row else None


async def claims_of(db: AsyncSession, conference_id: UUID) -> list[tuple[str, str, str, datetime]]:
    """Name, mail, units and time of every living claim, for the office."""
    rows = await db.execute(
        select(Person.name, Person.mail, Claim.units, Claim.claimed_at)
        .join(Person, Person.id == Claim.person_id)
        .where(Claim.conference_id == conference_id, Claim.voided_at.is_(None))
        .order_by(Claim.claimed_at.desc())
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def _recorded(
    row: Claim, facts: bytes | None, secret: str | None, number: str | None, printed: Any
) -> Recorded:
    return Recorded(
        id=row.id,
        person_id=row.person_id,
        system=row.system,
        units=row.units,
        award=row.award,
        eligible_ms=row.eligible_ms,
        inputs_digest=row.inputs_digest,
        command_id=row.command_id,
        voided=row.voided_at is not None,
        void_reason=row.void_reason,
        facts=None if facts is None else zlib.decompress(facts),
        secret=secret,
        number=number,
        printed=printed,
    )


def _issued() -> Select[Any]:
    return select(
        Certificate.secret,
        Certificate.number,
        Claim.units,
        Certificate.printed,
        Certificate.issued_at,
        Claim.voided_at,
        Claim.void_reason,
        Claim.inputs_digest,
        Certificate.conference_id,
    ).join(
        Claim,
        (Claim.conference_id == Certificate.conference_id) & (Claim.id == Certificate.claim_id),
    )
