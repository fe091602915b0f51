"""Recomputes every claim from the facts that were kept with it, and compares all with the ledger.

A claim holds when its figures, the digest of its facts and its certificate are what the ledger was
told, when the facts come to the same credit again, and when each piece of evidence among them lies
in a span that entered the ledger before the claim did.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any
from uuid import UUID

import msgspec

from server.attendance import ledger
from server.attendance.chain import Broken, Kind
from server.attendance.ledger import Pseudonym, Written
from server.credit import recording, store
from server.credit.facts import BadFacts, explain_line
from server.credit.rules import POLICY_VERSION
from server.credit.store import Recorded
from server.db import Rows

KINDS = (Kind.CLAIM, Kind.VOID, Kind.CERTIFICATE)


@dataclass(slots=True, kw_only=True)
class Rechecked:
    """How many claims were recomputed, and what is wrong or cannot be known."""

    claims: int = 0
    bad: list[Broken] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the ledger says of one claim."""

    row: Written
    body: Mapping[str, Any]


async def recheck(
    db: Rows, conference_id: UUID, *, erased: set[str], person_id: UUID | None = None
) -> Rechecked:
    found = Rechecked()
    claims = await store.recorded(db, conference_id)
    if person_id is not None:
        claims = [claim for claim in claims if claim.person_id == person_id]
    known = await ledger.known(db, {claim.person_id for claim in claims})
    told = _told(await ledger.bodies(db, conference_id, *KINDS))
    spans = await _spans(db, conference_id, {one.subject.hex for one in known.values()})
    for claim in claims:
        who = known.get(claim.person_id)
        if who is None:
            found.bad.append(Broken(0, f"claim {claim.id} is in no row of the ledger"))
            continue
        before = len(found.bad)
        found.bad += _compared(claim, who, told)
        if len(found.bad) == before and not claim.voided:
            _recomputed(claim, told[Kind.CLAIM][claim.id.hex], spans[who.subject.hex], found)
        found.claims += 1
    if person_id is None:
        found.bad += _missing({claim.id.hex for claim in claims}, told[Kind.CLAIM], erased)
    return found


def _told(rows: list[Written]) -> dict[str, dict[str, Told]]:
    """By kind, then by claim; when a kind tells twice of a claim, the first counts."""
    told: dict[str, dict[str, Told]] = {kind: {} for kind in KINDS}
    for row in rows:
        body = msgspec.json.decode(row.body)
        told[row.kind].setdefault(body["claim"], Told(row=row, body=body))
    return told


def _compared(
    claim: Recorded, who: Pseudonym, told: Mapping[str, Mapping[str, Told]]
) -> Iterator[Broken]:
    entered = told[Kind.CLAIM].get(claim.id.hex)
    if entered is None:
        yield Broken(0, f"claim {claim.id} is in no row of the ledger")
        return
    expected: dict[str, Any] = recording.claim_body(claim, entered.body["policy"])
    if entered.body != expected or entered.row.subject != who.subject.hex:
        yield Broken(entered.row.n, f"claim {claim.id} was changed since")
    void = told[Kind.VOID].get(claim.id.hex)
    if (void is not None) != claim.voided:
        yield Broken(void.row.n if void else 0, f"claim {claim.id} is void in one place alone")
    elif void and void.body != recording.void_body(claim.id, claim.void_reason):
        yield Broken(void.row.n, f"claim {claim.id} was voided for another reason")
    printed = told[Kind.CERTIFICATE].get(claim.id.hex)
    if (printed is None) != (claim.secret is None):
        yield Broken(printed.row.n if printed else 0, f"claim {claim.id}: certificate missing")
    elif printed and printed.body != recording.certificate_body(claim, who.salt):
        yield Broken(printed.row.n, f"certificate {claim.number} was changed since")


def _recomputed(claim: Recorded, told: Told, spans: "Spans", found: Rechecked) -> None:
    if claim.facts is None:
        found.unknown.append(f"claim {claim.id}: its facts were not kept")
        return
    if hashlib.sha256(claim.facts).hexdigest() != claim.inputs_digest:
        found.bad.append(Broken(told.row.n, f"claim {claim.id}: its facts were changed since"))
        return
    if told.body["policy"] != POLICY_VERSION:
        found.unknown.append(f"claim {claim.id}: made by rules {told.body['policy']}")
        return
    try:
        came_to = _figures(claim)
    except BadFacts as error:
        found.bad.append(Broken(told.row.n, f"claim {claim.id}: {error}"))
        return
    if came_to != (claim.award, claim.eligible_ms):
        why = f"claim {claim.id}: its facts come to {came_to[0]}, not {claim.award}"
        found.bad.append(Broken(told.row.n, why))
    if not _covered(claim.facts, spans, told.row.n):
        why = f"claim {claim.id} rests on evidence that the ledger does not have"
        found.bad.append(Broken(told.row.n, why))


def _figures(claim: Recorded) -> tuple[str, int]:
    assert claim.facts is not None
    explained = msgspec.json.decode(explain_line(claim.facts))
    (system,) = (one for one in explained["systems"] if one["id"] == claim.system)
    return system["award"], system["eligible_ms"]


Spans = Mapping[tuple[str, str], list[tuple[int, int, int]]]
"""By connection and space: first and last millisecond, and the row's number."""


async def _spans(db: Rows, conference_id: UUID, subjects: set[str]) -> dict[str, Spans]:
    found: dict[str, dict[tuple[str, str], list[tuple[int, int, int]]]] = {
        subject: {} for subject in subjects
    }
    if not subjects:
        return dict(found)
    async for page in ledger.pages(db, conference_id):
        for row in starmap(Written, page):
            _, kind, subject, _ = row.text.split("\n", 3)
            if kind == Kind.SPAN and subject in subjects:
                span = msgspec.json.decode(row.body, type=_Span)
                place = span.connection, span.space
                seen = found[subject].setdefault(place, [])
                seen.append((span.first_ms, span.last_ms, row.n))
    return dict(found)


def _covered(facts: bytes, spans: Spans, before_n: int) -> bool:
    """Every beat lies in a span of its connection that was in the ledger by then."""
    for beat in msgspec.json.decode(facts, type=_Facts).evidence:
        place = beat.connection.replace("-", ""), beat.session.replace("-", "")
        if not any(
            first <= beat.at <= last and n < before_n for first, last, n in spans.get(place, ())
        ):
            return False
    return True


def _missing(present: set[str], told: Mapping[str, Told], erased: set[str]) -> Iterator[Broken]:
    for claim_id, entered in told.items():
        if claim_id not in present and entered.row.subject not in erased:
            yield Broken(entered.row.n, f"claim {UUID(hex=claim_id)} is missing")


class _Span(msgspec.Struct, frozen=True):
    connection: str
    space: str
    first_ms: int
    last_ms: int


class _Beat(msgspec.Struct, frozen=True):
    session: str
    connection: str
    at: int


class _Facts(msgspec.Struct, frozen=True):
    evidence: list[_Beat]
