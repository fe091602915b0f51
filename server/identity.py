"""From a login cookie to a person, for pages and sockets alike."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from realtime.addresses import stranger
from realtime.hub.strangers import Strangers
from realtime.limits import STRANGER_PAGE_BURST, STRANGER_PAGES_A_SECOND
from server import clock, secrets
from server.access import Places
from server.batch import Busy
from server.cookies import login_token
from server.db import Rows
from server.people import store as people
from server.rights import Who
from server.services import Services
from server.waiting import asked_to_wait

TOUCH_EVERY = timedelta(minutes=5)
"""How exactly a login's last use is known; a write per page would be waste."""

NAMELESS = ("/assets/", "/healthz", "/whip/", "/whep/", "/hls/", "/captions/")
"""Where nobody's login is looked at: these are for all, or carry a permission of their own."""


async def who_is(services: Services, token: str) -> Who | None:
    """The person behind a login token, read anew so that rights are never stale.

    Pages and sockets come back by the thousand: who asks at the same moment is read together.
    """
    fingerprint = secrets.fingerprint(token)
    known = await services.reader.ask(people.who_are, fingerprint)
    if known is None:
        return None
    if due(known.seen_at):
        with suppress(Busy):
            services.writer.submit(touch, fingerprint).add_done_callback(unheard)
    return known.who


def unheard(touched: "asyncio.Future[None]") -> None:
    """Nobody waits for it: the next use notes it."""
    if not touched.cancelled():
        touched.exception()


def due(seen_at: datetime) -> bool:
    """Whether a login's use is to be noted anew."""
    return clock.now() - seen_at > TOUCH_EVERY


async def touch(rows: Rows, fingerprints: Sequence[bytes]) -> list[None]:
    await people.touch(rows, set(fingerprints))
    return [None] * len(fingerprints)


class Identify:
    """Puts `who`, `services` and `places` on every request's state."""

    def __init__(self, app: ASGIApp, services: Services, places: Places) -> None:
        self.app = app
        self.services = services
        self.places = places
        self.proxies = services.settings.proxies
        self.strangers = Strangers(rate=STRANGER_PAGES_A_SECOND, burst=STRANGER_PAGE_BURST)
        services.strangers["page"] = self.strangers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            connection = HTTPConnection(scope)
            state = scope.setdefault("state", {})
            state["services"], state["places"], state["who"] = self.services, self.places, None
            if not scope["path"].startswith(NAMELESS):
                secure = self.services.settings.secure
                cookie = connection.headers.get("cookie", "")
                token = login_token(cookie, secure=secure)
                if token and self._may_be(scope, token):
                    state["who"] = await who_is(self.services, token)
                if state["who"] is not None:
                    self.strangers.vouch(token or "")
                elif not self._may(scope):
                    self.strangers.refused += 1
                    await asked_to_wait(scope)(scope, receive, send)
                    return
        await self.app(scope, receive, send)

    def _may_be(self, scope: Scope, token: str) -> bool:
        """Whether it is worth a statement to see whose login this is."""
        return self.strangers.may(self._household(scope), time.monotonic(), token)

    def _may(self, scope: Scope) -> bool:
        """Whether somebody who has not signed in may ask for another page."""
        return self.strangers.take(self._household(scope), time.monotonic())

    def _household(self, scope: Scope) -> str:
        return stranger(scope["client"][0] if scope.get("client") else "", self.proxies)
