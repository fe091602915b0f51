"""Lets go of visitors and staff whose pages were closed without a word; runs for ever."""

import asyncio

import structlog

from server.db import DATABASE_AWAY
from server.exhibits import states
from server.exhibits.talks import store
from server.services import Services

EVERY_SECONDS = 5.0
"""How late at most a hall shows that somebody has gone, beside their lease."""

log = structlog.get_logger()


async def keep_booths(services: Services) -> None:
    """Several processes may do this at once: each row changes in one of them."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await let_go(services)
        except (*DATABASE_AWAY, OSError) as error:
            log.warning("exhibits.away", error=type(error).__name__)


async def let_go(services: Services) -> None:
    async with services.db.read() as db:
        if not await store.lapsing(db):
            return
    async with services.db.begin() as db:
        changed = await store.lapse(db)
    for (conference_id, booth_id), visits in changed.items():
        await states.show(services, conference_id, booth_id, *visits)
