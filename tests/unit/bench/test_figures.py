import json
import math

import pytest
from rich.console import Console

from tests.bench.figures import Figure, as_line, of_samples, satisfies, show


@pytest.mark.parametrize(
    ("value", "bound", "holds"),
    [
        (0.75, "<= 0.75", True),
        (0.76, "<= 0.75", False),
        (20, ">= 20", True),
        (0, "== 0", True),
        (1, "< 1", False),
        (1.1, "> 1", True),
        (math.nan, "<= 1", False),
        (math.nan, ">= 1", False),
        (5, "", True),
    ],
)
def test_a_bound_is_read_as_it_is_written(value: float, bound: str, *, holds: bool) -> None:
    assert satisfies(value, bound) is holds


def test_a_run_is_judged_by_the_looser_bound_where_there_is_one() -> None:
    loose = Figure(figure="f", value=0.8, unit="ratio", bound="<= 0.75", must="<= 0.9")
    assert (loose.holds, loose.passes) == (False, True)
    strict = Figure(figure="f", value=0.8, unit="ratio", bound="<= 0.75")
    assert (strict.holds, strict.passes) == (False, False)


def test_samples_are_told_with_their_median() -> None:
    line = json.loads(as_line(of_samples("f", [3.0, 1.0, 2.0], "ms", bound="<= 2")))
    assert line.pop("machine")
    assert line == {
        "figure": "f",
        "value": 2.0,
        "unit": "ms",
        "bound": "<= 2",
        "holds": True,
        "samples": [3.0, 1.0, 2.0],
    }


def test_the_table_says_which_figure_fails() -> None:
    console = Console(record=True, width=200)
    show([Figure(figure="lag", value=9, unit="ms", bound="<= 5")], console)
    assert "fails" in console.export_text()
