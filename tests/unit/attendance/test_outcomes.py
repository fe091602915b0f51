"""What a beat comes to, whole: the answer, what is open, what was sealed; at every edge."""

from dataclasses import replace
from typing import Any

import pytest

from server.attendance.rules import LEASE_MS, SPAN_MS
from server.attendance.spans import (
    LEAST_GAP_MS,
    Outcome,
    Received,
    Running,
    WrongEcho,
    receive,
)

START_MS = 1_000_000
OPEN = Running(
    first_ms=START_MS, last_ms=START_MS, visible=True, playing=True, last_n=4, beats=1,
    max_gap_ms=0, echo="e4",
)  # fmt: skip


def beat(after_ms: int, *, n: int = 5, echo: str = "e4", **changes: bool) -> Received:
    state = {"visible": True, "playing": True} | changes
    return Received(at_ms=START_MS + after_ms, n=n, echo=echo, next_echo=f"e{n}", **state)


def taken(present: Running | None, one: Received) -> Outcome:
    return receive(present, one, first_echo="first")


def longer(after_ms: int, present: Running = OPEN) -> Running:
    last_ms = START_MS + after_ms
    gap_ms = max(present.max_gap_ms, last_ms - present.last_ms)
    return replace(
        present, last_ms=last_ms, last_n=5, beats=present.beats + 1, max_gap_ms=gap_ms, echo="e5"
    )


def begun(after_ms: int, **changes: bool) -> Running:
    at_ms = START_MS + after_ms
    return replace(OPEN, first_ms=at_ms, last_ms=at_ms, last_n=5, echo="e5", **changes)


def test_the_first_beat_begins() -> None:
    one = beat(0, n=5, echo="first")
    assert taken(None, one) == Outcome(echo="e5", n=5, running=begun(0))


def test_the_first_beat_may_leave_at_once() -> None:
    one = beat(0, echo="first", leaving=True)
    assert taken(None, one) == Outcome(echo="e5", n=5, sealed=(begun(0, left=True),))


@pytest.mark.parametrize("n", [1, 3, 4])
def test_a_kept_number_gets_the_current_echo(n: int) -> None:
    assert taken(OPEN, beat(15_000, n=n, echo="?")) == Outcome(echo="e4", n=n, running=OPEN)


def test_a_wrong_echo_is_refused_without_a_word() -> None:
    refused = taken(OPEN, beat(15_000, echo="e3"))
    assert isinstance(refused.refusal, WrongEcho)
    assert replace(refused, refusal=None) == Outcome(echo="", n=5, running=OPEN)


def test_too_early_is_answered_and_not_counted() -> None:
    known = replace(OPEN, last_n=5, echo="e5")
    early = taken(OPEN, beat(LEAST_GAP_MS - 1))
    assert early == Outcome(echo="e5", n=5, running=known)
    due = taken(OPEN, beat(LEAST_GAP_MS))
    assert due == Outcome(echo="e5", n=5, running=longer(LEAST_GAP_MS))


def test_the_lease_holds_to_its_last_millisecond() -> None:
    assert taken(OPEN, beat(LEASE_MS)) == Outcome(echo="e5", n=5, running=longer(LEASE_MS))
    late = taken(OPEN, beat(LEASE_MS + 1))
    assert late == Outcome(echo="e5", n=5, running=begun(LEASE_MS + 1), sealed=(OPEN,))


def test_a_span_is_sealed_after_its_longest() -> None:
    old = replace(OPEN, last_ms=START_MS + SPAN_MS - 20_000, beats=20, max_gap_ms=30_000)
    assert taken(old, beat(SPAN_MS)).running == longer(SPAN_MS, old)
    after = taken(old, beat(SPAN_MS + 1))
    assert after == Outcome(echo="e5", n=5, running=begun(SPAN_MS + 1), sealed=(old,))


def test_leaving_seals_what_was() -> None:
    gone = taken(OPEN, beat(3_000, leaving=True))
    assert gone == Outcome(echo="e5", n=5, sealed=(replace(longer(3_000), left=True),))


@pytest.mark.parametrize("what", ["visible", "playing"])
def test_something_new_begins_another_span_at_once(what: str) -> None:
    state: dict[str, Any] = {"visible": what != "visible", "playing": what != "playing"}
    new = taken(OPEN, replace(beat(1_000), **state))
    assert new == Outcome(echo="e5", n=5, running=begun(1_000, **state), sealed=(OPEN,))
    gone = taken(OPEN, replace(beat(1_000), leaving=True, **state))
    ended = begun(1_000, left=True, **state)
    assert gone == Outcome(echo="e5", n=5, sealed=(OPEN, ended))


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    known = replace(OPEN, last_n=5, echo="e5")
    assert taken(OPEN, beat(-60_000)) == Outcome(echo="e5", n=5, running=known)
