"""Intervals against sets of instants: every operation, on every small case Hypothesis finds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from server.attendance.intervals import (
    NOTHING,
    Interval,
    Intervals,
    difference,
    earliest,
    hull,
    intersection,
    length,
    union,
)

stable = settings(derandomize=True, database=None, deadline=None, max_examples=100)
raw = st.lists(st.tuples(st.integers(-9, 30), st.integers(-9, 30)), max_size=6)


def instants(intervals: list[Interval] | Intervals) -> set[int]:
    return {instant for start, end in intervals for instant in range(start, end)}


def is_normal(intervals: Intervals) -> bool:
    edges = [edge for interval in intervals for edge in interval]
    return edges == sorted(set(edges))


@given(raw, raw)
@stable
def test_union_holds_what_either_holds(one: list[Interval], other: list[Interval]) -> None:
    both = union(one, other)
    assert instants(both) == instants(one) | instants(other)
    assert is_normal(both)


@given(raw, raw)
@stable
def test_intersection_holds_what_both_hold(one: list[Interval], other: list[Interval]) -> None:
    both = intersection(union(one), union(other))
    assert instants(both) == instants(one) & instants(other)
    assert is_normal(both)


@given(raw, raw)
@stable
def test_difference_holds_the_rest(one: list[Interval], other: list[Interval]) -> None:
    rest = difference(union(one), union(other))
    assert instants(rest) == instants(one) - instants(other)
    assert is_normal(rest)


@given(raw)
@stable
def test_length_counts_instants(one: list[Interval]) -> None:
    assert length(union(one)) == len(instants(one))


@given(raw, st.integers(-2, 40))
@stable
def test_earliest_takes_the_first_instants(one: list[Interval], milliseconds: int) -> None:
    taken = earliest(union(one), milliseconds)
    assert instants(taken) == set(sorted(instants(one))[: max(0, milliseconds)])
    assert is_normal(taken)


def test_touching_intervals_are_one() -> None:
    assert union([(5, 9), (1, 5), (9, 9), (8, 3)]) == ((1, 9),)


def test_intervals_from_zero_and_below_are_no_exception() -> None:
    assert union([(0, 2), (-3, 0)]) == ((-3, 2),)


def test_the_hull_fills_the_gaps() -> None:
    assert hull(((1, 2), (5, 6))) == ((1, 6),)
    assert hull(NOTHING) == NOTHING
