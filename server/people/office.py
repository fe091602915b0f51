"""People of a conference, for its organisers: invite, grant, take back."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import guarded
from server.audit import store as audit
from server.call import Call
from server.errors import Invalid, NotFound, Refused
from server.forms import field
from server.office import nav
from server.people import mailing, rules, store
from server.rendering import page, view
from server.rights import Act, Role

GIVEN_HERE = (Role.LEARNER, Role.MODERATOR, Role.OFFICER, Role.ORGANISER)
"""Roles for the whole conference; faculty are named at their session, exhibitors at their booth."""

PEOPLE_A_PAGE = 100


async def show(request: Request, call: Call) -> Response:
    return await _page(request, call)


async def _page(
    request: Request,
    call: Call,
    typed: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    wanted = request.query_params.get("q", "").strip()
    after = request.query_params.get("after", "")
    async with call.db.read() as db:
        heading = await store.heading(db, call.conference_id)
        people = await store.granted(
            db, call.conference_id, wanted, after=after, limit=PEOPLE_A_PAGE
        )
    return page(
        "people/office.html",
        view(call.who, heading, current="/office"),
        status,
        office_nav=nav(call.who, heading, "/people"),
        conference=heading,
        people=people,
        q=wanted,
        more=people[-1].mail if len(people) == PEOPLE_A_PAGE else None,
        roles=[(role, role.capitalize()) for role in GIVEN_HERE],
        typed=typed or {},
        errors=errors or {},
    )


async def invite(request: Request, call: Call) -> Response:
    """Grant a role and mail a link; somebody new is made known by their address alone."""
    form = await request.form()
    typed = {name: field(form, name) for name in ("mail", "name", "role")}
    try:
        address = rules.mail(typed["mail"])
        name = rules.line(typed["name"], "name")
        role = _role(typed["role"])
    except Invalid as error:
        return await _page(request, call, typed, {error.where: str(error)}, 422)
    async with call.db.begin() as db:
        person = await store.ensure_person(db, address, name)
        new = await store.give(db, call.conference_id, person_id=person.id, role=role)
        await audit.record(
            db,
            call.conference_id,
            person_id=call.person_id,
            act="role.grant",
            on=person.id,
            role=role.value,
        )
    if new:
        await call.services.close_person(person.id)
        try:
            await mailing.send_invitation(call.services, call.conference_id, person)
        except Refused as error:
            return await _page(request, call, typed, {"mail": str(error)}, error.status)
    return RedirectResponse(f"/conferences/{request.path_params['slug']}/office/people", 303)


async def take_back(request: Request, call: Call) -> Response:
    """Take a grant back; the person's sockets close at once and come back with what is left."""
    try:
        grant_id = UUID(field(await request.form(), "grant"))
    except ValueError:
        raise NotFound("There is no such grant.") from None
    async with call.db.begin() as db:
        taken = await store.take(db, call.conference_id, grant_id)
        if taken is None:
            raise NotFound("There is no such grant.")
        if taken.person_id == call.person_id and taken.role is Role.ORGANISER:
            raise OwnRole("Ask another organiser to take your own role back.")
        await audit.record(
            db,
            call.conference_id,
            person_id=call.person_id,
            act="role.take",
            on=taken.person_id,
            role=taken.role.value,
        )
    await call.services.close_person(taken.person_id)
    return RedirectResponse(f"/conferences/{request.path_params['slug']}/office/people", 303)


class OwnRole(Refused):
    code = "role.own"


def _role(text: str) -> Role:
    if text not in GIVEN_HERE:
        raise Invalid("Please choose a role.", where="role")
    return Role(text)


OFFICE = "/conferences/{slug}/office/people"

routes: list[BaseRoute] = [
    guarded(OFFICE, show, Act.MANAGE_PEOPLE),
    guarded(OFFICE, invite, Act.MANAGE_PEOPLE, methods=["POST"]),
    guarded(OFFICE + "/take", take_back, Act.MANAGE_PEOPLE, methods=["POST"]),
]
