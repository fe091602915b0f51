"""Verifying a ledger: its chain, its checkpoints, and that the rows people work with match it.

Good means: what lies outside of this database, signed by a key we trust, vouches for the chain.
Without such a copy nothing can be decided, since whoever rewrote the database would have rewritten
it well. What credit comes to is recomputed elsewhere.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, String, and_, case, cast, func, literal, or_, select

from server.agenda import store as agenda
from server.attendance import ledger
from server.attendance.chain import Broken, Kind, Signed, Walk, genesis
from server.attendance.ledger import Ledger, Subject, Written
from server.attendance.store import Span
from server.db import Rows
from server.signing import verifies

NAMED = 20
"""Rows named at most: whoever finds twenty wrong ones needs no twenty-first."""

TOLD = frozenset({Kind.CLOCK_STEP, Kind.OUTAGE, Kind.ERASED, Kind.STARTED, Kind.STOPPED})

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
) -> Verified:
    """Walk the whole chain; compare the rows of everybody, or of one person, with it."""
    found = Verified()
    pinned = await _pinned(db, conference_id, copies, keys, found)
    await _walk(db, conference_id, pinned, found)
    outside = [one.checkpoint for one in copies if one.checkpoint.n <= found.rows]
    if newest := max(outside, key=lambda one: one.n, default=None):
        found.vouched, found.vouched_ms = newest.n, newest.at_ms
    elif found.rows and not found.bad:
        found.unknown.append("no checkpoint lies outside of the database")
    if not found.bad:
        found.bad += await _spans(db, conference_id, found.erased, person_id)
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
    async for page in ledger.pages(db, conference_id):
        for row in page:
            broken = walking.step(row.n, row.text, row.h)
            if broken is not None:
                break
            if row.kind in TOLD:
                found.told.append(row)
        if broken is not None:
            break
    found.rows = walking.n
    found.erased = {row.subject for row in found.told if row.kind == Kind.ERASED}
    if broken is None:
        head = await ledger.head(db, conference_id)
        broken = walking.end(head or ledger.Head(0, genesis(conference_id)))
    if broken is not None:
        found.bad.insert(0, broken)


async def _spans(
    db: Rows, conference_id: UUID, erased: Collection[str], person_id: UUID | None
) -> list[Broken]:
    """Spans that differ from their row, rows without their span, spans without a row."""
    same = and_(
        Span.conference_id == Ledger.conference_id,
        Span.n == Ledger.n,
        Subject.subject == Ledger.subject,
        _body() == Ledger.body,
    )
    kept = (
        select(literal(1))
        .select_from(Span)
        .join(Subject, Subject.person_id == Span.person_id)
        .where(same)
    )
    wrong = select(Ledger.n, Ledger.subject).where(
        Ledger.conference_id == conference_id,
        Ledger.kind == Kind.SPAN.value,
        ~kept.exists(),
    )
    if erased:
        wrong = wrong.where(Ledger.subject.not_in([UUID(hex=one) for one in erased]))
    if person_id is not None:
        wrong = wrong.where(Ledger.subject == await ledger.known_subject(db, person_id))
    rows = await db.execute(wrong.order_by(Ledger.n).limit(NAMED))
    bad = [Broken(row.n, "the span it tells of is missing or another") for row in rows]
    stray = (
        select(Span.id)
        .outerjoin(
            Ledger,
            (Ledger.conference_id == Span.conference_id)
            & (Ledger.n == Span.n)
            & (Ledger.kind == Kind.SPAN.value),
        )
        .where(Span.conference_id == conference_id, or_(Span.n.is_(None), Ledger.n.is_(None)))
    )
    if person_id is not None:
        stray = stray.where(Span.person_id == person_id)
    bad += [
        Broken(0, f"span {one} is in no row of the ledger")
        for one in await db.scalars(stray.limit(NAMED))
    ]
    return bad


def _body() -> ColumnElement[str]:
    """`store.span_body` in canonical form, as the database writes it from a span."""
    parts: dict[str, ColumnElement[str]] = {
        "beats": cast(Span.beats, String),
        "booth": _flag(Span.booth),
        "connection": _id(Span.connection),
        "device": literal('"', String) + Span.device + literal('"', String),
        "first_ms": cast(Span.first_ms, String),
        "last_ms": cast(Span.last_ms, String),
        "left": _flag(Span.left),
        "max_gap_ms": cast(Span.max_gap_ms, String),
        "playing": _flag(Span.playing),
        "space": _id(Span.space_id),
        "span": _id(Span.id),
        "visible": _flag(Span.visible),
    }
    text: ColumnElement[str] = literal("{", String)
    for at, (name, part) in enumerate(parts.items()):
        text = text + literal(f'{"," if at else ""}"{name}":', String) + part
    return text + literal("}", String)


def _flag(column: Any) -> ColumnElement[str]:
    return case((column, literal("true", String)), else_=literal("false", String))


def _id(column: Any) -> ColumnElement[str]:
    digits = func.replace(cast(column, String), "-", "", type_=String)
    return literal('"', String) + digits + literal('"', String)


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
