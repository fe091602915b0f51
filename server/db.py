"""The database: one declarative base, two ways to open a transaction.

SQLite by default, PostgreSQL beyond one process. Both give back aware times and refuse naive ones.
`begin` writes; `read` only looks, and on SQLite never waits for a writer.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    Connection,
    Date,
    DateTime,
    Dialect,
    ExceptionContext,
    ForeignKeyConstraint,
    MetaData,
    Text,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi as adapted
from sqlalchemy.exc import (
    InterfaceError,
    InvalidatePoolError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql import ClauseElement, Select
from sqlalchemy.types import BigInteger, TypeDecorator, TypeEngine, Uuid

from server.watched import CONNECT_SECONDS, Watched, let_go

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000")

Key = TypeVar("Key")

Rows = AsyncSession
"""An open transaction, as files that may not import sqlalchemy name it."""

DatabaseError = SQLAlchemyError
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
"""What passes by itself: the database restarts, is locked, is out of room."""

REST_SECONDS = 0.5
"""A connection that was used within so long is not asked whether it lives: PostgreSQL needs longer
to come back, and whoever is there in between is told that it is away."""

_RESTING = "resting_since"

POOL = 20
"""Connections of one process: more would only queue inside PostgreSQL."""


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: `timestamptz` on PostgreSQL, sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        assert value.tzinfo is not None, "a naive time has no meaning here"
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Word(TypeDecorator[StrEnum]):
    """A member of a closed list, kept as its text so that a new member needs no migration."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        return None if value is None else self.members(value)


class Doc(TypeDecorator[Any]):
    """A small JSON document: `jsonb` on PostgreSQL."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.JSONB())
        return dialect.type_descriptor(JSON())


class Base(DeclarativeBase):
    """Every table; constraints get names so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        },
    )
    type_annotation_map: ClassVar = {
        datetime: Instant(),
        date: Date(),
        UUID: Uuid(),
        str: Text(),
        int: BigInteger(),
    }


@dataclass(frozen=True, slots=True)
class Database:
    """Where rows live. `async with database.begin() as db:` commits at the end or not at all."""

    engine: AsyncEngine
    _write: async_sessionmaker[AsyncSession]
    _read: async_sessionmaker[AsyncSession]
    _reader: AsyncEngine

    def begin(self) -> AbstractAsyncContextManager[AsyncSession]:
        return _cancellable(self._write.begin())

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return _cancellable(self._read.begin())

    async def close(self) -> None:
        await self.engine.dispose()
        if self._reader is not self.engine:
            await self._reader.dispose()


@asynccontextmanager
async def _cancellable(
    opening: AbstractAsyncContextManager[AsyncSession],
) -> AsyncGenerator[AsyncSession]:
    """A task that is cancelled ends, though the driver's rollback says that the database is away.

    Whoever tries again for ever when it is away would otherwise outlive its own end.
    """
    try:
        async with opening as db:
            yield db
    except DATABASE_AWAY as away:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from away
        raise


_DIALECTS: dict[str, Any] = {"postgresql": postgresql, "sqlite": sqlite}


def insert(db: AsyncSession, row: type[Base]) -> Any:
    """An insert in the database's own dialect, which alone knows `ON CONFLICT`."""
    return _DIALECTS[db.get_bind().dialect.name].insert(row)


def overwriting(
    db: AsyncSession, row: type[Base], key: tuple[str, ...], changing: tuple[str, ...]
) -> Any:
    """An insert of many rows; where the key is there already, what may change is written over.

    Composed once: that took a tenth of the time of a hub with ten thousand people.
    """
    return _overwriting(db.get_bind().dialect.name, row, key, changing)


@cache
def _overwriting(
    name: str, row: type[Base], key: tuple[str, ...], changing: tuple[str, ...]
) -> Any:
    statement: Any = _DIALECTS[name].insert(row)
    return statement.on_conflict_do_update(
        index_elements=key, set_={name: statement.excluded[name] for name in changing}
    )


async def insert_once(db: AsyncSession, row: type[Base], **values: object) -> bool:
    """Insert unless the row is there already; True when it was new."""
    result: Any = await db.execute(insert(db, row).values(**values).on_conflict_do_nothing())
    return bool(result.rowcount)


def padded(keys: Iterable[Key]) -> list[Key]:
    """Keys for an `IN`, the last repeated up to a power of two: few statements to prepare."""
    each = list(keys)
    return each + each[-1:] * ((1 << max(len(each) - 1, 0).bit_length()) - len(each))


async def upsert(db: AsyncSession, row: type[Base], key: Iterable[str], **values: object) -> None:
    """Insert, or overwrite all but the key of the row that is there."""
    names = tuple(key)
    rest = {name: value for name, value in values.items() if name not in names}
    statement = insert(db, row).values(**values)
    await db.execute(statement.on_conflict_do_update(index_elements=names, set_=rest))


def normal_url(url: str) -> str:
    """What people paste, as the async drivers want it."""
    scheme, separator, rest = url.partition("://")
    drivers = {"postgres": "postgresql+asyncpg", "postgresql": "postgresql+asyncpg"}
    drivers["sqlite"] = "sqlite+aiosqlite"
    return drivers.get(scheme, scheme) + separator + rest


