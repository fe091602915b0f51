from hypothesis import given
from hypothesis import strategies as st

from realtime.hub.allowance import Allowance


def test_a_burst_and_then_so_much_a_second() -> None:
    allowance = Allowance(40, now=0)
    taken = [allowance.take(0, rate=20, burst=40) for _ in range(41)]
    assert taken == [True] * 40 + [False]
    assert not allowance.take(0.04, rate=20, burst=40)
    assert allowance.take(0.06, rate=20, burst=40)
    assert not allowance.rested(1, rate=20, burst=40)
    assert allowance.rested(3, rate=20, burst=40)


@given(steps=st.lists(st.floats(0, 2), max_size=200))
def test_no_pattern_gets_more_than_the_burst_and_the_rate(steps: list[float]) -> None:
    allowance, now, taken = Allowance(5, now=0), 0.0, 0
    for step in steps:
        now += step
        taken += allowance.take(now, rate=2, burst=5)
    assert taken <= 5 + 2 * now + 1e-6
