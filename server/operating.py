"""What an operator does from the console: conferences, roles, links, imports, recomputed credit."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

from server import importing, migrate
from server.agenda import rules as agenda_rules
from server.agenda import store as agenda
from server.audit import store as audit
from server.credit import facts as credit
from server.db import Database, Rows, open_database
from server.errors import Invalid, NotFound
from server.exhibits import store as exhibits
from server.people import rules as people_rules
from server.people import store as people
from server.rights import Role
from server.settings import Settings


def say(text: str) -> None:
    print(text)  # noqa: T201 - the console is where an operator reads


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Database]:
    """The database, brought to the present schema when it is the embedded one."""
    if settings.database.startswith("sqlite"):
        await migrate.upgrade(settings.database)
    database = open_database(settings.database)
    try:
        yield database
    finally:
        await database.close()


async def create_conference(
    settings: Settings, slug: str, *, title: str, zone: str, starts_on: str, ends_on: str
) -> int:
    async with opened(settings) as database, database.begin() as db:
        conference_id = await agenda.add_conference(
            db,
            slug=agenda_rules.slug(slug),
            title=people_rules.line(title, "title"),
            zone=agenda_rules.zone(zone),
            starts_on=_date(starts_on, "--from"),
            ends_on=_date(ends_on, "--to"),
        )
        await audit.record(db, conference_id, person_id=None, act="conference.create", on=slug)
    say(f"{settings.address}/conferences/{slug}")
    return 0


async def grant(
    settings: Settings, mail: str, role: str, *, slug: str, session: str, booth: str
) -> int:
    try:
        wanted = Role(role)
    except ValueError:
        known = ", ".join(Role)
        raise Invalid(f"{role}: roles are {known}", where="ROLE") from None
    if wanted is not Role.OPERATOR and not slug:
        raise Invalid("this role belongs to a conference", where="--conference")
    if wanted is Role.EXHIBITOR and not booth:
        raise Invalid("an exhibitor belongs to a booth", where="--booth")
    if wanted is Role.FACULTY and not session:
        raise Invalid("faculty belong to a session", where="--session")
    async with opened(settings) as database, database.begin() as db:
        conference_id = await _conference(db, slug) if slug else None
        session_id, booth_id = _id(session, "--session"), _id(booth, "--booth")
        if conference_id and session_id:
            await agenda.session(db, conference_id, session_id)
        if conference_id and booth_id:
            await exhibits.booth(db, conference_id, booth_id)
        person = await people.ensure_person(db, mail)
        new = await people.give(
            db,
            conference_id,
            person_id=person.id,
            role=wanted,
            session_id=session_id,
            booth_id=booth_id,
        )
        await audit.record(
            db, conference_id, person_id=None, act="role.grant", on=person.id, role=role
        )
    say(f"{person.mail} {'is now' if new else 'was already'} {role}")
    return 0


async def link(settings: Settings, mail: str) -> int:
    async with opened(settings) as database, database.begin() as db:
        person = await people.person_by_mail(db, mail)
        if person is None:
            raise NotFound(f"{mail}: nobody here has this address", where="MAIL")
        token = await people.new_link(db, person.id)
    say(f"{settings.address}/enter/{token}")
    return 0


async def import_file(
    settings: Settings, file: str, raw: bytes, *, slug: str, session: str, zone: str, dry_run: bool
) -> int:
    async with opened(settings) as database:
        return await importing.run(
            database,
            file,
            raw,
            slug=slug,
            session_id=_id(session, "--session"),
            zone=zone,
            dry_run=dry_run,
        )


def explain(source: str) -> int:
    """Facts in, explanation out; `-` reads one world a line. Nothing is stored or looked up."""
    if source != "-":
        try:
            say(credit.explain_line(Path(source).read_bytes()).decode())
        except credit.BadFacts as error:
            raise Invalid(f"{source}: {error}") from None
        return 0
    status = 0
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            say(credit.explain_line(line).decode())
        except credit.BadFacts as error:
            print(f"-: line {number}: {error}", file=sys.stderr)  # noqa: T201
            status = 1
    return status


async def _conference(db: Rows, slug: str) -> UUID:
    place = await agenda.place_of_conference(db, slug)
    if place is None:
        raise NotFound(f"{slug}: there is no such conference", where="--conference")
    return place.conference_id


def _id(text: str, where: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid(f"{text}: this is no id", where=where) from None


def _date(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text}: dates look like 2026-03-12", where=where) from None
