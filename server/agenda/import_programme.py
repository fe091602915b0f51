"""Brings an imported programme into a conference: what is new, different or gone, and nothing else.

Sessions are recognised by their key; those made by hand have none and are left alone. What an
import cannot know is kept: designated minutes, the phase, degrees and who a member of the faculty
is. Everything happens in the caller's transaction, so nothing is ever half imported.
"""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date
from uuid import UUID
from zoneinfo import ZoneInfo

from server.agenda import rules, store
from server.agenda.editing import store as editing
from server.agenda.grid import day_of
from server.agenda.importers import diff
from server.agenda.importers.diff import Change, Difference, SessionFields
from server.agenda.importers.problems import printable
from server.agenda.importers.programme import ImportedProgramme, ImportedSession
from server.agenda.rules import FacultyMember, Session, SessionDraft
from server.audit import store as audit
from server.db import Rows
from server.ids import new_id
from server.sanitise import clean_html


async def import_programme(
    db: Rows,
    conference_id: UUID | None,
    programme: ImportedProgramme,
    dry_run: bool,  # noqa: FBT001 - the last of three that every caller names
    *,
    person_id: UUID | None = None,
) -> list[str]:
    """The differences as lines, carried out unless it is a dry run.

    Without a conference it is the one whose address follows from the file, made when it is new.
    """
    programme = replace(programme, sessions=tuple(_whole(each) for each in programme.sessions))
    lines: list[str] = []
    if conference_id is None:
        conference_id = await find_conference(db, programme)
    if conference_id is None:
        slug = rules.slug_of(programme.acronym or programme.title)
        lines.append(printable(f"added: conference {slug}: {programme.title}"))
        if dry_run:
            return lines + list(diff.lines(diff.compare(programme, {}), programme.zone))
        conference_id = await store.add_conference(
            db,
            slug=slug,
            title=programme.title,
            zone=programme.zone,
            starts_on=programme.start_date,
            ends_on=programme.end_date,
        )
    return lines + await _update(db, conference_id, programme, person_id, dry_run=dry_run)


async def find_conference(db: Rows, programme: ImportedProgramme) -> UUID | None:
    """The conference that an earlier import of this programme made."""
    place = await store.place_of_conference(db, rules.slug_of(programme.acronym or programme.title))
    return place.conference_id if place else None


async def _update(
    db: Rows,
    conference_id: UUID,
    programme: ImportedProgramme,
    person_id: UUID | None,
    *,
    dry_run: bool,
) -> list[str]:
    if not dry_run:
        await editing.lock_conference(db, conference_id)
    conference = await store.conference(db, conference_id)
    present = {each.key: each for each in await store.sessions(db, conference_id) if each.key}
    found = diff.compare(programme, {key: _fields(each) for key, each in present.items()})
    gone = [present[each.key] for each in found if each.change is Change.REMOVED]
    kept = await editing.dependents(db, conference_id, [each.id for each in gone])
    differences = tuple(
        each
        for each in found
        if each.change is not Change.REMOVED or present[each.key].id not in kept
    )
    lines = _dates(conference, programme)
    lines += [
        printable(f"kept: {each.title} ({each.key}): the file lacks it, but people have used it")
        for each in gone
        if each.id in kept
    ]
    if differences or not lines:
        lines += diff.lines(differences, conference.zone)
    if not dry_run and (differences or lines[0].startswith("dates")):
        await _carry_out(db, conference, programme, present, differences)
        counted = Counter(each.change.value for each in differences)
        await audit.record(
            db,
            conference_id,
            person_id=person_id,
            act="programme.import",
            on=programme.title,
            **counted,
        )
    return lines


async def _carry_out(
    db: Rows,
    conference: rules.Conference,
    programme: ImportedProgramme,
    present: Mapping[str, Session],
    differences: Sequence[Difference],
) -> None:
    files = {each.key: each for each in programme.sessions}
    changes = {each.key: each.change for each in differences}
    await editing.save_conference(
        db,
        conference.id,
        starts_on=min(conference.starts_on, *_days(conference, programme)),
        ends_on=max(conference.ends_on, *_days(conference, programme)),
    )
    used = {each.track for each in programme.sessions if each.track}
    await editing.add_tracks(db, conference.id, [name for name in programme.tracks if name in used])
    added = [files[key] for key, change in changes.items() if change is Change.ADDED]
    await editing.add_sessions(
        db, conference.id, [(_draft(each), _members(each, ())) for each in added]
    )
    for key, change in changes.items():
        if change is Change.REMOVED:
            await editing.remove_session(db, conference.id, present[key].id)
        elif change is Change.CHANGED:
            await _change(db, present[key], files[key])


async def _change(db: Rows, old: Session, new: ImportedSession) -> None:
    draft = replace(_draft(new), designated_ms=old.designated_ms)
    await editing.save_session(db, old.conference_id, old.id, draft)
    members = _members(new, old.faculty)
    await editing.set_faculty(db, old.conference_id, old.id, members)


def _members(session: ImportedSession, present: Sequence[FacultyMember]) -> list[FacultyMember]:
    """The file's names; a name that was there keeps everything an organiser added to it."""
    known = {each.name: each for each in reversed(present)}
    return [
        known.pop(person.name)
        if person.name in known
        else FacultyMember(id=new_id(), name=person.name)
        for person in session.people
    ]


def _whole(session: ImportedSession) -> ImportedSession:
    """Abstract, description and links as the one text that a session has here."""
    texts = [session.abstract]
    if session.description and session.description != session.abstract:
        texts.append(session.description)
    if session.links:
        entries = "".join(
            f'<li><a href="{html.escape(link.url)}">{html.escape(link.title or link.url)}</a></li>'
            for link in session.links
        )
        texts.append(clean_html(f"<ul>{entries}</ul>"))
    return replace(session, abstract="\n".join(text for text in texts if text), description="")


def _draft(session: ImportedSession) -> SessionDraft:
    return SessionDraft(
        key=session.key,
        title=session.title,
        subtitle=session.subtitle,
        abstract=session.abstract,
        track=session.track,
        hall=session.room,
        language=session.language,
        starts_at=session.start,
        ends_at=session.end,
    )


def _fields(session: Session) -> SessionFields:
    return SessionFields(
        title=session.title,
        subtitle=session.subtitle,
        abstract=session.abstract,
        start=session.starts_at.astimezone(UTC),
        end=session.ends_at.astimezone(UTC),
        track=session.track.name if session.track else "",
        room=session.hall,
        language=session.language,
        people=tuple(member.name for member in session.faculty),
    )


def _days(conference: rules.Conference, programme: ImportedProgramme) -> list[date]:
    zone = ZoneInfo(conference.zone)
    days = [day_of(each.start, zone) for each in programme.sessions]
    return days or [conference.starts_on]


def _dates(conference: rules.Conference, programme: ImportedProgramme) -> list[str]:
    """One line when sessions lie outside the conference's days, which then grow."""
    days = _days(conference, programme)
    first, last = min(conference.starts_on, *days), max(conference.ends_on, *days)
    if (first, last) == (conference.starts_on, conference.ends_on):
        return []
    return [f"dates: {conference.starts_on} to {conference.ends_on} → {first} to {last}"]
