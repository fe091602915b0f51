"""What probes ask: whether this process is alive, and whether it can serve."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from server.access import public
from server.db import DATABASE_AWAY, answers
from server.services import Services

SECONDS = 2
"""A database that takes longer to say 1 is not ready."""


async def healthz(_request: Request) -> Response:
    return PlainTextResponse("ok")


async def readyz(request: Request) -> Response:
    """200 when the database answers; the relay's state is told and need not be well."""
    services: Services = request.state.services
    try:
        async with asyncio.timeout(SECONDS):
            await answers(services.db)
    except (*DATABASE_AWAY, OSError, TimeoutError):
        return JSONResponse({"database": "away"}, 503)
    return JSONResponse(
        {"database": "ok", "relay": "ok" if await services.relay.healthy() else "away"}
    )


routes = [public("/healthz", healthz), public("/readyz", readyz)]
