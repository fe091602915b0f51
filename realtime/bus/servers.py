"""The servers that hold our keys: one, the master that sentinels name, or a cluster's primaries.

Every connection goes to a fixed address, so none arrives at another master without our knowing.
Whatever a server refuses, be it `MOVED` or `READONLY`, counts as being away, and who is away looks
again. Each server has a name, its `home`, that no other master of the same keys has: topics whose
epoch was set elsewhere begin anew, because a replica may lack what was acknowledged.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha1
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import ClusterDownError, RedisError

from realtime.bus.address import Address, Kind, Place, read_address
from realtime.bus.scripts import SCRIPTS

AWAY = (RedisError, OSError, TimeoutError)
"""Also a full disk or a replica that was the master: whatever Redis refuses, we go on without."""

ANSWER_SECONDS = 1.0
"""Redis answers in a millisecond; only the first command of an outage waits this long."""

BRIEF: dict[str, Any] = {
    "protocol": 2,
    "retry": Retry(NoBackoff(), 0),
    "socket_timeout": ANSWER_SECONDS,
    "socket_connect_timeout": ANSWER_SECONDS,
}
"""Answers come soon or not at all; we retry ourselves."""

LAST_SLOT = REDIS_CLUSTER_HASH_SLOTS - 1


class Order(NamedTuple):
    """A command, and the key that says to whom it goes."""

    key: str
    words: tuple[Any, ...]


class Server(NamedTuple):
    """One that holds keys, and what it is called; nothing where there is no other."""

    redis: Redis
    home: str


class Servers:
    """Who holds which key, as far as is known."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._holders: list[tuple[int, Server]] = []
        self._clients: dict[Place, Redis] = {}  # all that were ever named: few, and some come back
        self._known: list[Place] = list(address.places)
        self._sentinel: Sentinel | None = None
        if address.kind is Kind.SERVER:
            self._holders = [(LAST_SLOT, Server(Redis.from_url(address.url, **BRIEF), ""))]
        elif address.kind is Kind.SENTINEL:
            known = Sentinel(address.places, sentinel_kwargs=BRIEF)  # type: ignore[no-untyped-call]
            self._sentinel = known

    @property
    def all(self) -> list[Redis]:
        return list(dict.fromkeys(server.redis for _, server in self._holders))

    def holder(self, key: str) -> Server:
        """Who holds a key; the braces in it choose a cluster's slot."""
        if not self._holders:
            raise ClusterDownError("nobody was found yet")
        if len(self._holders) == 1:
            return self._holders[0][1]
        at = bisect_left(self._holders, key_slot(key.encode()), key=lambda holder: holder[0])
        return self._holders[at][1]

    async def look(self) -> None:
        """Find out who holds what; once for one server, else after every outage."""
        if self._sentinel is not None:
            self._holders = [(LAST_SLOT, await self._master(self._sentinel))]
        elif self._address.kind is Kind.CLUSTER:
            self._holders = await self._primaries()
        kept = self.all
        for client in self._clients.values():
            if client not in kept:
                await client.connection_pool.disconnect(inuse_connections=False)

    async def exchange(self, orders: Sequence[Order]) -> list[Any]:
        """Send commands, to each server its own in order; the answers, exceptions among them."""
        shares: dict[Redis, list[int]] = {}
        for at, order in enumerate(orders):
            shares.setdefault(self.holder(order.key).redis, []).append(at)
        answers: list[Any] = [None] * len(orders)

        async def ask(redis: Redis, places: list[int]) -> None:
            try:
                async with redis.pipeline(transaction=False) as pipeline:
                    for at in places:
                        pipeline.execute_command(*orders[at].words)
                    said = await pipeline.execute(raise_on_error=False)
            except AWAY as away:
                said = [away] * len(places)
            for at, answer in zip(places, said, strict=True):
                answers[at] = answer

        await asyncio.gather(*(ask(redis, places) for redis, places in shares.items()))
        return answers

    async def teach(self) -> None:
        """Scripts belong to a server, not to a cluster, and a new master knows none."""
        for redis in self.all:
            for script in SCRIPTS:
                await redis.script_load(script.text)

    async def names(self, pattern: str) -> AsyncIterator[str]:
        """Every key that is called so, on every server."""
        for redis in self.all:
            async for name in redis.scan_iter(match=pattern, count=1_000):
                yield name.decode()

    async def close(self) -> None:
        sentinels = self._sentinel.sentinels if self._sentinel is not None else []
        for client in {*self._clients.values(), *self.all, *sentinels}:
            await client.aclose()

    async def _master(self, sentinel: Sentinel) -> Server:
        # Another one first each time: one that is cut off from the others knows an old master.
        sentinel.sentinels.append(sentinel.sentinels.pop(0))
        host, port = await sentinel.discover_master(self._address.service)
        return Server(self._client((host, port)), _home(f"{host}:{port}"))

    async def _primaries(self) -> list[tuple[int, Server]]:
        """From the first node that knows a holder for every slot; another is asked each time."""
        self._known.append(self._known.pop(0))
        failure: Exception = ClusterDownError("no node knows a holder for every slot")
        for place in list(self._known):
            try:
                told = await self._slots(place)
            except AWAY as away:
                failure = away
                continue
            spans = sorted(_spans(told, place[0]))
            if not _complete(spans):
                continue
            named = {*self._address.places, *(node for span in spans for node in span.nodes)}
            self._known = [node for node in self._known if node in named]
            self._known += sorted(named - {*self._known})
            return [
                (span.last, Server(self._client(span.nodes[0]), _home(span.name))) for span in spans
            ]
        raise failure

    async def _slots(self, place: Place) -> Any:
        return await self._client(place).execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]

    def _client(self, place: Place) -> Redis:
        if place not in self._clients:
            host, port = place
            self._clients[place] = Redis(
                host=host,
                port=port,
                username=self._address.username,
                password=self._address.password,
                **BRIEF,
            )
        return self._clients[place]


class _Span(NamedTuple):
    """Slots in a row, who holds them, and who copies them."""

    first: int
    last: int
    name: str
    nodes: list[Place]


def _spans(told: Iterable[Sequence[Any]], asked: str) -> Iterable[_Span]:
    """`CLUSTER SLOTS`: first and last slot, then nodes as host, port and id, the primary first.

    A node that does not know its own host leaves it out: it is where it was asked.
    """
    for first, last, *nodes in told:
        places = [((node[0] or b"").decode() or asked, int(node[1])) for node in nodes]
        yield _Span(int(first), int(last), nodes[0][2].decode(), places)


def _complete(spans: Sequence[_Span]) -> bool:
    ends = [-1, *(span.last for span in spans)]
    return ends[-1] == LAST_SLOT and all(
        span.first == end + 1 for end, span in zip(ends, spans, strict=False)
    )


def _home(name: str) -> str:
    return sha1(name.encode(), usedforsecurity=False).hexdigest()[:8]


@asynccontextmanager
async def open_servers(url: str) -> AsyncGenerator[Servers]:
    """Raises BadAddress; connects to nobody."""
    servers = Servers(read_address(url))
    try:
        yield servers
    finally:
        await servers.close()
