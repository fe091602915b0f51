"""Presence from proofs: worked cases, the definition instant by instant, and spans for beats."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.attendance.intervals import Intervals, length
from server.attendance.rules import (
    SPAN_MS,
    Counts,
    Proof,
    beat,
    continues,
    coverage,
    fold,
    last_proof_ms,
    still_there,
)

stable = settings(derandomize=True, database=None, deadline=None, max_examples=120)
LEASE = 10

some_beats = st.lists(
    st.builds(
        beat,
        st.sampled_from("abc"),
        st.integers(0, 60),
        leave=st.sampled_from([False, False, False, True]),
        visible=st.booleans(),
        playing=st.booleans(),
    ),
    max_size=14,
)
policies = st.sampled_from(Counts)


def at(*times: int, connection: str = "a") -> list[Proof]:
    return [beat(connection, time) for time in times]


def left(time: int, connection: str = "a") -> Proof:
    return beat(connection, time, leave=True)


def present(*proofs: Proof, counts: Counts = Counts.ANY) -> Intervals:
    return coverage(proofs, lease_ms=LEASE, counts=counts)


def by_definition(beats: list[Proof], counts: Counts) -> set[int]:
    """The written rule, instant by instant, sharing nothing with the code."""
    told: dict[Counts, Callable[[Proof], bool]] = {
        Counts.ANY: lambda _: True,
        Counts.PLAYING: lambda proof: proof.playing,
        Counts.VISIBLE: lambda proof: proof.visible,
    }
    counting = [proof for proof in beats if told[counts](proof)]
    leaves = {
        name: min(proof.first_ms for proof in beats if proof.leave and proof.connection == name)
        for name in {proof.connection for proof in beats if proof.leave}
    }
    groups = [
        [p.first_ms for p in counting if p.connection == name and p.first_ms <= until]
        for name, until in leaves.items()
    ]
    groups.append([p.first_ms for p in counting if p.connection not in leaves])
    return {
        instant
        for times in groups
        for one, following in zip(sorted(times), sorted(times)[1:], strict=False)
        if following - one <= LEASE
        for instant in range(one, following)
    }


def instants(intervals: Intervals) -> set[int]:
    return {instant for start, end in intervals for instant in range(start, end)}


@given(some_beats, policies)
@stable
def test_coverage_is_what_the_rule_says(beats: list[Proof], counts: Counts) -> None:
    assert instants(coverage(beats, lease_ms=LEASE, counts=counts)) == by_definition(beats, counts)


@given(some_beats, policies)
@stable
def test_spans_cover_exactly_what_their_beats_cover(beats: list[Proof], counts: Counts) -> None:
    spans = fold(beats, lease_ms=LEASE)
    assert coverage(spans, lease_ms=LEASE, counts=counts) == coverage(
        beats, lease_ms=LEASE, counts=counts
    )
    assert len(spans) <= len(beats)


@given(some_beats.flatmap(lambda beats: st.tuples(st.just(beats), st.permutations(beats))))
@stable
def test_order_and_repetition_do_not_matter(both: tuple[list[Proof], list[Proof]]) -> None:
    beats, shuffled = both
    again = [*shuffled, *beats]
    assert coverage(again, lease_ms=LEASE) == coverage(beats, lease_ms=LEASE)
    assert coverage(fold(again, lease_ms=LEASE), lease_ms=LEASE) == coverage(beats, lease_ms=LEASE)


@given(some_beats, some_beats, policies)
@stable
def test_more_presence_never_takes_any_away(
    beats: list[Proof], more: list[Proof], counts: Counts
) -> None:
    staying = [proof for proof in more if not proof.leave]
    before = instants(coverage(beats, lease_ms=LEASE, counts=counts))
    assert before <= instants(coverage(beats + staying, lease_ms=LEASE, counts=counts))


@given(some_beats, st.integers(0, 60), st.sampled_from("abc"), policies)
@stable
def test_a_leave_never_adds_time_after_it(
    beats: list[Proof], when: int, connection: str, counts: Counts
) -> None:
    before = instants(coverage(beats, lease_ms=LEASE, counts=counts))
    after = instants(coverage([*beats, left(when, connection)], lease_ms=LEASE, counts=counts))
    assert max(after - before, default=-1) < when


@given(some_beats, policies)
@stable
def test_nothing_is_credited_after_the_last_proof(beats: list[Proof], counts: Counts) -> None:
    covered = coverage(beats, lease_ms=LEASE, counts=counts)
    last = last_proof_ms(beats, counts=counts)
    assert (covered[-1][1] if covered else -1) <= (last if last is not None else -1)


@pytest.mark.parametrize(
    ("proofs", "expected"),
    [
        ([], ()),
        (at(5), ()),
        (at(0, 10), ((0, 10),)),  # exactly the lease
        (at(0, 11), ()),  # a millisecond more
        (at(0, 5, 40, 44), ((0, 5), (40, 44))),
        (at(0, 6, connection="a") + at(3, 12, connection="b"), ((0, 12),)),
        (at(0, 5, connection="a") + at(9, 15, connection="b"), ((0, 15),)),  # dropped: bridged
        ([*at(0), left(5), *at(9, 15, connection="b")], ((0, 5), (9, 15))),  # left: not bridged
        ([*at(0), left(5), *at(8, 12)], ((0, 5),)),  # nothing counts after the leave
        ([left(5), *at(0), left(9)], ((0, 5),)),  # the first leave is the leave
        ([*at(0, 9), left(5)], ((0, 5),)),
        ([*at(0, 4), left(30)], ((0, 4),)),  # a late leave proves nothing
    ],
)
def test_worked_cases(proofs: list[Proof], expected: Intervals) -> None:
    assert present(*proofs) == expected


def test_a_beat_that_does_not_count_is_no_evidence() -> None:
    paused = beat("a", 8, playing=False)
    hidden = beat("a", 8, visible=False)
    assert present(*at(0), paused, *at(16), counts=Counts.PLAYING) == ()
    assert present(*at(0), hidden, *at(16), counts=Counts.VISIBLE) == ()
    assert present(*at(0), paused, *at(16), counts=Counts.VISIBLE) == ((0, 16),)
    assert present(*at(0), paused, *at(10), counts=Counts.PLAYING) == ((0, 10),)


def test_a_leave_is_honest_whatever_it_says_of_the_player() -> None:
    gone = beat("a", 5, leave=True, playing=False)
    later = at(9, 15, connection="b")
    assert present(*at(0, 3), gone, *later, counts=Counts.PLAYING) == ((0, 3), (9, 15))


class TestSpans:
    def test_a_span_is_solid_and_bridged_like_beats(self) -> None:
        spans = [Proof("a", 0, 30), Proof("b", 40, 70), Proof("b", 81, 90)]
        assert present(*spans) == ((0, 70), (81, 90))

    def test_a_span_within_another_changes_nothing(self) -> None:
        assert present(Proof("a", 0, 60), Proof("b", 10, 20), *at(70)) == ((0, 70),)

    def test_a_span_that_runs_past_a_leave_is_cut_there(self) -> None:
        assert present(Proof("a", 0, 30), Proof("a", 12, 20, leave=True)) == ((0, 20),)

    def test_an_hour_is_a_dozen_rows(self) -> None:
        beats = [beat("a", time) for time in range(0, 3_600_001, 15_000)]
        spans = fold(beats)
        assert len(spans) == 12
        assert coverage(spans) == ((0, 3_600_000),)

    @pytest.mark.parametrize(
        ("new", "expected"),
        [
            (beat("a", 100), True),
            (beat("a", 100 + LEASE), True),
            (beat("a", 101 + LEASE), False),
            (beat("a", 99), False),
            (beat("b", 105), False),
            (beat("a", 105, visible=False), False),
            (beat("a", 105, playing=False), False),
            (beat("a", 105, leave=True), True),
        ],
    )
    def test_what_lengthens_a_span(self, new: Proof, *, expected: bool) -> None:
        assert continues(Proof("a", 50, 100), new, lease_ms=LEASE) is expected

    def test_a_span_ends_at_five_minutes_and_with_a_leave(self) -> None:
        nearly = Proof("a", 0, SPAN_MS - 5)
        assert continues(nearly, beat("a", SPAN_MS))
        assert not continues(nearly, beat("a", SPAN_MS + 1))
        assert not continues(Proof("a", 0, 100, leave=True), beat("a", 105))


class TestStillThere:
    def test_within_the_lease(self) -> None:
        assert still_there(at(0, 5), now_ms=5 + LEASE, lease_ms=LEASE)
        assert not still_there(at(0, 5), now_ms=6 + LEASE, lease_ms=LEASE)
        assert not still_there([], now_ms=0, lease_ms=LEASE)

    def test_who_left_is_gone_at_once_unless_another_device_stays(self) -> None:
        gone = [*at(0), left(5)]
        assert not still_there(gone, now_ms=6, lease_ms=LEASE)
        assert still_there([*gone, *at(4, connection="b")], now_ms=6, lease_ms=LEASE)

    def test_only_what_counts_keeps_one_there(self) -> None:
        paused = [beat("a", 5, playing=False)]
        assert still_there(paused, now_ms=6, lease_ms=LEASE)
        assert not still_there(paused, now_ms=6, lease_ms=LEASE, counts=Counts.PLAYING)

    def test_the_record_ends_at_the_last_proof(self) -> None:
        assert last_proof_ms([*at(0), left(5), *at(9)]) == 5
        assert last_proof_ms([*at(0), *at(3, connection="b")]) == 3
        assert last_proof_ms([]) is None


def test_the_default_lease_is_forty_five_seconds() -> None:
    assert length(coverage(at(0, 45_000))) == 45_000
    assert length(coverage(at(0, 45_001))) == 0
