"""The table of systems: every row, and the roundings at their edges."""

from decimal import Decimal

import pytest

from server.credit.rules import least_ms, rounded
from server.credit.systems import SYSTEMS, Rounding, System

ROWS = [
    # id, step, minutes for one step, rounding, most of a day
    ("ama-pra-1", "0.25", 15, "half_up", None),
    ("ancc", "0.01", 0.6, "floor", None),
    ("aapa-1", "0.25", 15, "half_up", None),
    ("ipce", "0.25", 15, "half_up", None),
    ("aafp-prescribed", "0.25", 15, "half_up", None),
    ("ecmec", "0.5", 30, "floor", "8"),
    ("rcp-uk", "1", 60, "half_up", "8"),
    ("rcpsc-1", "0.25", 15, "half_up", None),
    ("acpe-uan", "0.25", 15, "whole_session", None),
    ("abim-moc", "0.25", 15, "half_up", None),
]


@pytest.mark.parametrize(("name", "step", "minutes", "rounding", "day_max"), ROWS)
def test_row(name: str, step: str, minutes: float, rounding: str, day_max: str | None) -> None:
    system = SYSTEMS[name]
    assert str(system.step) == step
    assert system.quantum_ms == minutes * 60_000
    assert system.rounding.value == rounding
    assert system.day_max == (None if day_max is None else Decimal(day_max))


def test_the_table_is_whole() -> None:
    assert list(SYSTEMS) == [row[0] for row in ROWS]
    assert all(name == system.id for name, system in SYSTEMS.items())


@pytest.mark.parametrize(
    ("minutes", "quantum_ms"), [(60, 36_000), (50, 30_000), (45, 27_000), (1, 600)]
)
def test_an_hour_of_other_length(minutes: int, quantum_ms: int) -> None:
    assert SYSTEMS["ancc"].with_hour_of(minutes).quantum_ms == quantum_ms
    assert SYSTEMS["ancc"].with_hour_of(50).with_hour_of(minutes).quantum_ms == quantum_ms


def system(rounding: Rounding, quantum_ms: int) -> System:
    return System(
        id="x", name="X", unit="x", step=Decimal(1), quantum_ms=quantum_ms, rounding=rounding
    )


@pytest.mark.parametrize("rounding", [Rounding.HALF_UP, Rounding.FLOOR])
@pytest.mark.parametrize("quantum_ms", [1, 2, 3, 7, 10])
def test_the_least_time_for_a_step_is_where_rounding_begins_to_give_it(
    rounding: Rounding, quantum_ms: int
) -> None:
    one = system(rounding, quantum_ms)
    assert least_ms(one, 0) == 0
    for steps in range(1, 6):
        least = least_ms(one, steps)
        assert rounded(one, least) == steps
        assert rounded(one, least - 1) == steps - 1


@pytest.mark.parametrize(("ms", "steps"), [(0, 0), (4, 0), (5, 1), (14, 1), (15, 2), (25, 3)])
def test_half_a_step_counts_as_one_also_before_an_odd_one(ms: int, steps: int) -> None:
    assert rounded(system(Rounding.HALF_UP, 10), ms) == steps
