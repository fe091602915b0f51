"""Worlds for the credit engine, in the public JSON shape: one-line builders and random ones."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st

from server.credit.facts import explain_line
from server.credit.systems import SYSTEMS

World = dict[str, Any]
Beats = list[dict[str, Any]]

MINUTE = 60_000
SYSTEM_NAMES = list(SYSTEMS)
TIMED = [name for name in SYSTEM_NAMES if name != "acpe-uan"]

settings.register_profile("stable", derandomize=True, database=None, deadline=None)
stable = settings(settings.get_profile("stable"), max_examples=25)


def at(clock: str, day: str = "2026-11-14", zone: str = "UTC", fold: int = 0) -> int:
    """`at("09:30")` is half past nine on an ordinary day, in milliseconds."""
    time = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone), fold=fold)
    since = time.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return round(since.total_seconds() * 1000)


def session(name: str, *live: tuple[int, int], minutes: float = 60, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "live": [list(one) for one in live],
        "designated_ms": round(minutes * MINUTE),
        **more,
    }


def hour(name: str = "A", **more: Any) -> dict[str, Any]:
    return session(name, (at("09:00"), at("10:00")), **more)


def beats(
    start: int,
    end: int,
    of: str = "A",
    connection: str = "laptop",
    *,
    every: int = 15_000,
    leave: bool = False,
    **more: Any,
) -> Beats:
    """Somebody connected from start to end, with a last beat exactly at the end."""
    times = [*range(start, end, every), end]
    told = [{"session": of, "connection": connection, "at": time, **more} for time in times]
    if leave:
        told[-1]["leave"] = True
    return told


def world(sessions: Iterable[dict[str, Any]], evidence: Beats, **more: Any) -> World:
    return {
        "systems": SYSTEM_NAMES,
        "sessions": list(sessions),
        "evidence": evidence,
        **more,
    }


def explained(facts: World) -> dict[str, Any]:
    """Through the same door as the command: bytes in, one line of JSON out."""
    told: dict[str, Any] = json.loads(explain_line(json.dumps(facts).encode()))
    return told


def result(facts: World, system: str = "ama-pra-1") -> dict[str, Any]:
    told: dict[str, Any] = next(
        each for each in explained(facts)["systems"] if each["id"] == system
    )
    return told


# Random worlds: a few sessions within an hour, attended in stretches on a few connections.

SECONDS = st.integers(-300, 3_900)
NAMES = ("A", "B", "C", "D")
LEASE_MS = 150_000
"""Longer than in life, so that a world has tens of beats and not hundreds."""


@st.composite
def stretches(draw: st.DrawFn, at_most: int = 1) -> list[list[int]]:
    found = draw(st.lists(st.tuples(SECONDS, st.integers(0, 600)), max_size=at_most))
    return [[start * 1000, (start + length) * 1000] for start, length in found]


@st.composite
def sessions(draw: st.DrawFn, name: str) -> dict[str, Any]:
    start, length = draw(st.integers(0, 900)), draw(st.integers(300, 2_000))
    checks = draw(
        st.lists(st.tuples(SECONDS, st.sampled_from((True, True, True, False))), max_size=3)
    )
    return {
        "id": name,
        "live": [[start * 1000, (start + length) * 1000], *draw(stretches())],
        "designated_ms": draw(st.sampled_from((3_600, 1_801, 900, 900, 300, 0))) * 1000,
        "excluded": draw(stretches()),
        "min_percent": draw(st.sampled_from(("0", "0", "0", "0", "33.3", "80"))),
        "min_minutes": draw(st.sampled_from(("0", "0", "0", "0.5", "10"))),
        "checks": [{"at": second * 1000, "answered": answered} for second, answered in checks],
        "day": "2026-11-14",
    }


@st.composite
def attendance(draw: st.DrawFn, names: tuple[str, ...] = NAMES) -> Beats:
    start, length = draw(st.integers(-300, 1_500)), draw(st.integers(200, 2_000))
    return beats(
        start * 1000,
        (start + length) * 1000 + draw(st.integers(0, 999)),
        draw(st.sampled_from(names)),
        draw(st.sampled_from(("laptop", "phone", "tab"))),
        every=draw(
            st.sampled_from((LEASE_MS, LEASE_MS, LEASE_MS - 1, LEASE_MS, LEASE_MS, LEASE_MS + 1))
        ),
        leave=draw(st.sampled_from((False, False, False, False, False, True))),
        visible=draw(st.sampled_from((True, True, True, False))),
        playing=draw(st.sampled_from((True, True, True, False))),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    names = NAMES[: draw(st.integers(2, 4))]
    attended = draw(st.lists(attendance(names), min_size=4, max_size=7))
    return {
        "systems": SYSTEM_NAMES,
        "options": {"ancc": {"hour_minutes": draw(st.sampled_from((50, 60)))}},
        "lease_ms": LEASE_MS,
        "counts": draw(st.sampled_from(("any", "any", "any", "playing", "visible"))),
        "overlap": draw(st.sampled_from(("cap", "clip"))),
        "exclude_booth": draw(st.booleans()),
        "designated_max": draw(st.sampled_from(({}, {"ama-pra-1": "0.50", "ancc": "1.005"}))),
        "sessions": [draw(sessions(name)) for name in names],
        "evidence": [beat for some in attended for beat in some],
        "booth": draw(stretches()),
        "faculty_of": draw(st.sampled_from(([], [], [], [], ["B"]))),
        "missing": draw(st.sampled_from(([], [], ["evaluation"], ["consent_report"]))),
    }
