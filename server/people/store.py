"""People, what they were granted, how they signed in: as rows.

People belong to the server; what they may do belongs to a conference.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Text,
    Uuid,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    table,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock, secrets
from server.db import Base, Word, insert_once, padded
from server.errors import NotFound
from server.ids import new_id
from server.people import rules
from server.people.rules import LOGIN_IDLE, Profession, Profile
from server.rights import Grant, Role, Who


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


class Known(NamedTuple):
    """Who is behind a login, and when it was used last, as exactly as that is noted."""

    who: Who
    seen_at: datetime


_WHO = (
    select(
        Login.token_hash, Login.seen_at, Person.id, Person.name, Person.mail, RoleGrant.role,
        RoleGrant.conference_id, RoleGrant.session_id, RoleGrant.booth_id,
    )
    .join(Person, Person.id == Login.person_id)
    .outerjoin(RoleGrant, RoleGrant.person_id == Person.id)
    .where(
        Login.token_hash.in_(bindparam("tokens", expanding=True)),
        Login.expires_at > bindparam("now"),
        Login.seen_at > bindparam("since"),
    )
)  # fmt: skip
"""Composed once: sockets ask it fifty times a second."""


async def who_are(db: AsyncSession, token_hashes: Collection[bytes]) -> dict[bytes, Known]:
    """The people behind logins that still hold, with all their grants: in one statement."""
    now = clock.now()
    given = {"tokens": padded(token_hashes), "now": now, "since": now - LOGIN_IDLE}
    rows = await db.execute(_WHO, given)
    people: dict[bytes, tuple[UUID, str, str, datetime]] = {}
    grants: dict[bytes, list[Grant]] = {}
    for token_hash, seen_at, person_id, name, mail, role, *place in rows:
        people[token_hash] = person_id, name, mail, seen_at
        held = grants.setdefault(token_hash, [])
        if role is not None:
            conference_id, session_id, booth_id = place
            held.append(
                Grant(
                    role=role,
                    conference_id=conference_id,
                    session_id=session_id,
                    booth_id=booth_id,
                )
            )
    return {
        token_hash: Known(
            Who(id=person_id, name=name, mail=mail, grants=frozenset(grants[token_hash])), seen_at
        )
        for token_hash, (person_id, name, mail, seen_at) in people.items()
    }


async def touch(db: AsyncSession, token_hashes: Collection[bytes]) -> None:
    """Note that logins were used; call it rarely, a page a minute is enough."""
    used = update(Login).where(Login.token_hash == bindparam("used")).values(seen_at=clock.now())
    connection = await db.connection()
    await connection.execute(used, [{"used": each} for each in sorted(token_hashes)])


async def who(db: AsyncSession, person_id: UUID) -> Who | None:
    person = await db.get(Person, person_id)
    if person is None:
        return None
    rows = await db.scalars(select(RoleGrant).where(RoleGrant.person_id == person_id))
    grants = frozenset(
        Grant(
            role=row.role,
            conference_id=row.conference_id,
            session_id=row.session_id,
            booth_id=row.booth_id,
        )
        for row in rows
    )
    return Who(id=person.id, name=person.name, mail=person.mail, grants=grants)


async def profile(db: AsyncSession, person_id: UUID) -> Profile:
    """Raises NotFound."""
    row = await db.get(Person, person_id)
    if row is None:
        raise NotFound("There is no such person.")
    return _profile(row)


async def names(db: AsyncSession, person_ids: Collection[UUID]) -> dict[UUID, str]:
    """How to call people, by name or else by address; who is no person is absent."""
    wanted = select(Person.id, Person.name, Person.mail).where(Person.id.in_(person_ids))
    return {key: name or mail for key, name, mail in await db.execute(wanted)}


async def person_by_mail(db: AsyncSession, address: str) -> Profile | None:
    row = await db.scalar(select(Person).where(Person.mail == rules.mail(address)))
    return _profile(row) if row else None


async def ensure_person(db: AsyncSession, address: str, name: str = "") -> Profile:
    """The person with this address, made when new; a race makes one, not two."""
    address = rules.mail(address)
    await insert_once(
        db, Person, id=new_id(), mail=address, name=name, created_at=clock.now(),
        degree="", profession=Profession.OTHER, affiliation="", zone="",
    )  # fmt: skip
    row = await db.scalar(select(Person).where(Person.mail == address))
    assert row is not None, "it was inserted just now, or was there"
    return _profile(row)


async def save_profile(db: AsyncSession, person_id: UUID, **values: object) -> None:
    await db.execute(update(Person).where(Person.id == person_id).values(**values))


async def give(
    db: AsyncSession,
    conference_id: UUID | None,
    *,
    person_id: UUID,
    role: Role,
    session_id: UUID | None = None,
    booth_id: UUID | None = None,
) -> bool:
    """Grant a role; False when it was granted before."""
    same = select(RoleGrant.id).where(
        RoleGrant.person_id == person_id,
        RoleGrant.role == role,
        _is(RoleGrant.conference_id, conference_id),
        _is(RoleGrant.session_id, session_id),
        _is(RoleGrant.booth_id, booth_id),
    )
    if await db.scalar(same):
        return False
    db.add(
        RoleGrant(
            conference_id=conference_id,
            person_id=person_id,
            role=role,
            session_id=session_id,
            booth_id=booth_id,
        )
    )
    await db.flush()
    return True


class Taken(NamedTuple):
    person_id: UUID
    role: Role


async def take(db: AsyncSession, conference_id: UUID, grant_id: UUID) -> Taken | None:
    """Take a grant back; returns whose it was, so that their sockets can be closed."""
    row = await db.scalar(
        select(RoleGrant).where(RoleGrant.conference_id == conference_id, RoleGrant.id == grant_id)
    )
    if row is None:
        return None
    await db.delete(row)
    return Taken(row.person_id, row.role)


class GrantLine(NamedTuple):
    """A grant as the office lists it."""

    id: UUID
    role: Role
    bound: bool


class Granted(NamedTuple):
    """A person with what they were granted in one conference."""

    id: UUID
    name: str
    mail: str
    profession: Profession
    grants: tuple[GrantLine, ...]


async def granted(
    db: AsyncSession, conference_id: UUID, wanted: str = "", *, after: str = "", limit: int = 100
) -> list[Granted]:
    """People by mail address, `limit` of them after one; `wanted` is part of a name or mail."""
    people = (
        select(Person)
        .where(
            Person.id.in_(
                select(RoleGrant.person_id).where(RoleGrant.conference_id == conference_id)
            ),
            Person.mail > after,
        )
        .order_by(Person.mail)
        .limit(limit)
    )
    if wanted:
        like = f"%{_escaped(wanted.lower())}%"
        people = people.where(
            or_(
                func.lower(Person.name).like(like, escape="\\"),
                Person.mail.like(like, escape="\\"),
            )
        )
    rows = list(await db.scalars(people))
    grants: dict[UUID, list[GrantLine]] = {}
    for grant in await db.scalars(
        select(RoleGrant)
        .where(
            RoleGrant.conference_id == conference_id,
            RoleGrant.person_id.in_([row.id for row in rows]),
        )
        .order_by(RoleGrant.id)
    ):
        bound = grant.session_id is not None or grant.booth_id is not None
        grants.setdefault(grant.person_id, []).append(GrantLine(grant.id, grant.role, bound))
    return [
        Granted(row.id, row.name, row.mail, row.profession, tuple(grants[row.id])) for row in rows
    ]


def _escaped(text: str) -> str:
    for character in ("\\", "%", "_"):
        text = text.replace(character, "\\" + character)
    return text


class ConferenceHeading(NamedTuple):
    """What pages of people show of a conference, read without knowing the agenda."""

    id: UUID
    slug: str
    title: str
    zone: str
    starts_on: date
    ends_on: date


async def heading(db: AsyncSession, conference_id: UUID) -> ConferenceHeading:
    row = (
        await db.execute(
            select(
                literal_column("id", Uuid()),
                literal_column("slug", Text()),
                literal_column("title", Text()),
                literal_column("zone", Text()),
                literal_column("starts_on", Date()),
                literal_column("ends_on", Date()),
            )
            .select_from(table("conference"))
            .where(literal_column("id", Uuid()) == conference_id)
        )
    ).one()
    return ConferenceHeading(*row)


async def new_link(
    db: AsyncSession,
    person_id: UUID,
    *,
    conference_id: UUID | None = None,
    next_path: str = "/",
    reusable: bool = False,
    lifetime: timedelta = rules.LINK_LIFETIME,
) -> str:
    """Make a sign-in link; returns its token, of which only the hash is kept."""
    token = secrets.new_token()
    db.add(
        Link(
            token_hash=secrets.fingerprint(token),
            person_id=person_id,
            conference_id=conference_id,
            expires_at=clock.now() + lifetime,
            reusable=reusable,
            next=next_path,
        )
    )
    await db.flush()
    return token


async def links_since(db: AsyncSession, person_id: UUID, since: datetime) -> int:
    counted = select(func.count()).where(Link.person_id == person_id, Link.created_at >= since)
    return await db.scalar(counted) or 0


class LinkName(NamedTuple):
    """Whom a link that still works belongs to."""

    name: str
    mail: str
    reusable: bool


async def link_name(db: AsyncSession, token: str) -> LinkName | None:
    """Whose link it is while it can still be used; looking does not use it up."""
    row = await db.get(Link, secrets.fingerprint(token))
    if row is None or clock.now() >= row.expires_at or (row.used_at and not row.reusable):
        return None
    person = await db.get(Person, row.person_id)
    return LinkName(person.name, person.mail, row.reusable) if person else None


async def use_link(db: AsyncSession, token: str) -> tuple[UUID, str] | None:
    """Use a link up: one statement, so that of a hundred at once exactly one succeeds."""
    now = clock.now()
    used = await db.execute(
        update(Link)
        .where(
            Link.token_hash == secrets.fingerprint(token),
            Link.expires_at > now,
            or_(Link.used_at.is_(None), Link.reusable),
        )
        .values(used_at=now)
        .returning(Link.person_id, Link.next)
    )
    row = used.first()
    return (row.person_id, row.next) if row else None


async def new_login(db: AsyncSession, person_id: UUID, *, staff: bool) -> tuple[str, datetime]:
    """Sign somebody in; returns the cookie's token and when it ends."""
    token = secrets.new_token()
    lifetime = rules.STAFF_LOGIN_LIFETIME if staff else rules.LOGIN_LIFETIME
    expires_at = clock.now() + lifetime
    db.add(Login(token_hash=secrets.fingerprint(token), person_id=person_id, expires_at=expires_at))
    await db.flush()
    return token, expires_at


async def end_login(db: AsyncSession, token_hash: bytes) -> None:
    await db.execute(delete(Login).where(Login.token_hash == token_hash))


def _is(column: Any, value: UUID | None) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = column.is_(None) if value is None else column == value
    return condition


def _profile(row: Person) -> Profile:
    return Profile(
        id=row.id,
        mail=row.mail,
        name=row.name,
        degree=row.degree,
        profession=row.profession,
        affiliation=row.affiliation,
        zone=row.zone,
        created_at=row.created_at,
    )


async def registration_open(db: AsyncSession, conference_id: UUID) -> bool:
    found: str | None = await db.scalar(
        text("select registration from conference where id = :id").bindparams(
            bindparam("id", conference_id, Uuid())
        )
    )
    return found == rules.Registration.OPEN


async def any_registration_open(db: AsyncSession) -> bool:
    found = await db.scalar(text("select 1 from conference where registration = 'open' limit 1"))
    return found is not None
