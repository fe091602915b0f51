"""My credit, claims, certificates and their public verification, as pages."""

import asyncio
from datetime import datetime, time
from decimal import Decimal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock
from server.access import guarded, public
from server.attendance import store as attendance
from server.call import Call
from server.credit import claiming, live, reviewing, ring, store
from server.credit.certificate import Certificate, render
from server.credit.corrections import store as corrections
from server.credit.corrections.rules import Adjustment
from server.credit.facts import explain_line
from server.credit.office import (
    exclusion_pages,
    import_pages,
    outage_pages,
    policy_pages,
    presence_pages,
    review_pages,
    words,
)
from server.credit.policies import rules as policies
from server.credit.policies import store as published
from server.credit.reviews import rules as reviews
from server.credit.reviews import store as asked
from server.credit.showing import spoken, strip
from server.credit.systems import AMA_PRA_1
from server.credit.wording import ama_credit, earns_ama_credit, figure
from server.credit.written import write_facts
from server.errors import NotFound, Refused
from server.forms import command_id, field
from server.ids import new_id
from server.people import store as people
from server.rendering import page, view
from server.rights import Act

SECRET_LETTERS = 32
"""128 bits in hexadecimal: guessing one takes longer than certificates are kept."""


async def show_standing(request: Request, call: Call) -> Response:
    """The card beside a session, as JSON: the element asks after each acknowledged beat."""
    async with call.db.read() as db:
        standing = await ring.again(call, db, request.path_params["session_id"])
    return JSONResponse(msgspec.to_builtins(standing))


async def show_credit(_request: Request, call: Call) -> Response:
    return await _credit_page(call)


async def _credit_page(
    call: Call,
    errors: dict[str, str] | None = None,
    status: int = 200,
    typed: dict[str, str] | None = None,
) -> Response:
    async with call.db.read() as db:
        now = await claiming.earned(db, call.conference_id, call.person_id)
        found = await attendance.evidence(db, call.conference_id, call.person_id)
        claimed = await store.living(db, call.conference_id, call.person_id, AMA_PRA_1.id)
        certificates = await store.certificates(db, call.conference_id, call.person_id)
        profile = await people.profile(db, call.person_id)
        made = await corrections.adjustments(db, call.conference_id, (call.person_id,))
        history = await published.history(db, call.conference_id)
        mine = await asked.reviews(db, call.conference_id, call.person_id)
    conference = now.conference
    strips = [strip(one, now.explanation, found, conference.tz) for one in now.sessions]
    award = now.explanation.awards[0]
    left = now.award - (Decimal(claimed.units) if claimed else 0)
    return page(
        "credit/credit.html",
        view(call.who, conference, current="/credit", live=True),
        status,
        conference=conference,
        as_of=clock.now().astimezone(conference.tz),
        award=now.award,
        award_text=figure(now.award),
        eligible=spoken(now.explanation.assessment.eligible_ms),
        remainder=spoken(award.remainder_ms),
        designated=now.designated,
        strips=[one for one in strips if one is not None],
        claimed=claimed,
        claimable=left > 0,
        steps=_steps(Decimal(claimed.units) if claimed else Decimal(0), now.award),
        certificates=certificates,
        corrections=_corrections(made, now),
        reviews=_reviews(mine, now),
        reviewed_until=_reviewed_until(now),
        typed=typed or {},
        rule=policies.sentences(policies.rule_at(history, clock.now())),
        earlier=_earlier(history, now),
        attestation=claiming.ATTESTATION,
        physician=earns_ama_credit(profile.profession, profile.degree),
        profile=profile,
        command_id=new_id(),
        errors=errors or {},
    )


def _earlier(history: list[policies.Published], now: claiming.Earned) -> int:
    """How many sessions that were held go by another rule than the one in force now."""
    present = policies.governing(history, clock.now())
    begun = [one for one in now.sessions if one.starts_at <= clock.now()]
    return sum(policies.governing(history, one.starts_at) != present for one in begun)


async def answer_check(request: Request, call: Call) -> Response:
    """The card's two buttons without JavaScript; what is over is shown as over."""
    form = await request.form()
    session_id = request.path_params["session_id"]
    extend = field(form, "act") == "extend"
    await live.act(call, session_id, request.path_params["check_id"], extend=extend)
    return RedirectResponse(f"/sessions/{session_id}", 303)


def _corrections(made: list[Adjustment], now: claiming.Earned) -> list[words.Shown]:
    """What officers put right of one's own record, with their reason; never what they noted."""
    titles = {one.id: one.title for one in now.sessions}
    return [words.shown(one, titles, {}, now.conference.tz) for one in reversed(made)]


def _reviews(mine: list[reviews.Review], now: claiming.Earned) -> list[review_pages.Shown]:
    """What one asked for, the newest first; who answered is the office's affair."""
    titles = {one.id: one.title for one in now.sessions}
    return [review_pages.shown(one, titles, {}, now.conference.tz) for one in reversed(mine)]


