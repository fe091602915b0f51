"""The office of a conference: its landing page and its log. Every office page shares one frame."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.access import guarded
from server.agenda import store
from server.agenda.rules import Conference
from server.audit import store as audit
from server.call import Call
from server.office import OVERVIEW, nav
from server.people import store as people
from server.rendering import page, view
from server.rights import Act

AUDIT = "/conferences/{slug}/office/audit"
ENTRIES_A_PAGE = 100

ACTS = {
    "conference.create": "Made the conference",
    "conference.edit": "Changed the settings",
    "programme.import": "Imported a programme",
    "session.add": "Added a session",
    "session.edit": "Edited a session",
    "session.designate": "Set designated minutes",
    "session.remove": "Removed a session",
    "role.grant": "Granted a role",
    "role.take": "Took a role back",
}
"""Acts of other features are shown by their own name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    at: datetime
    who: str
    act: str
    detail: str
    on: str
    href: str


async def overview(_request: Request, call: Call) -> Response:
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
        counts = await store.counts(db, call.conference_id)
    facts = (
        ("Sessions", counts.sessions),
        ("Designated for credit", counts.accredited),
        ("Earn no credit", counts.sessions - counts.accredited),
        ("Faculty named", counts.faculty),
    )
    return page(
        "agenda/overview.html",
        view(call.who, conference, current="/office"),
        office_nav=nav(call.who, conference, OVERVIEW),
        lead=f"{conference.title}, in {conference.zone.replace('_', ' ')} time.",
        facts=facts,
    )


async def log(request: Request, call: Call) -> Response:
    kind = request.query_params.get("kind", "")[:40]
    before = _id(request.query_params.get("before", ""))
    async with call.db.read() as db:
        conference = await store.conference(db, call.conference_id)
        kinds = await audit.kinds(db, call.conference_id)
        entries = await audit.entries(
            db, call.conference_id, kind=kind, before=before, limit=ENTRIES_A_PAGE
        )
        persons = {each.person_id for each in entries if each.person_id} | {
            found for each in entries if (found := _id(each.on))
        }
        names = await people.names(db, persons)
        sessions = await store.titles(db, call.conference_id, {_id(each.on) for each in entries})
    base = f"/conferences/{conference.slug}/office/audit"
    filtered = f"kind={kind}&" if kind else ""
    older = f"{base}?{filtered}before={entries[-1].id}" if len(entries) == ENTRIES_A_PAGE else None
    return page(
        "agenda/audit.html",
        view(call.who, conference, current="/office"),
        office_nav=nav(call.who, conference, "/audit"),
        base=base,
        kind=kind,
        kinds=kinds,
        entries=[_line(each, conference, names, sessions) for each in entries],
        newest=(f"{base}?{filtered}".rstrip("?&") if before else None),
        older=older,
    )


def _line(
    entry: audit.Entry, conference: Conference, names: dict[UUID, str], sessions: dict[UUID, str]
) -> LogLine:
    on = _id(entry.on)
    session = sessions.get(on) if on else None
    subject = session or (names.get(on) if on else None)
    who = names.get(entry.person_id, "Somebody who left") if entry.person_id else "Console"
    detail = [
        f"{name.replace('_', ' ')}: {value}" for name, value in entry.detail.items() if value != ""
    ]
    return LogLine(
        at=entry.at.astimezone(conference.tz),
        who=who,
        act=ACTS.get(entry.act, entry.act.replace(".", " ").replace("_", " ").capitalize()),
        detail=", ".join(detail),
        on=subject or (str(entry.detail.get("title", "")) if on else "") or entry.on,
        href=f"/sessions/{on}/edit" if session else "",
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


routes: list[BaseRoute] = [
    guarded("/conferences/{slug}/office", overview, Act.SEE_OFFICE),
    guarded(AUDIT, log, Act.SEE_OFFICE),
]
