"""The hall for its organisers: booths, their staff, a file of stands; and a booth for its staff."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import guarded
from server.agenda import store as agenda
from server.agenda.importers.fields import MAX_BYTES
from server.agenda.importers.problems import Problem
from server.audit import store as audit
from server.call import Call
from server.errors import Invalid, NotFound, Refused
from server.exhibits import editing, incoming, shown, store
from server.exhibits.editing import ALL_FIELDS, Typed
from server.exhibits.hall import store as hall
from server.exhibits.importer import read_booths
from server.exhibits.packing import pack, unpack
from server.exhibits.rules import TIERS
from server.exhibits.shown import text
from server.office import nav
from server.people import mailing, rules
from server.people import store as people
from server.rendering import page, view
from server.rights import Act, Role

OFFICE = "/conferences/{slug}/office/booths"
POST = ("POST",)

TIER_NAMES = {"lead": "Lead, across two rows", "major": "Major", "standard": "Standard"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the import page says of a file."""

    file: str = ""
    error: str = ""
    problems: Sequence[Problem] = ()
    lines: Sequence[str] = ()
    packed: str = ""


async def show(request: Request, call: Call) -> Response:
    return await _list(request, call)


async def _list(
    request: Request,
    call: Call,
    *,
    read: Read | None = None,
    typed: Typed | None = None,
    staff_error: tuple[UUID, str] | None = None,
    status: int = 200,
) -> Response:
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        booths = await store.booths(db, call.conference_id, unlisted=True)
        staff = await hall.staff_grants(db, call.conference_id)
    return page(
        "exhibits/office.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/booths"),
        conference=conference,
        booths=booths,
        staff=staff,
        staff_error=staff_error,
        read=read or Read(),
        unchanged=bool(read and list(read.lines) == [incoming.NO_CHANGES]),
        typed=typed or editing.blank(),
        tiers=[(tier.value, TIER_NAMES[tier]) for tier in TIERS],
        done=request.query_params.get("done", ""),
    )


async def add(request: Request, call: Call) -> Response:
    form = await request.form()
    typed = Typed(values={name: text(form, name) for name in ALL_FIELDS})
    values = editing.draft(typed, ALL_FIELDS)
    if typed.errors:
        return await _list(request, call, typed=typed, status=422)
    async with call.db.begin() as db:
        booth_id = await hall.add_booth(db, call.conference_id, values)
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="booth.add", on=booth_id
        )
    return RedirectResponse(f"/booths/{booth_id}/edit", 303)


# Staff.


async def invite(request: Request, call: Call) -> Response:
    """Name one of a booth's staff by address, and mail them a link."""
    form = await request.form()
    booth_id = shown.uuid(form, "booth")
    try:
        address = rules.mail(text(form, "mail"))
    except Invalid as error:
        return await _list(request, call, staff_error=(booth_id, str(error)), status=422)
    async with call.db.begin() as db:
        await store.booth(db, call.conference_id, booth_id)
        person = await people.ensure_person(db, address)
        new = await people.give(
            db, call.conference_id, person_id=person.id, role=Role.EXHIBITOR, booth_id=booth_id
        )
        if new:
            await audit.record(
                db,
                call.conference_id,
                person_id=call.person_id,
                act="role.grant",
                on=person.id,
                role=Role.EXHIBITOR.value,
                booth=str(booth_id),
            )
    if new:
        await call.services.close_person(person.id)
        try:
            await mailing.send_invitation(call.services, call.conference_id, person)
        except Refused as error:
            told = (booth_id, f"They are named, but no mail was sent: {error}")
            return await _list(request, call, staff_error=told, status=error.status)
    return _back(request, "staff")


async def dismiss(request: Request, call: Call) -> Response:
    """Take a booth's grant back: their sockets close, and their desk with them."""
    grant_id = shown.uuid(await request.form(), "grant")
    async with call.db.begin() as db:
        booth_id = await hall.booth_of_grant(db, call.conference_id, grant_id)
        if booth_id is None:
            raise NotFound("There is no such grant.")
        taken = await people.take(db, call.conference_id, grant_id)
        assert taken is not None, "it was found just now, in this transaction"
        await hall.forget_staff(db, call.conference_id, booth_id, taken.person_id)
        await audit.record(
            db,
            call.conference_id,
            person_id=call.person_id,
            act="role.take",
            on=taken.person_id,
            role=Role.EXHIBITOR.value,
            booth=str(booth_id),
        )
    await call.services.close_person(taken.person_id)
    return _back(request, "staff")


# A file of stands.


async def upload(request: Request, call: Call) -> Response:
    async with request.form(max_files=1, max_part_size=2 * MAX_BYTES) as form:
        confirmed = text(form, "act") == "confirm"
        try:
            name, raw = await _file(form, confirmed=confirmed)
        except Invalid as error:
            return await _list(request, call, read=Read(error=str(error)), status=422)
    reading = read_booths(raw)
    if reading.value is None:
        read = Read(file=name, problems=reading.problems)
        return await _list(request, call, read=read, status=422)
    if not confirmed:
        async with call.db.read() as db:
            lines = await store.import_booths(db, call.conference_id, reading.value, True)
        read = Read(file=name, lines=lines, packed=pack(raw), problems=reading.problems)
        return await _list(request, call, read=read)
    async with call.db.begin() as db:
        lines = await store.import_booths(db, call.conference_id, reading.value, False)
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="booth.import", lines=len(lines)
        )
    return _back(request, "import")


async def _file(form: FormData, *, confirmed: bool) -> tuple[str, bytes]:
    """What was chosen or, at the second step, what waits in the page; raises Invalid."""
    file = form.get("file")
    if confirmed:
        return text(form, "name"), unpack(text(form, "packed"))
    raw = await file.read() if isinstance(file, UploadFile) else b""
    if not raw or not isinstance(file, UploadFile):
        raise Invalid("Choose a file.")
    if len(raw) > MAX_BYTES:
        raise Invalid("This file is too large.")
    return file.filename or "file", raw


def _back(request: Request, done: str) -> Response:
    return RedirectResponse(
        f"/conferences/{request.path_params['slug']}/office/booths?done={done}", 303
    )


routes: list[BaseRoute] = [
    guarded(OFFICE, show, Act.EDIT_HALL),
    guarded(OFFICE, add, Act.EDIT_HALL, methods=POST),
    guarded(OFFICE + "/staff", invite, Act.EDIT_HALL, methods=POST),
    guarded(OFFICE + "/staff/take", dismiss, Act.EDIT_HALL, methods=POST),
    guarded(OFFICE + "/import", upload, Act.EDIT_HALL, methods=POST),
]
