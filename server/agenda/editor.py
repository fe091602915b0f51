"""The programme's editor: the list of sessions, one session's form, its faculty, its removal.

Plain forms: everything typed is kept beside what is wrong with it. Officers change designated
minutes alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock, topics
from server.access import guarded
from server.agenda import forms, grid, rules, store
from server.agenda.editing import store as editing
from server.agenda.forms import Named, Typed
from server.agenda.rules import Conference, FacultyRole, Session
from server.agenda.states import state_of
from server.audit import store as audit
from server.call import Call
from server.db import Rows
from server.errors import Forbidden, Refused
from server.office import nav
from server.people import store as people
from server.rendering import page, view
from server.rights import Act, Role, may

ROLE_CHOICES = (
    (FacultyRole.SPEAKER, "Speaker"),
    (FacultyRole.MODERATOR, "Moderator"),
    (FacultyRole.PANEL, "Panel"),
)


class SessionUsed(Refused):
    code = "session.used"


async def show_list(request: Request, call: Call) -> Response:
    query = request.query_params.get("q", "").strip()[:200]
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
        sessions = await store.sessions(db, call.conference_id, abstracts=False)
    found = [each for each in sessions if grid.matches(each, query)]
    days: dict[object, list[Session]] = {}
    for each in found:
        days.setdefault(grid.day_of(each.starts_at, conference.tz), []).append(each)
    return page(
        "agenda/edit_list.html",
        view(call.who, conference, current="/office"),
        office_nav=nav(call.who, conference, "/programme"),
        conference=conference,
        days=list(days.items()),
        figure=rules.credit_figure,
        query=query,
        count=len(found),
        total=len(sessions),
        clashing=grid.clashes(sessions),
        may_edit=may(call.who, Act.EDIT_PROGRAMME, call.place),
        removed=request.query_params.get("removed", ""),
    )


async def show_new(request: Request, call: Call) -> Response:
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
    day = request.query_params.get("day", conference.starts_on.isoformat())[:10]
    values = dict.fromkeys(forms.SESSION_FIELDS, "")
    values |= {"starts_at": f"{day}T09:00", "ends_at": f"{day}T09:45"}
    typed = Typed(values=values, faculty=[forms.FacultyRow()])
    return await _form(call, typed, None)


async def add(request: Request, call: Call) -> Response:
    form = await request.form()
    typed = forms.typed(form, forms.SESSION_FIELDS)
    if (act := str(form.get("act", "save"))) != "save":
        typed.faculty = forms.rearranged(typed.faculty, act)
        return await _form(call, typed, None)
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
    draft, named = forms.draft(typed, conference.zone, None), forms.faculty(typed, None)
    if typed.errors:
        return await _form(call, typed, None, 422)
    async with call.db.begin() as db:
        session_id = await editing.add_session(db, call.conference_id, draft)
        await _save_faculty(db, call.conference_id, session_id, named, ())
        await _record(db, call, "session.add", session_id, title=draft.title)
    return RedirectResponse(f"/sessions/{session_id}/edit?saved=new", 303)


async def show(request: Request, call: Call) -> Response:
    session_id = _session_id(call)
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
        session = await store.session(db, call.conference_id, session_id)
        mails = await _mails(db, session)
    typed = forms.shown(session, conference.zone, mails)
    return await _form(call, typed, session, saved=request.query_params.get("saved", ""))


async def save(request: Request, call: Call) -> Response:
    form = await request.form()
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
        session = await store.session(db, call.conference_id, _session_id(call))
        mails = await _mails(db, session)
    if not may(call.who, Act.EDIT_PROGRAMME, call.place):
        return await _designate(call, conference, session, mails, str(form.get("minutes", "")))
    typed = forms.typed(form, forms.SESSION_FIELDS)
    if (act := str(form.get("act", "save"))) != "save":
        typed.faculty = forms.rearranged(typed.faculty, act)
        return await _form(call, typed, session)
    draft, named = forms.draft(typed, conference.zone, session), forms.faculty(typed, session)
    if typed.errors:
        return await _form(call, typed, session, 422)
    async with call.db.begin() as db:
        await editing.save_session(db, call.conference_id, session.id, draft)
        touched = await _save_faculty(db, call.conference_id, session.id, named, session.faculty)
        await _record(
            db,
            call,
            "session.edit",
            session.id,
            title=draft.title,
            minutes=forms.minutes(draft.designated_ms),
        )
    for person_id in touched:
        await call.services.close_person(person_id)
    await _tell(call, session.id)
    return RedirectResponse(f"/sessions/{session.id}/edit?saved=yes", 303)


async def remove(_request: Request, call: Call) -> Response:
    session_id = _session_id(call)
    async with call.db.begin() as db:
        conference = await store.conference(db, call.conference_id)
        session = await store.session(db, call.conference_id, session_id)
        if await editing.dependents(db, call.conference_id, [session_id]):
            raise SessionUsed(
                "People have attended this session, asked in it, or declared interests for it. "
                "It stays, so that their record stays whole."
            )
        await editing.remove_session(db, call.conference_id, session_id)
        await _record(db, call, "session.remove", session_id, title=session.title)
    for member in session.faculty:
        if member.person_id:
            await call.services.close_person(member.person_id)
    return RedirectResponse(f"/conferences/{conference.slug}/office/programme?removed=yes", 303)


async def _designate(
    call: Call, conference: Conference, session: Session, mails: dict[UUID, str], text: str
) -> Response:
    """An officer's part of the form: designated minutes, and nothing else of what was sent."""
    if not may(call.who, Act.EDIT_CREDIT, call.place):
        raise Forbidden("Your role here does not include this.")
    typed = forms.shown(session, conference.zone, mails)
    typed.values["minutes"] = text.strip()
    designated_ms = typed.read("minutes", lambda: forms.designated(text.strip()), 0)
    if typed.errors:
        return await _form(call, typed, session, 422)
    async with call.db.begin() as db:
        await editing.designate(db, call.conference_id, session.id, designated_ms)
        minutes = forms.minutes(designated_ms)
        await _record(
            db, call, "session.designate", session.id, title=session.title, minutes=minutes
        )
    await _tell(call, session.id)
    return RedirectResponse(f"/sessions/{session.id}/edit?saved=yes", 303)


