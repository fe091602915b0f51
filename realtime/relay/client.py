"""The server's end of the seam: answers, hang-ups and events over HTTP or a Unix socket.

It holds no state of the stages and knows no media; the relay may die and come back under it.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx
import msgspec

from realtime.relay.bounds import ALIVE_SECONDS
from realtime.relay.events import Alive, RelayEvent, decode
from realtime.relay.grant import Grant, sign

ANSWER_SECONDS = 10.0
"""The relay answers in milliseconds; a person waits no longer than this."""

HEALTH_SECONDS = 2.0
SILENCE_SECONDS = 3 * ALIVE_SECONDS
RETRY_SECONDS = (0.2, 5.0)
"""Full jitter between these bounds, doubling: the relay is restarted within seconds."""

_OBSERVE_SECONDS = 60
_CREATED, _OK = 201, 200


class RelayAway(Exception):
    """The relay does not answer: it is starting, restarting, or somewhere else."""


class RelayRefused(Exception):
    """The relay said no; `status` is meant to be passed on, `reason` to be read."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    location: str
    """A path on the relay: keep it to hang up, and show nobody."""
    sdp: str


class RelayClient:
    """One per process. `unix:/path/of/socket` or `http://host:port`."""

    def __init__(self, url: str, secret: bytes) -> None:
        self._secret = secret
        path = url.removeprefix("unix:") if url.startswith("unix:") else None
        transport = httpx.AsyncHTTPTransport(uds=path) if path is not None else None
        self._http = httpx.AsyncClient(
            base_url="http://relay" if path is not None else url,
            transport=transport,
            timeout=ANSWER_SECONDS,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def publish(self, session: str, grant: str, sdp: str) -> Answer:
        """Offer a stream; `RelayRefused` 409 while somebody else is on the stage."""
        return await self._offer("publish", session, grant, sdp)

    async def watch(self, session: str, grant: str, sdp: str) -> Answer:
        """Ask for the stream; `RelayRefused` 409 while nobody has been on the stage."""
        return await self._offer("watch", session, grant, sdp)

    async def hang_up(self, location: str, grant: str | None = None) -> None:
        """End a connection. One that is already over is as good."""
        headers = {"Authorization": f"Bearer {grant}"} if grant is not None else {}
        response = await self._request("DELETE", location, headers)
        if response.status_code not in (_OK, 404):
            raise RelayRefused(response.status_code, response.text.strip())

    @asynccontextmanager
    async def segments(self, session: str, grant: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        """A stage's segments as they are made: bytes of `hls.frames`, in pieces of any size.

        `RelayRefused` 409 while nobody has been on the stage, 406 where it sends VP8.
        """
        headers = {"Authorization": f"Bearer {grant}"}
        timeout = httpx.Timeout(ANSWER_SECONDS, read=SILENCE_SECONDS)
        path = f"/segments/{quote(session, safe='')}"
        try:
            async with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
                if response.status_code != _OK:
                    reason = (await response.aread()).decode(errors="replace").strip()
                    raise RelayRefused(response.status_code, reason)
                yield response.aiter_raw()
        except (httpx.HTTPError, OSError) as failure:
            raise RelayAway("the media relay does not answer") from failure

    async def segment(self, session: str, name: str, grant: str) -> bytes | None:
        """One file of a stage that is packaged already, by its name."""
        path = f"/segments/{quote(session, safe='')}/{quote(name, safe='')}"
        response = await self._request("GET", path, {"Authorization": f"Bearer {grant}"})
        return response.content if response.status_code == _OK else None

    async def healthy(self) -> bool:
        """Whether the relay answers; for whoever supervises it."""
        try:
            response = await self._http.get("/healthz", timeout=HEALTH_SECONDS)
        except (httpx.HTTPError, OSError):
            return False
        return response.status_code == _OK

    async def metrics(self) -> str:
        response = await self._request("GET", "/metrics", {})
        return response.text

    async def events(self) -> AsyncGenerator[RelayEvent]:
        """Every event, for ever: it reconnects by itself, and each stream starts with `began`."""
        least, most = RETRY_SECONDS
        longest = least
        while True:
            try:
                async with self._stream() as response:
                    async for line in response.aiter_lines():
                        longest = least
                        event = decode(line)
                        if not isinstance(event, Alive):
                            yield event
            except (httpx.HTTPError, OSError, msgspec.DecodeError, RelayRefused):
                longest = min(most, longest * 2)
            await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 - jitter is no secret

    @asynccontextmanager
    async def _stream(self) -> AsyncGenerator[httpx.Response]:
        grant = Grant(
            who="server", session="", may="observe", exp=int(time.time()) + _OBSERVE_SECONDS
        )
        headers = {"Authorization": f"Bearer {sign(grant, self._secret)}"}
        timeout = httpx.Timeout(ANSWER_SECONDS, read=SILENCE_SECONDS)
        async with self._http.stream(
            "GET", "/events", headers=headers, timeout=timeout
        ) as response:
            if response.status_code != _OK:
                raise RelayRefused(response.status_code, "the event stream")
            yield response

    async def _offer(self, deed: str, session: str, grant: str, sdp: str) -> Answer:
        headers = {"Authorization": f"Bearer {grant}", "Content-Type": "application/sdp"}
        path = f"/{deed}/{quote(session, safe='')}"
        response = await self._request("POST", path, headers, sdp)
        if response.status_code != _CREATED:
            raise RelayRefused(response.status_code, response.text.strip())
        return Answer(location=response.headers["location"], sdp=response.text)

    async def _request(
        self, method: str, path: str, headers: dict[str, str], body: str = ""
    ) -> httpx.Response:
        try:
            return await self._http.request(method, path, headers=headers, content=body)
        except (httpx.HTTPError, OSError) as failure:
            raise RelayAway("the media relay does not answer") from failure
