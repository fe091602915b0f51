"""Reviews in the office: what learners ask to be looked at again, beside their record."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import guarded
from server.agenda import store as agenda
from server.call import Call
from server.credit import reviewing
from server.credit.office.words import text
from server.credit.reviews import store
from server.credit.reviews.rules import Outcome, Review
from server.errors import Invalid, NotFound, Refused
from server.office import nav
from server.people import store as people
from server.rendering import page, view
from server.rights import Act

REVIEWS = "/conferences/{slug}/office/reviews"

OUTCOME = {
    None: ("Waits for an answer", "notice-c"),
    Outcome.CHANGED: ("Put right", "ok"),
    Outcome.UNCHANGED: ("Stays as it is", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A review as pages show it, to the office and to whoever asked."""

    id: UUID
    person_id: UUID
    person: str
    session: str
    text: str
    asked_at: datetime
    waiting: bool
    state: str
    state_kind: str
    answer: str
    by: str
    answered_at: datetime | None


def shown(one: Review, titles: dict[UUID, str], names: dict[UUID, str], zone: ZoneInfo) -> Shown:
    state, kind = OUTCOME[one.outcome]
    return Shown(
        id=one.id, person_id=one.person_id, person=names.get(one.person_id, "–"),
        session=titles.get(one.session_id, "–"), text=one.text,
        asked_at=one.asked_at.astimezone(zone), waiting=one.outcome is None, state=state,
        state_kind=kind, answer=one.answer,
        by=names.get(one.answered_by, "–") if one.answered_by else "",
        answered_at=one.answered_at.astimezone(zone) if one.answered_at else None,
    )  # fmt: skip


async def show(request: Request, call: Call) -> Response:
    return await _page(call, done=bool(request.query_params.get("done")))


async def _page(
    call: Call, *, done: bool = False, error: str = "", typed: str = "", status: int = 200,
    on: UUID | None = None,
) -> Response:  # fmt: skip
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        asked = await store.reviews(db, call.conference_id)
        titles = await agenda.titles(db, call.conference_id, {one.session_id for one in asked})
        persons = {one.person_id for one in asked}
        persons |= {one.answered_by for one in asked if one.answered_by}
        names = await people.names(db, persons)
    all_shown = [shown(one, titles, names, conference.tz) for one in asked]
    return page(
        "credit/office_reviews.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/reviews"),
        conference=conference,
        waiting=[one for one in all_shown if one.waiting],
        answered=[one for one in reversed(all_shown) if not one.waiting],
        me=call.person_id,
        done=done,
        error=error,
        typed=typed,
        on=on,
        base=f"/conferences/{conference.slug}/office",
    )


async def answer(request: Request, call: Call) -> Response:
    form = await request.form()
    review_id = request.path_params["review_id"]
    try:
        outcome = _outcome(text(form, "outcome"))
        await reviewing.answer(call, review_id, outcome=outcome, text=text(form, "answer"))
    except NotFound:
        raise
    except Refused as error:
        return await _page(
            call, error=str(error), typed=text(form, "answer"), status=error.status, on=review_id
        )
    slug = request.path_params["slug"]
    return RedirectResponse(f"/conferences/{slug}/office/reviews?done=1", 303)


def _outcome(written: str) -> Outcome:
    try:
        return Outcome(written)
    except ValueError:
        raise Invalid("Please say whether the record was put right.", where="outcome") from None


routes: list[BaseRoute] = [
    guarded(REVIEWS, show, Act.EDIT_CREDIT),
    guarded(REVIEWS + "/{review_id:uuid}", answer, Act.EDIT_CREDIT, methods=["POST"]),
]