def _reviewed_until(now: claiming.Earned) -> datetime | None:
    """The last day for asking, as the start of that day where the conference is; None: over."""
    zone = now.conference.tz
    last = reviews.until(now.conference.ends_on)
    if clock.now().astimezone(zone).date() > last:
        return None
    return datetime.combine(last, time.min, zone)


async def ask_review(request: Request, call: Call) -> Response:
    form = await request.form()
    typed = {name: field(form, name) for name in ("session", "review")}
    try:
        await reviewing.ask(
            call,
            session_id=words.identifier(form, "session", "Please choose a session."),
            text=typed["review"],
            command_id=command_id(form, "review"),
        )
    except Refused as error:
        where = "review" if error.where not in {"session", "review"} else error.where
        return await _credit_page(call, {where: str(error)}, error.status, typed)
    slug = request.path_params["slug"]
    return RedirectResponse(f"/conferences/{slug}/credit#reviews", 303)


def _steps(claimed: Decimal, award: Decimal) -> list[str]:
    """What may be claimed, the most first."""
    steps = int((award - claimed) / AMA_PRA_1.step)
    return [f"{award - AMA_PRA_1.step * step:f}" for step in range(max(steps, 0))]


async def claim(request: Request, call: Call) -> Response:
    form = await request.form()
    try:
        await claiming.claim(
            call,
            units=field(form, "units"),
            attested=field(form, "attested") == "yes",
            command_id=command_id(form, "units"),
        )
    except Refused as error:
        return await _credit_page(call, {error.where or "units": str(error)}, error.status)
    return RedirectResponse(f"/conferences/{request.path_params['slug']}/credit", 303)


async def show_facts(_request: Request, call: Call) -> Response:
    """Everything that my credit rests on, in the form from which anybody can recompute it."""
    async with call.db.read() as db:
        now = await claiming.earned(db, call.conference_id, call.person_id)
    return _json_file(write_facts(now.facts), "facts.json")


async def show_explanation(_request: Request, call: Call) -> Response:
    async with call.db.read() as db:
        now = await claiming.earned(db, call.conference_id, call.person_id)
    return _json_file(explain_line(write_facts(now.facts)), "explanation.json")


def _json_file(content: bytes, name: str) -> Response:
    return Response(
        content,
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


async def show_certificate(request: Request, call: Call) -> Response:
    """My certificate as PDF, printed again from the values that were kept."""
    secret = request.path_params["certificate"]
    async with call.db.read() as db:
        mine = await store.certificates(db, call.conference_id, call.person_id)
    issued = next((one for one in mine if one.secret == secret), None)
    if issued is None:
        raise NotFound("There is no such certificate.")
    printed = msgspec.convert(issued.printed, Certificate)
    content = await asyncio.to_thread(render, printed)
    return Response(
        content,
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{issued.number}.pdf"'},
    )


async def verify(request: Request) -> Response:
    """What a certificate says, for whoever holds its address; says nothing about other ones."""
    secret = request.path_params["certificate"]
    async with request.state.services.db.read() as db:
        issued = await store.certificate(db, secret) if len(secret) == SECRET_LETTERS else None
    if issued is None:
        return page("credit/verify.html", view(request.state.who), 404, issued=None, printed=None)
    printed = msgspec.convert(issued.printed, Certificate)
    return page(
        "credit/verify.html",
        view(request.state.who),
        issued=issued,
        printed=printed,
        physician=earns_ama_credit(printed.profession, printed.degree),
        units=figure(printed.units),
        credit=ama_credit(printed.units).removesuffix("™"),
    )


MINE = "/conferences/{slug}/credit"

routes: list[BaseRoute] = [
    *presence_pages.routes,
    *exclusion_pages.routes,
    *outage_pages.routes,
    *import_pages.routes,
    *policy_pages.routes,
    *review_pages.routes,
    guarded("/sessions/{session_id:uuid}/standing", show_standing, Act.ATTEND),
    guarded(
        "/sessions/{session_id:uuid}/checks/{check_id:uuid}",
        answer_check,
        Act.ATTEND,
        methods=["POST"],
    ),
    guarded(MINE, show_credit, Act.CLAIM),
    guarded(MINE + "/claim", claim, Act.CLAIM, methods=["POST"]),
    guarded(MINE + "/reviews", ask_review, Act.CLAIM, methods=["POST"]),
    guarded(MINE + "/facts.json", show_facts, Act.CLAIM),
    guarded(MINE + "/explain", show_explanation, Act.CLAIM),
    guarded(MINE + "/certificates/{certificate}.pdf", show_certificate, Act.CLAIM),
    public("/verify/{certificate}", verify),
]
