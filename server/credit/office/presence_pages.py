"""Presence in the office: the table, one learner's record, adjustments and their approval."""

from collections.abc import Collection, Mapping
from typing import TypeVar
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock
from server.access import guarded
from server.agenda import store as agenda
from server.audit import store as audit
from server.call import Call
from server.credit import adjusting, claiming, presence
from server.credit import store as claims
from server.credit.adjusting import Wanted
from server.credit.corrections import store as corrections
from server.credit.corrections.rules import Adjustment, Effect, State, Why
from server.credit.facts import explain_line
from server.credit.gathering import gather_all
from server.credit.imports import store as imports
from server.credit.office import words
from server.credit.office.words import text
from server.credit.record import store
from server.credit.showing import spoken, strip
from server.credit.systems import AMA_PRA_1
from server.credit.wording import figure
from server.credit.written import write_facts
from server.db import Rows
from server.errors import Invalid, NotFound, Refused
from server.ids import new_id
from server.office import nav
from server.people import store as people
from server.rendering import page, view
from server.rights import Act

OFFICE = "/conferences/{slug}/office"
PRESENCE = OFFICE + "/presence"
ADJUSTMENTS = OFFICE + "/adjustments"

SHOWN = (
    ("", "Everybody"),
    ("present", "On record"),
    ("two", "Two at once"),
    ("apart", "Far apart"),
    ("adjusted", "Adjusted"),
    ("claimed", "Claimed"),
)

E = TypeVar("E", Effect, Why)


async def show_table(request: Request, call: Call) -> Response:
    wanted = request.query_params.get("q", "").strip()[:120]
    show = request.query_params.get("show", "")
    after = request.query_params.get("after", "")
    show = show if show in dict(SHOWN) else ""
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        planned = await agenda.sessions(db, call.conference_id, abstracts=False)
        days = presence.days(planned, conference.tz)
        wanted_day = request.query_params.get("day", "")
        day = presence.chosen_day(wanted_day, days, clock.now().astimezone(conference.tz))
        columns = [
            one
            for one in planned
            if one.accredited and one.starts_at.astimezone(conference.tz).date() == day
        ]
        listed = await store.persons(
            db, call.conference_id,
            wanted=wanted, show=show, after=after, limit=presence.PEOPLE_A_PAGE + 1,
        )  # fmt: skip
        more = len(listed) > presence.PEOPLE_A_PAGE
        listed = listed[: presence.PEOPLE_A_PAGE]
        rows = await presence.rows(db, conference, planned, listed, columns)
        waiting = await corrections.waiting(db, call.conference_id)
    return page(
        "credit/office_presence.html",
        view(call.who, conference, current="/office"),
        office_nav=nav(call.who, conference, "/presence"),
        conference=conference,
        columns=[(one, one.starts_at.astimezone(conference.tz)) for one in columns],
        days=days,
        day=day,
        rows=rows,
        q=wanted,
        show=show,
        shows=SHOWN,
        first=bool(after),
        more=listed[-1].mail if more else None,
        waiting=waiting,
        base=f"/conferences/{conference.slug}/office/presence",
    )


async def show_person(request: Request, call: Call) -> Response:
    """One learner's record; that it was read is itself on record."""
    person_id = request.path_params["person_id"]
    async with call.db.begin() as db:
        await _known(db, call, person_id)
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="presence.read", on=person_id
        )
    return await _person_page(call, person_id, done=request.query_params.get("done", ""))


async def _known(db: Rows, call: Call, person_id: UUID) -> store.Listed:
    found = await store.person(db, call.conference_id, person_id)
    if found is None:
        raise NotFound("There is nobody here by this address.")
    return found


async def _person_page(
    call: Call,
    person_id: UUID,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    done: str = "",
) -> Response:
    async with call.db.read() as db:
        listed = await _known(db, call, person_id)
        now = await claiming.earned(db, call.conference_id, person_id)
        conference = now.conference
        _facts, found = (
            await gather_all(db, conference, now.sessions, (person_id,), now_ms=clock.now_ms())
        )[person_id]
        raw = await store.raw(db, call.conference_id, person_id)
        sources = await imports.sources(
            db, call.conference_id, {one.connection for one in raw if one.device == "imported"}
        )
        made = await corrections.adjustments(db, call.conference_id, (person_id,))
        twice = await store.twice(db, call.conference_id, (person_id,))
        apart = await store.apart(db, call.conference_id, (person_id,))
        claimed = await claims.living(db, call.conference_id, person_id, AMA_PRA_1.id)
        certificates = await claims.certificates(db, call.conference_id, person_id)
        titles = {one.id: one.title for one in now.sessions}
        names = await people.names(db, _persons(made))
    strips = [strip(one, now.explanation, found, conference.tz) for one in now.sessions]
    assessed = now.explanation.assessment
    return page(
        "credit/office_person.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/presence"),
        conference=conference,
        person=listed,
        as_of=clock.now().astimezone(conference.tz),
        award_text=figure(now.explanation.awards[0].units),
        eligible=spoken(assessed.eligible_ms),
        parallel=presence.parallel(assessed),
        booth=spoken(sum(end - start for start, end in now.facts.booth)),
        flags=presence.flags(twice.get(person_id, 0), apart.get(person_id, 0), made),
        strips=[one for one in strips if one is not None],
        raw=presence.raw_rows(raw, titles, sources, conference.tz),
        adjustments=[words.shown(one, titles, names, conference.tz) for one in reversed(made)],
        claimed=claimed,
        certificates=certificates,
        own=person_id == call.person_id,
        sessions=[(str(one.id), one.title) for one in now.sessions if one.accredited],
        reasons=[(why.value, said) for why, said in words.WHY.items()],
        typed=typed or {},
        errors=errors or {},
        command_id=(typed or {}).get("command_id") or new_id(),
        done=done,
        base=f"/conferences/{conference.slug}/office/presence",
    )


