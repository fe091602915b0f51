"""Fresh, migrated databases in no time: migrated once, then copied for every test."""

import asyncio
import shutil
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from tests.servers.postgres import Postgres

Answer = TypeVar("Answer")


def apart(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Run to the end in a loop of its own, even where another loop is running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


class Templates:
    """A migrated database of each kind, made when the first test asks for it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "migrated.db"
        self._url = ""

    def sqlite(self, folder: Path) -> str:
        if not self._file.exists():
            part = self._file.with_suffix(".part")
            _migrate(f"sqlite+aiosqlite:///{part}")
            part.rename(self._file)
        copy = folder / "rounds.db"
        shutil.copyfile(self._file, copy)
        return f"sqlite+aiosqlite:///{copy}"

    def postgresql(self, postgres: Postgres) -> str:
        if not self._url:
            url = postgres.create_database()
            _migrate(url)
            self._url = url
        return postgres.create_database(template=self._url)


def _migrate(url: str) -> None:
    from server.migrate import upgrade  # noqa: PLC0415 -- unit tests open no database

    apart(upgrade(url))
