"""WHIP and WHEP (RFC 9725, draft-ietf-wish-whep) at the product's own address.

Each request carries its own permission, a Bearer token or ticket, and no cookie is looked at: hence
pages of other sites may come, too. Here it is decided who may; the relay behind answers the offer,
and its addresses never leave the server.
"""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from realtime.relay.client import Answer, RelayAway, RelayRefused
from realtime.relay.grant import Deed, Grant
from server import clock
from server.access import public
from server.agenda.rules import NotLive
from server.errors import Forbidden, NotFound, Refused, Unavailable
from server.people import store as people
from server.rights import Act, Place, may
from server.secrets import fingerprint
from server.services import Services
from server.stages import fragment, rules, store
from server.stages.store import Bearer

SDP_BYTES = 65_536
"""A browser's offer with every codec takes 8 KiB."""

RETRY_SECONDS = {"relay.away": 2, "stage.off_air": 2, "stage.full": 30, "too_many": 30}
"""By code: the supervisor brings the relay back within seconds; ten set-ups a minute are allowed.
"""

OFFER, TRICKLE = "application/sdp", "application/trickle-ice-sdpfrag"

RESTART = frozenset({"*", '"*"'})
"""The `If-Match` of an ICE restart; drafts of RFC 9725 showed it in quotes."""

Result = TypeVar("Result")


class WrongType(Refused):
    code = "media.type"
    status = 415


class NotAcceptable(Refused):
    code = "media.answer"
    status = 406


class TooLarge(Refused):
    code = "media.too_large"
    status = 413


class Unreadable(Refused):
    code = "media.fragment"
    status = 400


class Unconditional(Refused):
    code = "media.condition"
    status = 428


class AnotherSession(Refused):
    code = "media.session"
    status = 412


class NoRestart(Refused):
    code = "media.restart"
    status = 422


class RelayMissing(Unavailable):
    code = "relay.away"


class RelaySaysNo(Exception):
    """Passed on as it is: somebody else is on the stage, nobody is yet, too many connections."""

    def __init__(self, refused: RelayRefused) -> None:
        super().__init__(refused.reason)
        self.status = refused.status


EXPOSED = "Accept-Patch, Accept-Post, ETag, Link, Location, Retry-After"
PREFLIGHT = {
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Max-Age": "7200",
}

CODES = {400: "media.offer", 409: "stage.taken", 429: "too_many", 503: "stage.full"}

Endpoint = Callable[[Request, Services, str], Awaitable[Response]]