def open_database(url: str, *, serving: bool = False) -> Database:
    """`serving` is for processes that others wait for; commands may think between statements."""
    url = normal_url(url)
    if url.startswith("sqlite"):
        engine = create_async_engine(url, hide_parameters=True)
        reader = create_async_engine(url, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _prepare)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
        event.listen(reader.sync_engine, "connect", _prepare_reader)
        event.listen(reader.sync_engine, "begin", _begin)
    else:
        engine = create_async_engine(
            url,
            pool_size=POOL,
            max_overflow=0,
            hide_parameters=True,
            connect_args={"timeout": CONNECT_SECONDS, "connection_class": Watched},
        )
        if serving:
            event.listen(engine.sync_engine, "connect", let_go)
        event.listen(engine.sync_engine, "handle_error", _as_away)
        event.listen(engine.sync_engine, "checkin", _rest)
        event.listen(engine.sync_engine, "checkout", _pinging(engine.dialect))
        reader = engine
    writing = async_sessionmaker(engine, expire_on_commit=False)
    return Database(engine, writing, async_sessionmaker(reader, expire_on_commit=False), reader)


def _rest(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_RESTING] = time.monotonic()


def _pinging(dialect: Dialect) -> Callable[[Any, ConnectionPoolEntry, object], None]:
    """Ask a connection that rested whether it still is one; another one is taken if not.

    A server that was busy a moment ago is there: a ping before each transaction (`pool_pre_ping`)
    is three statements more, a tenth of the time of a hub with ten thousand people.
    """

    def ping(connection: Any, record: ConnectionPoolEntry, _proxied: object) -> None:
        now = time.monotonic()
        if now - record.info.get(_RESTING, now) <= REST_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except (dialect.loaded_dbapi.Error, OSError) as gone:
            raise InvalidatePoolError from gone

    return ping


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own loses updates
    for pragma in PRAGMAS:
        connection.cursor().execute(f"PRAGMA {pragma}")


def _prepare_reader(connection: sqlite3.Connection, record: object) -> None:
    _prepare(connection, record)
    connection.cursor().execute("PRAGMA query_only=ON")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


AWAY_STATES = ("08", "53", "57P")
"""SQLSTATE classes: connection lost, out of resources, shutting down or starting up."""


def _as_away(context: ExceptionContext) -> OperationalError | None:
    """A PostgreSQL that stops or starts says so in many classes; here all of them are one."""
    original, known = context.original_exception, context.sqlalchemy_exception
    state = getattr(original, "sqlstate", None) or getattr(original.__cause__, "sqlstate", None)
    cut = context.is_disconnect or isinstance(original, adapted.InternalClientError)
    if isinstance(known, DATABASE_AWAY) or not (cut or str(state or "").startswith(AWAY_STATES)):
        return None
    return OperationalError(None, None, original, hide_parameters=True)


async def answers(database: Database) -> None:
    """Ask the database for anything at all; raises when it is away."""
    async with database.read() as db:
        await db.execute(text("select 1"))


async def snapshot(db: AsyncSession) -> None:
    """From now on this transaction reads the database as it is at this moment; call it first."""
    if db.get_bind().dialect.name == "postgresql":
        await db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    await db.execute(text("select 1"))  # begins it


async def columns(db: AsyncSession, statement: Select[Any]) -> list[Sequence[Any]]:
    """Rows as the driver gives them, column by column: for whoever reads a hundred thousand.

    Values are those of the column's own type in the database; parameters are written out.
    PostgreSQL sends each column as one array, which it fills in the order of the subquery.
    """
    connection = await db.connection()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if connection.dialect.name == "sqlite":
        rows = await driver.execute_fetchall(_written_out(statement, connection.dialect))
        return list(zip(*rows, strict=True)) or [() for _ in statement.selected_columns]
    arrays = [func.array_agg(column) for column in statement.subquery().columns]
    (found,) = await driver.fetch(_written_out(select(*arrays), connection.dialect))
    return [column or () for column in found]


def _written_out(statement: ClauseElement, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


async def bulk(db: AsyncSession, statement: Select[Any]) -> list[Any]:
    """The same row by row."""
    return list(zip(*await columns(db, statement), strict=True))


SAFE = {
    "fsync": frozenset({"on"}),
    "full_page_writes": frozenset({"on"}),
    "synchronous_commit": frozenset({"on", "local", "remote_write", "remote_apply"}),
}
"""PostgreSQL's settings without which a commit that was acknowledged may be lost."""


async def unsafe_settings(database: Database) -> list[str]:
    """Those of `SAFE` that are set otherwise, as `name = value`; SQLite's are ours to set."""
    if database.engine.dialect.name != "postgresql":
        return []
    wrong = []
    async with database.read() as db:
        for name, values in SAFE.items():
            value = await db.scalar(text(f"SHOW {name}"))
            if value not in values:
                wrong.append(f"{name} = {value}")
    return wrong


async def may_rewrite(database: Database, table: str) -> bool:
    """Whether the role that runs us could change rows that are only added to."""
    if database.engine.dialect.name != "postgresql":
        return False
    async with database.read() as db:
        may = text("select has_table_privilege(current_user, :table, 'UPDATE')")
        return bool(await db.scalar(may, {"table": table}))


def of_session() -> ForeignKeyConstraint:
    """A table's row belongs to a session of its own conference, and goes with it."""
    return ForeignKeyConstraint(
        ["conference_id", "session_id"],
        ["session.conference_id", "session.id"],
        ondelete="CASCADE",
    )
