"""The door to every page and command: it finds the place, asks `may`, and builds the call.

A route or command that is not made here has no handler to reach. Each names its act, which the
tests read to try every role on every one of them.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, TypeVar, get_type_hints
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from realtime.hub.commands import Commands
from realtime.hub.reception import Peer
from realtime.wire import Message
from server.call import Call
from server.errors import Forbidden, NotFound, SignedOut
from server.rights import Act, Place, Who, may
from server.services import Services


class Places(Protocol):
    """Where an address or a command points to; what is not found is None."""

    async def conference(self, slug: str) -> Place | None: ...

    async def session(self, session_id: UUID) -> Place | None: ...

    async def booth(self, booth_id: UUID) -> Place | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What the hub hands to a command: a socket, before any right was checked.

    `identify` reads who it belongs to; with `recently` an answer of the last seconds will do.
    `peer` is None for commands that no socket brought.
    """

    identify: Callable[[bool], Awaitable[Who | None]]
    services: Services
    places: Places
    peer: Peer | None


Endpoint = Callable[[Request, Call], Awaitable[Response]]
Public = Callable[[Request], Awaitable[Response]]
C = TypeVar("C", bound=Message)
Handler = Callable[[C, Call], Awaitable[Any]]


PLACES = frozenset({"slug", "session_id", "booth_id"})
"""Parts of an address that name a place."""


def check(who: Who | None, act: Act, place: Place | None) -> None:
    """Raise unless `who` may; what a stranger may not even know of is simply not found."""
    if may(who, act, place):
        return
    if who is None:
        raise SignedOut("Please sign in.")
    raise Forbidden("Your role here does not include this.")


def public(path: str, endpoint: Public, *, methods: Iterable[str] = ("GET",)) -> Route:
    """A route for anybody. The endpoint decides nothing about rights."""
    route = Route(path, endpoint, methods=list(methods))
    route.act = Act.PUBLIC  # type: ignore[attr-defined]
    return route


def guarded(path: str, endpoint: Endpoint, act: Act, *, methods: Iterable[str] = ("GET",)) -> Route:
    """A route whose place comes from `{slug}`, `{session_id:uuid}` or `{booth_id:uuid}`."""

    @wraps(endpoint)
    async def entered(request: Request) -> Response:
        return await endpoint(request, await enter(request, act))

    route = Route(path, entered, methods=list(methods))
    route.act = act  # type: ignore[attr-defined]
    return route


async def enter(request: Request, act: Act) -> Call:
    """The call of a request, or a refusal: 401 signed out, 404 no such place, 403 not allowed."""
    who: Who | None = request.state.who
    place = await find(request.state.places, request.path_params)
    named = not PLACES.isdisjoint(request.path_params)
    if place is None and (named or act is not Act.SIGNED_IN):
        raise NotFound("There is nothing at this address.")
    check(who, act, place)
    assert who is not None, "only public routes are open to strangers"
    return Call(
        who=who,
        place=place or Place(conference_id=UUID(int=0)),
        services=request.state.services,
    )


async def find(places: Places, names: dict[str, Any]) -> Place | None:
    """The place that a path or a command names; the most particular name counts."""
    if session_id := names.get("session_id"):
        return await places.session(session_id)
    if booth_id := names.get("booth_id"):
        return await places.booth(booth_id)
    if slug := names.get("slug"):
        return await places.conference(slug)
    return None


class Table(Commands):
    """A feature's commands; each names its act, its `session_id` or `booth_id` the place."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: dict[type[Message], Act] = {}

    def may(self, act: Act, *, often: bool = False) -> Callable[[Handler[C]], Handler[C]]:
        """Register a handler under the type of its first argument, behind the right to `act`.

        Rights are read from rows every time; for what everybody sends `often` (a beat, a vote)
        those of the last five seconds will do, since taking a right back closes the socket.
        """

        def register(handler: Handler[C]) -> Handler[C]:
            async def entered(command: Any, asking: Asking) -> object:
                names = {
                    name: getattr(command, name)
                    for name in ("session_id", "booth_id")
                    if hasattr(command, name)
                }
                place = await find(asking.places, names)
                if act is not Act.SIGNED_IN and place is None:
                    raise NotFound("There is no such place.")
                who = await asking.identify(often)
                check(who, act, place)
                assert who is not None, "no command is open to strangers"
                call = Call(
                    who=who,
                    place=place or Place(conference_id=UUID(int=0)),
                    services=asking.services,
                    peer=asking.peer,
                )
                return await handler(command, call)

            command_type = next(iter(get_type_hints(handler).values()))
            entered.__annotations__ = {"command": command_type}
            self.handle(entered)
            self.acts[command_type] = act
            return handler

        return register

    def include(self, other: Commands) -> None:
        super().include(other)
        if isinstance(other, Table):
            self.acts |= other.acts
