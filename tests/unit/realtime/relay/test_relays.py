"""Stages and viewers are spread over relays by their names alone."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from realtime.relay.relays import Relays, labelled, ranked

SECRET = bytes(32)
URLS = [f"http://192.0.2.{n}:8002" for n in range(1, 5)]


def test_viewers_and_origins_are_spread_evenly() -> None:
    names = list(Relays(URLS, SECRET).clients)
    counted = Counter(ranked(names, f"session person-{n}")[0] for n in range(4000))
    assert set(counted) == set(names)
    assert all(850 < count < 1150 for count in counted.values())


def test_one_relay_more_moves_only_who_goes_to_it() -> None:
    few, many = list(Relays(URLS[:3], SECRET).clients), list(Relays(URLS, SECRET).clients)
    (new,) = set(many) - set(few)
    keys = [f"session-{n}" for n in range(1000)]
    moved = [key for key in keys if ranked(few, key)[0] != ranked(many, key)[0]]
    assert 150 < len(moved) < 350
    assert all(ranked(many, key)[0] == new for key in moved)


@given(st.permutations(URLS), st.text(max_size=40))
def test_everybody_comes_to_the_same_order(urls: list[str], key: str) -> None:
    assert ranked(urls, key) == ranked(URLS, key)


def test_metrics_of_several_say_whose_they_are() -> None:
    one = '# TYPE a counter\na 1\n# TYPE b counter\nb{why="x"} 2\nb{why="y"} 3\n'
    other = '# TYPE a counter\na 4\n# TYPE b counter\nb{why="x"} 5\n'
    assert labelled({"0": one, "1": other}) == (
        '# TYPE a counter\na{relay="0"} 1\na{relay="1"} 4\n'
        '# TYPE b counter\nb{relay="0",why="x"} 2\nb{relay="0",why="y"} 3\nb{relay="1",why="x"} 5\n'
    )
