"""The application in this process, on a database of the test: for what needs no sockets."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from server.app import create_app
from server.places import RememberedPlaces
from server.services import open_services
from server.settings import Settings

SITE = "http://127.0.0.1:8000"


@asynccontextmanager
async def an_app(
    database_url: str,
    data: Path,
    *,
    url: str = SITE,
    client: tuple[str, int] = ("127.0.0.1", 9),
    mail_url: str = "",
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the application, whose requests come from `client`."""
    settings = Settings(data=str(data), database_url=database_url, url=url, mail_url=mail_url)
    async with asyncio.TaskGroup() as tasks, open_services(settings, tasks) as services:
        app = create_app(services, RememberedPlaces(services.db))
        transport = httpx.ASGITransport(app=app, client=client, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=url, timeout=45) as http:
            yield http
