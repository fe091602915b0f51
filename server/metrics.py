"""What Prometheus asks: `/metrics`, from this machine only. Patterns, never paths or people."""

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from realtime.relay.client import RelayAway
from server.access import public
from server.errors import Forbidden
from server.services import Services

LOOPBACK = frozenset({"127.0.0.1", "::1"})

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

    def _waiting(self) -> int:
        return self._services.writer.waiting


async def metrics(request: Request) -> Response:
    if request.client is None or request.client.host not in LOOPBACK:
        raise Forbidden("Metrics are for this machine.")
    services: Services = request.state.services
    now = CollectorRegistry()
    now.register(Present(services))
    text = generate_latest(registry).decode() + generate_latest(now).decode()
    try:
        text += await services.relay.metrics()
    except RelayAway:
        text += "# the relay does not answer\n"
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


routes = [public("/metrics", metrics)]
