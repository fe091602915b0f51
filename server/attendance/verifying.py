"""Verifying a ledger: its chain, its checkpoints, and that the rows people work with match it.

Good means: what lies outside of this database, signed by a key we trust, vouches for the chain.
Without such a copy nothing can be decided, since whoever rewrote the database would have rewritten
it well. What credit comes to is recomputed elsewhere.
"""

import gc
from asyncio import TaskGroup
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, String, and_, case, func, literal, not_, or_, select

from server.agenda import store as agenda
from server.attendance import ledger
from server.attendance.chain import Broken, Kind, Signed, Walk, genesis
from server.attendance.ledger import Ledger, Subject, Written
from server.attendance.store import Span
from server.db import Rows, bulk
from server.signing import verifies

NAMED = 20
"""Rows named at most: whoever finds twenty wrong ones needs no twenty-first."""

TOLD = frozenset({Kind.CLOCK_STEP, Kind.OUTAGE, Kind.ERASED, Kind.STARTED, Kind.STOPPED})

COMPARED = 50_000
"""Rows in one statement: enough to make its planning cheap, few enough to be answered soon."""

Keys = Mapping[str, bytes]
"""Public keys by their short name."""


@dataclass(slots=True, kw_only=True)
class Verified:
    """What was found. `bad` proves a change, `unknown` keeps us from saying that there is none."""

    rows: int = 0
    vouched: int = 0
    """The newest row that a checkpoint outside of the database vouches for."""
    vouched_ms: int = 0
    bad: list[Broken] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    told: list[Written] = field(default_factory=list)
    """Clock steps, outages, starts and ends of processes, erasures."""
    erased: set[str] = field(default_factory=set)


async def verify(
    db: Rows,
    conference_id: UUID,
    *,
    copies: Sequence[Signed],
    keys: Keys,
    person_id: UUID | None = None,
    beside: Rows | None = None,
) -> Verified:
    """Walk the whole chain; compare the rows of everybody, or of one person, with it.

    With a second transaction `beside`, both are done at a time. It is to be no younger than `db`:
    what was erased between the two is then missing from neither.
    """
    found = Verified()
    whose = None if person_id is None else await ledger.known_subject(db, person_id)
    spans = Spans(conference_id, whose if person_id is None else whose or person_id)
    known = await ledger.head(beside, conference_id) if beside is not None else None
    upto = 0 if known is None else known.n
    async with TaskGroup() as tasks:
        if beside is not None:
            tasks.create_task(spans.compare(beside, 1, upto))
        with _uncollected():
            pinned = await _pinned(db, conference_id, copies, keys, found)
            await _walk(db, conference_id, pinned, found)
    await spans.compare(db, upto + 1, found.rows)
    outside = [one.checkpoint for one in copies if one.checkpoint.n <= found.rows]
    if newest := max(outside, key=lambda one: one.n, default=None):
        found.vouched, found.vouched_ms = newest.n, newest.at_ms
    elif found.rows and not found.bad:
        found.unknown.append("no checkpoint lies outside of the database")
    if not found.bad:
        found.bad += spans.wrong(found.erased)
        found.bad += await _beside(db, conference_id, found.rows, person_id)
        found.bad += await _live(db, conference_id)
    return found


async def _pinned(
    db: Rows, conference_id: UUID, copies: Sequence[Signed], keys: Keys, found: Verified
) -> dict[int, bytes]:
    """Hash by number, as checkpoints vouch; the copies' word counts more than the database's."""
    pinned: dict[int, bytes] = {}
    before = b""
    for signed in await ledger.checkpoints(db, conference_id):
        made = signed.checkpoint
        if not _signature(signed, keys, found):
            continue
        if made.before != before:
            found.bad.append(Broken(made.n, "its checkpoint does not follow the one before"))
        before, pinned[made.n] = made.digest(), made.h
    for signed in copies:
        if _signature(signed, keys, found):
            pinned[signed.checkpoint.n] = signed.checkpoint.h
    return pinned


def _signature(signed: Signed, keys: Keys, found: Verified) -> bool:
    made = signed.checkpoint
    key = keys.get(made.key_id)
    if key is None:
        unknown = f"checkpoints are signed by a key that is not known here: {made.key_id}"
        if unknown not in found.unknown:
            found.unknown.append(unknown)
        return False
    if not verifies(key, signed.sig, made.message()):
        found.bad.append(Broken(made.n, "its checkpoint's signature is wrong"))
        return False
    return True


async def _walk(
    db: Rows, conference_id: UUID, pinned: Mapping[int, bytes], found: Verified
) -> None:
    walking = Walk(conference_id, pinned)
    broken: Broken | None = None
    async with aclosing(ledger.pages(db, conference_id)) as pages:
        async for page in pages:
            broken = walking.along(page)
            found.rows = walking.n
            if broken is not None:
                break
    if broken is None:
        found.told = await ledger.bodies(db, conference_id, *TOLD)
    found.erased = {row.subject for row in found.told if row.kind == Kind.ERASED}
    if broken is None:
        head = await ledger.head(db, conference_id)
        broken = walking.end(head or ledger.Head(0, genesis(conference_id)))
    if broken is not None:
        found.bad.insert(0, broken)


