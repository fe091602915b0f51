"""The hall: every booth in the organiser's order, found by name or kind, with who is there now."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server import topics
from server.access import guarded
from server.agenda import store as agenda
from server.call import Call
from server.exhibits import shown, states, store, wire
from server.exhibits.rules import Booth
from server.rendering import page, view
from server.rights import Act, Place, may

HALL = "/conferences/{slug}/hall"
OTHERS = "Others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A booth in the hall, and what stands at its foot."""

    booth: Booth
    category: str
    state: wire.Booth
    own: bool

    @property
    def words(self) -> str:
        """What a search looks through."""
        it = self.booth
        return f"{it.name} {it.tagline} {it.category}".casefold()


async def show(request: Request, call: Call) -> Response:
    wanted = " ".join(request.query_params.get("q", "").split())
    category = request.query_params.get("category", "")
    at = await shown.positions(call, topics.hall(call.conference_id))
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        booths = await store.booths(db, call.conference_id)
        now = await states.hall(db, call.conference_id)
    cards = [_card(call, booth, now) for booth in booths]
    found = [card for card in cards if _fits(card, wanted, category)]
    return page(
        "exhibits/hall.html",
        view(call.who, conference, current="/hall", live=True),
        conference=conference,
        cards=cards,
        found={card.booth.id for card in found},
        categories=_categories(cards),
        q=wanted,
        category=category,
        open=sum(bool(card.state.staff) for card in cards),
        snapshot={"positions": at, "now": f"/conferences/{conference.slug}/hall/now"},
    )


async def now(request: Request, call: Call) -> Response:  # noqa: ARG001 - its place is all
    at = await shown.positions(call, topics.hall(call.conference_id))
    async with call.db.read() as db:
        found = await states.hall(db, call.conference_id)
    return shown.answer({"positions": at, "booths": list(found.values())})


def _card(call: Call, booth: Booth, now: Mapping[UUID, wire.Booth]) -> Card:
    place = Place(conference_id=call.conference_id, booth_id=booth.id)
    empty = wire.Booth(key=str(booth.id), staff=(), waiting=0)
    return Card(
        booth=booth,
        category=booth.category or OTHERS,
        state=now.get(booth.id, empty),
        own=may(call.who, Act.STAFF_BOOTH, place),
    )


def _fits(card: Card, wanted: str, category: str) -> bool:
    if category and card.category != category:
        return False
    return all(word in card.words for word in wanted.casefold().split())


def _categories(cards: Sequence[Card]) -> list[tuple[str, int]]:
    """The largest first; booths without a category come last, if any has one."""
    counted = Counter(card.category for card in cards)
    ordered = sorted(counted.items(), key=lambda item: (item[0] == OTHERS, -item[1], item[0]))
    return ordered if len(counted) > 1 else []


routes: list[BaseRoute] = [
    guarded(HALL, show, Act.VISIT_HALL),
    guarded(HALL + "/now", now, Act.VISIT_HALL),
]
