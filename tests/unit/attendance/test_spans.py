"""What beats make of spans, and that nobody gains time by beating oddly."""

from server.attendance.rules import LEASE_MS, SPAN_MS
from server.attendance.spans import Outcome, Received, Running, WrongEcho, receive

FIRST = "first"


def beat(at_ms: int, n: int, echo: str, **changes: bool) -> Received:
    state = {"visible": True, "playing": True} | changes
    return Received(at_ms=at_ms, n=n, echo=echo, next_echo=f"e{n}", **state)


def run(*beats: Received) -> tuple[list[Running], Running | None, list[Outcome]]:
    sealed: list[Running] = []
    running: Running | None = None
    outcomes = []
    for one in beats:
        outcome = receive(running, one, first_echo=FIRST)
        outcomes.append(outcome)
        if outcome.refusal is None:
            running = outcome.running
            sealed += outcome.sealed
    return sealed, running, outcomes


def test_beats_lengthen_one_span() -> None:
    sealed, running, outcomes = run(beat(0, 1, FIRST), beat(15_000, 2, "e1"), beat(30_000, 3, "e2"))
    assert sealed == []
    assert running is not None
    assert (running.first_ms, running.last_ms, running.beats) == (0, 30_000, 3)
    assert running.max_gap_ms == 15_000
    assert [outcome.echo for outcome in outcomes] == ["e1", "e2", "e3"]


def test_a_beat_sent_again_gets_the_current_echo_and_changes_nothing() -> None:
    before = run(beat(0, 1, FIRST), beat(15_000, 2, "e1"))[1]
    after = receive(before, beat(20_000, 1, FIRST), first_echo=FIRST)
    assert after.running == before
    assert after.echo == "e2"
    assert after.refusal is None


def test_a_beat_without_the_last_echo_is_refused_and_changes_nothing() -> None:
    before = run(beat(0, 1, FIRST))[1]
    for echo in ("", FIRST, "e0", "e2"):
        outcome = receive(before, beat(15_000, 2, echo), first_echo=FIRST)
        assert isinstance(outcome.refusal, WrongEcho)
        assert outcome.running == before
    assert isinstance(receive(None, beat(0, 1, "x"), first_echo=FIRST).refusal, WrongEcho)


def test_hurried_beats_add_nothing_that_patient_ones_would_not() -> None:
    running = run(beat(0, 1, FIRST), beat(5_000, 2, "e1"), beat(11_000, 3, "e2"))[1]
    assert running is not None
    assert (running.last_ms, running.beats) == (11_000, 2)


def test_a_gap_beyond_the_lease_begins_another_span() -> None:
    sealed, running, _ = run(beat(0, 1, FIRST), beat(LEASE_MS + 1, 2, "e1"))
    assert [(span.first_ms, span.last_ms) for span in sealed] == [(0, 0)]
    assert running is not None
    assert running.first_ms == LEASE_MS + 1


def test_a_change_is_kept_at_once_and_seals() -> None:
    sealed, running, _ = run(beat(0, 1, FIRST), beat(2_000, 2, "e1", playing=False))
    assert [span.playing for span in sealed] == [True]
    assert running is not None
    assert (running.first_ms, running.playing) == (2_000, False)


def test_leaving_seals_and_opens_nothing() -> None:
    sealed, running, _ = run(beat(0, 1, FIRST), beat(12_000, 2, "e1", leaving=True))
    assert running is None
    assert [(span.last_ms, span.left) for span in sealed] == [(12_000, True)]
    sealed, running, _ = run(beat(0, 1, FIRST, leaving=True))
    assert (running, [span.left for span in sealed]) == (None, [True])


def test_five_minutes_are_sealed() -> None:
    beats = [
        beat(at, n, FIRST if n == 1 else f"e{n - 1}")
        for n, at in enumerate(range(0, SPAN_MS + 15_001, 15_000), 1)
    ]
    sealed, running, _ = run(*beats)
    assert [(span.first_ms, span.last_ms) for span in sealed] == [(0, SPAN_MS)]
    assert running is not None
    assert running.first_ms == SPAN_MS + 15_000


def test_a_clock_set_back_makes_no_negative_time() -> None:
    running = run(beat(60_000, 1, FIRST), beat(10_000, 2, "e1", playing=False))[1]
    assert running is not None
    assert running.first_ms == 60_000
