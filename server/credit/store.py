"""Claims and certificates as rows: at most one living claim per person, conference and system."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.db import Base, Doc
from server.ids import new_id


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
    """What was printed, as values, so that it can be printed again; `secret` is its public address."""

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
