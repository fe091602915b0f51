"""Outages in the office: what was recorded, what the evidence suggests, and how far it excuses."""

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
from server.agenda.rules import Conference
from server.call import Call
from server.credit import outages
from server.credit.corrections import store
from server.credit.corrections.rules import Cause, Incident
from server.credit.office import words
from server.credit.office.words import text
from server.credit.outages import Excused, Proposal
from server.credit.record import store as record
from server.credit.showing import spoken
from server.errors import Invalid, NotFound, Refused
from server.ids import new_id
from server.office import nav
from server.people import store as people
from server.rendering import page, view
from server.rights import Act

OUTAGES = "/conferences/{slug}/office/outages"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOutage:
    id: UUID
    day: datetime
    times: str
    length: str
    sessions: list[str]
    cause: str
    text: str
    by: str
    persons: int
    longest: str
    cap: str
    refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownProposal:
    day: datetime
    times: str
    length: str
    sessions: list[str]
    session_ids: str
    starts: str
    ends: str
    persons: int


async def show(request: Request, call: Call) -> Response:
    return await _page(call, done=request.query_params.get("done", ""))


async def _page(
    call: Call,
    *,
    typed: Mapping[str, str] | None = None,
    chosen: frozenset[str] = frozenset(),
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    done: str = "",
) -> Response:
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        recorded = await store.incidents(db, call.conference_id)
        reached = {one.id: await outages.reach(db, call.conference_id, one) for one in recorded}
        proposed = await outages.proposals(db, call.conference_id, recorded)
        sessions = await record.accredited(db, call.conference_id)
        titles = await agenda.titles(
            db,
            call.conference_id,
            {each for one in recorded for each in one.session_ids}
            | {each for one in proposed for each in one.session_ids},
        )
        names = await people.names(db, {one.made_by for one in recorded})
    return page(
        "credit/office_outages.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/outages"),
        conference=conference,
        recorded=[
            _shown(one, reached[one.id], titles, names, conference) for one in reversed(recorded)
        ],
        proposed=[_proposal(one, titles, conference.tz) for one in proposed],
        sessions=[(str(key), title) for key, title in sessions],
        chosen=chosen,
        causes=[(cause.value, said) for cause, said in words.CAUSE.items()],
        typed=typed or {},
        errors=errors or {},
        command_id=new_id,
        done=done,
        base=f"/conferences/{conference.slug}/office/outages",
    )


def _times(from_ms: int, to_ms: int, zone: ZoneInfo) -> tuple[datetime, str]:
    starts, ends = (clock.moment(ms).astimezone(zone) for ms in (from_ms, to_ms))
    return starts, f"{starts:%H:%M:%S}–{ends:%H:%M:%S}"


def _shown(
    one: Incident,
    reached: Excused,
    titles: Mapping[UUID, str],
    names: Mapping[UUID, str],
    conference: Conference,
) -> ShownOutage:
    day, times = _times(one.from_ms, one.to_ms, conference.tz)
    return ShownOutage(
        id=one.id, day=day, times=times, length=spoken(one.to_ms - one.from_ms),
        sessions=outages.titles_of(one.session_ids, titles), cause=words.CAUSE[one.cause],
        text=one.text, by=names.get(one.made_by, "–"), persons=reached.persons,
        longest=spoken(reached.longest_ms),
        cap="" if one.cap_ms is None else str(one.cap_ms // 60_000), refused=one.refused,
    )  # fmt: skip


def _proposal(one: Proposal, titles: Mapping[UUID, str], zone: ZoneInfo) -> ShownProposal:
    day, times = _times(one.from_ms, one.to_ms, zone)
    return ShownProposal(
        day=day, times=times, length=spoken(one.to_ms - one.from_ms),
        sessions=outages.titles_of(one.session_ids, titles),
        session_ids=" ".join(str(each) for each in one.session_ids),
        starts=_exact(one.from_ms), ends=_exact(one.to_ms), persons=one.persons,
    )  # fmt: skip


def _exact(at_ms: int) -> str:
    """To the millisecond, with its offset: what was measured is not rounded on its way."""
    return clock.moment(at_ms).isoformat(timespec="milliseconds")


async def add(request: Request, call: Call) -> Response:
    form = await request.form()
    names = ("from", "to", "cause", "text", "cap")
    typed = {name: text(form, name) for name in names}
    written = [
        each
        for value in form.getlist("sessions")
        if isinstance(value, str)
        for each in value.split()
    ]
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
    try:
        await outages.record(
            call,
            session_ids=_ids(written),
            from_ms=words.moment_ms(form, "from", conference.zone),
            to_ms=words.moment_ms(form, "to", conference.zone),
            cause=_cause(typed["cause"]),
            text=typed["text"],
            cap_ms=words.whole_minutes(form, "cap"),
            command_id=words.command_id(form),
        )
    except Refused as error:
        return await _page(
            call,
            typed=typed,
            chosen=frozenset(written),
            errors={error.where or "from": str(error)},
            status=error.status,
        )
    return _back(conference.slug, "added")


def _ids(written: list[str]) -> list[UUID]:
    try:
        return [UUID(each) for each in written]
    except ValueError:
        raise Invalid("There is no such session.", where="sessions") from None


def _cause(written: str) -> Cause:
    try:
        return Cause(written)
    except ValueError:
        raise Invalid("Please choose one.", where="cause") from None


async def rule(request: Request, call: Call) -> Response:
    """Refuse, cap or restore: one decision for everybody alike."""
    form = await request.form()
    outage_id = request.path_params["outage_id"]
    try:
        await outages.rule(
            call,
            outage_id,
            refused=_act(form) == "refuse",
            cap_ms=words.whole_minutes(form, "cap") if _act(form) == "cap" else None,
            note=text(form, "note"),
        )
    except NotFound:
        raise
    except Refused as error:
        told = {f"{outage_id}": str(error)}
        return await _page(call, errors=told, status=error.status)
    return _back(request.path_params["slug"], "ruled")


def _act(form: FormData) -> str:
    act = text(form, "act")
    if act not in {"refuse", "cap", "restore"}:
        raise Invalid("Please choose one.", where="act")
    return act


def _back(slug: str, done: str) -> Response:
    return RedirectResponse(f"/conferences/{slug}/office/outages?done={done}", 303)


routes: list[BaseRoute] = [
    guarded(OUTAGES, show, Act.EDIT_CREDIT),
    guarded(OUTAGES, add, Act.EDIT_CREDIT, methods=["POST"]),
    guarded(OUTAGES + "/{outage_id:uuid}", rule, Act.EDIT_CREDIT, methods=["POST"]),
]
