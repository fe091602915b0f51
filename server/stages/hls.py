"""The stage over HTTPS, for whom no UDP reaches: HLS, let in by the same tickets as WHEP.

A ticket is changed for a pass, a cookie of this session's path: so a playlist's address holds no
secret, and browsers that play HLS by themselves bring it along. Each playlist is one person's, and
the pass is looked at again every few seconds. Segments are everybody's who knows their names, which
only a playlist tells, so that caches may keep them.
"""

import re
import time
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from realtime.relay.client import RelayAway, RelayRefused
from realtime.relay.grant import Grant
from realtime.relay.hls.bounds import FIRST_SECONDS, FRESH_SECONDS
from realtime.relay.hls.following import PATIENCE_SECONDS, Following
from realtime.relay.hls.window import INIT_SUFFIX, PLAYLIST, SUFFIX
from server import clock
from server.access import public
from server.errors import Invalid, NotFound, Refused
from server.secrets import fingerprint
from server.services import Services
from server.stages import rules, store
from server.stages.whip import RelayMissing

CHECKED_SECONDS = 2.0
"""For so long a pass is not looked at again: sent out, the audience sees no more than this."""

PASS_SECONDS = 12 * 3600
"""Of the cookie; the pass itself ends with the session's being live, or with the relay."""

NOT_KEPT = {"Cache-Control": "no-store"}

PLAYLIST_TYPE, PIECE_TYPE = "application/vnd.apple.mpegurl", "video/mp4"

_NAME = re.compile(r"[A-Za-z0-9_-]{22}")
_NUMBER = re.compile(r"\d{1,12}")


class OffAir(Refused):
    code = "stage.off_air"


class WrongFormat(Refused):
    """The publisher's pictures are in a format that HLS does not hold."""

    code = "stage.format"
    status = 406


class Full(Refused):
    code = "stage.full"
    status = 503


class NoPass(Refused):
    code = "pass.missing"
    status = 401


async def begin(request: Request) -> Response:
    """Change a ticket for a pass: 201 once there is something to play, with its playlist."""
    services, session_id = _asked(request)
    _, _, ticket = request.headers.get("authorization", "").partition(" ")
    async with services.db.begin() as db:
        bearer = await store.use_ticket(db, session_id, ticket.strip(), clock.now())
        if bearer is None:
            raise rules.TicketUsed("This ticket was used, or is too old. Ask for another one.")
        phase = await store.phase(db, bearer.conference_id, session_id)
    if phase is None:
        raise NotFound("There is no such session.")
    rules.watchable(phase, bearer.watching)
    following = _follow(services, session_id)
    if not await following.until(lambda window: window.playable, FIRST_SECONDS):
        _explain(following)
        raise OffAir("No picture comes yet.")
    async with services.db.begin() as db:
        secret = await store.add_resource(
            db, bearer, token=ticket.strip(), location="", kind=bearer.watching.value
        )
    response = Response(status_code=201, headers={"Location": f"/hls/{session_id}/{PLAYLIST}"})
    response.set_cookie(
        _cookie(services),
        secret,
        max_age=PASS_SECONDS,
        path=f"/hls/{session_id}",
        secure=services.settings.secure,
        httponly=True,
        samesite="strict",
    )
    return response


async def playlist(request: Request) -> Response:
    """What can be played now; or, if asked for by number, as soon as that is there."""
    following = await shown(request)
    text = following.window.playlist(parts=not following.many)
    return Response(text, media_type=PLAYLIST_TYPE, headers=NOT_KEPT)


async def shown(request: Request) -> Following:
    """The stage for whoever has a pass, once there is something of it, or what is asked for."""
    services, session_id = _asked(request)
    number, part = _wanted(request, "_HLS_msn"), _wanted(request, "_HLS_part")
    if number is None and part is not None:
        raise Invalid("A part has a segment.", where="_HLS_part")
    await _let_in(request, services, session_id)
    following = _follow(services, session_id)
    if number is not None:
        if not following.window.is_near(number):
            raise Invalid("That is too far ahead.", where="_HLS_msn")
        await following.until(lambda window: window.has(number, part), PATIENCE_SECONDS)
    elif not await following.until(lambda window: window.playable, FIRST_SECONDS):
        _explain(following)
        raise OffAir("No picture comes yet.")
    _explain(following)
    return following


