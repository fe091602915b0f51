"""The tokens that let people publish and watch, as rows."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.db import Base
from server.ids import new_id


class StageToken(Base):
    """Lets one speaker publish on one stage; only its hash is kept."""

    __tablename__ = "stage_token"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            ondelete="CASCADE",
        ),
    )

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    conference_id: Mapped[UUID]
    session_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]


class WatchTicket(Base):
    """Lets one learner start watching one session within a minute, once."""

    __tablename__ = "watch_ticket"
    __table_args__ = (Index("ix_watch_ticket_expires_at", "expires_at"),)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    conference_id: Mapped[UUID]
    session_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class MediaAnswer(Base):
    """A WHIP or WHEP resource: which relay location its public address stands for, and whose it is."""

    __tablename__ = "media_resource"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    conference_id: Mapped[UUID]
    session_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes]
    location: Mapped[str]
    kind: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
