"""A conference's settings as a form. Officers see and change the statements alone."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import guarded
from server.agenda import forms, store
from server.agenda.editing import store as editing
from server.agenda.forms import Typed
from server.audit import store as audit
from server.call import Call
from server.office import nav
from server.people.rules import Registration
from server.rendering import page, view
from server.rights import Act, may

SETTINGS = "/conferences/{slug}/office/settings"

REGISTRATIONS = (
    (Registration.OPEN, "Open to everybody"),
    (Registration.INVITATION, "By invitation"),
)


async def show(request: Request, call: Call) -> Response:
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
    saved = bool(request.query_params.get("saved"))
    return await _form(call, forms.shown_settings(conference), saved=saved)


async def save(request: Request, call: Call) -> Response:
    typed = forms.typed(await request.form(), forms.CONFERENCE_FIELDS)
    values = forms.statements(typed)
    if may(call.who, Act.EDIT_PROGRAMME, call.place):
        values |= forms.settings(typed)
    if typed.errors:
        return await _form(call, typed, 422)
    async with call.db.begin() as db:
        conference = await store.conference(db, call.conference_id)
        before = {name: getattr(conference, name) for name in values}
        await editing.save_conference(db, call.conference_id, **values)
        changed = {
            name: str(value)[:200] for name, value in values.items() if value != before[name]
        }
        if changed:
            await audit.record(
                db,
                call.conference_id,
                person_id=call.person_id,
                act="conference.edit",
                on=conference.slug,
                **changed,
            )
    return RedirectResponse(f"/conferences/{conference.slug}/office/settings?saved=yes", 303)


async def _form(call: Call, typed: Typed, status: int = 200, *, saved: bool = False) -> Response:
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
    return page(
        "agenda/settings.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/settings"),
        conference=conference,
        typed=typed,
        errors=typed.errors,
        saved=saved,
        registrations=REGISTRATIONS,
        zones=sorted(forms.zones()),
        may_edit=may(call.who, Act.EDIT_PROGRAMME, call.place),
    )


routes: list[BaseRoute] = [
    guarded(SETTINGS, show, Act.EDIT_CREDIT),
    guarded(SETTINGS, save, Act.EDIT_CREDIT, methods=["POST"]),
]
