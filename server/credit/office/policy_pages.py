"""The rule of credit in the office: what is in force, what was, and what another one would do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock
from server.access import guarded
from server.agenda import store as agenda
from server.agenda.rules import Conference
from server.attendance.checks import AN_HOUR
from server.audit import store as audit
from server.call import Call
from server.credit.office import words
from server.credit.office.words import text
from server.credit.policies import rules, store
from server.credit.policies.rules import DEFAULT, Published, Rule
from server.credit.trying import Trial, tried
from server.errors import Invalid, Refused
from server.office import nav
from server.people import store as people
from server.rendering import page, view
from server.rights import Act

POLICY = "/conferences/{slug}/office/policy"
FIELDS = (
    "counts", "overlap", "exclude_booth", "min_percent", "min_minutes", "checks_an_hour", "from",
    "note", "after",
)  # fmt: skip
JUST_NOW = timedelta(minutes=1)
"""A form's time has no seconds: what was "now" when it was chosen still is."""

COUNTS = (
    ("playing", "the picture or sound is playing"),
    ("visible", "the page is in sight"),
    ("any", "the page is connected"),
)
OVERLAP = (
    ("cap", "any minutes, up to the designated time"),
    ("clip", "only the first minutes, as many as designated"),
)
CHECKS = (("0", "Never"), *((str(each), f"{each} times an hour") for each in AN_HOUR))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A published rule in the list."""

    version: int
    effective_at: datetime
    published_at: datetime
    by: str
    note: str
    sentences: list[str]
    state: str


async def show(request: Request, call: Call) -> Response:
    return await _page(call, done=request.query_params.get("done", "") == "published")


async def _page(
    call: Call,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    trial: Trial | None = None,
    status: int = 200,
    done: bool = False,
) -> Response:
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        history = await store.history(db, call.conference_id)
        mentioned = {one.published_by for one in history}
        mentioned |= {one.person_id for one in trial.largest} if trial else set()
        names = await people.names(db, mentioned)
    now = clock.now()
    in_force = rules.governing(history, now)
    rule = DEFAULT if in_force is None else in_force.rule
    return page(
        "credit/office_policy.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/policy"),
        conference=conference,
        in_force=rules.sentences(rule),
        version=in_force.version if in_force else 0,
        history=[_shown(one, in_force, now, names, conference) for one in reversed(history)],
        after=history[-1].version if history else 0,
        typed=typed if typed is not None else _typed(rule),
        errors=errors or {},
        trial=trial,
        names=names,
        counts=COUNTS,
        overlap=OVERLAP,
        checks=CHECKS,
        done=done,
        base=f"/conferences/{conference.slug}/office/policy",
    )


def _shown(
    one: Published,
    in_force: Published | None,
    now: datetime,
    names: Mapping[UUID, str],
    conference: Conference,
) -> Shown:
    past = "For sessions before" if one.effective_at <= now else "To come"
    return Shown(
        version=one.version,
        effective_at=one.effective_at.astimezone(conference.tz),
        published_at=one.published_at.astimezone(conference.tz),
        by=names.get(one.published_by, "–"),
        note=one.note,
        sentences=rules.sentences(one.rule),
        state="In force" if one == in_force else past,
    )


def _typed(rule: Rule) -> dict[str, str]:
    kept = rules.body(rule)
    return {
        **{name: str(value) for name, value in kept.items()},
        "exclude_booth": "yes" if rule.exclude_booth else "",
    }


async def change(request: Request, call: Call) -> Response:
    """Try what the form says on what is recorded, or publish it."""
    form = await request.form()
    typed = {name: text(form, name) for name in FIELDS}
    try:
        rule = rules.read(typed)
        note = rules.note(typed["note"])
        if text(form, "act") != "publish":
            return await _page(call, typed=typed, trial=await _tried(call, rule))
        await _publish(call, form, rule, note)
    except Refused as error:
        errors = {error.where or "form": str(error)}
        return await _page(call, typed=typed, errors=errors, status=error.status)
    return RedirectResponse(
        f"/conferences/{request.path_params['slug']}/office/policy?done=published", 303
    )


async def _tried(call: Call, rule: Rule) -> Trial:
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        sessions = await agenda.sessions(db, call.conference_id, abstracts=False)
        return await tried(db, conference, sessions, rule)


async def _publish(call: Call, form: FormData, rule: Rule, note: str) -> None:
    async with call.db.begin() as db:
        conference = await agenda.conference(db, call.conference_id)
        effective_at = _from(form, conference)
        version = await store.publish(
            db, call.conference_id, after=_after(form), rule=rule, effective_at=effective_at,
            person_id=call.person_id, note=note,
        )  # fmt: skip
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="policy.publish",
            on=call.conference_id, version=version,
        )  # fmt: skip


def _from(form: FormData, conference: Conference) -> datetime:
    """From when on; empty is now. Nothing is changed for what began already."""
    now = clock.now()
    if not text(form, "from"):
        return now
    wanted = clock.moment(words.moment_ms(form, "from", conference.zone))
    if wanted < now - JUST_NOW:
        raise Invalid("Choose a time to come: learners know the rule beforehand.", where="from")
    return max(wanted, now)


def _after(form: FormData) -> int:
    written = text(form, "after")
    if not written.isascii() or not written.isdigit() or len(written) > 9:  # noqa: PLR2004
        raise Invalid("Reload the page and try again.", where="form")
    return int(written)


routes: list[BaseRoute] = [
    guarded(POLICY, show, Act.EDIT_CREDIT),
    guarded(POLICY, change, Act.EDIT_CREDIT, methods=["POST"]),
]