def answering(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """Bearer in, and every no as JSON with the headers that programs look at."""

    async def answer(request: Request) -> Response:
        token = _bearer(request)
        if token is None:
            return _no(401, "token.missing", "A Bearer token is expected.")
        try:
            return await endpoint(request, request.state.services, token)
        except RelaySaysNo as refusal:
            code = CODES.get(refusal.status, "media.refused")
            return _no(refusal.status, code, str(refusal))
        except Refused as refusal:
            return _no(refusal.status, refusal.code, str(refusal))

    async def answered(request: Request) -> Response:
        response = await answer(request)
        if response.status_code == WrongType.status:
            name = "Accept-Patch" if request.method == "PATCH" else "Accept-Post"
            response.headers[name] = TRICKLE if request.method == "PATCH" else OFFER
        return shared(request, response)

    return answered


def shared(request: Request, response: Response) -> Response:
    """Let a page of another site read it: what it shows is a Bearer, never this site's cookie."""
    if "origin" in request.headers:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
    return response


async def publish(request: Request, services: Services, token: str) -> Response:
    """Answer a speaker's offer; 409 while somebody else is on the stage.

    Whoever comes back with the same token goes on; with another one only by `?take_over=yes`, lest
    an encoder and a page of one speaker push each other off for ever.
    """
    session_id: UUID = request.path_params["session_id"]
    sdp = await _offer(request)
    async with services.db.read() as db:
        bearer = await store.token_bearer(db, session_id, token, clock.now())
        if bearer is None:
            raise rules.TokenUnknown("This token does not hold for this session.")
        who = await people.who(db, bearer.person_id)
        elsewhere = await store.sends_elsewhere(db, bearer, token)
    place = Place(conference_id=bearer.conference_id, session_id=session_id)
    if not may(who, Act.PUBLISH, place):
        raise Forbidden("Whoever this token was made for may no longer speak here.")
    if elsewhere and request.query_params.get("take_over") != "yes":
        raise rules.Elsewhere("You are sending from another device.")
    answer = await _asked(services.relay.publish(_grant(bearer, "publish"), sdp))
    async with services.db.begin() as db:
        secret = await store.add_resource(
            db, bearer, token=token, location=answer.location, kind=store.PUBLISH
        )
    return _created(services, f"/whip/{session_id}/{secret}", answer, secret)


async def watch(request: Request, services: Services, token: str) -> Response:
    """Answer a viewer's offer; the ticket is used up by it."""
    session_id: UUID = request.path_params["session_id"]
    sdp = await _offer(request)
    async with services.db.begin() as db:
        bearer = await store.use_ticket(db, session_id, token, clock.now())
        if bearer is None:
            raise rules.TicketUsed("This ticket was used, or is too old. Ask for another one.")
    await _still_watchable(services, bearer)
    try:
        answer = await _asked(services.relay.watch(_grant(bearer, "watch"), sdp))
    except RelaySaysNo as refusal:
        if refusal.status == 409:  # noqa: PLR2004 - nobody has published here yet
            return _no(409, "stage.off_air", "Nobody is on the stage yet.")
        raise
    async with services.db.begin() as db:
        secret = await store.add_resource(
            db, bearer, token=token, location=answer.location, kind=bearer.watching.value
        )
    try:
        # The audience may have been sent out while the relay answered.
        await _still_watchable(services, bearer)
    except NotLive:
        await _asked(services.relay.hang_up(answer.location))
        raise
    return _created(services, f"/whep/{session_id}/{secret}", answer, secret)


async def hang_up(request: Request, services: Services, token: str) -> Response:
    resource = await _resource(request, services, token)
    await _asked(services.relay.hang_up(resource.location))
    async with services.db.begin() as db:
        await store.forget_resource(db, resource.id)
    return Response(status_code=200)


async def trickle(request: Request, services: Services, token: str) -> Response:
    """Candidates are welcome and not needed: the relay is an ICE-lite agent (RFC 9725 §4.3).

    A restart is refused, which ends nothing: whoever moves is followed by its next check, and
    whoever is lost posts another offer.
    """
    await _resource(request, services, token)
    if _type(request) != TRICKLE:
        raise WrongType(f"A body of type {TRICKLE} is expected.")
    body = await _body(request, fragment.BYTES)
    condition = request.headers.get("if-match")
    if condition is None:
        raise Unconditional("If-Match has to name the session: its ETag came with the answer.")
    if condition.strip() in RESTART:
        raise NoRestart("ICE is not restarted here: post another offer.")
    if _tag(request.path_params["resource"]) not in [each.strip() for each in condition.split(",")]:
        raise AnotherSession("If-Match names another session.")
    try:
        fragment.check(body)
    except fragment.Malformed as malformed:
        raise Unreadable(str(malformed)) from None
    return Response(status_code=204)


async def nothing(request: Request) -> Response:
    """RFC 9725 §4.1: a GET finds no content, and a 2xx status."""
    return shared(request, Response(status_code=204))


async def endpoint_options(request: Request) -> Response:
    methods = "GET, HEAD, OPTIONS, POST"
    return _options(request, {"Accept-Post": OFFER, "Allow": methods}, methods)


async def resource_options(request: Request) -> Response:
    methods = "DELETE, GET, HEAD, OPTIONS, PATCH"
    return _options(request, {"Accept-Patch": TRICKLE, "Allow": methods}, methods)


def _options(request: Request, headers: dict[str, str], methods: str) -> Response:
    if "access-control-request-method" in request.headers:
        headers |= {**PREFLIGHT, "Access-Control-Allow-Methods": methods}
    return shared(request, Response(status_code=204, headers=headers))


async def _resource(request: Request, services: Services, token: str) -> store.Resource:
    """The connection that this address stands for, if the same Bearer opened it; else 404."""
    names = request.path_params
    async with services.db.read() as db:
        found = await store.find_resource(db, names["session_id"], names["resource"], token)
    if found is None:
        raise NotFound("There is no such connection.")
    return found


async def _still_watchable(services: Services, bearer: Bearer) -> None:
    async with services.db.read() as db:
        phase = await store.phase(db, bearer.conference_id, bearer.session_id)
    if phase is None:
        raise NotFound("There is no such session.")
    rules.watchable(phase, bearer.watching)


async def _asked(question: Awaitable[Result]) -> Result:
    """The relay's answer, its no, or that it is away."""
    try:
        return await question
    except RelayAway:
        raise RelayMissing("The picture is interrupted. It comes back by itself.") from None
    except RelayRefused as refused:
        raise RelaySaysNo(refused) from refused


def _grant(bearer: Bearer, deed: Deed) -> Grant:
    return Grant(
        who=str(bearer.person_id),
        session=str(bearer.session_id),
        may=deed,
        exp=int(time.time()) + rules.GRANT_SECONDS,
    )


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token else None


def _type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _acceptable(request: Request) -> bool:
    """Whether whoever asks would take an answer in SDP (RFC 9110 §12.5.1)."""
    ranges = [
        each.partition(";")[0].strip().lower()
        for each in request.headers.get("accept", "").split(",")
    ]
    return ranges == [""] or not {OFFER, "application/*", "*/*"}.isdisjoint(ranges)


async def _offer(request: Request) -> str:
    if _type(request) != OFFER:
        raise WrongType(f"An offer of type {OFFER} is expected.")
    if not _acceptable(request):
        raise NotAcceptable(f"The answer is of type {OFFER}.")
    return await _body(request, SDP_BYTES)


async def _body(request: Request, most: int) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge("This is longer than it can be.")
    return body.decode("utf-8", "replace")


def _tag(secret: str) -> str:
    """The entity tag of a connection's one ICE session (RFC 9725 §4.3.1)."""
    return f'"{fingerprint(secret).hex()[:16]}"'


def _created(services: Services, location: str, answer: Answer, secret: str) -> Response:
    headers = {"Location": location, "ETag": _tag(secret)}
    if services.turn is not None:
        headers["Link"] = services.turn.links(_tag(secret).strip('"'), time.time())
    return Response(answer.sdp, 201, headers, media_type=OFFER)


def _no(status: int, code: str, message: str) -> Response:
    headers: dict[str, str] = {}
    if status == 401:  # noqa: PLR2004 - the one status that names its scheme
        headers["WWW-Authenticate"] = "Bearer"
    if code in RETRY_SECONDS:
        headers["Retry-After"] = str(RETRY_SECONDS[code])
    return JSONResponse({"code": code, "message": message, "where": ""}, status, headers)


WHIP, WHEP = "/whip/{session_id:uuid}", "/whep/{session_id:uuid}"
RESOURCE = "/{resource}"

routes: list[Route] = [
    public(WHIP, answering(publish), methods=["POST"]),
    public(WHEP, answering(watch), methods=["POST"]),
    *(
        route
        for path in (WHIP, WHEP)
        for route in (
            public(path, nothing),
            public(path, endpoint_options, methods=["OPTIONS"]),
            public(path + RESOURCE, nothing),
            public(path + RESOURCE, answering(hang_up), methods=["DELETE"]),
            public(path + RESOURCE, answering(trickle), methods=["PATCH"]),
            public(path + RESOURCE, resource_options, methods=["OPTIONS"]),
        )
    ),
]

BEARER_PATHS = frozenset({WHIP, WHEP, WHIP + RESOURCE, WHEP + RESOURCE})
"""Open to strangers as routes: their own Bearer is looked at instead of a login."""
