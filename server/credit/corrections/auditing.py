"""Holds what officers enter against the ledger, which told of each of it.

Adjustments, outages, confirmed reports, stretches that are no education: the last word of the
ledger on each says how its row has to stand; whatever only one of the two knows, or knows
otherwise, is named.
"""

import hmac
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import msgspec

from server.attendance import ledger
from server.attendance.chain import Broken, Kind
from server.attendance.ledger import Pseudonym, Written
from server.credit.corrections import store
from server.credit.corrections.rules import Adjustment, Incident
from server.credit.exclusions import rules as exclusions
from server.credit.exclusions import store as marks
from server.credit.imports import store as reports
from server.db import Rows

Body = Mapping[str, Any]


async def unlike_ledger(
    db: Rows, conference_id: UUID, *, erased: Collection[str], person_id: UUID | None = None
) -> list[Broken]:
    """With a person, their adjustments alone; otherwise everything."""
    found = await _adjustments(db, conference_id, erased, person_id)
    if person_id is None:
        found += await _outages(db, conference_id)
        found += await _reports(db, conference_id)
        found += await _exclusions(db, conference_id)
    return found


async def _adjustments(
    db: Rows, conference_id: UUID, erased: Collection[str], person_id: UUID | None
) -> list[Broken]:
    persons = None if person_id is None else (person_id,)
    rows = {one.id.hex: one for one in await store.adjustments(db, conference_id, persons)}
    named = {one.person_id for one in rows.values()} | {one.made_by for one in rows.values()}
    known = await ledger.known(db, named | ({person_id} if person_id else set()))
    told = await ledger.bodies(db, conference_id, Kind.ADJUSTMENT)
    if person_id is not None:
        whose = known.get(person_id)
        told = [row for row in told if whose is not None and row.subject == whose.subject.hex]
    made: dict[str, tuple[Written, Body]] = {}
    decided: dict[str, bool] = {}
    for row in told:
        body = msgspec.json.decode(row.body)
        if "approved" in body:
            decided[body["adjustment"]] = body["approved"]
        else:
            made[body["adjustment"]] = row, body
    living = await ledger.living(db, {body["by"] for _, body in made.values()})
    wrong = []
    for name, (row, body) in made.items():
        one = rows.get(name)
        stands = (
            one is not None
            and one.approved == decided.get(name)
            and one.person_id in known
            and row.subject == known[one.person_id].subject.hex
            and body == as_told(one, known[one.person_id], _by(one.made_by, body, known, living))
        )
        if not stands and row.subject not in erased:
            wrong.append(Broken(row.n, "the adjustment it tells of is missing or another"))
    return wrong + [
        Broken(0, f"adjustment {UUID(hex=name)} is in no row")
        for name in sorted(rows.keys() - made.keys())
    ]


def as_told(one: Adjustment, learner: Pseudonym, by: str) -> Body:
    """What the ledger is told of an adjustment; of words it keeps a keyed digest alone."""
    words = f"{one.text}\n{one.evidence}".encode()
    return {
        "adjustment": one.id.hex,
        "by": by,
        "effect": one.effect.value,
        "from_ms": one.from_ms,
        "second": one.second,
        "session": one.session_id.hex,
        "to_ms": one.to_ms,
        "units": one.units,
        "why": one.why.value,
        "words": hmac.digest(learner.salt, words, "sha256").hex(),
    }


def _by(
    officer_id: UUID | None, body: Body, known: Mapping[UUID, Pseudonym], living: Collection[str]
) -> str:
    """An officer's subject; of one who was erased nobody can say any more that it is not."""
    officer = None if officer_id is None else known.get(officer_id)
    if officer is not None:
        return officer.subject.hex
    return "" if body["by"] in living else str(body["by"])


