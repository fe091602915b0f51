"""The allotment against the minimum cut, which is the maximum flow's closed form."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from server.attendance.intervals import Intervals, difference, intersection, length, union
from server.credit.flow import allot

stable = settings(derandomize=True, database=None, deadline=None, max_examples=100)

sets = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5).map(union)
cases = st.lists(st.tuples(sets, st.integers(0, 30)), max_size=6)


def minimum_cut(wanted: list[Intervals], limits: list[int]) -> int:
    """The least of: the limits of some, and all the time that the others want."""
    everyone = range(len(wanted))
    return min(
        sum(limits[one] for one in chosen)
        + length(union(*(wanted[one] for one in everyone if one not in chosen)))
        for size in range(len(wanted) + 1)
        for chosen in combinations(everyone, size)
    )


@given(cases)
@stable
def test_as_much_as_there_can_be(case: list[tuple[Intervals, int]]) -> None:
    wanted, limits = [want for want, _ in case], [limit for _, limit in case]
    got = allot(wanted, limits)
    assert sum(map(length, got)) == minimum_cut(wanted, limits)
    assert sum(map(length, got)) == length(union(*got)), "an instant counts once"
    for own, want, limit in zip(got, wanted, limits, strict=True):
        assert own == union(own)
        assert difference(own, want) == ()
        assert length(own) <= limit


def test_alone_the_first_minutes_count() -> None:
    assert allot([((0, 10), (20, 30))], [12]) == [((0, 10), (20, 22))]


def test_where_there_is_a_choice_the_first_comes_first() -> None:
    assert allot([((0, 10),), ((0, 10),)], [10, 10]) == [((0, 10),), ()]
    assert allot([((0, 10),), ((0, 10),)], [4, 10]) == [((0, 4),), ((4, 10),)]


def test_what_was_given_moves_where_that_makes_room() -> None:
    """The first could have all it wants at once; only what comes later shows that it should not."""
    got = allot([((0, 20),), ((0, 10),)], [10, 10])
    assert [length(own) for own in got] == [10, 10]


def test_it_moves_along_a_chain() -> None:
    wanted: list[Intervals] = [((0, 10), (30, 40)), ((0, 10), (10, 20)), ((10, 20), (20, 30))]
    wanted.append(((0, 10),))
    got = allot(wanted, [10, 10, 10, 10])
    assert [length(own) for own in got] == [10, 10, 10, 10]


def test_moving_keeps_every_limit() -> None:
    """What three share in pieces is handed on twice, and nobody ends with more than may be."""
    shared: Intervals = ((0, 5), (8, 13), (20, 22))
    got = allot([union(shared, ((30, 40),)), shared, shared], [10, 3, 9])
    assert [length(own) for own in got] == [10, 3, 9]


def test_a_storm_of_pieces_is_no_trouble() -> None:
    """Twelve parallel sessions in a thousand pieces each: the classes stay few."""
    wanted = [tuple((at * 30 + n, at * 30 + n + 15) for at in range(1_000)) for n in range(12)]
    limits = [2_000] * 12
    got = allot(wanted, limits)
    assert sum(map(length, got)) == min(24_000, length(union(*wanted)))
    assert intersection(got[0], got[11]) == ()
