"""Credit facts as JSON: what `rounds credit explain` reads, with every refusal's path.

The shape is public and fixed, so that an auditor can recompute a credit from a file alone. This
file decodes, checks and digests; what the facts come to is decided in `rules.py`.
"""

import hashlib
import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from server.attendance.canonical import MAX_INTEGER, canonical
from server.attendance.intervals import Intervals, union
from server.attendance.rules import LEASE_MS, Counts, Proof, beat
from server.credit.findings import Check, Overlap, Policy, Session
from server.credit.rules import Facts, explain
from server.credit.systems import SYSTEMS, System
from server.credit.written import rendered
from server.errors import Refused

DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
DAY_MINUTES = 1440


class BadFacts(Refused):
    """Facts that say nothing definite are refused as a whole, never repaired."""

    code = "credit.bad_facts"

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class _Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _Check(_Shape, frozen=True):
    at: int
    answered: bool


class _Session(_Shape, frozen=True):
    id: str
    live: list[tuple[int, int]]
    designated_ms: int
    excluded: list[tuple[int, int]] = []
    min_percent: str = "0"
    min_minutes: str = "0"
    day: str | msgspec.UnsetType = msgspec.UNSET
    checks: list[_Check] = []
    excused: list[tuple[int, int]] = []
    added: list[tuple[int, int]] = []
    withdrawn: list[tuple[int, int]] = []
    counts: Counts | msgspec.UnsetType = msgspec.UNSET
    overlap: Overlap | msgspec.UnsetType = msgspec.UNSET
    exclude_booth: bool | msgspec.UnsetType = msgspec.UNSET


class _Evidence(_Shape, frozen=True):
    session: str
    connection: str
    at: int
    leave: bool = False
    visible: bool = True
    playing: bool = True


class _Facts(_Shape, frozen=True):
    systems: list[str]
    sessions: list[_Session]
    evidence: list[_Evidence]
    options: dict[str, Any] = {}
    lease_ms: int = LEASE_MS
    counts: Counts = Counts.ANY
    overlap: Overlap = Overlap.CAP
    exclude_booth: bool = True
    designated_max: dict[str, Any] = {}
    booth: list[tuple[int, int]] = []
    faculty_of: list[str] = []
    missing: list[str] = []


def explain_line(raw: bytes) -> bytes:
    """One world in, one line out, without its newline."""
    facts, digest = _read(raw)
    return msgspec.json.encode(rendered(explain(facts), digest))


def read_facts(raw: bytes) -> Facts:
    facts, _ = _read(raw)
    return facts


def _read(raw: bytes) -> tuple[Facts, str]:
    value = _parsed(raw)
    try:
        shaped = msgspec.convert(value, _Facts)
    except msgspec.ValidationError as error:
        raise _located(str(error)) from None
    facts = _checked(shaped)
    try:
        text = canonical(value)
    except UnicodeEncodeError:
        raise BadFacts("$", "a string holds half a surrogate pair") from None
    return facts, hashlib.sha256(text).hexdigest()


