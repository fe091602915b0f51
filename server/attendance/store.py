"""Evidence of presence as rows: one open span per connection, and the spans that are sealed.

A span is a stretch on one connection in which nothing changed (visible, playing) and no two beats
were further apart than the lease. Times are milliseconds of the server's clock.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    ForeignKey,
    Index,
    delete,
    false,
    func,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server.agenda import store as agenda
from server.attendance import ledger
from server.attendance.chain import Entry, Kind
from server.attendance.intervals import intersection, length, union
from server.attendance.rules import Counts, Proof, coverage
from server.attendance.spans import Outcome, Received, Running, receive
from server.db import Base, insert, overwriting, padded
from server.ids import new_id

FORGOTTEN_MS = 600_000
"""A row keeps its connection's echo: after a laptop's sleep, or while the database was away, that
is shorter than this, the next beat goes on. What the silence is worth is no matter of sealing."""


class OpenSpan(Base):
    """The stretch a connection is in now; committed before a beat is acknowledged."""

    __tablename__ = "span_open"
    __table_args__ = (Index("ix_span_open_person_id", "conference_id", "person_id"),)

    connection: Mapped[UUID] = mapped_column(primary_key=True)
    space_id: Mapped[UUID] = mapped_column(primary_key=True)  # a session or a booth
    conference_id: Mapped[UUID] = mapped_column(ForeignKey("conference.id", ondelete="CASCADE"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    booth: Mapped[bool] = mapped_column(default=False)
    device: Mapped[str] = mapped_column(default="")  # "phone" or "laptop", as the browser says
    visible: Mapped[bool]
    playing: Mapped[bool]
    first_ms: Mapped[int]
    last_ms: Mapped[int]
    last_n: Mapped[int]
    beats: Mapped[int]
    max_gap_ms: Mapped[int]
    echo: Mapped[str]


class Span(Base):
    """A sealed stretch: never changed again. `left` says that it ended by an explicit leave."""

    __tablename__ = "span"
    __table_args__ = (
        Index("ix_span_person_id", "conference_id", "person_id", "space_id"),
        Index("ix_span_space_id", "conference_id", "space_id"),
        Index("uq_span_n", "conference_id", "n", unique=True),
    )

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    space_id: Mapped[UUID]
    booth: Mapped[bool] = mapped_column(default=False)
    connection: Mapped[UUID]
    device: Mapped[str] = mapped_column(default="")
    visible: Mapped[bool]
    playing: Mapped[bool]
    first_ms: Mapped[int]
    last_ms: Mapped[int]
    beats: Mapped[int]
    max_gap_ms: Mapped[int]
    left: Mapped[bool] = mapped_column(default=False)
    n: Mapped[int | None]  # the ledger's row that tells of it


class ConnectionNetwork(Base):
    """The part of the net a connection came from: a keyed name, noted with its first evidence."""

    __tablename__ = "connection_network"
    __table_args__ = (Index("ix_connection_network_person_id", "conference_id", "person_id"),)

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    connection: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    network: Mapped[str]


KEPT = ("conference_id", "person_id", "space_id", "booth", "connection", "device", "visible",
        "playing", "first_ms", "last_ms", "beats", "max_gap_ms")  # fmt: skip
"""What a sealed span takes over from the open one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beating:
    """One beat as it waits to be written."""

    conference_id: UUID
    person_id: UUID
    connection: UUID
    space_id: UUID
    booth: bool
    device: str
    received: Received
    first_echo: str
    network: str = ""
    """A keyed name of the part of the net it came from; empty when that is not known."""


async def write_beats(db: AsyncSession, beats: Sequence[Beating]) -> list[Outcome]:
    """Lengthen, seal and begin spans for many beats in one transaction; one outcome each."""
    keys = {(beat.connection, beat.space_id) for beat in beats}
    running = {
        (row.connection, row.space_id): _running(row)
        for row in await db.scalars(
            select(OpenSpan)
            .where(tuple_(OpenSpan.connection, OpenSpan.space_id).in_(padded(keys)))
            .order_by(OpenSpan.connection, OpenSpan.space_id)
            .with_for_update()
        )
    }
    known = set(running)
    owners = {(beat.connection, beat.space_id): beat for beat in beats}
    sealed: list[dict[str, Any]] = []
    outcomes: list[Outcome] = []
    ended: set[tuple[UUID, UUID]] = set()
    kept: set[tuple[UUID, UUID]] = set()
    for beat in beats:
        key = (beat.connection, beat.space_id)
        outcome = receive(running.get(key), beat.received, first_echo=beat.first_echo)
        outcomes.append(outcome)
        if outcome.refusal is not None:
            continue
        kept.add(key)
        sealed.extend(_sealed(beat, span) for span in outcome.sealed)
        if outcome.running is not None:
            running[key] = outcome.running
            ended.discard(key)
        elif running.pop(key, None) is not None:
            ended.add(key)
    await _keep(db, [_opened(owners[key], span) for key, span in running.items()])
    await _note_networks(db, [owners[key] for key in sorted(kept - known)])
    for connection, space_id in ended:
        await db.execute(
            delete(OpenSpan).where(OpenSpan.connection == connection, OpenSpan.space_id == space_id)
        )
    await _seal(db, sealed)
    return outcomes


