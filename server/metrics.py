"""What Prometheus asks: `/metrics`, from this machine only. Patterns, never paths or people."""

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from realtime.relay.client import RelayAway
from server.access import public
from server.errors import Forbidden
from server.security import Nearest
from server.services import Services

LOOPBACK = frozenset({"127.0.0.1", "::1"})
REFUSED = "Metrics are for this machine."
MEDIA_TYPE = "text/plain; version=0.0.4"

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

registry = CollectorRegistry()
answers = Counter(
    "rounds_http_answers_total", "Answers by route, method and status.",
    ("route", "method", "status"), registry=registry,
)  # fmt: skip
seconds = Histogram(
    "rounds_http_seconds", "How long an answer took, by route.", ("route",),
    buckets=BUCKETS, registry=registry,
)  # fmt: skip


class Measure:
    """Counts every answer under its route's pattern; what no route answers is one line."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self.app = app
        self.routes = list(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            route = self._pattern(scope)
            answers.labels(route, scope["method"], str(status)).inc()
            seconds.labels(route).observe(time.perf_counter() - began)

    def _pattern(self, scope: Scope) -> str:
        for route in self.routes:
            if route.matches(scope)[0] is not Match.NONE:
                return str(getattr(route, "path", "?"))
        return "none"


class Present(Collector):
    """What is true of this process now."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterable[Metric]:
        counts = self._services.hub.counts()
        for name, about, value in (
            ("rounds_writes_waiting", "Beats, votes and answers to write.", self._waiting()),
            ("rounds_hub_topics", "Topics that somebody follows here.", len(counts)),
            ("rounds_hub_follows", "Sockets times the topics they follow.", sum(counts.values())),
        ):
            gauge = GaugeMetricFamily(name, about)
            gauge.add_metric((), value)
            yield gauge
        refused = CounterMetricFamily(
            "rounds_strangers_refused_total",
            "Pages and sockets refused to addresses that had used their allowance up.",
            labels=("what",),
        )
        for what, strangers in self._services.strangers.items():
            refused.add_metric((what,), strangers.refused)
        yield refused

    def _waiting(self) -> int:
        return self._services.writer.waiting


async def metrics(request: Request) -> Response:
    if request.client is None or request.client.host not in LOOPBACK:
        raise Forbidden(REFUSED)
    services: Services = request.state.services
    text = _told(services)
    try:
        text += await services.relay.metrics()
    except RelayAway:
        text += "# the relay does not answer\n"
    return PlainTextResponse(text, media_type=MEDIA_TYPE)


def beside(pages: ASGIApp, services: Services) -> ASGIApp:
    """`/metrics` for a process of sockets alone, in front of what else it answers."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/metrics":
            await pages(scope, receive, send)
        elif (scope.get("client") or ("", 0))[0] not in LOOPBACK:
            await PlainTextResponse(REFUSED, Forbidden.status)(scope, receive, send)
        else:
            answer = PlainTextResponse(_told(services), media_type=MEDIA_TYPE)
            await answer(scope, receive, send)

    return Nearest(app, services.settings.proxies)


def _told(services: Services) -> str:
    """All that is known here, without the relay's."""
    now = CollectorRegistry()
    now.register(Present(services))
    return generate_latest(registry).decode() + generate_latest(now).decode()


routes = [public("/metrics", metrics)]
