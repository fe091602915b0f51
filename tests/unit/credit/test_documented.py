"""The closed lists of `docs/accreditation.md` and those of the code are the same."""

import re
from pathlib import Path

import pytest

from server.credit.findings import Reason
from server.credit.rules import REPORTING_GATES, Cap
from server.credit.segments import Kind
from server.credit.systems import SYSTEMS

TEXT = (Path(__file__).parents[3] / "docs" / "accreditation.md").read_text()


def table(heading: str) -> list[list[set[str]]]:
    """The `words` of every cell of every row of the table with this heading."""
    after = TEXT[TEXT.index(heading) :].partition("\n")[2]
    rows = after.partition("\n\n")[0].splitlines()[1:]
    return [
        [set(re.findall(r"`([a-z0-9_-]+)`", cell)) for cell in row.strip("|").split("|")]
        for row in rows
    ]


def column(heading: str, at: int) -> set[str]:
    return set().union(*(row[at] for row in table(heading)))


def test_kinds_and_reasons() -> None:
    of_stretches = column("| `kind` |", 2)
    of_sessions = column("| `reason` of a session", 0)
    assert column("| `kind` |", 0) == {kind.value for kind in Kind}
    assert of_stretches | of_sessions == {reason.value for reason in Reason}


def test_caps() -> None:
    assert column("| `caps` |", 0) == {cap.value for cap in Cap}


def test_gates_that_withhold_nothing_are_listed() -> None:
    assert column("| gate ", 0) >= REPORTING_GATES


@pytest.mark.parametrize("row", table("| id | unit"), ids=lambda row: next(iter(row[0])))
def test_systems(row: list[set[str]]) -> None:
    (name,) = row[0]
    assert row[4] == {SYSTEMS[name].rounding.value}


def test_every_system_has_its_row() -> None:
    assert column("| id | unit", 0) == set(SYSTEMS)
