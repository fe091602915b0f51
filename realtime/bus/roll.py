"""Who writes here, and what a process left behind that died between its commit and the news of it.

Every process renews a lease. Whoever finds one that ran out begins all topics anew: their followers
resync, and what was committed without a word reaches them from the rows. It costs a small script a
second and nothing for each event, where an outbox would cost a write and a delete. A process that
says goodbye leaves nothing behind, and neither does an outage of Redis: nobody is given up until
the survivors have been heard for a while.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from secrets import token_hex
from typing import Any

import structlog

from realtime.bus.bus import BusAway
from realtime.bus.scripts import ALIVE, FORGET, ROLL, Script

BEAT_SECONDS = 1.0
FIRST_SECONDS = 0.1
"""Until it is heard: what dies before it was on the roll leaves nobody who would know of it."""
LEASE_SECONDS = 3.5
"""Noticed a beat later, so that every committed change is told within five seconds."""

STEADY_BEATS = 4
"""So many in a row before anybody else is given up: after an outage all leases have run out."""

Run = Callable[[Script, list[str], Sequence[Any]], Awaitable[Any]]

log = structlog.get_logger()


class Roll:
    """The place of this process among those that write."""

    def __init__(self, run: Run, renew_all: Callable[[], Awaitable[int]]) -> None:
        self._run = run
        self._renew_all = renew_all
        self.me = token_hex(8)
        self._beats = 0

    async def keep(self) -> None:
        """Renew the lease and inherit from the dead, for ever."""
        while True:
            try:
                await self._beat()
                self._beats += 1
            except BusAway:
                self._beats = 0
            await asyncio.sleep(BEAT_SECONDS if self._beats else FIRST_SECONDS)

    async def _beat(self) -> None:
        steady = "1" if self._beats >= STEADY_BEATS else ""
        lease_ms = int(LEASE_SECONDS * 1000)
        dead = await self._run(ALIVE, [ROLL], [self.me, lease_ms, steady])
        if not dead:
            return
        topics = await self._renew_all()
        await self._run(FORGET, [ROLL], dead)
        log.warning("bus.inherited", processes=len(dead), topics=topics)
