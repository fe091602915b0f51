"""`rounds import`: recognises a file, reads it whole, prints what it changes or what is wrong."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from uuid import UUID

from server.agenda import rules, store
from server.agenda.import_programme import find_conference, import_programme
from server.agenda.importers.problems import Problem, Severity, printable
from server.agenda.importers.recognise import Kind, read_programme, recognise
from server.attendance.importer import read_attendance
from server.credit import merging
from server.db import Database, Rows
from server.errors import Invalid, NotFound
from server.exhibits import store as exhibits
from server.exhibits.importer import read_booths

PROGRAMMES = frozenset({Kind.PROGRAMME_JSON, Kind.PROGRAMME_XML})
HOMELESS = "is a report of attendance: say with --session which session it belongs to"
UNKNOWN = (
    "is neither a programme (schedule.json, schedule.xml) nor a list of exhibitors "
    "nor a report of attendance"
)


async def run(
    database: Database,
    file: str,
    raw: bytes,
    *,
    slug: str = "",
    session_id: UUID | None = None,
    zone: str = "",
    dry_run: bool = False,
) -> int:
    """The exit status: 0 imported or nothing to do, 1 refused, with each problem and its place."""
    kind = recognise(PurePath(file).name, raw)
    if zone:
        rules.zone(zone)
    if session_id is not None and kind is not Kind.ATTENDANCE:
        raise Invalid("only a report of attendance belongs to a session", where="--session")
    if kind in PROGRAMMES:
        return await _programme(database, file, raw, slug, zone, dry_run=dry_run)
    if kind is Kind.BOOTHS:
        return await _booths(database, file, raw, slug, dry_run=dry_run)
    if kind is Kind.ATTENDANCE:
        return await _attendance(database, file, raw, slug, session_id, zone=zone, dry_run=dry_run)
    return _refuse(file, [Problem(path="$", message=UNKNOWN, severity=Severity.ERROR)])


async def _programme(
    database: Database, file: str, raw: bytes, slug: str, zone: str, *, dry_run: bool
) -> int:
    async with database.read() as db:
        conference_id = await _named(db, slug)
        if conference_id is not None:
            zone = zone or (await store.conference(db, conference_id)).zone
    reading = read_programme(PurePath(file).name, raw, zone or None)
    if reading.value is None:
        return _refuse(file, reading.problems)
    _warn(file, reading.problems)
    async with database.read() if dry_run else database.begin() as db:
        lines = await import_programme(db, conference_id, reading.value, dry_run)
        found = conference_id or await find_conference(db, reading.value)
        shown = (await store.conference(db, found)).slug if found else slug
    _print(lines)
    if shown and not dry_run:
        print(printable(f"conference: {shown}"), file=sys.stderr)  # noqa: T201
    return 0


async def _booths(database: Database, file: str, raw: bytes, slug: str, *, dry_run: bool) -> int:
    reading = read_booths(raw)
    if reading.value is None:
        return _refuse(file, reading.problems)
    _warn(file, reading.problems)
    async with database.read() if dry_run else database.begin() as db:
        conference_id = await _named(db, slug) or await _only(db)
        lines = await exhibits.import_booths(db, conference_id, reading.value, dry_run)
    _print(lines)
    return 0


async def _attendance(
    database: Database,
    file: str,
    raw: bytes,
    slug: str,
    session_id: UUID | None,
    *,
    zone: str,
    dry_run: bool,
) -> int:
    """Kept for an officer, who says whose the lines are: from a console nothing is counted."""
    if session_id is None:
        return _refuse(file, [Problem(path="$", message=HOMELESS, severity=Severity.ERROR)])
    async with database.read() as db:
        place = await store.place_of_session(db, session_id)
        if place is None:
            raise NotFound(f"{session_id}: there is no such session", where="--session")
        if (await _named(db, slug)) not in {None, place.conference_id}:
            raise NotFound(f"{slug}: it has no such session", where="--session")
        conference = await store.conference(db, place.conference_id)
    reading = read_attendance(raw, zone or conference.zone)
    if reading.value is None:
        return _refuse(file, reading.problems)
    _warn(file, reading.problems)
    async with database.read() if dry_run else database.begin() as db:
        brought = await merging.bring_in(
            db, conference.id, session_id, report=reading.value, raw=raw,
            file=PurePath(file).name, person_id=None, dry_run=dry_run,
        )  # fmt: skip
    _print(brought.lines)
    return 0


async def _named(db: Rows, slug: str) -> UUID | None:
    if not slug:
        return None
    place = await store.place_of_conference(db, slug)
    if place is None:
        raise NotFound(f"{slug}: there is no such conference", where="--conference")
    return place.conference_id


async def _only(db: Rows) -> UUID:
    """The conference that exhibitors belong to when none is named: the only one."""
    conferences = await store.conferences(db)
    if len(conferences) != 1:
        raise Invalid("say which conference these exhibitors belong to", where="--conference")
    return conferences[0].id


def _refuse(file: str, problems: Sequence[Problem]) -> int:
    _warn(file, problems)
    print(printable(f"{file}: nothing was imported"), file=sys.stderr)  # noqa: T201
    return 1


def _warn(file: str, problems: Iterable[Problem]) -> None:
    for problem in problems:
        print(problem.line(file), file=sys.stderr)  # noqa: T201


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201
