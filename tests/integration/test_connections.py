"""Connections that PostgreSQL has closed meanwhile: who rested is asked, nobody else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from server import db
from server.db import DATABASE_AWAY, Database, open_database
from tests.servers.postgres import Cluster, running_postgres

pytestmark = pytest.mark.timeout(180)


@asynccontextmanager
async def used_once() -> AsyncGenerator[tuple[Database, Cluster]]:
    """A database whose pool has a connection that worked."""
    with running_postgres() as cluster:
        database = open_database(cluster.create_database())
        try:
            assert await one(database) == 1
            yield database, cluster
        finally:
            await database.close()


async def one(database: Database) -> int:
    async with database.read() as rows:
        return int(await rows.scalar(text("SELECT 1")) or 0)


async def restarted(cluster: Cluster) -> None:
    cluster.crash()
    await asyncio.to_thread(cluster.start)


async def test_a_connection_that_rested_is_asked_and_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(db, "REST_SECONDS", -1.0)
    async with used_once() as (database, cluster):
        await restarted(cluster)
        assert await one(database) == 1, "whoever comes after a restart notices nothing"


async def test_one_that_was_just_used_is_not_asked_and_fails_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(db, "REST_SECONDS", float("inf"))
    async with used_once() as (database, cluster):
        await restarted(cluster)
        with pytest.raises(DATABASE_AWAY):
            await one(database)
        assert await one(database) == 1, "the pool has forgotten it"
