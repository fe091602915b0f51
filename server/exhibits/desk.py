"""The exhibitor's desk: who waits, who is there, the talk, the leads. Visitors have no names here.

A name comes from one query alone, that of the leads whose receipts hold.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock, topics
from server.access import guarded
from server.agenda import store as agenda
from server.call import Call
from server.db import Rows
from server.errors import NotFound
from server.exhibits import handing, rules, shown, states, store, talking
from server.exhibits.badges import store as badges
from server.exhibits.leads import csv_of
from server.exhibits.rules import Field, Lead
from server.exhibits.shown import booth_path, text
from server.exhibits.talks import store as talks
from server.exhibits.visiting import BOOTH, POST
from server.rendering import page, view
from server.rights import Act

DESK = BOOTH + "/desk"

NEW = timedelta(minutes=10)
"""How long a badge that was handed over stands out."""


async def show(request: Request, call: Call) -> Response:
    """Opening the desk is being there; the page says so again while it is open."""
    await talking.stay(call, leaving=False)
    booth_id = talking.booth_of(call)
    snapshot = await _snapshot(call, request.query_params.get("visit", ""))
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        booth = await store.booth(db, call.conference_id, booth_id)
        figures = await badges.figures(db, call.conference_id, booth_id, _today(conference.tz))
    return page(
        "exhibits/desk.html",
        view(call.who, conference, live=True),
        conference=conference,
        booth=booth,
        snapshot=snapshot,
        figures=figures,
        largest=max((group.count or 0 for group in figures.groups), default=0) or 1,
        greeting=_greeting(clock.now().astimezone(conference.tz)),
        called=rules.first_name(call.who.name),
        zone=conference.tz,
        moment=clock.moment,
        commands={"say": uuid4()},
    )


async def now(request: Request, call: Call) -> Response:
    return shown.answer(await _snapshot(call, request.query_params.get("visit", "")))


async def _snapshot(call: Call, wanted: str) -> dict[str, Any]:
    """Everything on the desk that moves, with the position it was read at.

    `wanted` is the visit whose thread is open; else it is the one of the talk that I am in.
    """
    booth_id, conference_id = talking.booth_of(call), call.conference_id
    at = await shown.positions(call, topics.booth_desk(booth_id))
    async with call.db.read() as db:
        zone = ZoneInfo((await agenda.conference(db, conference_id)).zone)
        staff = (await talks.staff(db, conference_id, booth_id)).get(booth_id, [])
        running = await talks.queue(db, conference_id, booth_id)
        threads = await talks.threads(db, conference_id, booth_id)
        leads = await badges.leads(db, conference_id, booth_id)
        visit_id = await _open(call, db, wanted, running)
        lines = await talks.lines(db, conference_id, visit_id) if visit_id else []
        queue = await states.queue(db, conference_id, booth_id)
        figures = await badges.figures(db, conference_id, booth_id, _today(zone))
    return {
        "booth": booth_id,
        "me": next((each.id for each in staff if each.person_id == call.person_id), None),
        "zone": zone.key,
        "positions": at,
        "queue": queue,
        "threads": [states.line(thread.last) for thread in threads],
        "open": visit_id,
        "lines": [states.line(line) for line in lines],
        "figures": _figures(figures),
        "leads": [_lead(lead, zone) for lead in leads],
    }


async def _open(call: Call, db: Rows, wanted: str, running: Sequence[rules.Waiting]) -> UUID | None:
    if wanted:
        try:
            visit_id = UUID(wanted)
        except ValueError:
            raise NotFound("There is no such thread.") from None
        await talks.check_visit(db, call.conference_id, talking.booth_of(call), visit_id)
        return visit_id
    return next((talk.visit_id for talk in running if talk.staff_id == call.person_id), None)


def _lead(lead: Lead, zone: ZoneInfo) -> dict[str, Any]:
    """A lead as the desk shows it; once it holds no more there is nothing to show."""
    given = lead.given_at.astimezone(zone)
    gone = ""
    if lead.withdrawn_at is not None:
        gone = f"Withdrawn {_time(lead.withdrawn_at.astimezone(zone))}"
    elif lead.expired:
        gone = f"Expired {_day(lead.until.astimezone(zone))}"
    rest = [lead.details.get(field, "") for field in (Field.PROFESSION, Field.AFFILIATION)]
    return {
        "id": lead.id,
        "visit": lead.visit_id,
        "number": lead.number,
        "holds": lead.holds,
        "gone": gone,
        "who": lead.details.get(Field.NAME, ""),
        "mail": lead.details.get(Field.MAIL, ""),
        "about": ", ".join(part for part in rest if part),
        "gave": shown.words(lead.fields),
        "purpose": rules.PURPOSES[lead.purpose] if lead.holds else "",
        "until": _day(lead.until.astimezone(zone)) if lead.holds else "",
        "given": _time(given),
        "new": lead.holds and clock.now() - lead.given_at < NEW,
        "interest": lead.interest,
        "note": lead.note,
    }


def _figures(figures: rules.Figures) -> dict[str, str]:
    """What changes while the desk is open; the groups are counted when the page is."""
    wait = figures.wait_seconds
    return {
        "talks": str(figures.talks),
        "badges": str(figures.badges),
        "wait": "–" if wait is None else f"{wait // 60}:{wait % 60:02d}",
    }


def _today(zone: tzinfo) -> datetime:
    return clock.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _time(at: datetime) -> str:
    return f"{at:%H:%M}"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"


NOON, EVENING = 12, 18


def _greeting(at: datetime) -> str:
    if at.hour < NOON:
        return "Good morning"
    return "Good afternoon" if at.hour < EVENING else "Good evening"


# Forms.


async def take(request: Request, call: Call) -> Response:
    form = await request.form()
    colleague = shown.uuid(form, "staff") if text(form, "staff") else None
    visit_id = await talking.take(call, shown.uuid(form, "talk"), colleague)
    return RedirectResponse(booth_path(request, f"/desk?visit={visit_id}"), 303)


async def end(request: Request, call: Call) -> Response:
    await talking.end(call, shown.uuid(await request.form(), "talk"))
    return RedirectResponse(booth_path(request, "/desk"), 303)


async def say(request: Request, call: Call) -> Response:
    form = await request.form()
    visit_id = shown.uuid(form, "visit")
    await talking.say(call, text(form, "text"), visit_id, shown.uuid(form, "command_id"))
    return RedirectResponse(booth_path(request, f"/desk?visit={visit_id}"), 303)


async def present(request: Request, call: Call) -> Response:
    form = await request.form()
    named = "called" in form
    await talking.present(
        call, text(form, "called") if named else None, text(form, "line") if named else None
    )
    return RedirectResponse(booth_path(request, "/desk"), 303)


async def away(request: Request, call: Call) -> Response:
    await talking.away(call)
    return RedirectResponse(booth_path(request, "/desk"), 303)


async def note(request: Request, call: Call) -> Response:
    form = await request.form()
    await handing.note(
        call,
        shown.uuid(form, "receipt"),
        interest=shown.whole(form, "interest"),
        text=text(form, "note"),
    )
    return RedirectResponse(booth_path(request, "/desk#leads"), 303)


async def export(request: Request, call: Call) -> Response:  # noqa: ARG001 - its place is all
    """The leads that hold at this moment, and no others."""
    booth_id = talking.booth_of(call)
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        leads = await badges.leads(db, call.conference_id, booth_id)
    day = f"{clock.now():%Y-%m-%d}"
    headers = {"content-disposition": f'attachment; filename="leads-{day}.csv"'}
    return Response(
        csv_of(leads, conference.tz), media_type="text/csv; charset=utf-8", headers=headers
    )


routes: list[BaseRoute] = [
    guarded(DESK, show, Act.STAFF_BOOTH),
    guarded(DESK + "/now", now, Act.STAFF_BOOTH),
    guarded(DESK + "/take", take, Act.STAFF_BOOTH, methods=POST),
    guarded(DESK + "/end", end, Act.STAFF_BOOTH, methods=POST),
    guarded(DESK + "/say", say, Act.STAFF_BOOTH, methods=POST),
    guarded(DESK + "/present", present, Act.STAFF_BOOTH, methods=POST),
    guarded(DESK + "/away", away, Act.STAFF_BOOTH, methods=POST),
    guarded(DESK + "/note", note, Act.STAFF_BOOTH, methods=POST),
    guarded(DESK + "/leads.csv", export, Act.STAFF_BOOTH),
]