async def piece(request: Request) -> Response:
    """A beginning, a segment or a part; one that is announced is waited for."""
    services, session_id = _asked(request)
    name = request.path_params["name"]
    if not _NAME.fullmatch(name):
        raise NotFound("There is no such segment.")
    following = services.segments.known(str(session_id))
    body = None
    if following is not None:
        if following.window.hint == name:
            await following.until(
                lambda window: window.body(name) is not None or window.hint != name,
                PATIENCE_SECONDS,
            )
        body = following.window.body(name)
    else:
        # Another process told the name. This one does not begin to follow: nobody was let in.
        body = await _fetched(services, session_id, name)
    if body is None:
        raise NotFound("There is no such segment.")
    kept = {"Cache-Control": f"public, max-age={FRESH_SECONDS}, immutable"}
    return Response(body, media_type=PIECE_TYPE, headers=kept)


async def leave(request: Request) -> Response:
    """Give the pass back; one that is no more is as good."""
    services, session_id = _asked(request)
    secret = request.cookies.get(_cookie(services), "")
    async with services.db.begin() as db:
        await store.forget_guest(db, session_id, secret)
    response = Response(status_code=204)
    response.delete_cookie(_cookie(services), path=f"/hls/{session_id}")
    return response


def _asked(request: Request) -> tuple[Services, UUID]:
    return request.state.services, request.path_params["session_id"]


async def _let_in(request: Request, services: Services, session_id: UUID) -> None:
    secret = request.cookies.get(_cookie(services), "")
    key = fingerprint(secret)
    following = services.segments.known(str(session_id))
    if following is not None and following.admitted(key):
        return
    async with services.db.read() as db:
        found = await store.guest(db, session_id, secret)
    if found is None:
        raise NoPass("This pass does not hold any more. Ask for another ticket.")
    bearer, phase = found
    rules.watchable(phase, bearer.watching)
    _follow(services, session_id).admit(key, CHECKED_SECONDS)


def _follow(services: Services, session_id: UUID) -> Following:
    session = str(session_id)
    return services.segments.follow(session, partial(_grant, session))


def _grant(session: str) -> Grant:
    until = int(time.time()) + rules.GRANT_SECONDS
    return Grant(who="server", session=session, may="watch", exp=until)


async def _fetched(services: Services, session_id: UUID, name: str) -> bytes | None:
    try:
        return await services.relay.segment(_grant(str(session_id)), name)
    except RelayAway:
        raise RelayMissing("The picture is interrupted. It comes back by itself.") from None


def _explain(following: Following) -> None:
    """Raise what keeps the segments away, if something does."""
    match following.refused:
        case RelayRefused(status=409):
            raise OffAir("Nobody is on the stage yet.")
        case RelayRefused(status=406):
            raise WrongFormat("The speaker's pictures cannot be sent over HTTPS.")
        case RelayRefused():
            raise Full("No more stages can be sent over HTTPS now.")
        case RelayAway():
            raise RelayMissing("The picture is interrupted. It comes back by itself.")
        case None:
            return


def _wanted(request: Request, name: str) -> int | None:
    given = request.query_params.get(name)
    if given is None:
        return None
    if not _NUMBER.fullmatch(given):
        raise Invalid("A number is expected.", where=name)
    return int(given)


def _cookie(services: Services) -> str:
    return "__Secure-hls" if services.settings.secure else "hls"


HLS = "/hls/{session_id:uuid}"

routes: list[Route] = [
    public(HLS, begin, methods=["POST"]),
    public(HLS, leave, methods=["DELETE"]),
    public(f"{HLS}/{PLAYLIST}", playlist),
    public(f"{HLS}/{{name}}{SUFFIX}", piece),
    public(f"{HLS}/{{name}}{INIT_SUFFIX}", piece),
]