async def seal_stale(db: AsyncSession, now_ms: int) -> int:
    """Seal every open span that no socket will go on with; returns how many."""
    rows = await _open(db, OpenSpan.last_ms < now_ms - FORGOTTEN_MS)
    for row in rows:
        await db.delete(row)
    await db.flush()
    await _seal(db, [_closed(row) for row in rows])
    return len(rows)


async def seal_now(db: AsyncSession, conference_id: UUID, person_id: UUID) -> None:
    """Enter into the ledger what is open of one person, who goes on in a new span from there.

    Cutting a stretch in two changes no coverage; afterwards a claim rests on sealed rows alone.
    """
    rows = await _open(db, OpenSpan.conference_id == conference_id, OpenSpan.person_id == person_id)
    sealed = [_closed(row) for row in rows]
    for row in rows:
        row.first_ms, row.beats, row.max_gap_ms = row.last_ms, 0, 0
    await db.flush()
    await _seal(db, sealed)


async def keep(db: AsyncSession, spans: Sequence[dict[str, Any]]) -> None:
    """Enter whole spans that no socket brought, such as those of another tool's report."""
    await _seal(db, [{name: span[name] for name in (*KEPT, "id", "left")} for span in spans])


async def _open(db: AsyncSession, *which: ColumnElement[bool]) -> list[OpenSpan]:
    wanted = select(OpenSpan).where(*which).order_by(OpenSpan.connection, OpenSpan.space_id)
    return list(await db.scalars(wanted.with_for_update()))


async def _seal(db: AsyncSession, sealed: Sequence[dict[str, Any]]) -> None:
    """Into the chains and the query table, conference by conference."""
    if not sealed:
        return
    known = await ledger.pseudonyms(db, {span["person_id"] for span in sealed})
    for conference_id in sorted({span["conference_id"] for span in sealed}):
        spans = [span for span in sealed if span["conference_id"] == conference_id]
        entries = [
            Entry(kind=Kind.SPAN, subject=known[span["person_id"]].subject, body=span_body(span))
            for span in spans
        ]
        links = await ledger.append(db, conference_id, entries)
        rows = [{**span, "n": link.n} for span, link in zip(spans, links, strict=True)]
        await db.execute(insert(db, Span), rows)


def span_body(span: dict[str, Any]) -> dict[str, Any]:
    """What the ledger says of a span; `verifying` has the database write the same."""
    flags = {name: span[name] for name in ("booth", "left", "playing", "visible")}
    numbers = {name: span[name] for name in ("beats", "first_ms", "last_ms", "max_gap_ms")}
    ids = {"connection": span["connection"].hex, "space": span["space_id"].hex}
    return {**flags, **numbers, **ids, "device": span["device"], "span": span["id"].hex}


async def turn_live(
    db: AsyncSession, conference_id: UUID, session_id: UUID, *, live: bool, at_ms: int
) -> bool:
    """The session goes on or off air, and the ledger says so; False when it already was."""
    turn = agenda.open_live if live else agenda.close_live
    changed = await turn(db, conference_id, session_id, at_ms)
    if changed:
        await note_live(db, conference_id, session_id, live=live, at_ms=at_ms)
    return changed


async def note_live(
    db: AsyncSession, conference_id: UUID, session_id: UUID, *, live: bool, at_ms: int
) -> None:
    body = {"session": session_id.hex, "turn": "on" if live else "off", "at_ms": at_ms}
    await ledger.append(db, conference_id, [Entry(kind=Kind.LIVE, body=body)])


