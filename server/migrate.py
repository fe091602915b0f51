"""Brings a database to the present schema, or says that it is behind.

A database that is up to date is recognised without loading the migrations' library, which takes
longer to import than all the rest of a start.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from server.db import open_database

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent.parent / "migrations"

NEWEST = max(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*_*.py"))
"""The revision of this code: files are named after theirs, `0001_first.py`."""


def _config() -> "Config":
    from alembic.config import Config

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
    if revision == "head" and not await behind(url):
        return
    from alembic import command

    def act(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    await _run(url, act)


async def downgrade(url: str, revision: str = "base") -> None:
    from alembic import command

    def act(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)

    await _run(url, act)


async def behind(url: str) -> bool:
    """Whether the database lacks a migration that this code needs."""
    found: list[str | None] = []
    await _run(url, lambda connection: found.append(_revision(connection)))
    return found[0] != NEWEST


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("select version_num from alembic_version"))
    return revision