# Reading: JSON, then the shape, then what the shape cannot say.


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError:
        raise BadFacts("$", "nested too deeply") from None
    except ValueError as error:
        raise BadFacts("$", f"not JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise BadFacts("$", f'an object says "{twice}" twice')
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _located(error: str) -> BadFacts:
    """The decoder's sentence, taken apart: where it was, and what was wrong."""
    message, _, path = error.partition(" - at `")
    path = path.rstrip("`") or "$"
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", message, re.DOTALL):
        return BadFacts(f"{path}.{unknown[1]}", "unknown key")
    if required := re.fullmatch(r"Object missing required field `(.*)`", message):
        return BadFacts(f"{path}.{required[1]}", "required, and missing")
    message = message[:1].lower() + message[1:].replace("`", "")
    return BadFacts(path, message.replace("got float", "got a fraction"))


def _checked(shaped: _Facts) -> Facts:
    policy = Policy(
        lease_ms=_at_least(1, shaped.lease_ms, "$.lease_ms"),
        counts=shaped.counts,
        overlap=shaped.overlap,
        exclude_booth=shaped.exclude_booth,
    )
    sessions = _sessions(shaped.sessions, policy)
    return Facts(
        systems=_systems(shaped.systems, shaped.options),
        sessions=sessions,
        proofs=_proofs(shaped.evidence, {session.id for session in sessions}),
        policy=policy,
        designated_max={
            _known(system, f"$.designated_max.{system}").id: _decimal(
                units, f"$.designated_max.{system}"
            )
            for system, units in shaped.designated_max.items()
        },
        booth=_intervals(shaped.booth, "$.booth"),
        faculty_of=frozenset(shaped.faculty_of),
        missing=frozenset(shaped.missing),
    )


def _systems(names: list[str], options: dict[str, Any]) -> tuple[System, ...]:
    chosen = {
        name: _with_options(_known(name, f"$.options.{name}"), own, f"$.options.{name}")
        for name, own in options.items()
    }
    systems: list[System] = []
    for at, name in enumerate(names):
        system = _known(name, f"$.systems[{at}]")
        if names.index(name) != at:
            raise BadFacts(f"$.systems[{at}]", f'"{name}" is asked for twice')
        systems.append(chosen.get(name, system))
    return tuple(systems)


def _known(name: str, path: str) -> System:
    if name not in SYSTEMS:
        raise BadFacts(path, f'no credit system "{name}"')
    return SYSTEMS[name]


def _with_options(system: System, options: Any, path: str) -> System:
    if not isinstance(options, dict):
        raise BadFacts(path, "expected object")
    for key, value in options.items():
        where = f"{path}.{key}"
        if key != "hour_minutes" or system.hour_minutes is None:
            raise BadFacts(where, "unknown key")
        if type(value) is not int or not 1 <= value <= DAY_MINUTES:
            raise BadFacts(where, f"expected a whole number from 1 to {DAY_MINUTES}")
        system = system.with_hour_of(value)
    return system


def _sessions(shaped: list[_Session], policy: Policy) -> tuple[Session, ...]:
    sessions: dict[str, Session] = {}
    for at, session in enumerate(shaped):
        path = f"$.sessions[{at}]"
        if session.id in sessions:
            raise BadFacts(f"{path}.id", f'session "{session.id}" is listed twice')
        sessions[session.id] = _session(session, path, policy)
    return tuple(sessions.values())


def _session(shaped: _Session, path: str, policy: Policy) -> Session:
    return Session(
        id=shaped.id,
        live=_intervals(shaped.live, f"{path}.live"),
        excluded=_intervals(shaped.excluded, f"{path}.excluded"),
        designated_ms=_at_least(0, shaped.designated_ms, f"{path}.designated_ms"),
        min_percent=_percent(shaped.min_percent, f"{path}.min_percent"),
        min_minutes=_decimal(shaped.min_minutes, f"{path}.min_minutes"),
        day=None if shaped.day is msgspec.UNSET else _day(shaped.day, f"{path}.day"),
        checks=tuple(
            Check(at_ms=_time(check.at, f"{path}.checks[{n}].at"), answered=check.answered)
            for n, check in enumerate(shaped.checks)
        ),
        excused=_intervals(shaped.excused, f"{path}.excused"),
        added=_intervals(shaped.added, f"{path}.added"),
        withdrawn=_intervals(shaped.withdrawn, f"{path}.withdrawn"),
        policy=_own_policy(shaped, policy),
    )


def _own_policy(shaped: _Session, policy: Policy) -> Policy | None:
    """What a session says of its own; of what it does not say, the activity's holds."""
    told = {
        name: value
        for name in ("counts", "overlap", "exclude_booth")
        if (value := getattr(shaped, name)) is not msgspec.UNSET
    }
    return replace(policy, **told) if told else None


def _proofs(evidence: list[_Evidence], known: set[str]) -> dict[str, list[Proof]]:
    proofs: dict[str, list[Proof]] = {}
    for at, seen in enumerate(evidence):
        if seen.session not in known:
            raise BadFacts(f"$.evidence[{at}].session", f'no session "{seen.session}"')
        _time(seen.at, f"$.evidence[{at}].at")
        proofs.setdefault(seen.session, []).append(
            beat(
                seen.connection,
                seen.at,
                leave=seen.leave,
                visible=seen.visible,
                playing=seen.playing,
            )
        )
    return proofs


def _intervals(pairs: list[tuple[int, int]], path: str) -> Intervals:
    for at, (start, end) in enumerate(pairs):
        _time(start, f"{path}[{at}][0]")
        _time(end, f"{path}[{at}][1]")
        if end < start:
            raise BadFacts(f"{path}[{at}]", "ends before it starts")
    return union(pairs)


def _time(at_ms: int, path: str) -> int:
    if abs(at_ms) > MAX_INTEGER:
        raise BadFacts(path, "too large for a time in milliseconds")
    return at_ms


def _at_least(least: int, value: int, path: str) -> int:
    if value < least:
        raise BadFacts(path, f"expected at least {least}, got {value}")
    return _time(value, path)


def _decimal(text: Any, path: str) -> Decimal:
    if not isinstance(text, str) or not DECIMAL.fullmatch(text):
        raise BadFacts(path, 'expected a decimal as a string, such as "16.00"')
    return Decimal(text)


def _percent(text: str, path: str) -> Decimal:
    percent = _decimal(text, path)
    if percent > 100:  # noqa: PLR2004 - per cent
        raise BadFacts(path, "more than 100 per cent")
    return percent


def _day(text: str, path: str) -> date:
    if not DAY.fullmatch(text):  # a week date would be read too
        raise BadFacts(path, "expected a date, such as 2026-11-14")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadFacts(path, f"no such day: {text}") from None
