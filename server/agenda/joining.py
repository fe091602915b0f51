"""For somebody who may not come in yet, but could: how to join, instead of a closed door."""

from starlette.requests import Request
from starlette.responses import Response

from server.access import find
from server.agenda import store
from server.people.rules import Registration
from server.rendering import page, view


async def offer(request: Request) -> Response | None:
    """The page that lets them join, at an address of a conference open to all; else None."""
    place = await find(request.state.places, request.path_params)
    if place is None or request.state.who is None or place.booth_id is not None:
        return None
    if request.state.who.roles(place.conference_id):
        return None  # they are somebody here, and this is not theirs
    async with request.state.services.db.read() as db:
        conference = await store.conference(db, place.conference_id)
    if conference.registration is not Registration.OPEN:
        return None
    return page(
        "people/join.html",
        view(request.state.who, conference),
        403,
        conference=conference,
        next=request.scope["path"],
    )
