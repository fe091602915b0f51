"""From a login cookie to a person, for pages and sockets alike."""

from datetime import timedelta

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from server import clock, secrets
from server.access import Places
from server.cookies import login_token
from server.db import Database
from server.people import store as people
from server.rights import Who
from server.services import Services

TOUCH_EVERY = timedelta(minutes=5)
"""How exactly a login's last use is known; a write per page would be waste."""


async def who_is(db: Database, token: str) -> Who | None:
    """The person behind a login token, read anew so that rights are never stale."""
    fingerprint = secrets.fingerprint(token)
    async with db.read() as rows:
        who = await people.who_is(rows, fingerprint)
        seen = await people.seen_at(rows, fingerprint)
    if who is not None and seen is not None and clock.now() - seen > TOUCH_EVERY:
        async with db.begin() as rows:
            await people.touch(rows, fingerprint)
    return who


class Identify:
    """Puts `who`, `services` and `places` on every request's state."""

    def __init__(self, app: ASGIApp, services: Services, places: Places) -> None:
        self.app = app
        self.services = services
        self.places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            connection = HTTPConnection(scope)
            state = scope.setdefault("state", {})
            state["services"], state["places"], state["who"] = self.services, self.places, None
            if not scope["path"].startswith(("/assets/", "/healthz", "/whip/", "/whep/")):
                secure = self.services.settings.secure
                cookie = connection.headers.get("cookie", "")
                if token := login_token(cookie, secure=secure):
                    state["who"] = await who_is(self.services.db, token)
        await self.app(scope, receive, send)