@contextmanager
def _uncollected() -> Generator[None]:
    """Rows hold no cycles: looking for some among millions of them takes a quarter of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Spans:
    """Compares rows of spans with the ledger's: of everybody, or of one subject."""

    def __init__(self, conference_id: UUID, subject: UUID | None) -> None:
        self._conference_id = conference_id
        self._subject = None if subject is None else subject.hex
        self._wrong: list[tuple[int, str, bool]] = []
        """Number, subject, and whether there is no such span at all."""

    async def compare(self, db: Rows, first: int, last: int) -> None:
        """The database compares, since it would have to write out both to let us do it."""
        for at in range(first, last + 1, COMPARED):
            rows = await bulk(db, self._unlike(db, at, min(at + COMPARED - 1, last)))
            self._wrong += [(n, subject, bool(gone)) for n, subject, gone in rows]

    def wrong(self, erased: Collection[str]) -> list[Broken]:
        """What is missing because somebody was erased is not wrong."""
        return [
            Broken(n, "the span it tells of is missing or another")
            for n, subject, gone in self._wrong
            if not (gone and subject in erased) and self._subject in {None, subject}
        ][:NAMED]

    def _unlike(self, db: Rows, first: int, last: int) -> Any:
        """Rows that tell of a span that is missing or another, or of none although there is one."""
        another = or_(
            Subject.subject.is_(None),
            Ledger.subject.is_(None),
            Subject.subject != Ledger.subject,
            _body(db) != Ledger.body,
        )
        is_told = Ledger.kind == Kind.SPAN.value
        missing = Span.n.is_(None)
        return (
            select(Ledger.n, func.coalesce(ledger.digits(db, Ledger.subject), ""), missing)
            .outerjoin(Span, and_(Span.conference_id == Ledger.conference_id, Span.n == Ledger.n))
            .outerjoin(Subject, Subject.person_id == Span.person_id)
            .where(
                Ledger.conference_id == self._conference_id,
                Ledger.n.between(first, last),
                case((is_told, or_(missing, another)), else_=not_(missing)),
            )
            .order_by(Ledger.n)
        )


async def _beside(db: Rows, conference_id: UUID, rows: int, person_id: UUID | None) -> list[Broken]:
    """Spans that are in no row."""
    stray = select(Span.id).where(
        Span.conference_id == conference_id, or_(Span.n.is_(None), Span.n < 1, Span.n > rows)
    )
    if person_id is not None:
        stray = stray.where(Span.person_id == person_id)
    return [
        Broken(0, f"span {one} is in no row of the ledger")
        for one in await db.scalars(stray.limit(NAMED))
    ]


def _body(db: Rows) -> ColumnElement[str]:
    """`store.span_body` in canonical form, as the database writes it of a span."""
    parts: dict[str, tuple[str, Any]] = {
        "beats": ("%s", Span.beats),
        "booth": ("%s", _flag(Span.booth)),
        "connection": ('"%s"', ledger.digits(db, Span.connection)),
        "device": ('"%s"', Span.device),
        "first_ms": ("%s", Span.first_ms),
        "last_ms": ("%s", Span.last_ms),
        "left": ("%s", _flag(Span.left)),
        "max_gap_ms": ("%s", Span.max_gap_ms),
        "playing": ("%s", _flag(Span.playing)),
        "space": ('"%s"', ledger.digits(db, Span.space_id)),
        "span": ('"%s"', ledger.digits(db, Span.id)),
        "visible": ("%s", _flag(Span.visible)),
    }
    template = ",".join(f'"{name}":{shape}' for name, (shape, _) in parts.items())
    values = [column for _, column in parts.values()]
    return ledger.formatted(db, f"{{{template}}}", *values)


def _flag(column: Any) -> ColumnElement[str]:
    return case((column, literal("true", String)), else_=literal("false", String))


async def _live(db: Rows, conference_id: UUID) -> list[Broken]:
    """Stretches on air that differ from what the ledger was told, whichever of them was changed."""
    told: dict[UUID, list[tuple[int, int | None]]] = {}
    last: dict[UUID, int] = {}
    for n, body in _turns(await ledger.bodies(db, conference_id, Kind.LIVE)):
        session_id = UUID(hex=body["session"])
        stretches, last[session_id] = told.setdefault(session_id, []), n
        if body["turn"] == "on":
            stretches.append((body["at_ms"], None))
        elif stretches:
            from_ms = stretches[-1][0]
            stretches[-1] = (from_ms, max(from_ms, body["at_ms"]))
    present = await agenda.live_intervals(db, conference_id)
    return [
        Broken(last.get(session_id, 0), f"session {session_id} was on air at other times")
        for session_id in sorted(told.keys() | present.keys())
        if sorted(told.get(session_id, [])) != sorted(present.get(session_id, ()))
    ]


def _turns(rows: Sequence[Written]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for row in rows:
        yield row.n, msgspec.json.decode(row.body)
