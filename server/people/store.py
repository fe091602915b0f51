"""People, what they were granted, how they signed in: as rows.

People belong to the server; what they may do belongs to a conference.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.db import Base, Word
from server.ids import new_id
from server.people.rules import Profession
from server.rights import Role


class Person(Base):
    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    mail: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    degree: Mapped[str] = mapped_column(default="")
    profession: Mapped[Profession] = mapped_column(Word(Profession), default=Profession.OTHER)
    affiliation: Mapped[str] = mapped_column(default="")
    zone: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class RoleGrant(Base):
    """One role of one person; an operator's row has no conference."""

    __tablename__ = "role_grant"
    __table_args__ = (Index("ix_role_grant_person_id", "person_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    conference_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE")
    )
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    role: Mapped[Role] = mapped_column(Word(Role))
    session_id: Mapped[UUID | None]
    booth_id: Mapped[UUID | None]
    granted_at: Mapped[datetime] = mapped_column(default=clock.now)


class Link(Base):
    """A sign-in link, by the hash of its token. `reusable` is the demo's alone."""

    __tablename__ = "sign_in_link"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    conference_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    reusable: Mapped[bool] = mapped_column(default=False)
    next: Mapped[str] = mapped_column(default="/")


class Login(Base):
    __tablename__ = "login"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
