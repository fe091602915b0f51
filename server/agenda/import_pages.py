"""Importing a programme as an organiser: upload, look at every change, confirm.

Between the two steps the file waits in the page itself, packed: the server keeps nothing that a
closed tab would leave behind.
"""

import base64
import binascii
import zlib
from collections import Counter
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import guarded
from server.agenda import store
from server.agenda.import_programme import import_programme
from server.agenda.importers.fields import MAX_BYTES
from server.agenda.importers.problems import Problem, Reading, Severity
from server.agenda.importers.programme import ImportedProgramme
from server.agenda.importers.recognise import Kind, read_programme, recognise
from server.call import Call
from server.errors import Invalid
from server.office import nav
from server.rendering import page, view
from server.rights import Act

IMPORT = "/conferences/{slug}/office/import"
CHANGES = frozenset({"added", "changed", "removed", "kept"})
NO_CHANGES = ["no changes"]

ELSEWHERE = {
    Kind.BOOTHS: "This file holds exhibitors: on the server, rounds import FILE brings them in.",
    Kind.ATTENDANCE: "This is a report of attendance: bring it in under Other tools.",
    Kind.UNKNOWN: "This is neither a schedule.json nor a schedule.xml.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the differences; `kind` is its first word, or `detail`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page says of a file."""

    file: str = ""
    error: str = ""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    lines: tuple[str, ...] = ()
    packed: str = ""


async def show(request: Request, call: Call) -> Response:
    return await _page(call, Shown(), done=bool(request.query_params.get("done")))


async def upload(request: Request, call: Call) -> Response:
    async with request.form(max_files=1, max_part_size=2 * MAX_BYTES) as form:
        confirmed = form.get("act") == "confirm"
        file = form.get("file")
        try:
            if isinstance(file, UploadFile) and not confirmed:
                name, raw = file.filename or "file", await file.read()
            else:
                name, raw = str(form.get("name", "file")), _unpack(str(form.get("packed", "")))
        except Invalid as error:
            return await _page(call, Shown(error=str(error)), 422)
    if not raw:
        return await _page(call, Shown(error="Choose a file."), 422)
    if message := ELSEWHERE.get(recognise(name, raw)):
        return await _page(call, Shown(error=message), 422)
    reading = await _read(call, name, raw)
    if reading.value is None:
        problems = tuple(p for p in reading.problems if p.severity is Severity.ERROR)
        return await _page(call, Shown(file=name, problems=problems), 422)
    if confirmed:
        return await _confirm(request, call, reading.value)
    async with call.db.read() as db:
        lines = await import_programme(db, call.conference_id, reading.value, dry_run=True)
    return await _page(
        call,
        Shown(file=name, warnings=reading.warnings, lines=tuple(lines), packed=_pack(raw)),
    )


async def _read(call: Call, name: str, raw: bytes) -> Reading[ImportedProgramme]:
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
    return read_programme(name, raw, conference.zone)


async def _confirm(request: Request, call: Call, programme: ImportedProgramme) -> Response:
    async with call.db.begin() as db:
        await import_programme(
            db, call.conference_id, programme, dry_run=False, person_id=call.person_id
        )
    slug = request.path_params["slug"]
    return RedirectResponse(f"/conferences/{slug}/office/import?done=yes", 303)


async def _page(call: Call, shown: Shown, status: int = 200, *, done: bool = False) -> Response:
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
    lines = [_line(text) for text in shown.lines]
    counted = Counter(line.kind for line in lines if line.kind in CHANGES)
    return page(
        "agenda/import.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/import"),
        conference=conference,
        file=shown.file,
        error=shown.error,
        problems=shown.problems,
        warnings=shown.warnings,
        lines=lines,
        counted=list(counted.items()),
        unchanged=list(shown.lines) == NO_CHANGES,
        packed=shown.packed,
        done=done,
    )


def _line(text: str) -> Line:
    if text.startswith(" "):
        return Line(kind="detail", text=text.strip())
    return Line(kind=text.partition(":")[0], text=text)


def _pack(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw)).decode()


def _unpack(text: str) -> bytes:
    """The file of the preview; a page that was tampered with is refused, not believed."""
    opened = zlib.decompressobj()
    try:
        raw = opened.decompress(base64.b64decode(text, validate=True), MAX_BYTES)
    except (binascii.Error, zlib.error, ValueError):
        raise Invalid("The preview was incomplete. Choose the file again.") from None
    if opened.unconsumed_tail:
        raise Invalid("This file is too large.")
    return raw


routes: list[BaseRoute] = [
    guarded(IMPORT, show, Act.EDIT_PROGRAMME),
    guarded(IMPORT, upload, Act.EDIT_PROGRAMME, methods=["POST"]),
]
