"""Somebody who writes what is said in the live session, a few words at a time.

Whoever tries the desk's captions is not talked over: this one waits while others write.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import cycle
from uuid import UUID

import structlog

from server import clock
from server.captions import store
from server.demo import cast, content
from server.demo.founding import Congress
from server.errors import Refused
from server.services import Services

Send = Callable[..., Awaitable[object]]
"""One command of one person: who, its type, its fields."""

WORDS, GROW_SECONDS, PAUSE_SECONDS = 3, 1.0, 1.5
"""How many words come at a time, how often they do, and the breath after a line."""

AWAY_SECONDS, QUIET_MS = 5.0, 60_000
"""How often it is looked whether it goes on, and for how long nobody else has written then."""

log = structlog.get_logger()


class Captioner:
    def __init__(self, services: Services, congress: Congress, send: Send) -> None:
        self._services, self._congress, self._send = services, congress, send

    async def run(self) -> None:
        """For ever; the same talk over and over."""
        for line in cycle(content.SAID):
            if await self._others_write():
                await asyncio.sleep(AWAY_SECONDS)
                continue
            try:
                await self._write(line)
            except Refused as refusal:
                log.info("demo.refused", code=refusal.code)
                await asyncio.sleep(AWAY_SECONDS)

    async def _write(self, line: str) -> None:
        words = line.split()
        said = await self._send(
            cast.MODERATOR.key, "caption.say", text=" ".join(words[:WORDS]), final=False
        )
        assert isinstance(said, UUID), "a line has an id"
        for end in range(2 * WORDS, len(words) + WORDS, WORDS):
            await asyncio.sleep(GROW_SECONDS)
            await self._send(
                cast.MODERATOR.key,
                "caption.change",
                line_id=said,
                text=" ".join(words[:end]),
                final=end >= len(words),
            )
        await asyncio.sleep(PAUSE_SECONDS)

    async def _others_write(self) -> bool:
        place = (self._congress.conference_id, self._congress.live_session)
        async with self._services.db.read() as db:
            last = (await store.tail(db, *place, 1))[-1:]
        since = clock.now_ms() - QUIET_MS
        return any(each.ended_ms > since and not _ours(each.text) for each in last)


def _ours(text: str) -> bool:
    return any(line.startswith(text) for line in content.SAID)
