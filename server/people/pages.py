"""Signing in and out, profiles, joining a conference: as pages that work without JavaScript."""

from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock, secrets
from server.access import guarded, public
from server.call import Call
from server.cookies import cookie_name, login_token
from server.errors import Invalid, Refused
from server.forms import field
from server.people import mailing, office, rules, store
from server.people.rules import Profession
from server.rendering import page, view
from server.rights import Act, Role, Who
from server.services import Services

PROFESSIONS = (
    (Profession.PHYSICIAN, "Physician"),
    (Profession.NURSE, "Nurse"),
    (Profession.PHARMACIST, "Pharmacist"),
    (Profession.PHYSICIAN_ASSOCIATE, "Physician associate"),
    (Profession.OTHER, "Another profession"),
)

LOOPBACK = frozenset({"127.0.0.1", "::1"})


class LinkUsed(Refused):
    code = "link.used"
    status = 410


def same_origin_path(text: str | None) -> str:
    """Where to go next: only a path of this site, whatever was asked for."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")):
        return "/"
    return text if all(" " < c < "\x7f" and c != "\\" for c in text) else "/"


async def sign_in(request: Request) -> Response:
    if request.state.who is not None:
        return RedirectResponse(same_origin_path(request.query_params.get("next")), 303)
    return _sign_in_page(request.query_params.get("next", "/"))


def _sign_in_page(next_path: str, mail: str = "", error: str = "", status: int = 200) -> Response:
    return page(
        "people/sign_in.html",
        view(None),
        status,
        next=same_origin_path(next_path),
        mail=mail,
        error=error,
    )


async def ask_for_link(request: Request) -> Response:
    """Send a link; the answer is the same whether or not we know the address."""
    services: Services = request.state.services
    form = await request.form()
    typed, next_path = field(form, "mail"), same_origin_path(field(form, "next"))
    try:
        address = rules.mail(typed)
    except Invalid as error:
        return _sign_in_page(next_path, typed, str(error), 422)
    try:
        await mailing.send_link(services, address, next_path)
    except Refused as error:
        return _sign_in_page(next_path, typed, str(error), error.status)
    return page(
        "shell/message.html",
        view(None),
        title="Look into your mail",
        text=[
            f"If we know {address}, a link is on its way. It works once, for fifteen minutes.",
            "Nothing there? Look among the spam, or ask again in a few minutes.",
        ],
        icon_name="mail",
        action=None,
    )


async def show_enter(request: Request) -> Response:
    """A button, so that the mail scanners that open every link use none up."""
    token = request.path_params["token"]
    async with request.state.services.db.read() as db:
        name = await store.link_name(db, token)
    if name is None or not _allowed_from_here(request, name.reusable):
        return _link_used()
    return page("people/enter.html", view(None), token=token, name=name.name or name.mail)


async def enter(request: Request) -> Response:
    services: Services = request.state.services
    token = field(await request.form(), "token")
    async with services.db.begin() as db:
        name = await store.link_name(db, token)
        if name is None or not _allowed_from_here(request, name.reusable):
            return _link_used()
        used = await store.use_link(db, token)
        if used is None:
            return _link_used()
        person_id, next_path = used
        who = await store.who(db, person_id)
        assert who is not None, "a link belongs to a person"
        if old := login_token(request.headers.get("cookie", ""), secure=services.settings.secure):
            await store.end_login(db, secrets.fingerprint(old))
        login, expires_at = await store.new_login(db, person_id, staff=_staff(who))
    if not who.name:
        next_path = f"/profile?next={next_path}"
    answer = RedirectResponse(same_origin_path(next_path), 303)
    _set_cookie(answer, services, login, expires_at)
    return answer


def _allowed_from_here(request: Request, reusable: bool) -> bool:  # noqa: FBT001
    """A demo's reusable link works only on the machine that the demo runs on."""
    return not reusable or (request.client is not None and request.client.host in LOOPBACK)


def _link_used() -> Response:
    return page(
        "shell/message.html",
        view(None),
        LinkUsed.status,
        title="This link no longer works",
        text=["A sign-in link works once, for fifteen minutes. Ask for another one."],
        icon_name="hourglass",
        action=("Ask for a link", "/sign-in"),
    )


async def sign_out(request: Request) -> Response:
    services: Services = request.state.services
    secure = services.settings.secure
    if token := login_token(request.headers.get("cookie", ""), secure=secure):
        async with services.db.begin() as db:
            await store.end_login(db, secrets.fingerprint(token))
        if request.state.who is not None:
            await services.close_person(request.state.who.id)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(cookie_name(secure=secure), path="/", secure=secure, httponly=True)
    return answer


async def show_profile(request: Request, call: Call) -> Response:
    async with call.db.read() as db:
        profile = await store.profile(db, call.person_id)
    next_path = same_origin_path(request.query_params.get("next"))
    return _profile_page(call, profile, next_path)


def _profile_page(
    call: Call,
    profile: object,
    next_path: str,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    return page(
        "people/profile.html",
        view(call.who),
        status,
        profile=profile,
        professions=PROFESSIONS,
        next=next_path,
        errors=errors or {},
    )


async def save_profile(request: Request, call: Call) -> Response:
    form = await request.form()
    next_path = same_origin_path(field(form, "next"))
    typed = {key: field(form, key).strip() for key in ("name", "degree", "affiliation")}
    typed["profession"] = field(form, "profession")
    try:
        values = {
            "name": rules.name(typed["name"]),
            "degree": rules.line(typed["degree"], "degree"),
            "affiliation": rules.line(typed["affiliation"], "affiliation"),
            "profession": rules.profession(typed["profession"]),
        }
    except Invalid as error:
        return _profile_page(call, typed, next_path, {error.where: str(error)}, 422)
    async with call.db.begin() as db:
        await store.save_profile(db, call.person_id, **values)
    return RedirectResponse(next_path, 303)


async def join(request: Request, call: Call) -> Response:
    """Become a learner of a conference whose registration is open."""
    slug = request.path_params["slug"]
    async with call.db.begin() as db:
        if not await store.registration_open(db, call.conference_id):
            raise rules.ByInvitation("This conference is by invitation. Ask its organiser.")
        await store.give(db, call.conference_id, person_id=call.person_id, role=Role.LEARNER)
    wanted = field(await request.form(), "next")
    return RedirectResponse(same_origin_path(wanted or f"/conferences/{slug}"), 303)


def _staff(who: Who) -> bool:
    return any(g.role in {Role.OFFICER, Role.ORGANISER, Role.OPERATOR} for g in who.grants)


def _set_cookie(answer: Response, services: Services, token: str, expires_at: datetime) -> None:
    left = expires_at - clock.now()
    answer.set_cookie(
        cookie_name(secure=services.settings.secure),
        token,
        max_age=int(left / timedelta(seconds=1)),
        path="/",
        secure=services.settings.secure,
        httponly=True,
        samesite="lax",
    )


routes: list[BaseRoute] = [
    public("/sign-in", sign_in),
    public("/sign-in", ask_for_link, methods=["POST"]),
    public("/enter/{token}", show_enter),
    public("/enter", enter, methods=["POST"]),
    public("/sign-out", sign_out, methods=["POST"]),
    guarded("/profile", show_profile, Act.SIGNED_IN),
    guarded("/profile", save_profile, Act.SIGNED_IN, methods=["POST"]),
    guarded("/conferences/{slug}/join", join, Act.SIGNED_IN, methods=["POST"]),
    *office.routes,
]
