"""Brings a database to the present schema, or says that it is behind.

A database that is up to date is recognised without loading the migrations' library, which takes
longer to import than all the rest of a start.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, make_url, text

from server.db import normal_url, open_database

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


async def let_run(owner_url: str, running_url: str) -> None:
    """Give the running role its rights: rows everywhere, but the ledger is only added to.

    Nothing to do where one role does both, or on SQLite, which has none.
    """
    owner, running = (make_url(normal_url(url)) for url in (owner_url, running_url))
    role = running.username
    if owner.get_backend_name() != "postgresql" or role in {None, owner.username}:
        return

    def act(connection: Connection) -> None:
        name = connection.dialect.identifier_preparer.quote(str(role))
        for statement in (
            "GRANT USAGE ON SCHEMA public TO {}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
            "REVOKE UPDATE, DELETE, TRUNCATE ON ledger, checkpoint FROM {}",
            "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {}",
        ):
            connection.exec_driver_sql(statement.format(name))

    await _run(owner_url, act)


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
