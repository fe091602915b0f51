"""Breaks and pauses in the office: stretches of sessions that earn nobody credit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock
from server.access import guarded
from server.agenda import store as agenda
from server.call import Call
from server.credit import excluding
from server.credit.excluding import Wanted
from server.credit.exclusions import store
from server.credit.exclusions.rules import Exclusion, What
from server.credit.office import words
from server.credit.office.words import text
from server.credit.record import store as record
from server.credit.showing import spoken
from server.errors import Invalid, NotFound, Refused
from server.ids import new_id
from server.office import nav
from server.people import store as people
from server.rendering import page, view
from server.rights import Act

EXCLUSIONS = "/conferences/{slug}/office/exclusions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A mark as the page shows it."""

    id: UUID
    day: datetime
    times: str
    length: str
    session: str
    what: str
    text: str
    by: str
    in_force: bool
    ended_by: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What marking it would change."""

    on_air: str
    persons: int
    longest: str


async def show(request: Request, call: Call) -> Response:
    typed = {"session": request.query_params.get("session", "")}
    return await _page(call, typed=typed, done=request.query_params.get("done", ""))


async def _page(
    call: Call,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    tried: Tried | None = None,
    status: int = 200,
    done: str = "",
) -> Response:
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        marked = await store.exclusions(db, call.conference_id)
        sessions = await record.accredited(db, call.conference_id)
        titles = await agenda.titles(db, call.conference_id, {one.session_id for one in marked})
        officers = {one.made_by for one in marked}
        names = await people.names(db, officers | {one.ended_by for one in marked if one.ended_by})
    return page(
        "credit/office_exclusions.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/exclusions"),
        conference=conference,
        marked=[_shown(one, titles, names, conference.tz) for one in reversed(marked)],
        sessions=[(str(key), title) for key, title in sessions],
        kinds=[(what.value, said) for what, said in words.WHAT.items()],
        typed=typed or {},
        errors=errors or {},
        tried=tried,
        command_id=new_id,
        done=done,
        base=f"/conferences/{conference.slug}/office/exclusions",
    )


def _shown(
    one: Exclusion, titles: Mapping[UUID, str], names: Mapping[UUID, str], zone: ZoneInfo
) -> Shown:
    starts, ends = (clock.moment(ms).astimezone(zone) for ms in (one.from_ms, one.to_ms))
    return Shown(
        id=one.id, day=starts, times=f"{starts:%H:%M:%S}–{ends:%H:%M:%S}",
        length=spoken(one.to_ms - one.from_ms), session=titles.get(one.session_id, "–"),
        what=words.WHAT[one.what], text=one.text, by=names.get(one.made_by, "–"),
        in_force=one.in_force, note=one.note,
        ended_by=names.get(one.ended_by, "–") if one.ended_by else "",
    )  # fmt: skip


async def add(request: Request, call: Call) -> Response:
    """Mark a stretch; without `mark`, only say what that would change."""
    form = await request.form()
    typed = {name: text(form, name) for name in ("session", "from", "to", "what", "text")}
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
    try:
        wanted = _wanted(form, typed, conference.zone)
        if text(form, "act") != "mark":
            async with call.db.read() as db:
                found = await excluding.change(db, call.conference_id, wanted)
            tried = Tried(
                on_air=spoken(found.on_air_ms),
                persons=found.persons,
                longest=spoken(found.longest_ms),
            )
            return await _page(call, typed=typed, tried=tried)
        await excluding.mark(call, wanted, words.command_id(form))
    except Refused as error:
        told = {error.where or "from": str(error)}
        return await _page(call, typed=typed, errors=told, status=error.status)
    return _back(conference.slug, "added")


def _wanted(form: FormData, typed: Mapping[str, str], zone: str) -> Wanted:
    try:
        what = What(typed["what"])
    except ValueError:
        raise Invalid("Please choose one.", where="what") from None
    return Wanted(
        session_id=words.identifier(form, "session", "Choose a session."),
        from_ms=words.moment_ms(form, "from", zone),
        to_ms=words.moment_ms(form, "to", zone),
        what=what,
        text=typed["text"],
    )


async def end(request: Request, call: Call) -> Response:
    """Take a mark back: the stretch counts again."""
    form = await request.form()
    try:
        await excluding.end(call, request.path_params["exclusion_id"], note=text(form, "note"))
    except NotFound:
        raise
    except Refused as error:
        told = {f"{request.path_params['exclusion_id']}": str(error)}
        return await _page(call, errors=told, status=error.status)
    return _back(request.path_params["slug"], "ended")


def _back(slug: str, done: str) -> Response:
    return RedirectResponse(f"/conferences/{slug}/office/exclusions?done={done}", 303)


routes: list[BaseRoute] = [
    guarded(EXCLUSIONS, show, Act.EDIT_CREDIT),
    guarded(EXCLUSIONS, add, Act.EDIT_CREDIT, methods=["POST"]),
    guarded(EXCLUSIONS + "/{exclusion_id:uuid}", end, Act.EDIT_CREDIT, methods=["POST"]),
]
