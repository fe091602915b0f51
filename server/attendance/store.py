"""Evidence of presence as rows: one open span per connection, and the spans that are sealed.

A span is a stretch on one connection in which nothing changed (visible, playing) and no two beats
were further apart than the lease. Times are milliseconds of the server's clock.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server.agenda import store as agenda
from server.attendance.intervals import intersection, length, union
from server.attendance.rules import LEASE_MS, Counts, Proof, coverage
from server.attendance.spans import Outcome, Received, Running, receive
from server.db import Base, insert
from server.ids import new_id


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


async def write_beats(db: AsyncSession, beats: Sequence[Beating]) -> list[Outcome]:
    """Lengthen, seal and begin spans for many beats in one transaction; one outcome each."""
    keys = {(beat.connection, beat.space_id) for beat in beats}
    running = {
        (row.connection, row.space_id): _running(row)
        for row in await db.scalars(
            select(OpenSpan).where(tuple_(OpenSpan.connection, OpenSpan.space_id).in_(keys))
        )
    }
    owners = {(beat.connection, beat.space_id): beat for beat in beats}
    sealed: list[dict[str, Any]] = []
    outcomes: list[Outcome] = []
    ended: set[tuple[UUID, UUID]] = set()
    for beat in beats:
        key = (beat.connection, beat.space_id)
        outcome = receive(running.get(key), beat.received, first_echo=beat.first_echo)
        outcomes.append(outcome)
        if outcome.refusal is not None:
            continue
        sealed.extend(_sealed(beat, span) for span in outcome.sealed)
        if outcome.running is not None:
            running[key] = outcome.running
            ended.discard(key)
        elif running.pop(key, None) is not None:
            ended.add(key)
    await _keep(db, [_opened(owners[key], span) for key, span in running.items()])
    if sealed:
        await db.execute(insert(db, Span), sealed)
    for connection, space_id in ended:
        await db.execute(
            delete(OpenSpan).where(OpenSpan.connection == connection, OpenSpan.space_id == space_id)
        )
    return outcomes


async def seal_stale(db: AsyncSession, now_ms: int) -> int:
    """Seal every open span whose lease ran out, as a start finds them; returns how many."""
    stale = OpenSpan.last_ms < now_ms - LEASE_MS
    rows = list(await db.scalars(select(OpenSpan).where(stale).with_for_update()))
    for row in rows:
        db.add(
            Span(
                conference_id=row.conference_id,
                person_id=row.person_id,
                space_id=row.space_id,
                booth=row.booth,
                connection=row.connection,
                device=row.device,
                visible=row.visible,
                playing=row.playing,
                first_ms=row.first_ms,
                last_ms=row.last_ms,
                beats=row.beats,
                max_gap_ms=row.max_gap_ms,
            )
        )
        await db.delete(row)
    return len(rows)


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
    statement = insert(db, OpenSpan)
    changing = [name for name in rows[0] if name not in {"connection", "space_id"}]
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["connection", "space_id"],
            set_={name: statement.excluded[name] for name in changing},
        ),
        list(rows),
    )


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
    return {
        "conference_id": beat.conference_id,
        "id": new_id(),
        "person_id": beat.person_id,
        "space_id": beat.space_id,
        "booth": beat.booth,
        "connection": beat.connection,
        "device": beat.device,
        "visible": span.visible,
        "playing": span.playing,
        "first_ms": span.first_ms,
        "last_ms": span.last_ms,
        "beats": span.beats,
        "max_gap_ms": span.max_gap_ms,
        "left": span.left,
    }


def proofs(found: Iterable[Evidence], space_id: UUID) -> list[Proof]:
    """The proofs of one space."""
    return [one.proof for one in found if one.space_id == space_id]


async def live_ms(db: AsyncSession, conference_id: UUID, person_id: UUID, session_id: UUID) -> int:
    """Time on record in a session while it was live, whatever it is worth."""
    found = await evidence(db, conference_id, person_id, (session_id,))
    live = (await agenda.live_intervals(db, conference_id, (session_id,))).get(session_id, ())
    ends_ms = max((one.proof.last_ms for one in found), default=0)
    on_air = union(((start, ends_ms if end is None else end) for start, end in live))
    present = coverage(proofs(found, session_id), counts=Counts.PLAYING)
    return length(intersection(present, on_air))