async def _outages(db: Rows, conference_id: UUID) -> list[Broken]:
    rows = {one.id.hex: one for one in await store.incidents(db, conference_id)}
    told: dict[str, list[Body]] = {}
    last: dict[str, int] = {}
    for row in await ledger.bodies(db, conference_id, Kind.OUTAGE):
        body = msgspec.json.decode(row.body)
        if "incident" in body:  # others tell that nothing could be recorded, and excuse nobody
            told.setdefault(body["incident"], []).append(body)
            last[body["incident"]] = row.n
    wrong = [
        Broken(last[name], "the outage it tells of is missing or another")
        for name, bodies in told.items()
        if name not in rows or not _holds(rows[name], bodies)
    ]
    return wrong + [
        Broken(0, f"outage {UUID(hex=name)} is in no row")
        for name in sorted(rows.keys() - told.keys())
    ]


def _holds(row: Incident, bodies: list[Body]) -> bool:
    hit = [body for body in bodies if "session" in body]
    newest = bodies[-1]
    return (
        {body["session"] for body in hit} == {one.hex for one in row.session_ids}
        and {(body["from_ms"], body["to_ms"], body["cause"]) for body in hit}
        == {(row.from_ms, row.to_ms, row.cause.value)}
        and newest["cap_ms"] == (-1 if row.cap_ms is None else row.cap_ms)
        and newest.get("refused", False) == row.refused
    )


async def _reports(db: Rows, conference_id: UUID) -> list[Broken]:
    """Their time is evidence and is compared as such; here it is whose word it stands on."""
    rows = {
        one.id.hex: one
        for one in await reports.reports(db, conference_id)
        if one.confirmed_at is not None
    }
    officers = {one.confirmed_by for one in rows.values() if one.confirmed_by is not None}
    known = await ledger.known(db, officers)
    told = {
        body["report"]: (row.n, body)
        for row in await ledger.bodies(db, conference_id, Kind.IMPORT)
        for body in (msgspec.json.decode(row.body),)
    }
    living = await ledger.living(db, {body["by"] for _, body in told.values()})
    wrong = []
    for name, (n, body) in told.items():
        one = rows.get(name)
        stands = one is not None and (body["session"], body["sha256"], body["by"]) == (
            one.session_id.hex,
            one.sha256,
            _by(one.confirmed_by, body, known, living),
        )
        if not stands:
            wrong.append(Broken(n, "the report it tells of is missing or another"))
    return wrong + [
        Broken(0, f"report {UUID(hex=name)} was confirmed in no row")
        for name in sorted(rows.keys() - told.keys())
    ]


async def _exclusions(db: Rows, conference_id: UUID) -> list[Broken]:
    rows = {one.id.hex: one for one in await marks.exclusions(db, conference_id)}
    officers = {one.made_by for one in rows.values()}
    known = await ledger.known(
        db, officers | {one.ended_by for one in rows.values() if one.ended_by is not None}
    )
    told: dict[str, list[Body]] = {}
    last: dict[str, int] = {}
    for row in await ledger.bodies(db, conference_id, Kind.EXCLUSION):
        body = msgspec.json.decode(row.body)
        told.setdefault(body["exclusion"], []).append(body)
        last[body["exclusion"]] = row.n
    living = await ledger.living(db, {body["by"] for bodies in told.values() for body in bodies})
    wrong = []
    for name, (made, *ended) in told.items():
        one = rows.get(name)
        stands = one is not None and made == exclusions.told(
            one, _by(one.made_by, made, known, living)
        )
        if one is not None and ended:
            by = _by(one.ended_by, ended[0], known, living)
            stands = stands and not one.in_force and ended == [exclusions.told_end(one, by)]
        elif one is not None:
            stands = stands and one.in_force
        if not stands:
            wrong.append(Broken(last[name], "the excluded stretch is missing or another"))
    return wrong + [
        Broken(0, f"excluded stretch {UUID(hex=name)} is in no row")
        for name in sorted(rows.keys() - told.keys())
    ]
