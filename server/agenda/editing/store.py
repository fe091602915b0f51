"""Writes what organisers decide: conferences' settings, sessions, faculty. Knows no forms.

Whether a session may be removed depends on rows of features above this one; they are looked at by
their table names, since what knows the agenda cannot be known by it.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnClause, Uuid, column, delete, func, select, table, update
from sqlalchemy.ext.asyncio import AsyncSession

from server.agenda import rules
from server.agenda.rules import FacultyMember, SessionDraft
from server.agenda.store import Conference, Faculty, Session, Track, tracks
from server.errors import NotFound
from server.ids import new_id
from server.people.store import RoleGrant

DEPENDENT = (
    ("live_interval", "session_id"),
    ("exclusion", "session_id"),
    ("question", "session_id"),
    ("poll", "session_id"),
    ("disclosure", "session_id"),
    ("disclosure_shown", "session_id"),
    ("span", "space_id"),
    ("span_open", "space_id"),
    ("adjustment", "session_id"),
    ("outage_session", "session_id"),
    ("attendance_report", "session_id"),
)
"""Rows that are somebody's work or somebody's evidence: what they belong to is never removed."""


async def lock_conference(db: AsyncSession, conference_id: UUID) -> None:
    """Nobody else changes its programme until this transaction ends."""
    await db.execute(select(Conference.id).where(Conference.id == conference_id).with_for_update())


async def save_conference(db: AsyncSession, conference_id: UUID, **values: object) -> None:
    await db.execute(update(Conference).where(Conference.id == conference_id).values(**values))


async def add_session(db: AsyncSession, conference_id: UUID, draft: SessionDraft) -> UUID:
    session_id = new_id()
    db.add(
        Session(
            conference_id=conference_id, id=session_id, **await _values(db, conference_id, draft)
        )
    )
    await db.flush()
    return session_id


async def add_sessions(
    db: AsyncSession,
    conference_id: UUID,
    drafts: Sequence[tuple[SessionDraft, Sequence[FacultyMember]]],
) -> None:
    """Many at once, with their faculty: a whole programme in a few statements."""
    await add_tracks(db, conference_id, [draft.track for draft, _ in drafts])
    known = {track.name: track.id for track in await tracks(db, conference_id)}
    ids = [new_id() for _ in drafts]
    for session_id, (draft, _) in zip(ids, drafts, strict=True):
        values = _columns(draft, known.get(draft.track))
        db.add(Session(conference_id=conference_id, id=session_id, **values))
    await db.flush()  # without a relationship the order of two tables is ours to keep
    for session_id, (_, members) in zip(ids, drafts, strict=True):
        for position, member in enumerate(members):
            row = Faculty(conference_id=conference_id, session_id=session_id, id=member.id)
            _fill(row, member, position)
            db.add(row)
    await db.flush()


async def save_session(
    db: AsyncSession, conference_id: UUID, session_id: UUID, draft: SessionDraft
) -> None:
    """Overwrite what a draft says; the phase is not a matter of editing."""
    values = await _values(db, conference_id, draft)
    saved = await db.execute(
        update(Session)
        .where(Session.conference_id == conference_id, Session.id == session_id)
        .values(**values)
        .returning(Session.id)
    )
    if saved.first() is None:
        raise NotFound("There is no such session.")


async def designate(
    db: AsyncSession, conference_id: UUID, session_id: UUID, designated_ms: int
) -> None:
    await db.execute(
        update(Session)
        .where(Session.conference_id == conference_id, Session.id == session_id)
        .values(designated_ms=designated_ms)
    )


async def set_faculty(
    db: AsyncSession, conference_id: UUID, session_id: UUID, members: Sequence[FacultyMember]
) -> None:
    """The whole faculty of a session, in this order; a member who stays keeps their id."""
    present = select(Faculty).where(
        Faculty.conference_id == conference_id, Faculty.session_id == session_id
    )
    rows = {row.id: row for row in await db.scalars(present)}
    for position, member in enumerate(members):
        row = rows.pop(member.id, None)
        if row is None:
            row = Faculty(conference_id=conference_id, session_id=session_id, id=member.id)
            db.add(row)
        _fill(row, member, position)
    for row in rows.values():
        await db.delete(row)
    await db.flush()


async def take_grants(
    db: AsyncSession, conference_id: UUID, session_id: UUID, person_ids: Collection[UUID]
) -> None:
    """What these people could do in one session, they can no longer."""
    await db.execute(
        delete(RoleGrant).where(
            RoleGrant.conference_id == conference_id,
            RoleGrant.session_id == session_id,
            RoleGrant.person_id.in_(person_ids),
        )
    )


async def dependents(
    db: AsyncSession, conference_id: UUID, session_ids: Collection[UUID]
) -> frozenset[UUID]:
    """Those of the sessions that somebody's work or evidence hangs on."""
    found: set[UUID] = set()
    for name, key in DEPENDENT:
        place: ColumnClause[UUID] = column(key, Uuid())
        owner: ColumnClause[UUID] = column("conference_id", Uuid())
        rows = table(name, owner, place)
        wanted = select(rows.c[key]).where(
            rows.c.conference_id == conference_id, rows.c[key].in_(session_ids)
        )
        found.update(await db.scalars(wanted.distinct()))
    return frozenset(found)


async def remove_session(db: AsyncSession, conference_id: UUID, session_id: UUID) -> None:
    """Remove a session with its faculty and grants; ask for its `dependents` before."""
    await db.execute(
        delete(RoleGrant).where(
            RoleGrant.conference_id == conference_id, RoleGrant.session_id == session_id
        )
    )
    await db.execute(
        delete(Session).where(Session.conference_id == conference_id, Session.id == session_id)
    )


async def add_tracks(db: AsyncSession, conference_id: UUID, names: Iterable[str]) -> None:
    """Those that are missing, behind those that are there, in their order."""
    known = {track.name for track in await tracks(db, conference_id)}
    for name in dict.fromkeys(names):
        if name not in known:
            await track_id(db, conference_id, name)


async def track_id(db: AsyncSession, conference_id: UUID, name: str) -> UUID | None:
    """The track of this name, made when it is new; none for an empty name."""
    if not name:
        return None
    found = await db.scalar(
        select(Track.id).where(Track.conference_id == conference_id, Track.name == name)
    )
    if found is not None:
        return found
    last = await db.scalar(
        select(func.max(Track.position)).where(Track.conference_id == conference_id)
    )
    track = Track(
        conference_id=conference_id,
        id=new_id(),
        name=name,
        position=0 if last is None else last + 1,
    )
    db.add(track)
    await db.flush()
    return track.id


async def _values(db: AsyncSession, conference_id: UUID, draft: SessionDraft) -> dict[str, Any]:
    return _columns(draft, await track_id(db, conference_id, draft.track))


def _columns(draft: SessionDraft, track: UUID | None) -> dict[str, Any]:
    rules.span(draft.starts_at, draft.ends_at)
    return {
        "key": draft.key,
        "title": draft.title,
        "subtitle": draft.subtitle,
        "abstract": draft.abstract,
        "track_id": track,
        "hall": draft.hall,
        "language": draft.language,
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
        "designated_ms": draft.designated_ms,
    }


def _fill(row: Faculty, member: FacultyMember, position: int) -> None:
    row.name, row.degree, row.affiliation = member.name, member.degree, member.affiliation
    row.role, row.person_id, row.position = member.role, member.person_id, position
