"""The ledger as rows: one chain per conference, only added to, in the transaction it tells of.

Rows name people by a random id, the subject; `subject` alone says who that is, and erasing somebody
is forgetting that row. Lock order: whatever else a transaction changes comes first, the head last.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import starmap
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import (
    ForeignKey,
    Index,
    LargeBinary,
    String,
    delete,
    func,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from server import clock
from server.agenda.store import Conference
from server.attendance.chain import Checkpoint, Entry, Kind, Link, Signed, Stamp, extend, genesis
from server.db import Base, bulk, columns, insert, insert_once

PAGE = 4_000
"""Rows read at a time by whoever walks a chain: a megabyte or two."""

SALT_BYTES = 32


class Ledger(Base):
    """One row of one conference's chain. The database refuses to change or delete any."""

    __tablename__ = "ledger"
    __table_args__ = (
        Index("uq_ledger_command_id", "conference_id", "command_id", unique=True),
        Index("ix_ledger_subject", "subject"),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    subject: Mapped[UUID | None]
    command_id: Mapped[UUID | None]
    committed_ms: Mapped[int]
    boot_id: Mapped[UUID]
    mono_ms: Mapped[int]
    body: Mapped[str]
    h: Mapped[bytes] = mapped_column(LargeBinary)


class LedgerHead(Base):
    """Where the chain ends; its lock lets one transaction at a time add to it."""

    __tablename__ = "ledger_head"

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    n: Mapped[int]
    h: Mapped[bytes] = mapped_column(LargeBinary)


class Subject(Base):
    """Who a subject of the ledger is. `salt` keys what the ledger holds of a person's words."""

    __tablename__ = "subject"

    person_id: Mapped[UUID] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), primary_key=True
    )
    subject: Mapped[UUID] = mapped_column(unique=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class CheckpointRow(Base):
    """What the chain was at a moment, signed; a copy is kept outside of this database."""

    __tablename__ = "checkpoint"

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    h: Mapped[bytes] = mapped_column(LargeBinary)
    at_ms: Mapped[int]
    prev: Mapped[bytes] = mapped_column(LargeBinary)  # SHA-256 of the one before, empty at first
    key_id: Mapped[str]
    sig: Mapped[bytes] = mapped_column(LargeBinary)


class Head(NamedTuple):
    n: int
    h: bytes


class Written(NamedTuple):
    """A row as a verifier wants it: `text` is all that is hashed after the conference's id."""

    n: int
    text: str
    h: bytes

    @property
    def kind(self) -> str:
        return self.text.split("\n", 2)[1]

    @property
    def subject(self) -> str:
        """32 hexadecimal digits, or nothing."""
        return self.text.split("\n", 3)[2]

    @property
    def body(self) -> str:
        return self.text.rpartition("\n")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudonym:
    """How the ledger calls a person."""

    subject: UUID
    salt: bytes


async def append(db: AsyncSession, conference_id: UUID, entries: Sequence[Entry]) -> list[Link]:
    """Add rows at the end of the chain; call it last, since it locks the head until COMMIT."""
    if not entries:
        return []
    head = await lock_head(db, conference_id)
    stamp = Stamp(committed_ms=clock.now_ms(), boot_id=clock.BOOT_ID, mono_ms=clock.steady_ms())
    links = extend(conference_id, head.n, head.h, entries, stamp)
    await db.execute(insert(db, Ledger), [_row(conference_id, link, stamp) for link in links])
    await db.execute(
        update(LedgerHead)
        .where(LedgerHead.conference_id == conference_id)
        .values(n=links[-1].n, h=links[-1].h)
    )
    return links


async def lock_head(db: AsyncSession, conference_id: UUID) -> Head:
    """The end of the chain, held until COMMIT; a conference without one begins it."""
    wanted = (
        select(LedgerHead.n, LedgerHead.h)
        .where(LedgerHead.conference_id == conference_id)
        .with_for_update()
    )
    row = (await db.execute(wanted)).first()
    if row is None:
        await insert_once(
            db, LedgerHead, conference_id=conference_id, n=0, h=genesis(conference_id)
        )
        row = (await db.execute(wanted)).one()
    return Head(row.n, row.h)


async def head(db: AsyncSession, conference_id: UUID) -> Head | None:
    row = await db.execute(
        select(LedgerHead.n, LedgerHead.h).where(LedgerHead.conference_id == conference_id)
    )
    found = row.first()
    return Head(found.n, found.h) if found else None


async def heads(db: AsyncSession) -> dict[UUID, Head]:
    """The end of every chain of this server."""
    rows = await db.execute(select(LedgerHead.conference_id, LedgerHead.n, LedgerHead.h))
    return {row.conference_id: Head(row.n, row.h) for row in rows}


async def around_now(db: AsyncSession) -> list[UUID]:
    """The conferences that run today, give or take a day of time zones."""
    today, day = clock.moment(clock.now_ms()).date(), timedelta(days=1)
    rows = await db.scalars(
        select(Conference.id)
        .where(Conference.starts_on <= today + day, Conference.ends_on >= today - day)
        .order_by(Conference.id)
    )
    return list(rows)


async def pages(
    db: AsyncSession, conference_id: UUID, *, after: int = 0
) -> AsyncGenerator[Iterable[tuple[int, str, bytes]]]:
    """The chain in order, many rows at a time, as of `Written`; the database writes out the text.

    The next page is read while one is looked at, so nothing else may use `db` until the last one,
    and who leaves early closes the generator.
    """
    wanted = _written(db, conference_id)
    coming = asyncio.ensure_future(_page(db, wanted, after))
    try:
        while (page := await coming)[0]:
            coming = asyncio.ensure_future(_page(db, wanted, page[0][-1]))
            yield zip(*page, strict=True)
    finally:
        await asyncio.gather(coming, return_exceptions=True)


async def _page(db: AsyncSession, wanted: Any, after: int) -> list[Sequence[Any]]:
    # By numbers first: a planner that knows the table badly sorts all of it for every LIMIT.
    page = await columns(db, wanted.where(Ledger.n > after, Ledger.n <= after + PAGE))
    if not page[0]:  # the end, or a hole that the walk has to see
        page = await columns(db, wanted.where(Ledger.n > after).limit(PAGE))
    return page


async def bodies(db: AsyncSession, conference_id: UUID, *kinds: Kind) -> list[Written]:
    """The rows of some kinds, in order."""
    wanted = _written(db, conference_id).where(Ledger.kind.in_([kind.value for kind in kinds]))
    return list(starmap(Written, await bulk(db, wanted)))


def formatted(db: AsyncSession, template: str, *parts: Any) -> ColumnElement[str]:
    """Text that the database makes of values, where `%s` stands for each; nothing for NULL."""
    name = "printf" if db.get_bind().dialect.name == "sqlite" else "format"
    made: ColumnElement[str] = getattr(func, name)(template, *parts)
    return made


def digits(db: AsyncSession, column: Any) -> ColumnElement[str]:
    """An id as 32 hexadecimal digits, which is how SQLite keeps it."""
    if db.get_bind().dialect.name == "sqlite":
        return type_coerce(column, String)
    return func.encode(func.uuid_send(column), "hex")


async def last_ms(db: AsyncSession, conference_id: UUID) -> int | None:
    """When the newest row was written."""
    found: int | None = await db.scalar(
        select(Ledger.committed_ms)
        .where(Ledger.conference_id == conference_id)
        .order_by(Ledger.n.desc())
        .limit(1)
    )
    return found


async def pseudonyms(db: AsyncSession, person_ids: Collection[UUID]) -> dict[UUID, Pseudonym]:
    """How the ledger calls these people; who has no subject yet gets one."""
    wanted = set(person_ids)
    found = await known(db, wanted)
    if len(found) == len(wanted):
        return found
    new = [
        {"person_id": one, "subject": uuid4(), "salt": secrets.token_bytes(SALT_BYTES)}
        for one in sorted(wanted - found.keys())
    ]
    await db.execute(insert(db, Subject).on_conflict_do_nothing(), new)
    return await known(db, wanted)


async def pseudonym(db: AsyncSession, person_id: UUID) -> Pseudonym:
    return (await pseudonyms(db, (person_id,)))[person_id]


async def known_subject(db: AsyncSession, person_id: UUID) -> UUID | None:
    found: UUID | None = await db.scalar(
        select(Subject.subject).where(Subject.person_id == person_id)
    )
    return found


async def living(db: AsyncSession, subjects: Collection[str]) -> set[str]:
    """Which of these, in hexadecimal digits, are still somebody's."""
    wanted = [UUID(hex=one) for one in subjects]
    found = await db.scalars(select(Subject.subject).where(Subject.subject.in_(wanted)))
    return {one.hex for one in found}


async def forget(db: AsyncSession, person_id: UUID) -> bool:
    """Destroy what links the ledger to a person; each chain that tells of them says so."""
    subject = await known_subject(db, person_id)
    if subject is None:
        return False
    told = await db.scalars(
        select(Ledger.conference_id)
        .where(Ledger.subject == subject)
        .distinct()
        .order_by(Ledger.conference_id)
    )
    conferences = list(told)
    await db.execute(delete(Subject).where(Subject.person_id == person_id))
    for conference_id in conferences:
        erased = Entry(kind=Kind.ERASED, subject=subject, body={})
        await append(db, conference_id, [erased])
    return True


async def checkpoints(db: AsyncSession, conference_id: UUID) -> list[Signed]:
    """Every checkpoint of a chain, oldest first."""
    rows = await db.scalars(
        select(CheckpointRow)
        .where(CheckpointRow.conference_id == conference_id)
        .order_by(CheckpointRow.n)
    )
    return [_signed(row) for row in rows]


async def newest_checkpoint(db: AsyncSession, conference_id: UUID) -> Signed | None:
    row = await db.scalar(
        select(CheckpointRow)
        .where(CheckpointRow.conference_id == conference_id)
        .order_by(CheckpointRow.n.desc())
        .limit(1)
    )
    return None if row is None else _signed(row)


async def add_checkpoint(db: AsyncSession, signed: Signed) -> None:
    made = signed.checkpoint
    await db.execute(
        insert(db, CheckpointRow).values(
            conference_id=made.conference_id, n=made.n, h=made.h, at_ms=made.at_ms,
            prev=made.before, key_id=made.key_id, sig=signed.sig,
        )
    )  # fmt: skip


async def turned_since(db: AsyncSession, conference_id: UUID, n: int) -> bool:
    """Whether a session went on or off air after a row."""
    wanted = select(Ledger.n).where(
        Ledger.conference_id == conference_id, Ledger.n > n, Ledger.kind == Kind.LIVE.value
    )
    return await db.scalar(wanted.limit(1)) is not None


async def known(db: AsyncSession, person_ids: Collection[UUID]) -> dict[UUID, Pseudonym]:
    """The same of those who have a subject already."""
    rows = await db.execute(
        select(Subject.person_id, Subject.subject, Subject.salt).where(
            Subject.person_id.in_(person_ids)
        )
    )
    return {row.person_id: Pseudonym(subject=row.subject, salt=row.salt) for row in rows}


def _row(conference_id: UUID, link: Link, stamp: Stamp) -> dict[str, Any]:
    return {
        "conference_id": conference_id,
        "n": link.n,
        "kind": link.entry.kind.value,
        "subject": link.entry.subject,
        "command_id": link.entry.command_id,
        "committed_ms": stamp.committed_ms,
        "boot_id": stamp.boot_id,
        "mono_ms": stamp.mono_ms,
        "body": link.body,
        "h": link.h,
    }


def _written(db: AsyncSession, conference_id: UUID) -> Any:
    """Columns of `Written`: the text is `chain.prefix` and body, as the database writes it."""
    text = formatted(
        db,
        "\n".join(["%s"] * 8),
        Ledger.n,
        Ledger.kind,
        digits(db, Ledger.subject),
        digits(db, Ledger.command_id),
        Ledger.committed_ms,
        digits(db, Ledger.boot_id),
        Ledger.mono_ms,
        Ledger.body,
    )
    wanted: Any = select(Ledger.n, text, Ledger.h)
    return wanted.where(Ledger.conference_id == conference_id).order_by(Ledger.n)


def _signed(row: CheckpointRow) -> Signed:
    made = Checkpoint(
        conference_id=row.conference_id,
        n=row.n,
        h=row.h,
        at_ms=row.at_ms,
        before=row.prev,
        key_id=row.key_id,
    )
    return Signed(checkpoint=made, sig=row.sig)
