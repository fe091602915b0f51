"""Holds rules, seeds and checks against the ledger: whatever only one of the two knows is named.

Of a revealed seed it is besides checked that it is the one committed to, and that every check that
was put under it came at the time it decides.
"""

from typing import Any
from uuid import UUID

import msgspec

from server.attendance import checks, ledger
from server.attendance.chain import Broken, Kind
from server.attendance.ledger import Written
from server.credit.checks import store
from server.credit.policies import rules
from server.credit.policies import store as policies
from server.db import Rows

OPEN_STEPS = frozenset({"asked", "extended", "renewed"})


async def unlike_ledger(
    db: Rows, conference_id: UUID, *, erased: set[str], person_id: UUID | None = None
) -> list[Broken]:
    """With a person, their checks alone; otherwise everything."""
    told = await ledger.bodies(db, conference_id, Kind.CHECK)
    present = await store.as_told(db, conference_id, person_id=person_id)
    if person_id is not None:
        subject = await ledger.known_subject(db, person_id)
        told = [row for row in told if subject is not None and row.subject == subject.hex]
    found = _checks(told, present, erased)
    seeds = await _seeds(db, conference_id)
    found += _times(told, seeds)
    if person_id is None:
        found += await _rules(db, conference_id)
    return found


def _checks(
    told: list[Written], present: dict[str, tuple[str, str]], erased: set[str]
) -> list[Broken]:
    """The last step of each check says how its row has to stand."""
    last: dict[str, tuple[int, tuple[str, str]]] = {}
    for row in told:
        body = msgspec.json.decode(row.body)
        state = "open" if body["step"] in OPEN_STEPS else body["step"]
        last[body["check"]] = row.n, (row.subject, state)
    wrong = [
        Broken(n, "the check it tells of is missing or another")
        for check, (n, stands) in last.items()
        if present.get(check) != stands and stands[0] not in erased
    ]
    stray = [
        Broken(0, f"check {UUID(hex=one)} is in no row")
        for one in sorted(present.keys() - last.keys())
    ]
    return wrong + stray


async def _seeds(db: Rows, conference_id: UUID) -> dict[tuple[str, int], dict[str, Any]]:
    """Commitment, checks an hour and, once it is revealed, the seed, by session and number."""
    seeds: dict[tuple[str, int], dict[str, Any]] = {}
    for row in await ledger.bodies(db, conference_id, Kind.CHECKS_COMMITTED, Kind.CHECKS_REVEALED):
        body = msgspec.json.decode(row.body)
        seeds.setdefault((body["session"], body["number"]), {"n": row.n}).update(body)
    return seeds


def _times(told: list[Written], seeds: dict[tuple[str, int], dict[str, Any]]) -> list[Broken]:
    wrong = [
        Broken(seed["n"], "the seed that was revealed is not the one committed to")
        for seed in seeds.values()
        if "seed" in seed
        and checks.commitment(bytes.fromhex(seed["seed"])) != seed.get("commitment")
    ]
    for row in told:
        body = msgspec.json.decode(row.body)
        seed = seeds.get((body["session"], body.get("seed", 0)), {})
        if body["step"] != "asked" or "seed" not in seed or "commitment" not in seed:
            continue
        as_drawn = checks.as_committed(
            bytes.fromhex(seed["seed"]), seed["commitment"], UUID(hex=row.subject),
            an_hour=seed["an_hour"], number=body["number"], due_ms=body["due_ms"],
        )  # fmt: skip
        if not as_drawn:
            wrong.append(Broken(row.n, "the check came at another time than its seed decides"))
    return wrong


async def _rules(db: Rows, conference_id: UUID) -> list[Broken]:
    present = {one.version: rules.told(one) for one in await policies.history(db, conference_id)}
    entered = {
        row.n: msgspec.json.decode(row.body)
        for row in await ledger.bodies(db, conference_id, Kind.POLICY)
    }
    wrong = [
        Broken(n, "the rule it tells of is missing or another")
        for n, body in entered.items()
        if present.get(body.get("version", 0)) != body
    ]
    known = {body.get("version") for body in entered.values()}
    return wrong + [
        Broken(0, f"rule {version} is in no row") for version in sorted(present.keys() - known)
    ]
