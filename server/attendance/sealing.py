"""Seals what was left open: by sockets that dropped, by processes that died."""

import asyncio

import structlog

from server import clock
from server.attendance import store
from server.db import DATABASE_AWAY
from server.services import Services

EVERY_SECONDS = 30
"""What nobody goes on with changes no more; entering it into the ledger soon is tidiness."""

log = structlog.get_logger()


async def keep_sealed(services: Services) -> None:
    """Seal stale spans at start and from then on; a database that is away is asked again."""
    while True:
        try:
            async with services.db.begin() as db:
                sealed = await store.seal_stale(db, clock.now_ms())
            if sealed:
                log.info("attendance.sealed", count=sealed)
        except (*DATABASE_AWAY, OSError) as error:
            log.warning("attendance.sealing", error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)