def _persons(made: Collection[Adjustment]) -> set[UUID]:
    found = {one.person_id for one in made} | {one.made_by for one in made}
    return found | {one.decided_by for one in made if one.decided_by}


async def adjust(request: Request, call: Call) -> Response:
    person_id = request.path_params["person_id"]
    form = await request.form()
    names = ("session", "effect", "from", "to", "why", "text", "evidence", "command_id")
    typed = {name: text(form, name) for name in names}
    async with call.db.read() as db:
        await _known(db, call, person_id)
        conference = await agenda.conference(db, call.conference_id)
    try:
        wanted = Wanted(
            person_id=person_id,
            session_id=words.identifier(form, "session", "Choose a session."),
            effect=_member(Effect, typed["effect"], "effect"),
            from_ms=words.moment_ms(form, "from", conference.zone),
            to_ms=words.moment_ms(form, "to", conference.zone),
            why=_member(Why, typed["why"], "why"),
            text=typed["text"],
            evidence=typed["evidence"],
        )
        made = await adjusting.adjust(call, wanted, command_id=words.command_id(form))
    except Refused as error:
        where = error.where or "effect"
        told = {where: str(error)}
        return await _person_page(call, person_id, typed=typed, errors=told, status=error.status)
    state = "waiting" if made.state is State.WAITING else "adjusted"
    return RedirectResponse(
        f"/conferences/{conference.slug}/office/presence/{person_id}?done={state}", 303
    )


def _member(members: type[E], written: str, where: str) -> E:
    try:
        return members(written)
    except ValueError:
        raise Invalid("Please choose one.", where=where) from None


async def show_adjustments(request: Request, call: Call) -> Response:
    return await _adjustments_page(call, done=request.query_params.get("done", ""))


async def _adjustments_page(
    call: Call, *, error: str = "", status: int = 200, done: str = ""
) -> Response:
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        made = await corrections.adjustments(db, call.conference_id)
        titles = await agenda.titles(db, call.conference_id, {one.session_id for one in made})
        names = await people.names(db, _persons(made))
    shown = [words.shown(one, titles, names, conference.tz) for one in reversed(made)]
    return page(
        "credit/office_adjustments.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/presence"),
        conference=conference,
        waiting=[one for one in shown if one.waiting],
        others=[one for one in shown if not one.waiting],
        me=call.person_id,
        error=error,
        done=done,
        base=f"/conferences/{conference.slug}/office",
    )


async def decide(request: Request, call: Call) -> Response:
    form = await request.form()
    act = text(form, "act")
    try:
        if act not in {"approve", "decline"}:
            raise Invalid("Please choose one.", where="act")
        await adjusting.decide(
            call,
            request.path_params["adjustment_id"],
            approved=act == "approve",
            note=text(form, "note"),
        )
    except NotFound:
        raise
    except Refused as error:
        return await _adjustments_page(call, error=str(error), status=error.status)
    slug = request.path_params["slug"]
    return RedirectResponse(f"/conferences/{slug}/office/adjustments?done={act}", 303)


async def facts(request: Request, call: Call) -> Response:
    return await _file(request, call, "facts.json")


async def explanation(request: Request, call: Call) -> Response:
    return await _file(request, call, "explanation.json")


async def _file(request: Request, call: Call, name: str) -> Response:
    """Everything that a learner's credit rests on, for whoever has to recompute it."""
    person_id = request.path_params["person_id"]
    async with call.db.begin() as db:
        await _known(db, call, person_id)
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="presence.export", on=person_id,
            file=name,
        )  # fmt: skip
        now = await claiming.earned(db, call.conference_id, person_id)
    content = write_facts(now.facts)
    if name == "explanation.json":
        content = explain_line(content)
    return Response(
        content,
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


ONE = PRESENCE + "/{person_id:uuid}"

routes: list[BaseRoute] = [
    guarded(PRESENCE, show_table, Act.EDIT_CREDIT),
    guarded(ONE, show_person, Act.EDIT_CREDIT),
    guarded(ONE + "/facts.json", facts, Act.EDIT_CREDIT),
    guarded(ONE + "/explanation.json", explanation, Act.EDIT_CREDIT),
    guarded(ONE + "/adjust", adjust, Act.EDIT_CREDIT, methods=["POST"]),
    guarded(ADJUSTMENTS, show_adjustments, Act.EDIT_CREDIT),
    guarded(ADJUSTMENTS + "/{adjustment_id:uuid}", decide, Act.EDIT_CREDIT, methods=["POST"]),
]
