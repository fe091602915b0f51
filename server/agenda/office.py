"""The office of a conference: its landing page. Every feature's office pages share its frame."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.access import guarded
from server.agenda import store
from server.call import Call
from server.office import OVERVIEW, nav
from server.rendering import page, view
from server.rights import Act

__all__ = ["nav", "routes"]


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


routes: list[BaseRoute] = [
    guarded("/conferences/{slug}/office", overview, Act.SEE_OFFICE),
]
