"""What somebody sees whose network has asked for more pages than strangers may: a page that waits.

It costs as little as a refusal should: rendered once, and the same bytes for everybody.
"""

from functools import lru_cache

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Scope

from server.rendering import render, view

STATUS = 429
HEADERS = {"retry-after": "60", "cache-control": "no-store"}
WHY = "Too many requests come from your network without signing in."


def asked_to_wait(scope: Scope) -> Response:
    """A page that asks again by itself; for what was sent, and for programs, words alone."""
    if "text/html" not in Headers(scope=scope).get("accept", ""):
        return PlainTextResponse(f"{WHY} Please try again in a minute.\n", STATUS, HEADERS)
    return HTMLResponse(_page(asks=scope["method"] == "GET"), STATUS, HEADERS)


@lru_cache(2)
def _page(*, asks: bool) -> bytes:
    if asks:
        text = [f"{WHY} Everybody has to wait until there is room, this page too."]
        return _rendered("shell/waiting.html", "Please wait a moment", text)
    text = [f"{WHY} What you sent was not taken: go back in a minute and send it again."]
    return _rendered("shell/message.html", "This was not taken", text)


def _rendered(template: str, title: str, text: list[str]) -> bytes:
    shell = view(None)
    told = render(template, view=shell, title=title, text=text, icon_name="hourglass", action=None)
    return told.encode()
