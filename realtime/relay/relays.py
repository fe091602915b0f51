"""All relays of an installation, as the server sees them: one, one a core, or several machines.

Each stage has its origin among them, where it is published. Its viewers are spread over all, each
always to the same one while it answers; one that is not the origin pulls from it. Everybody who
knows the same addresses comes to the same answers, so nothing is shared and nothing is asked. It
holds no state of the stages and knows no rights.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from realtime.relay.client import Answer, RelayAway, RelayClient, RelayRefused
from realtime.relay.events import RelayEvent
from realtime.relay.grant import Grant, sign

TRY_SECONDS = 5.0
"""For one of several: longer than an edge waits for its origin, and a viewer for the next one."""

AWAY_SECONDS = 10.0
"""So long after one did not answer, others are asked first: it is restarted meanwhile."""

_AWAY, _FULL = 502, 503
_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")


class Relays:
    """One per process. Relays are named by the hash of their address."""

    def __init__(self, urls: Sequence[str], secret: bytes) -> None:
        assert urls, "there is a relay"
        self._secret = secret
        self._urls = {_name(url): url for url in urls}
        self.clients = {name: RelayClient(url, secret) for name, url in self._urls.items()}
        self._away_until: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for client in self.clients.values():
            await client.close()

    def origin(self, session: str) -> str:
        """The name of the relay at which a session is published."""
        return ranked(self.clients, session)[0]

    async def publish(self, grant: Grant, sdp: str) -> Answer:
        """Offer a stream; `RelayRefused` 409 while somebody else is on the stage."""
        origin = self.origin(grant.session)
        answer = await self.clients[origin].publish(grant.session, self._signed(grant), sdp)
        return _at(origin, answer)

    async def watch(self, grant: Grant, sdp: str) -> Answer:
        """Ask for the stream; `RelayRefused` 409 while nobody has been on the stage.

        A relay that is away or full is passed over for the next one. Where the origin itself is
        away, nobody has the stage.
        """
        origin = self.origin(grant.session)
        order = self._order(grant)
        failure: RelayAway | RelayRefused = RelayAway("the media relay does not answer")
        while order:
            name = order.pop(0)
            pulled = grant if name == origin else _pulling(grant, self._urls[origin])
            try:
                async with asyncio.timeout(TRY_SECONDS):
                    token = self._signed(pulled)
                    return _at(name, await self.clients[name].watch(grant.session, token, sdp))
            except (RelayAway, TimeoutError):
                self._away_until[name] = time.monotonic() + AWAY_SECONDS
            except RelayRefused as refused:
                if refused.status == _AWAY:
                    order = [each for each in order if each == origin]
                elif refused.status == _FULL:
                    failure = refused
                else:
                    raise
        raise failure

    @asynccontextmanager
    async def segments(self, grant: Grant) -> AsyncGenerator[AsyncIterator[bytes]]:
        """A stage's segments as they are made, from where it is published."""
        client = self.clients[self.origin(grant.session)]
        async with client.segments(grant.session, self._signed(grant)) as stream:
            yield stream

    async def segment(self, grant: Grant, name: str) -> bytes | None:
        """One file of a stage that is packaged already, by its name."""
        client = self.clients[self.origin(grant.session)]
        return await client.segment(grant.session, name, self._signed(grant))

    async def hang_up(self, location: str) -> None:
        """End a connection. One that is already over, or whose relay is gone, is as good."""
        name, _, path = location.partition("/")
        client = self.clients.get(name)
        if client is not None:
            await client.hang_up(f"/{path}")

    async def healthy(self) -> bool:
        """Whether all of them answer."""
        asked = [client.healthy() for client in self.clients.values()]
        return all(await asyncio.gather(*asked))

    async def metrics(self) -> str:
        """Prometheus' text: of the only one as it is, of several with a label `relay`."""
        if len(self.clients) == 1:
            (only,) = self.clients.values()
            return await only.metrics()
        told: dict[str, str] = {}
        for number, client in enumerate(self.clients.values()):
            try:
                told[str(number)] = await client.metrics()
            except RelayAway:
                continue
        if not told:
            raise RelayAway("no media relay answers")
        return labelled(told)

    async def events(self, name: str) -> AsyncGenerator[RelayEvent]:
        """Every event of one relay, for ever."""
        async for event in self.clients[name].events():
            yield event

    def _order(self, grant: Grant) -> list[str]:
        """Where to ask, first the one that is this person's, last those that did not answer."""
        now = time.monotonic()
        mine = ranked(self.clients, f"{grant.session} {grant.who}")
        return sorted(mine, key=lambda name: self._away_until.get(name, 0.0) > now)

    def _signed(self, grant: Grant) -> str:
        return sign(grant, self._secret)


def ranked(names: Iterable[str], key: str) -> list[str]:
    """Names by their weight for a key (rendezvous hashing): one more or less moves few keys."""

    def weight(name: str) -> bytes:
        return hashlib.sha256(f"{name} {key}".encode()).digest()

    return sorted(names, key=weight)


def labelled(texts: Mapping[str, str]) -> str:
    """Several relays' metrics as one text, each sample with the relay that it is of."""
    families: dict[str, list[str]] = {}
    for relay, text in texts.items():
        family: list[str] = []
        for line in text.splitlines():
            if line.startswith("#"):
                family = families.setdefault(line, [])
            elif sample := _SAMPLE.fullmatch(line):
                name, labels, value = sample.groups()
                more = f",{labels}" if labels else ""
                family.append(f'{name}{{relay="{relay}"{more}}} {value}')
    return "".join("\n".join([head, *samples]) + "\n" for head, samples in families.items())


def _pulling(grant: Grant, origin: str) -> Grant:
    return Grant(who=grant.who, session=grant.session, may=grant.may, exp=grant.exp, origin=origin)


def _at(name: str, answer: Answer) -> Answer:
    return Answer(location=f"{name}{answer.location}", sdp=answer.sdp)


def _name(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:8]
