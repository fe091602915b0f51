"""The relay's HTTP edge: WHIP and WHEP for whoever holds a grant, events for the server.

It turns requests into calls on the relay, and refusals into statuses. It decides nothing.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from realtime.relay.bounds import ALIVE_SECONDS, SDP_BYTES
from realtime.relay.events import Alive, encode
from realtime.relay.grant import Deed, Grant, GrantRefused, verify
from realtime.relay.hls.frames import NOTHING, SEGMENTS
from realtime.relay.hls.packaging import Packaging
from realtime.relay.offer import OfferRefused
from realtime.relay.relay import Answered, Refused, Relay

STATUS = {
    "taken": 409,
    "off_air": 409,
    "format": 406,
    "flood": 429,
    "away": 502,
    "full": 503,
}

_RETRY_SECONDS = {"off_air": "2", "flood": "30", "away": "2", "full": "30"}


class NotAllowed(Exception):
    """No grant, a wrong one, or one for something else."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Unreadable(Exception):
    """The body is not an SDP offer of a size we read."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def create_app(relay: Relay) -> Starlette:
    """The application of a relay that is already open."""
    edge = _Edge(relay)
    return Starlette(
        routes=[
            Route("/publish/{session}", edge.publish, methods=["POST"]),
            Route("/watch/{session}", edge.watch, methods=["POST"]),
            Route("/publish/{session}/{connection}", edge.hang_up, methods=["DELETE"]),
            Route("/watch/{session}/{connection}", edge.hang_up, methods=["DELETE"]),
            Route("/publish/{session}/{connection}", edge.trickle, methods=["PATCH"]),
            Route("/watch/{session}/{connection}", edge.trickle, methods=["PATCH"]),
            Route("/events", edge.events, methods=["GET"]),
            Route("/segments/{session}", edge.segments, methods=["GET"]),
            Route("/segments/{session}/{name}", edge.segment, methods=["GET"]),
            Route("/healthz", edge.healthz, methods=["GET"]),
            Route("/metrics", edge.metrics, methods=["GET"]),
        ],
        exception_handlers={
            NotAllowed: _not_allowed,
            Unreadable: _unreadable,
            OfferRefused: _offer_refused,
            Refused: _refused,
        },
    )


class _Edge:
    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def publish(self, request: Request) -> Response:
        return await self._answer(request, ("publish",), self._relay.publish)

    async def watch(self, request: Request) -> Response:
        return await self._answer(request, ("watch", "pull"), self._relay.watch)

    async def hang_up(self, request: Request) -> Response:
        """End a connection. Its name is a secret; a grant, if one is shown, has to be its own."""
        peer = self._relay.find(request.path_params["connection"])
        if peer is None or peer.grant.session != request.path_params["session"]:
            return _text(404, "no such connection")
        if "authorization" in request.headers:
            grant = self._grant(request, expired=True)
            if (grant.who, grant.session) != (peer.grant.who, peer.grant.session):
                return _text(404, "no such connection")
        self._relay.hang_up(peer)
        return Response(status_code=200)

    async def trickle(self, request: Request) -> Response:
        """RFC 9725 §4.3.1: candidates are not needed, since an ICE-lite agent never uses them."""
        if self._relay.find(request.path_params["connection"]) is None:
            return _text(404, "no such connection")
        if _content_type(request) != "application/trickle-ice-sdpfrag":
            return _text(415, "a fragment of trickled candidates is expected")
        return Response(status_code=204)

    async def events(self, request: Request) -> Response:
        self._allowed(request, ("observe",), "")
        return StreamingResponse(self._lines(), media_type="application/x-ndjson")

    async def segments(self, request: Request) -> Response:
        """A stage over HTTPS: its segments as they are made, for the process that shows them."""
        session = request.path_params["session"]
        self._allowed(request, ("watch",), session)
        packaging = self._relay.packaging(session)
        return StreamingResponse(_followed(packaging), media_type=SEGMENTS)

    async def segment(self, request: Request) -> Response:
        """One file of it, if there is; it begins nothing."""
        session, name = request.path_params["session"], request.path_params["name"]
        self._allowed(request, ("watch",), session)
        body = self._relay.packagings.piece(session, name)
        return _text(404, "no such segment") if body is None else Response(body)

    async def healthz(self, request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n")

    async def metrics(self, request: Request) -> Response:
        del request
        return PlainTextResponse(_metrics(self._relay), media_type="text/plain; version=0.0.4")

    async def _answer(
        self,
        request: Request,
        may: tuple[Deed, ...],
        act: Callable[[Grant, str], Awaitable[Answered]],
    ) -> Response:
        session = request.path_params["session"]
        grant = self._allowed(request, may, session)
        if _content_type(request) != "application/sdp":
            raise Unreadable(415, "an SDP offer is expected")
        answered = await act(grant, await _body(request))
        return Response(
            answered.sdp,
            status_code=201,
            media_type="application/sdp",
            headers={"Location": f"/{may[0]}/{session}/{answered.id}"},
        )

    def _allowed(self, request: Request, may: tuple[Deed, ...], session: str) -> Grant:
        grant = self._grant(request)
        if grant.may not in may or grant.session != session:
            raise NotAllowed(403, "the grant is for something else")
        return grant

    def _grant(self, request: Request, *, expired: bool = False) -> Grant:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotAllowed(401, "a grant is expected")
        try:
            return verify(token.strip(), self._relay.secret, now=time.time(), expired=expired)
        except GrantRefused as refusal:
            raise NotAllowed(401, str(refusal)) from refusal

    async def _lines(self) -> AsyncGenerator[bytes]:
        with self._relay.listen() as queue:
            while True:
                try:
                    async with asyncio.timeout(ALIVE_SECONDS):
                        event = await queue.get()
                except TimeoutError:
                    event = Alive(at_ms=time.time_ns() // 1_000_000)
                if event is None:
                    return
                yield encode(event)


async def _followed(packaging: Packaging) -> AsyncGenerator[bytes]:
    with packaging.follow() as queue:
        while True:
            try:
                async with asyncio.timeout(ALIVE_SECONDS):
                    message = await queue.get()
            except TimeoutError:
                message = NOTHING
            if message is None:
                return
            yield message


async def _body(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > SDP_BYTES:
            raise Unreadable(413, "the offer is too large")
    try:
        return body.decode()
    except UnicodeDecodeError as malformed:
        raise Unreadable(400, "the offer is not text") from malformed


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text + "\n", status_code=status, headers=headers)


async def _not_allowed(request: Request, refusal: Exception) -> Response:
    del request
    assert isinstance(refusal, NotAllowed)
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else None  # noqa: PLR2004
    return _text(refusal.status, str(refusal), headers)


async def _unreadable(request: Request, refusal: Exception) -> Response:
    del request
    assert isinstance(refusal, Unreadable)
    return _text(refusal.status, str(refusal))


async def _offer_refused(request: Request, refusal: Exception) -> Response:
    del request
    return _text(400, str(refusal))


async def _refused(request: Request, refusal: Exception) -> Response:
    del request
    assert isinstance(refusal, Refused)
    retry = _RETRY_SECONDS.get(refusal.code)
    return _text(STATUS[refusal.code], str(refusal), {"Retry-After": retry} if retry else None)


def _metrics(relay: Relay) -> str:
    """Prometheus text; labels are a closed list, never a session or a person."""
    counters, totals = relay.mux.counters, relay.totals
    totals.read(relay.stages.values())
    stages = list(relay.stages.values())
    dropped = {
        "malformed": counters.malformed,
        "unauthenticated": counters.unauthenticated,
        "unverified": counters.unverified,
        "undecrypted": counters.undecrypted,
        "forged": counters.forged,
        "overrun": counters.overrun,
    }
    lines = [
        "# TYPE rounds_relay_datagrams_received_total counter",
        f"rounds_relay_datagrams_received_total {counters.received}",
        "# TYPE rounds_relay_datagrams_dropped_total counter",
        *(
            f'rounds_relay_datagrams_dropped_total{{why="{why}"}} {count}'
            for why, count in dropped.items()
        ),
        "# TYPE rounds_relay_packets_sent_total counter",
        f"rounds_relay_packets_sent_total {counters.fanned}",
        "# TYPE rounds_relay_packets_unsent_total counter",
        f"rounds_relay_packets_unsent_total {counters.unsent}",
        "# TYPE rounds_relay_buffer_full_total counter",
        f"rounds_relay_buffer_full_total {counters.full}",
        "# TYPE rounds_relay_packets_lost_total counter",
        f"rounds_relay_packets_lost_total {totals.lost.total}",
        "# TYPE rounds_relay_packets_resent_total counter",
        f"rounds_relay_packets_resent_total {totals.resent.total}",
        "# TYPE rounds_relay_keyframes_total counter",
        f"rounds_relay_keyframes_total {totals.keyframes.total}",
        "# TYPE rounds_relay_joins_total counter",
        *(
            f'rounds_relay_joins_total{{role="{role}"}} {count}'
            for role, count in totals.joins.items()
        ),
        "# TYPE rounds_relay_cpu_us_per_packet gauge",
        f"rounds_relay_cpu_us_per_packet {totals.cpu_us_per_packet:.2f}",
        "# TYPE rounds_relay_publishers gauge",
        f"rounds_relay_publishers {sum(stage.on_air and not stage.pulled for stage in stages)}",
        "# TYPE rounds_relay_pulled gauge",
        f"rounds_relay_pulled {relay.pulled}",
        "# TYPE rounds_relay_packaged gauge",
        f"rounds_relay_packaged {len(relay.packagings)}",
        "# TYPE rounds_relay_viewers gauge",
        f"rounds_relay_viewers {sum(stage.viewers for stage in stages)}",
        "# TYPE rounds_relay_viewers_without_pictures gauge",
        f"rounds_relay_viewers_without_pictures {sum(stage.without_pictures for stage in stages)}",
        "# TYPE rounds_relay_layers gauge",
        f"rounds_relay_layers {sum(stage.layers for stage in stages)}",
        "# TYPE rounds_relay_layer_changes_total counter",
        f"rounds_relay_layer_changes_total {totals.changes.total}",
        "# TYPE rounds_relay_viewers_of_less gauge",
        f"rounds_relay_viewers_of_less {sum(stage.viewers_of_less for stage in stages)}",
    ]
    return "\n".join(lines) + "\n"
