"""When checks are due, what an answer keeps to, and that nobody can know a time before."""

import hashlib
import hmac
import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from server.attendance import checks
from server.attendance.checks import (
    ANSWER_MS,
    HOUR_MS,
    LEAST_APART_MS,
    ON_THE_WAY_MS,
    TOO_LATE_MS,
    CheckOver,
    Put,
    State,
)
from server.attendance.intervals import union

SEED = bytes(range(32))
THIRD_MS = HOUR_MS // 3


def seeds(count: int) -> list[tuple[bytes, UUID]]:
    drawn = random.Random(3)
    return [(drawn.randbytes(32), UUID(bytes=drawn.randbytes(16))) for _ in range(count)]


def put(**other: object) -> Put:
    asked = Put(
        id=uuid4(), session_id=uuid4(), person_id=uuid4(), number=0,
        asked_ms=1_000_000, closes_ms=1_000_000 + ANSWER_MS,
    )  # fmt: skip
    return replace(asked, **other)  # type: ignore[arg-type]


def test_ten_thousand_draws_lie_one_in_each_third_and_eight_minutes_apart() -> None:
    for seed, subject in seeds(10_000):
        first, second, third = checks.schedule(seed, subject, an_hour=3, until_ms=HOUR_MS)
        assert [at // THIRD_MS for at in (first, second, third)] == [0, 1, 2]
        assert min(second - first, third - second) >= LEAST_APART_MS


@pytest.mark.parametrize("an_hour", checks.AN_HOUR)
def test_any_number_an_hour_keeps_the_distance_for_hours(an_hour: int) -> None:
    part_ms = HOUR_MS // an_hour
    for seed, subject in seeds(200):
        times = checks.schedule(seed, subject, an_hour=an_hour, until_ms=8 * HOUR_MS)
        assert [at // part_ms for at in times] == list(range(8 * an_hour))
        assert all(b - a >= LEAST_APART_MS for a, b in pairwise(times))


def test_no_minute_of_the_first_third_is_favoured() -> None:
    drawn = Counter(
        checks.schedule(seed, subject, an_hour=3, until_ms=HOUR_MS)[0] // 60_000
        for seed, subject in seeds(10_000)
    )
    assert set(drawn) == set(range(20))
    squares = sum((drawn[minute] - 500) ** 2 / 500 for minute in range(20))
    assert squares < 43.8, "chi-square, 19 degrees of freedom, one in a thousand"


def test_one_learners_times_say_nothing_about_anothers() -> None:
    own = [checks.schedule(SEED, subject, an_hour=3, until_ms=HOUR_MS) for _, subject in seeds(500)]
    assert len({tuple(times) for times in own}) == 500
    together = sum(abs(one[0] - other[0]) < 1_000 for one, other in pairwise(own))
    assert together < 10


def test_the_same_seed_and_learner_give_the_same_times_however_far_one_looks() -> None:
    subject = UUID(int=7)
    long = checks.schedule(SEED, subject, an_hour=4, until_ms=24 * HOUR_MS)
    assert checks.schedule(SEED, subject, an_hour=4, until_ms=HOUR_MS) == long[:4]
    assert checks.schedule(SEED, subject, an_hour=4, until_ms=long[2]) == long[:2]


def test_a_revealed_seed_proves_each_check_and_no_other() -> None:
    subject, committed = UUID(int=7), checks.commitment(SEED)
    times = checks.schedule(SEED, subject, an_hour=3, until_ms=HOUR_MS)

    def good(seed: bytes = SEED, who: UUID = subject, number: int = 1, at: int = times[1]) -> bool:
        return checks.as_committed(seed, committed, who, an_hour=3, number=number, due_ms=at)

    assert good()
    assert not good(seed=bytes(32)), "another seed than was committed"
    assert not good(who=UUID(int=8)), "another learner's"
    assert not good(number=0)
    assert not good(number=2)
    assert not good(at=times[1] + 1), "one millisecond off"


def test_a_pause_stops_the_clock_of_checks() -> None:
    live = union([(0, 10_000), (60_000, 70_000)])
    assert checks.elapsed_ms(live, 0, 65_000) == 15_000
    assert checks.elapsed_ms(live, 4_000, 30_000) == 6_000
    assert checks.elapsed_ms(live, 80_000, 70_000) == 0


def test_a_check_is_due_for_half_a_minute_and_then_let_go() -> None:
    times = [100_000, 900_000]
    assert checks.due(times, 99_999) is None
    assert checks.due(times, 100_000) == 0
    assert checks.due(times, 100_000 + TOO_LATE_MS - 1) == 0
    assert checks.due(times, 100_000 + TOO_LATE_MS) is None
    assert checks.due(times, 900_001) == 1


def test_an_answer_counts_until_the_time_is_over_and_the_way_is_not_counted() -> None:
    asked = put()
    last_ms = asked.closes_ms + ON_THE_WAY_MS
    answered = checks.answer(asked, last_ms)
    assert (answered.state, answered.ended_ms) == (State.ANSWERED, last_ms)
    assert checks.answer(answered, last_ms + 10**9) is answered, "said twice, it stays as it was"
    with pytest.raises(CheckOver):
        checks.answer(asked, last_ms + 1)


@pytest.mark.parametrize("state", [State.LAPSED, State.WITHDRAWN])
def test_what_is_over_takes_no_answer(state: State) -> None:
    over = put(state=state)
    with pytest.raises(CheckOver):
        checks.answer(over, over.asked_ms)
    with pytest.raises(CheckOver):
        checks.extend(over, over.asked_ms)


def test_more_time_is_given_once() -> None:
    asked = put()
    longer = checks.extend(asked, asked.closes_ms)
    assert longer.closes_ms == asked.closes_ms + ANSWER_MS
    assert longer.extended
    assert checks.extend(longer, longer.closes_ms) is longer
    assert checks.answer(longer, longer.closes_ms).state is State.ANSWERED
    answered = checks.answer(asked, asked.asked_ms)
    assert checks.extend(answered, asked.asked_ms) is answered
    with pytest.raises(CheckOver):
        checks.extend(asked, asked.closes_ms + ON_THE_WAY_MS + 1)


def test_it_lapses_when_nobody_can_answer_any_more() -> None:
    asked = put()
    last_ms = asked.closes_ms + ON_THE_WAY_MS
    assert checks.lapse(asked, last_ms) is asked
    lapsed = checks.lapse(asked, last_ms + 1)
    assert (lapsed.state, lapsed.ended_ms) == (State.LAPSED, last_ms + 1)
    answered = checks.answer(asked, last_ms)
    assert checks.lapse(answered, last_ms + 1) is answered


def test_the_times_of_a_seed_are_what_an_auditor_computes() -> None:
    """HMAC-SHA-256 over purpose, subject and number; its first 128 bits within the stretch left."""
    subject = UUID(int=5)
    expected: list[int] = []
    for number in range(6):
        text = checks.PURPOSE + f"{subject.hex}\n{number}".encode()
        drawn = int(hmac.new(SEED, text, hashlib.sha256).hexdigest()[:32], 16)
        starts = max(number * THIRD_MS, expected[-1] + LEAST_APART_MS if expected else 0)
        expected.append(starts + drawn % ((number + 1) * THIRD_MS - starts))
    assert checks.schedule(SEED, subject, an_hour=3, until_ms=2 * HOUR_MS) == expected


def test_who_answers_too_late_is_told_so() -> None:
    with pytest.raises(CheckOver, match=r"^The time to answer this check is over\.$"):
        checks.answer(put(), 1_000_000 + ANSWER_MS + ON_THE_WAY_MS + 1)
