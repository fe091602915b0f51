"""Brings a database to the present schema, or says that it is behind."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from server.db import open_database

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


async def _run(url: str, act: Callable[[Connection], None]) -> None:
    database = open_database(url)
    try:
        async with database.engine.connect() as connection:
            await connection.run_sync(act)
            await connection.commit()
    finally:
        await database.close()


async def upgrade(url: str, revision: str = "head") -> None:
    """Take every missing step up; safe to call from several processes at once."""

    def act(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    await _run(url, act)


async def downgrade(url: str, revision: str = "base") -> None:
    def act(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)

    await _run(url, act)


async def behind(url: str) -> bool:
    """Whether the database lacks a migration that this code needs."""
    found: list[str | None] = []
    await _run(url, lambda c: found.append(MigrationContext.configure(c).get_current_revision()))
    return found[0] != ScriptDirectory.from_config(_config()).get_current_head()
