"""What every server announces to this process, read as one stream. Knows no topic.

In a cluster an announcement would reach us through any node, but the nodes lose it between them
when their link breaks, and tell nobody. We therefore subscribe where the topic is held.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Self

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import TimeoutError as Unanswered

from realtime.bus.servers import ANSWER_SECONDS, AWAY, Servers

IDLE = "rounds:live"
"""Followed by every process: a connection that follows nothing cannot be read."""

QUIET_SECONDS, DEAD_SECONDS = 2.0, 5.0
"""A subscription that heard nothing is asked, and given up: a dropped packet tells nobody."""

MAX_UNREAD = 1_000
"""Announcements read and not yet taken; what comes then waits in the connection."""

Message = dict[str, Any]


class Hearing:
    """One connection and one reader for each server, until one of them breaks."""

    def __init__(self, servers: Servers, tasks: asyncio.TaskGroup) -> None:
        self._servers = servers
        self._tasks = tasks
        self._heard: asyncio.Queue[Message | Exception] = asyncio.Queue(MAX_UNREAD)
        self._pubsubs: dict[Redis, PubSub] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._sending = asyncio.Lock()
        self._over = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over = True  # a cancellation may end in the library as if the server were away
        for reader in self._readers:
            reader.cancel()
        if self._readers:
            await asyncio.wait(self._readers)
        for pubsub in self._pubsubs.values():
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def begin(self) -> None:
        for redis in self._servers.all:
            pubsub = self._pubsubs[redis] = redis.pubsub()
            await pubsub.subscribe(IDLE)
            self._readers.append(self._tasks.create_task(self._read(pubsub)))

    async def subscribe(self, names: Sequence[str]) -> None:
        shares: dict[PubSub, list[str]] = {}
        for name in names:
            shares.setdefault(self._at(name), []).append(name)
        async with self._sending:
            for pubsub, share in shares.items():
                await pubsub.subscribe(*share)

    async def unsubscribe(self, name: str) -> None:
        async with self._sending:
            await self._at(name).unsubscribe(name)

    async def next(self) -> Message | None:
        """What was heard, soon, or nothing; raises what broke."""
        if self._heard.empty():
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    heard = await self._heard.get()
            except TimeoutError:
                return None
        else:
            heard = self._heard.get_nowait()
        if isinstance(heard, Exception):
            raise heard
        return heard

    def _at(self, name: str) -> PubSub:
        return self._pubsubs[self._servers.holder(name).redis]

    async def _read(self, pubsub: PubSub) -> None:
        clock = asyncio.get_running_loop().time
        heard, asked = clock(), False
        try:
            while not self._over:
                message = await pubsub.get_message(timeout=ANSWER_SECONDS)
                if message is not None:
                    await self._heard.put(message)
                    heard, asked = clock(), False
                elif clock() - heard > DEAD_SECONDS:
                    raise Unanswered
                elif clock() - heard > QUIET_SECONDS and not asked:
                    asked = True
                    async with self._sending:
                        await pubsub.ping()
        except AWAY as away:
            if not self._over:
                await self._heard.put(away)
