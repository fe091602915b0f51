"""Looks after every open socket, once a second; no socket has a timer of its own.

Who says nothing, reads nothing or is not there is closed; whose rights have changed is sent away.
"""

import asyncio
from collections.abc import Collection
from itertools import islice
from typing import Any, Protocol

import structlog

from realtime.hub.peer import Peer
from realtime.limits import ASIDE_SECONDS, FIRST_FRAME_SECONDS, RECHECK_SECONDS, SILENT_SECONDS
from realtime.wire import Close

RECHECKS_AT_ONCE = 100
"""Questions about rights that are open at the same time: they are read together."""

log = structlog.get_logger()


class Rights(Protocol):
    """What is asked of the conference."""

    async def still(self, guest: Any) -> bool:
        """Whether the guest is who they were."""
        ...


class Sweep:
    """Of the peers of one process, which others add and take away."""

    def __init__(self, peers: Collection[Peer], rights: Rights, tasks: asyncio.TaskGroup) -> None:
        self._peers, self._rights, self._tasks = peers, rights, tasks
        self._rechecking: asyncio.Task[None] | None = None

    def look(self, now: float) -> None:
        """Nearly all are well: they cost a look and no call."""
        recent = now - SILENT_SECONDS
        for peer in [
            each
            for each in self._peers
            if each.heard_at < recent or each.aside_at is not None or not each.spoke
        ]:
            _inspect(peer, now)
        self._recheck(now)

    def _recheck(self, now: float) -> None:
        """Ask again about those whose turn it is, a few at a time, once the last are done."""
        if self._rechecking is not None and not self._rechecking.done():
            return
        due = [peer for peer in self._peers if peer.person and peer.recheck_at <= now]
        if due:
            self._rechecking = self._tasks.create_task(self._ask_again(due, now))

    async def _ask_again(self, due: list[Peer], now: float) -> None:
        asking = iter(due)
        while few := list(islice(asking, RECHECKS_AT_ONCE)):
            await asyncio.gather(*(self._ask_still(peer) for peer in few))
            for peer in few:
                peer.recheck_at = now + RECHECK_SECONDS

    async def _ask_still(self, peer: Peer) -> None:
        try:
            if not peer.gone and not await self._rights.still(peer.guest):
                peer.close(Close.RIGHTS_CHANGED)
        except Exception:  # a database that is away throws nobody out
            log.exception("hub.still")


def _inspect(peer: Peer, now: float) -> None:
    mute = not peer.spoke and now - peer.opened_at > FIRST_FRAME_SECONDS
    stuck = peer.aside_at is not None and now - peer.aside_at > ASIDE_SECONDS
    if mute or stuck:
        peer.close(Close.TOO_SLOW)
    elif now - peer.heard_at > 2 * SILENT_SECONDS:
        peer.abort()
    elif now - peer.heard_at > SILENT_SECONDS and not peer.pinged:
        peer.ping()
