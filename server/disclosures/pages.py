"""Disclosures as pages: what the officer enters, what the learner reads, and the list of both."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from realtime.wire import Event
from server import topics
from server.access import guarded
from server.agenda import rules as programme
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.audit import store as audit
from server.call import Call
from server.disclosures import rules, store
from server.errors import Invalid
from server.forms import field
from server.office import nav
from server.rendering import page, view
from server.rights import Act, may


class DisclosureState(Event, frozen=True, kw_only=True, tag="disclosure"):
    """The text in force for a session; whoever read another one has to read this one."""

    session_id: UUID
    sha256: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A session in the officer's list."""

    id: UUID
    title: str
    starts_at: datetime
    hall: str
    credit: str
    phase: Phase
    entered_at: datetime | None
    text: str


async def office(_request: Request, call: Call) -> Response:
    """Every session with its disclosure, or that it has none yet."""
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        sessions = await agenda.sessions(db, call.conference_id, abstracts=False)
        entered = await store.newest_of_all(db, call.conference_id)
    days: dict[date, list[Row]] = {}
    for each in sessions:
        local = programme.in_zone(each, conference.zone)
        disclosure = entered.get(each.id)
        days.setdefault(local.starts_at.date(), []).append(
            Row(
                id=each.id,
                title=each.title,
                starts_at=local.starts_at,
                hall=each.hall,
                credit=programme.credit_figure(each.designated_ms),
                phase=each.phase,
                entered_at=disclosure.entered_at.astimezone(conference.tz) if disclosure else None,
                text=disclosure.text if disclosure else "",
            )
        )
    return page(
        "disclosures/office.html",
        view(call.who, conference, current="/office"),
        office_nav=nav(call.who, conference, "/credit"),
        days=list(days.items()),
        total=len(sessions),
        missing=sum(each.id not in entered for each in sessions),
        may_edit=may(call.who, Act.EDIT_DISCLOSURE, call.place),
    )


async def show(_request: Request, call: Call) -> Response:
    return await _form(call)


async def enter(request: Request, call: Call) -> Response:
    """Put a new text in force; everybody in the session is asked to read it before going on."""
    session_id = _session_id(call)
    typed = field(await request.form(), "text")
    try:
        text = rules.text(typed)
    except Invalid as error:
        return await _form(call, typed, str(error))
    async with call.db.begin() as db:
        conference = await agenda.conference(db, call.conference_id)
        new = await store.enter(
            db, call.conference_id, session_id, text=text, person_id=call.person_id
        )
        if new:
            await audit.record(
                db,
                call.conference_id,
                person_id=call.person_id,
                act="disclosure.enter",
                on=session_id,
                sha256=rules.fingerprint(text),
            )

    if new:
        state = DisclosureState(session_id=session_id, sha256=rules.fingerprint(text), text=text)
        await call.publish(topics.session(session_id), state)
    return RedirectResponse(f"/conferences/{conference.slug}/office/credit#{session_id}", 303)


async def acknowledge(request: Request, call: Call) -> Response:
    """Somebody says that they have read the text whose fingerprint their page showed."""
    session_id = _session_id(call)
    read = field(await request.form(), "sha256")
    async with call.db.begin() as db:
        disclosure = await store.newest(db, call.conference_id, session_id)
        if disclosure is None:
            raise rules.DisclosureMissing("No disclosure has been entered for this session yet.")
        if disclosure.sha256 != read:
            raise rules.DisclosureChanged("The disclosure has just changed. Please read it anew.")
        await store.acknowledge(
            db, call.conference_id, session_id, person_id=call.person_id, sha256=read
        )
    if "text/html" not in request.headers.get("accept", ""):
        return Response(status_code=204)
    return RedirectResponse(f"/sessions/{session_id}", 303)


async def _form(call: Call, typed: str | None = None, error: str | None = None) -> Response:
    session_id = _session_id(call)
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        session = await agenda.session(db, call.conference_id, session_id)
        disclosure = await store.newest(db, call.conference_id, session_id)
    return page(
        "disclosures/enter.html",
        view(call.who, conference, current="/office"),
        422 if error else 200,
        office_nav=nav(call.who, conference, "/credit"),
        conference=conference,
        session=programme.in_zone(session, conference.zone),
        disclosure=disclosure,
        entered_at=disclosure.entered_at.astimezone(conference.tz) if disclosure else None,
        typed=typed if typed is not None else (disclosure.text if disclosure else ""),
        error=error,
        most=rules.MAX_CHARACTERS,
    )


def _session_id(call: Call) -> UUID:
    assert call.place.session_id is not None, "the address names a session"
    return call.place.session_id


SESSION = "/sessions/{session_id:uuid}/disclosure"

routes: list[BaseRoute] = [
    guarded("/conferences/{slug}/office/credit", office, Act.EDIT_CREDIT),
    guarded(SESSION, show, Act.EDIT_DISCLOSURE),
    guarded(SESSION, enter, Act.EDIT_DISCLOSURE, methods=["POST"]),
    guarded(SESSION + "/shown", acknowledge, Act.ATTEND, methods=["POST"]),
]
