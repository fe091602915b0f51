"""What a benchmark says: a figure, its bounds, and whether they hold.

`bound` is the goal, printed and recorded; `must` is looser and is what a run is judged by, where
it is given. A bound is written `<= 0.75`, `>= 20` or `== 0`.
"""

import json
import operator
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured number. Without a bound it is told for the record and always holds."""

    figure: str
    value: float
    unit: str
    bound: str = ""
    must: str = ""
    samples: Sequence[float] = ()

    @property
    def holds(self) -> bool:
        """Whether the goal is met."""
        return satisfies(self.value, self.bound)

    @property
    def passes(self) -> bool:
        """Whether the run is accepted."""
        return satisfies(self.value, self.must or self.bound)


def of_samples(
    figure: str, samples: Sequence[float], unit: str, *, bound: str = "", must: str = ""
) -> Figure:
    """The median of repeated measurements, which are kept beside it."""
    middle = statistics.median(samples)
    return Figure(
        figure=figure, value=middle, unit=unit, bound=bound, must=must, samples=tuple(samples)
    )


def satisfies(value: float, bound: str) -> bool:
    """NaN, the value of what could not be measured, satisfies no bound."""
    if not bound:
        return True
    comparison, _, limit = bound.partition(" ")
    return COMPARISONS[comparison](value, float(limit))


def machine() -> str:
    """Enough to tell two machines apart: processor, cores, memory, kernel, Python."""
    cores = os.cpu_count() or 0
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel, python = platform.release(), platform.python_version()
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB, Linux {kernel}, Python {python}"


def as_line(figure: Figure) -> str:
    """One object of `--json`."""
    told: dict[str, object] = {
        "figure": figure.figure,
        "value": figure.value,
        "unit": figure.unit,
        "bound": figure.bound,
        "holds": figure.holds,
    }
    if figure.must:
        told |= {"must": figure.must, "passes": figure.passes}
    return json.dumps({**told, "samples": list(figure.samples), "machine": machine()})


def show(figures: Iterable[Figure], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, title=machine(), title_justify="left")
    table.add_column("figure", overflow="fold")
    for heading in ("value", "bound", "must"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for figure in figures:
        value = f"{figure.value:,.4g} {figure.unit}".strip()
        table.add_row(figure.figure, value, figure.bound, figure.must, _verdict(figure))
    console.print(table)


def _verdict(figure: Figure) -> str:
    if not figure.passes:
        return "[bold red]fails[/]"
    if not figure.bound:
        return ""
    return "[green]holds[/]" if figure.holds else "[yellow]passes, goal missed[/]"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
