"""Editing one booth: everything for organisers, what it shows for its own staff.

Two paths, because two rights reach it; both save through the same function.
"""

from collections.abc import Awaitable, Callable

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import guarded
from server.agenda import store as agenda
from server.audit import store as audit
from server.call import Call
from server.errors import Invalid
from server.exhibits import editing, shown, states, store, talking
from server.exhibits.editing import ALL_FIELDS, OWN_FIELDS, Typed
from server.exhibits.hall import store as hall
from server.exhibits.office import POST, TIER_NAMES
from server.exhibits.rules import MAX_PDF_BYTES, TIERS
from server.exhibits.shown import booth_path, text
from server.office import nav
from server.rendering import page, view
from server.rights import Act

EDIT = "/booths/{booth_id:uuid}/edit"
OWN = "/booths/{booth_id:uuid}/desk/edit"

FORM_BYTES = MAX_PDF_BYTES + (1 << 20)

Endpoint = Callable[[Request, Call], Awaitable[Response]]


def _tail(*, own: bool) -> str:
    return "/desk/edit" if own else "/edit"


async def _page(
    request: Request,
    call: Call,
    *,
    own: bool,
    typed: Typed | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    booth_id = talking.booth_of(call)
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        booth = await store.booth(db, call.conference_id, booth_id)
        documents = await hall.documents(db, call.conference_id, booth_id)
    return page(
        "exhibits/edit.html",
        view(call.who, conference, current="/hall" if own else "/office"),
        status,
        office_nav=nav(call.who, conference, "/booths"),
        conference=conference,
        booth=booth,
        documents=documents,
        own=own,
        action=booth_path(request, _tail(own=own)),
        typed=typed or editing.typed_from(booth),
        errors=errors or {},
        tiers=[(tier.value, TIER_NAMES[tier]) for tier in TIERS],
        saved="saved" in request.query_params,
    )


async def _save(request: Request, call: Call, *, own: bool) -> Response:
    form = await request.form()
    names = OWN_FIELDS if own else ALL_FIELDS
    booth_id = talking.booth_of(call)
    async with call.db.read() as db:
        typed = editing.typed_from(await store.booth(db, call.conference_id, booth_id))
    typed.values |= {name: text(form, name) for name in names}
    values = editing.draft(typed, names)
    if not own:
        values["listed"] = text(form, "listed") == "yes"
    if typed.errors:
        return await _page(request, call, own=own, typed=typed, status=422)
    async with call.db.begin() as db:
        await hall.save_booth(db, call.conference_id, booth_id, values)
        await audit.record(
            db,
            call.conference_id,
            person_id=call.person_id,
            act="booth.edit",
            on=booth_id,
            own=own,
        )
    await states.show(call.services, call.conference_id, booth_id)
    return RedirectResponse(booth_path(request, f"{_tail(own=own)}?saved"), 303)


async def _add_document(request: Request, call: Call, *, own: bool) -> Response:
    async with request.form(max_files=1, max_part_size=FORM_BYTES) as form:
        try:
            title, address, content = await _document(form)
        except Invalid as error:
            told = {error.where or "file": str(error)}
            return await _page(request, call, own=own, errors=told, status=422)
    booth_id = talking.booth_of(call)
    async with call.db.begin() as db:
        document_id = await hall.add_document(
            db, call.conference_id, booth_id, title=title, address=address, content=content
        )
        await audit.record(
            db,
            call.conference_id,
            person_id=call.person_id,
            act="document.add",
            on=document_id,
            booth=str(booth_id),
        )
    return RedirectResponse(booth_path(request, f"{_tail(own=own)}?saved#documents"), 303)


async def _document(form: FormData) -> tuple[str, str, bytes | None]:
    """Title and either an address or a PDF; raises Invalid."""
    file = form.get("file")
    content = await file.read() if isinstance(file, UploadFile) else b""
    name = (file.filename or "") if isinstance(file, UploadFile) else ""
    title = editing.title(text(form, "title") or name.removesuffix(".pdf"))
    if content:
        return title, "", editing.pdf(content)
    address = editing.website(text(form, "address"))
    if not address:
        raise Invalid("Choose a PDF, or give an address.", where="file")
    return title, address, None


async def _remove_document(request: Request, call: Call, *, own: bool) -> Response:
    document_id = shown.uuid(await request.form(), "document")
    async with call.db.begin() as db:
        await hall.remove_document(db, call.conference_id, talking.booth_of(call), document_id)
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="document.remove", on=document_id
        )
    return RedirectResponse(booth_path(request, f"{_tail(own=own)}?saved#documents"), 303)


def _for(whose: bool) -> list[BaseRoute]:  # noqa: FBT001 - the staff's own, or the organiser's
    act, path = (Act.STAFF_BOOTH, OWN) if whose else (Act.EDIT_HALL, EDIT)

    def bound(function: Callable[..., Awaitable[Response]]) -> Endpoint:
        async def endpoint(request: Request, call: Call) -> Response:
            return await function(request, call, own=whose)

        return endpoint

    return [
        guarded(path, bound(_page), act),
        guarded(path, bound(_save), act, methods=POST),
        guarded(path + "/documents", bound(_add_document), act, methods=POST),
        guarded(path + "/documents/remove", bound(_remove_document), act, methods=POST),
    ]


routes: list[BaseRoute] = [*_for(whose=False), *_for(whose=True)]