async def _form(
    call: Call, typed: Typed, session: Session | None, status: int = 200, *, saved: str = ""
) -> Response:
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
        tracks = await store.tracks(db, call.conference_id)
        halls = await store.halls(db, call.conference_id)
        used, clashing = False, list[Session]()
        if session is not None:
            used = bool(await editing.dependents(db, call.conference_id, [session.id]))
            clashing = await _clashing(db, session)
    base = f"/conferences/{conference.slug}/office/programme"
    return page(
        "agenda/edit_session.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/programme"),
        conference=conference,
        zone_name=rules.zone_abbreviation(
            session.starts_at if session else clock.now(), conference.zone
        ),
        session=session,
        typed=typed,
        errors=typed.errors,
        tracks=[track.name for track in tracks],
        halls=halls,
        roles=ROLE_CHOICES,
        clashing=clashing,
        used=used,
        saved=saved,
        figure=rules.credit_figure(session.designated_ms) if session else "",
        may_edit=may(call.who, Act.EDIT_PROGRAMME, call.place),
        back=base,
        action=f"/sessions/{session.id}/edit" if session else f"{base}/new",
    )


async def _clashing(db: Rows, session: Session) -> list[Session]:
    """Other sessions that take its hall at its time."""
    if not session.hall:
        return []
    others = await store.sessions(db, session.conference_id, until=session.ends_at, abstracts=False)
    hall = session.hall.casefold()
    return [
        each
        for each in others
        if each.id != session.id
        and each.hall.casefold() == hall
        and each.ends_at > session.starts_at
    ]


async def _mails(db: Rows, session: Session) -> dict[UUID, str]:
    linked = [each.person_id for each in session.faculty if each.person_id]
    return {key: (await people.profile(db, key)).mail for key in linked}


async def _save_faculty(
    db: Rows,
    conference_id: UUID,
    session_id: UUID,
    named: Sequence[Named],
    before: Sequence[rules.FacultyMember],
) -> set[UUID]:
    """Write the rows, link people by their address, and give or take what they may do here.

    Returns whose rights have changed, so that their sockets can be closed.
    """
    members, present, touched = [], set[UUID](), set[UUID]()
    for each in named:
        person_id = None
        if each.mail:
            person_id = (await people.ensure_person(db, each.mail, each.member.name)).id
            present.add(person_id)
            for role in _granted(each.member.role):
                if await people.give(
                    db, conference_id, person_id=person_id, role=role, session_id=session_id
                ):
                    touched.add(person_id)
        members.append(replace(each.member, person_id=person_id))
    await editing.set_faculty(db, conference_id, session_id, members)
    gone = {each.person_id for each in before if each.person_id} - present
    await editing.take_grants(db, conference_id, session_id, gone)
    return touched | gone


def _granted(role: FacultyRole) -> tuple[Role, ...]:
    """Whoever moderates also decides about questions; only in this session."""
    return (Role.FACULTY, Role.MODERATOR) if role is FacultyRole.MODERATOR else (Role.FACULTY,)


async def _record(db: Rows, call: Call, act: str, session_id: UUID, **detail: str) -> None:
    await audit.record(
        db, call.conference_id, person_id=call.person_id, act=act, on=session_id, **detail
    )


async def _tell(call: Call, session_id: UUID) -> None:
    async with call.db.read() as db:
        session = await store.session(db, call.conference_id, session_id)
    await call.publish(topics.session(session_id), state_of(session))


def _session_id(call: Call) -> UUID:
    assert call.place.session_id is not None, "the address names a session"
    return call.place.session_id


PROGRAMME = "/conferences/{slug}/office/programme"

routes: list[BaseRoute] = [
    guarded(PROGRAMME, show_list, Act.EDIT_CREDIT),
    guarded(f"{PROGRAMME}/new", show_new, Act.EDIT_PROGRAMME),
    guarded(f"{PROGRAMME}/new", add, Act.EDIT_PROGRAMME, methods=["POST"]),
    guarded("/sessions/{session_id:uuid}/edit", show, Act.EDIT_CREDIT),
    guarded("/sessions/{session_id:uuid}/edit", save, Act.EDIT_CREDIT, methods=["POST"]),
    guarded("/sessions/{session_id:uuid}/remove", remove, Act.EDIT_PROGRAMME, methods=["POST"]),
]