async def last_proof_ms(db: AsyncSession, conference_id: UUID) -> int | None:
    """The newest evidence that is still open, of anybody in a conference."""
    found: int | None = await db.scalar(
        select(func.max(OpenSpan.last_ms)).where(OpenSpan.conference_id == conference_id)
    )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A span, sealed or still open, as evidence and as what a learner is shown of it."""

    person_id: UUID
    space_id: UUID
    booth: bool
    device: str
    proof: Proof


async def evidence(
    db: AsyncSession,
    conference_id: UUID,
    person_id: UUID,
    space_ids: Collection[UUID] | None = None,
) -> list[Evidence]:
    """Everything on record of one person, in order of time: in two statements."""
    found: list[Evidence] = []
    tables: tuple[type[Span | OpenSpan], ...] = (Span, OpenSpan)
    for table in tables:
        wanted = select(table).where(
            table.conference_id == conference_id, table.person_id == person_id
        )
        if space_ids is not None:
            wanted = wanted.where(table.space_id.in_(space_ids))
        rows: Iterable[Span | OpenSpan] = await db.scalars(wanted)
        found.extend(_evidence(row) for row in rows)
    return sorted(found, key=lambda one: (one.proof.first_ms, one.proof.last_ms))


async def present_persons(
    db: AsyncSession, conference_id: UUID, space_id: UUID, since_ms: int
) -> int:
    """How many people gave evidence in a space since a moment."""
    rows = await db.scalars(
        select(OpenSpan.person_id)
        .where(
            OpenSpan.conference_id == conference_id,
            OpenSpan.space_id == space_id,
            OpenSpan.last_ms >= since_ms,
        )
        .distinct()
    )
    return len(rows.all())


def _evidence(row: Span | OpenSpan) -> Evidence:
    left = row.left if isinstance(row, Span) else False
    return Evidence(
        person_id=row.person_id,
        space_id=row.space_id,
        booth=row.booth,
        device=row.device,
        proof=Proof(row.connection, row.first_ms, row.last_ms, left, row.visible, row.playing),
    )


def _running(row: OpenSpan) -> Running:
    return Running(
        first_ms=row.first_ms,
        last_ms=row.last_ms,
        visible=row.visible,
        playing=row.playing,
        last_n=row.last_n,
        beats=row.beats,
        max_gap_ms=row.max_gap_ms,
        echo=row.echo,
    )


async def _keep(db: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    key = "connection", "space_id"
    changing = tuple(name for name in rows[0] if name not in key)
    await db.execute(overwriting(db, OpenSpan, key, changing), list(rows))


async def _note_networks(db: AsyncSession, fresh: Sequence[Beating]) -> None:
    rows = [
        {
            "conference_id": beat.conference_id,
            "connection": beat.connection,
            "person_id": beat.person_id,
            "network": beat.network,
        }
        for beat in fresh
        if beat.network
    ]
    if rows:
        await db.execute(insert(db, ConnectionNetwork).on_conflict_do_nothing(), rows)


def _opened(beat: Beating, span: Running) -> dict[str, Any]:
    return {
        "connection": beat.connection,
        "space_id": beat.space_id,
        "conference_id": beat.conference_id,
        "person_id": beat.person_id,
        "booth": beat.booth,
        "device": beat.device,
        "visible": span.visible,
        "playing": span.playing,
        "first_ms": span.first_ms,
        "last_ms": span.last_ms,
        "last_n": span.last_n,
        "beats": span.beats,
        "max_gap_ms": span.max_gap_ms,
        "echo": span.echo,
    }


def _sealed(beat: Beating, span: Running) -> dict[str, Any]:
    row = _opened(beat, span)
    return {name: row[name] for name in KEPT} | {"id": new_id(), "left": span.left}


def _closed(row: OpenSpan) -> dict[str, Any]:
    return {name: getattr(row, name) for name in KEPT} | {"id": new_id(), "left": False}


def proofs(found: Iterable[Evidence], space_id: UUID) -> list[Proof]:
    """The proofs of one space."""
    return [one.proof for one in found if one.space_id == space_id]


class Attending(NamedTuple):
    """A person in a session."""

    conference_id: UUID
    session_id: UUID
    person_id: UUID


async def live_ms(db: AsyncSession, conference_id: UUID, person_id: UUID, session_id: UUID) -> int:
    """Time on record in a session while it was live, whatever it is worth."""
    one = Attending(conference_id, session_id, person_id)
    return (await live_ms_of(db, [one]))[one]


async def live_ms_of(db: AsyncSession, wanted: Collection[Attending]) -> dict[Attending, int]:
    """The same of many at once: in one statement, and one more for each conference."""
    proven: dict[Attending, list[Proof]] = {one: [] for one in wanted}
    for conference_id, session_id, person_id, *proof in await db.execute(_proven(wanted)):
        proven[Attending(conference_id, session_id, person_id)].append(Proof(*proof))
    live: dict[tuple[UUID, UUID], Live] = {}
    for conference_id in {one.conference_id for one in wanted}:
        here = {one.session_id for one in wanted if one.conference_id == conference_id}
        for session_id, stretches in (
            await agenda.live_intervals(db, conference_id, padded(here))
        ).items():
            live[conference_id, session_id] = stretches
    return {
        one: _overlap(found, live.get((one.conference_id, one.session_id), ()))
        for one, found in proven.items()
    }


Live = tuple[tuple[int, int | None], ...]


def _proven(wanted: Collection[Attending]) -> CompoundSelect[Any]:
    """Spans and what is open, as columns: a span that is sealed meanwhile is read once."""
    keys = padded(wanted)
    sealed, still = (
        select(
            row.conference_id, row.space_id, row.person_id, row.connection, row.first_ms,
            row.last_ms, left, row.visible, row.playing,
        ).where(tuple_(row.conference_id, row.space_id, row.person_id).in_(keys))
        for row, left in ((Span, Span.left), (OpenSpan, false()))
    )  # fmt: skip
    return union_all(sealed, still)


def _overlap(found: Sequence[Proof], live: Live) -> int:
    ends_ms = max((proof.last_ms for proof in found), default=0)
    on_air = union(((start, ends_ms if end is None else end) for start, end in live))
    return length(intersection(coverage(found, counts=Counts.PLAYING), on_air))
