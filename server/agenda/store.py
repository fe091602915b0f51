"""Conferences, tracks, sessions and their faculty as rows."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    case,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, defer, mapped_column

from server import clock
from server.agenda import rules
from server.agenda.rules import FacultyRole, Phase
from server.db import Base, Word, insert_once, of_session
from server.errors import Invalid, NotFound
from server.ids import new_id
from server.people.rules import Registration
from server.rights import Place


class Conference(Base):
    __tablename__ = "conference"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    zone: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    registration: Mapped[Registration] = mapped_column(
        Word(Registration), default=Registration.OPEN
    )
    provider: Mapped[str] = mapped_column(default="")
    accreditation: Mapped[str] = mapped_column(default="")
    designation: Mapped[str] = mapped_column(default="")
    designated_max: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Track(Base):
    __tablename__ = "track"
    __table_args__ = (UniqueConstraint("conference_id", "name"),)

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)


class Session(Base):
    __tablename__ = "session"
    __table_args__ = (
        ForeignKeyConstraint(["conference_id", "track_id"], ["track.conference_id", "track.id"]),
        Index("ix_session_id", "id"),
        Index("ix_session_starts_at", "conference_id", "starts_at"),
    )

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(default="")
    title: Mapped[str]
    subtitle: Mapped[str] = mapped_column(default="")
    abstract: Mapped[str] = mapped_column(default="")
    track_id: Mapped[UUID | None]
    hall: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    designated_ms: Mapped[int] = mapped_column(default=0)
    phase: Mapped[Phase] = mapped_column(Word(Phase), default=Phase.SCHEDULED)


class Faculty(Base):
    __tablename__ = "faculty"
    __table_args__ = (of_session(),)

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id", ondelete="SET NULL"))
    name: Mapped[str]
    degree: Mapped[str] = mapped_column(default="")
    affiliation: Mapped[str] = mapped_column(default="")
    role: Mapped[FacultyRole] = mapped_column(Word(FacultyRole), default=FacultyRole.SPEAKER)
    position: Mapped[int] = mapped_column(default=0)


class LiveInterval(Base):
    """A stretch in which the session was live, by our clock; open while `to_ms` is null."""

    __tablename__ = "live_interval"
    __table_args__ = (of_session(),)

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_ms: Mapped[int] = mapped_column(primary_key=True)
    to_ms: Mapped[int | None]


async def place_of_conference(db: AsyncSession, slug: str) -> Place | None:
    found = await db.scalar(select(Conference.id).where(Conference.slug == slug))
    return Place(conference_id=found) if found else None


async def place_of_session(db: AsyncSession, session_id: UUID) -> Place | None:
    found = await db.scalar(select(Session.conference_id).where(Session.id == session_id))
    return Place(conference_id=found, session_id=session_id) if found else None


async def conference(db: AsyncSession, conference_id: UUID) -> rules.Conference:
    row = await db.get(Conference, conference_id)
    if row is None:
        raise NotFound("There is no such conference.")
    return _conference(row)


async def conferences(db: AsyncSession) -> list[rules.Conference]:
    """Every conference of this server, newest first."""
    rows = await db.scalars(select(Conference).order_by(Conference.starts_on.desc()))
    return [_conference(row) for row in rows]


async def add_conference(
    db: AsyncSession, *, slug: str, title: str, zone: str, starts_on: date, ends_on: date
) -> UUID:
    """Raises Invalid when the address is taken or the dates are the wrong way round."""
    if ends_on < starts_on:
        raise Invalid("A conference ends after it starts.", where="ends_on")
    values = {"slug": slug, "title": title, "zone": zone, "starts_on": starts_on}
    new = await insert_once(
        db, Conference, id=(conference_id := new_id()), ends_on=ends_on, **values,
        registration=Registration.OPEN, provider="", accreditation="", designation="",
        designated_max="", created_at=clock.now(),
    )  # fmt: skip
    if not new:
        raise Invalid(f"There is a conference {slug} already.", where="slug")
    return conference_id


async def session(db: AsyncSession, conference_id: UUID, session_id: UUID) -> rules.Session:
    found = await _sessions(db, conference_id, Session.id == session_id)
    if not found:
        raise NotFound("There is no such session.")
    return found[0]


async def sessions(
    db: AsyncSession,
    conference_id: UUID,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    abstracts: bool = True,
) -> list[rules.Session]:
    """The programme, or what of it begins between two moments, by time and hall.

    Three statements. A programme's abstracts are megabytes: a page that shows none asks for none.
    """
    conditions = [] if since is None else [Session.starts_at >= since]
    if until is not None:
        conditions.append(Session.starts_at < until)
    return await _sessions(db, conference_id, *conditions, abstracts=abstracts)


async def outline(db: AsyncSession, conference_id: UUID) -> list[rules.Outline]:
    """When sessions are and what they are designated for, of the whole programme."""
    wanted = select(Session.starts_at, Session.designated_ms)
    rows = await db.execute(
        wanted.where(Session.conference_id == conference_id).order_by(Session.starts_at)
    )
    return [rules.Outline(starts_at=at, designated_ms=designated) for at, designated in rows]


async def titles(
    db: AsyncSession, conference_id: UUID, session_ids: Collection[UUID | None]
) -> dict[UUID, str]:
    """What sessions are called; what is no session is absent."""
    wanted = select(Session.id, Session.title).where(
        Session.conference_id == conference_id, Session.id.in_(session_ids)
    )
    return {row.id: row.title for row in await db.execute(wanted)}


async def tracks(db: AsyncSession, conference_id: UUID) -> list[rules.Track]:
    rows = await db.scalars(
        select(Track).where(Track.conference_id == conference_id).order_by(Track.position)
    )
    return [rules.Track(id=row.id, name=row.name, position=row.position) for row in rows]


async def halls(db: AsyncSession, conference_id: UUID) -> list[str]:
    rows = await db.scalars(
        select(Session.hall)
        .where(Session.conference_id == conference_id, Session.hall != "")
        .distinct()
        .order_by(Session.hall)
    )
    return list(rows)


async def counts(db: AsyncSession, conference_id: UUID) -> rules.Counts:
    one = select(func.count()).select_from(Session).where(Session.conference_id == conference_id)
    people = select(func.count(func.distinct(Faculty.name)))
    return rules.Counts(
        sessions=await db.scalar(one) or 0,
        accredited=await db.scalar(one.where(Session.designated_ms > 0)) or 0,
        faculty=await db.scalar(people.where(Faculty.conference_id == conference_id)) or 0,
    )


async def set_phase(
    db: AsyncSession, conference_id: UUID, session_id: UUID, wanted: Phase
) -> Phase:
    """Take one step under a row lock; returns the phase before. Raises WrongStep, NotFound."""
    present = await db.scalar(
        select(Session.phase)
        .where(Session.conference_id == conference_id, Session.id == session_id)
        .with_for_update()
    )
    if present is None:
        raise NotFound("There is no such session.")
    await db.execute(
        update(Session)
        .where(Session.conference_id == conference_id, Session.id == session_id)
        .values(phase=rules.step(present, wanted))
    )
    return present


async def open_live(db: AsyncSession, conference_id: UUID, session_id: UUID, at_ms: int) -> bool:
    """The session is live from now on; False when it already was."""
    if await db.scalar(select(LiveInterval.from_ms).where(*_open(conference_id, session_id))):
        return False
    return await insert_once(
        db, LiveInterval, conference_id=conference_id, session_id=session_id,
        from_ms=at_ms, to_ms=None,
    )  # fmt: skip


async def close_live(db: AsyncSession, conference_id: UUID, session_id: UUID, at_ms: int) -> bool:
    """The session is live no longer; False when it was not. Never ends before it began."""
    end = case((LiveInterval.from_ms > at_ms, LiveInterval.from_ms), else_=at_ms)
    closed = await db.execute(
        update(LiveInterval)
        .where(*_open(conference_id, session_id))
        .values(to_ms=end)
        .returning(LiveInterval.from_ms)
    )
    return bool(closed.all())


async def live_intervals(
    db: AsyncSession, conference_id: UUID, session_ids: Collection[UUID] | None = None
) -> dict[UUID, tuple[tuple[int, int | None], ...]]:
    """When sessions were live, oldest first; an end of None says that it still is.

    Without `session_ids`: of the whole conference. A session that was never live is absent.
    """
    wanted = select(LiveInterval).where(LiveInterval.conference_id == conference_id)
    if session_ids is not None:
        wanted = wanted.where(LiveInterval.session_id.in_(session_ids))
    found: dict[UUID, tuple[tuple[int, int | None], ...]] = {}
    for row in await db.scalars(wanted.order_by(LiveInterval.from_ms)):
        found[row.session_id] = (*found.get(row.session_id, ()), (row.from_ms, row.to_ms))
    return found


async def living(db: AsyncSession) -> list[rules.Living]:
    """Every session of the server whose live interval is open, as a start finds them."""
    rows = await db.scalars(select(LiveInterval).where(LiveInterval.to_ms.is_(None)))
    return [
        rules.Living(
            conference_id=row.conference_id, session_id=row.session_id, from_ms=row.from_ms
        )
        for row in rows
    ]


def _open(conference_id: UUID, session_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        LiveInterval.conference_id == conference_id,
        LiveInterval.session_id == session_id,
        LiveInterval.to_ms.is_(None),
    )


async def _sessions(
    db: AsyncSession,
    conference_id: UUID,
    *conditions: ColumnElement[bool],
    abstracts: bool = True,
) -> list[rules.Session]:
    known = {track.id: track for track in await tracks(db, conference_id)}
    wanted = select(Session).where(Session.conference_id == conference_id, *conditions)
    if not abstracts:
        wanted = wanted.options(defer(Session.abstract))
    named = select(Faculty).where(Faculty.conference_id == conference_id)
    if conditions:
        inside = select(Session.id).where(Session.conference_id == conference_id, *conditions)
        named = named.where(Faculty.session_id.in_(inside))
    faculty: dict[UUID, list[rules.FacultyMember]] = {}
    for row in await db.scalars(named.order_by(Faculty.position, Faculty.id)):
        faculty.setdefault(row.session_id, []).append(_member(row))
    rows = await db.scalars(wanted.order_by(Session.starts_at, Session.hall, Session.id))
    return [
        _session(row, known, tuple(faculty.get(row.id, ())), row.abstract if abstracts else "")
        for row in rows
    ]


def _conference(row: Conference) -> rules.Conference:
    return rules.Conference(
        id=row.id,
        slug=row.slug,
        title=row.title,
        zone=row.zone,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        registration=row.registration,
        provider=row.provider,
        accreditation=row.accreditation,
        designation=row.designation,
        designated_max=row.designated_max,
    )


def _member(row: Faculty) -> rules.FacultyMember:
    return rules.FacultyMember(
        id=row.id,
        name=row.name,
        degree=row.degree,
        affiliation=row.affiliation,
        role=row.role,
        person_id=row.person_id,
    )


def _session(
    row: Session,
    tracks: dict[UUID, rules.Track],
    faculty: tuple[rules.FacultyMember, ...],
    abstract: str,
) -> rules.Session:
    return rules.Session(
        conference_id=row.conference_id,
        id=row.id,
        key=row.key,
        title=row.title,
        subtitle=row.subtitle,
        abstract=abstract,
        track=tracks.get(row.track_id) if row.track_id else None,
        hall=row.hall,
        language=row.language,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        designated_ms=row.designated_ms,
        phase=row.phase,
        faculty=faculty,
    )
