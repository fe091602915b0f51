"""A booth as its visitors see it: what it shows, who is there, talk, badge and receipts."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock, topics
from server.access import guarded
from server.agenda import store as agenda
from server.call import Call
from server.errors import Invalid
from server.exhibits import handing, rules, shown, states, store, talking
from server.exhibits.badges import store as badges
from server.exhibits.hall import store as hall
from server.exhibits.shown import booth_path, text
from server.exhibits.talks import store as talks
from server.rendering import page, view
from server.rights import Act

BOOTH = "/booths/{booth_id:uuid}"
BADGES = "/conferences/{slug}/badges"

ABOVE = "#talk"
RECEIPTS = "#receipts"


async def show(request: Request, call: Call) -> Response:  # noqa: ARG001 - its place is all
    return await _page(call)


async def _page(
    call: Call, typed: Mapping[str, Any] | None = None, error: Invalid | None = None
) -> Response:
    staff = talking.is_staff(call)
    booth_id = talking.booth_of(call)
    snapshot = await _snapshot(call)
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        booth = await store.booth(db, call.conference_id, booth_id)
        documents = await hall.documents(db, call.conference_id, booth_id)
        receipts = await badges.mine(db, call.conference_id, call.person_id, booth_id)
        details = await badges.details(db, call.person_id)
    return page(
        "exhibits/booth.html",
        view(call.who, conference, current="/hall", live=True),
        422 if error else 200,
        conference=conference,
        booth=booth,
        documents=documents,
        staff=staff,
        snapshot=snapshot,
        receipts=receipts,
        rules=rules,
        words=shown.words,
        now=clock.now().astimezone(conference.tz),
        details=[(field, rules.FIELDS[field], details.get(field, "")) for field in rules.Field],
        consent=rules.consent(booth.name),
        typed=typed or {},
        error=error,
        commands={name: uuid4() for name in ("ask", "say", "badge")},
    )


async def _snapshot(call: Call) -> dict[str, Any]:
    """All that moves on the page, with the positions it was read at."""
    booth_id, conference_id = talking.booth_of(call), call.conference_id
    if talking.is_staff(call):
        at = await shown.positions(call, topics.booth(booth_id))
        async with call.db.read() as db:
            here = await states.booth(db, conference_id, booth_id)
        return {"booth": booth_id, "visit": None, "positions": at, "here": here}
    async with call.db.begin() as db:
        visit_id = await talks.enter(db, conference_id, booth_id, call.person_id)
    at = await shown.positions(call, topics.booth(booth_id), topics.visit(visit_id))
    async with call.db.read() as db:
        return {
            "booth": booth_id,
            "visit": visit_id,
            "positions": at,
            "zone": (await agenda.conference(db, conference_id)).zone,
            "here": await states.booth(db, conference_id, booth_id),
            "talk": await states.talk(db, conference_id, booth_id, visit_id),
            "lines": [states.line(line) for line in await talks.lines(db, conference_id, visit_id)],
        }


async def now(request: Request, call: Call) -> Response:  # noqa: ARG001 - its place is all
    return shown.answer(await _snapshot(call))


async def ask(request: Request, call: Call) -> Response:
    form = await request.form()
    await talking.ask(call, text(form, "about"), shown.uuid(form, "command_id"))
    return RedirectResponse(booth_path(request, ABOVE), 303)


async def leave(request: Request, call: Call) -> Response:
    await talking.leave(call)
    return RedirectResponse(booth_path(request, ABOVE), 303)


async def say(request: Request, call: Call) -> Response:
    form = await request.form()
    await talking.say(call, text(form, "text"), None, shown.uuid(form, "command_id"))
    return RedirectResponse(booth_path(request, ABOVE), 303)


async def hand_over(request: Request, call: Call) -> Response:
    form = await request.form()
    fields = [value for value in form.getlist("fields") if isinstance(value, str)]
    purpose = text(form, "purpose")
    typed = {"fields": fields, "purpose": purpose, "months": text(form, "months")}
    try:
        await handing.hand_over(
            call,
            fields=fields,
            purpose=purpose,
            months=shown.whole(form, "months"),
            text_version=text(form, "text_version"),
            command_id=shown.uuid(form, "command_id"),
        )
    except Invalid as error:
        return await _page(call, typed, error)
    return RedirectResponse(booth_path(request, RECEIPTS), 303)


async def withdraw(request: Request, call: Call) -> Response:
    await handing.withdraw(call, shown.uuid(await request.form(), "receipt"))
    return RedirectResponse(booth_path(request, RECEIPTS), 303)


async def my_badges(request: Request, call: Call) -> Response:  # noqa: ARG001 - as above
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        receipts = await badges.mine(db, call.conference_id, call.person_id)
    return page(
        "exhibits/badges.html",
        view(call.who, conference, current="/hall"),
        conference=conference,
        receipts=receipts,
        rules=rules,
        words=shown.words,
        now=clock.now(),
    )


async def withdraw_any(request: Request, call: Call) -> Response:
    await handing.withdraw(call, shown.uuid(await request.form(), "receipt"))
    return RedirectResponse(f"/conferences/{request.path_params['slug']}/badges", 303)


async def document(request: Request, call: Call) -> Response:
    """A leaflet: saved, never shown in our own pages; its openings are counted, not who opens."""
    async with call.db.begin() as db:
        title, address, content = await hall.open_document(
            db, call.conference_id, talking.booth_of(call), request.path_params["document_id"]
        )
    if content is None:
        return RedirectResponse(address, 303, headers={"referrer-policy": "no-referrer"})
    name = "".join(c if c.isascii() and (c.isalnum() or c in " -_") else "_" for c in title)
    headers = {
        "content-disposition": f'attachment; filename="{name.strip() or "document"}.pdf"',
        "content-security-policy": shown.SANDBOX,
    }
    return Response(content, media_type="application/pdf", headers=headers)


POST = ("POST",)

routes: list[BaseRoute] = [
    guarded(BOOTH, show, Act.VISIT_HALL),
    guarded(BOOTH + "/now", now, Act.VISIT_HALL),
    guarded(BOOTH + "/ask", ask, Act.VISIT_HALL, methods=POST),
    guarded(BOOTH + "/leave", leave, Act.VISIT_HALL, methods=POST),
    guarded(BOOTH + "/say", say, Act.VISIT_HALL, methods=POST),
    guarded(BOOTH + "/badge", hand_over, Act.VISIT_HALL, methods=POST),
    guarded(BOOTH + "/badge/withdraw", withdraw, Act.VISIT_HALL, methods=POST),
    guarded(BOOTH + "/documents/{document_id:uuid}", document, Act.VISIT_HALL),
    guarded(BADGES, my_badges, Act.VISIT_HALL),
    guarded(BADGES + "/withdraw", withdraw_any, Act.VISIT_HALL, methods=POST),
]
