"""The first and last thing that happens to a request: host, size, forgery, headers.

Written as one plain ASGI layer, since it must also see what no route answers. Nothing here decides
on `request.url`: a Host header or a path can poison it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from realtime.addresses import Network, client

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

ENCODERS = ("/whip/", "/whep/")
HOSTLESS = ("/healthz", "/readyz", "/metrics", *ENCODERS)
"""Asked by probes and by encoders, which reach us under other names and carry no cookie."""

MAX_BODY_BYTES = 1 << 20
"""Forms and SDP are far smaller; only uploads may be larger, and only where they are expected."""

MAX_UPLOAD_BYTES = 50 << 20
UPLOADS = ("/import", "/documents")
"""Ends of the paths that take a file."""

DEVICES = "camera=(self), microphone=(self), display-capture=(self)"
NO_DEVICES = "camera=(), microphone=(), display-capture=()"
OTHER_FEATURES = "geolocation=(), usb=(), publickey-credentials-get=(self)"


@dataclass(frozen=True, slots=True)
class Canonical:
    """The one address this server answers under."""

    address: str

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    @property
    def secure(self) -> bool:
        return self.address.startswith("https://")

    @property
    def sockets(self) -> str:
        return ("wss://" if self.secure else "ws://") + self.host


def policy(canonical: Canonical) -> str:
    """The Content-Security-Policy of every page: nothing inline, nothing from elsewhere."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",
            "font-src 'self'",
            "media-src 'self' blob:",
            f"connect-src 'self' {canonical.sockets}",
            "worker-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-src 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types lit-html",
        )
    )


def headers_for(canonical: Canonical, path: str) -> dict[str, str]:
    """What every answer carries; assets may be kept, everything else is one person's own."""
    devices = DEVICES if path.endswith("/studio") else NO_DEVICES
    headers = {
        "content-security-policy": policy(canonical),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "permissions-policy": f"{devices}, {OTHER_FEATURES}",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    if canonical.secure:
        headers["strict-transport-security"] = "max-age=63072000"
    if not path.startswith("/assets/"):
        headers["cache-control"] = "no-store"
        headers["vary"] = "Cookie"
    return headers


def forged(method: str, path: str, headers: Headers, canonical: Canonical) -> bool:
    """Whether another site made this browser send it.

    Without a cookie too: a form elsewhere may not sign anybody in. A program says neither where it
    comes from nor has a cookie; an encoder may be a page elsewhere, which shows its token.
    """
    if method in SAFE or (path.startswith(ENCODERS) and "cookie" not in headers):
        return False
    if (site := headers.get("sec-fetch-site")) is not None:
        return site != "same-origin"
    if (origin := headers.get("origin")) is not None:
        return origin != canonical.address
    return "cookie" in headers


class Nearest:
    """Puts on a request where it comes from, by the word of proxies that are trusted alone."""

    def __init__(self, app: ASGIApp, proxies: Sequence[Network]) -> None:
        self.app = app
        self.proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client"):
            host, port = scope["client"]
            forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
            scope["client"] = client(host, forwarded, self.proxies) or host, port
        await self.app(scope, receive, send)


class Security:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, canonical: Canonical) -> None:
        self.app = app
        self.canonical = canonical

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, headers = scope["path"], Headers(scope=scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = MutableHeaders(scope=message)
                for name, value in headers_for(self.canonical, path).items():
                    if name != "vary":
                        present.setdefault(name, value)
                    elif not present["cache-control"].startswith("public"):
                        present.add_vary_header(value)  # whatever is public is the same for all
            await send(message)

        refusal = self._refusal(scope["method"], path, scope["query_string"], headers)
        if refusal is not None:
            await refusal(scope, receive, answer)
            return
        body = Body(receive, limit(path))
        try:
            await self.app(scope, body.receive, answer)
        except ClientDisconnect:
            if not body.over:
                raise
            await TOO_LARGE(scope, receive, answer)

    def _refusal(
        self, method: str, path: str, query: bytes, headers: Headers
    ) -> PlainTextResponse | RedirectResponse | None:
        if not path.startswith(HOSTLESS) and headers.get("host") != self.canonical.host:
            if method in SAFE and not path.startswith("//"):
                tail = f"?{query.decode('latin-1')}" if query else ""
                return RedirectResponse(f"{self.canonical.address}{path}{tail}", 308)
            return PlainTextResponse("This server has another name.", 421)
        if forged(method, path, headers, self.canonical):
            return PlainTextResponse("This request did not come from our own page.", 403)
        size = headers.get("content-length", "0")
        if not size.isdecimal() or int(size) > limit(path):
            return TOO_LARGE
        return None


def limit(path: str) -> int:
    return MAX_UPLOAD_BYTES if path.endswith(UPLOADS) else MAX_BODY_BYTES


TOO_LARGE = PlainTextResponse("That is more than this address takes.", 413)


class Body:
    """Counts what arrives: a chunked body announces no length."""

    def __init__(self, receive: Receive, left: int) -> None:
        self._receive, self._left = receive, left

    @property
    def over(self) -> bool:
        return self._left < 0

    async def receive(self) -> Message:
        """The next piece; beyond the limit the sender counts as gone."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self.over:
                return {"type": "http.disconnect"}
        return message
