"""What is wrong with an imported file, and where. Collects everything before anybody gives up.

It knows neither JSON nor XML: a place is a text such as `$.schedule.version` or
`/schedule/day[2]/@date`, and whoever reads the file names it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_PROBLEMS = 10_000
"""Every problem is listed, yet a file of nothing but problems must not fill the memory."""

LONGEST_QUOTE = 80
"""Characters of a value that a message repeats."""

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
PLAIN_KEY = re.compile(r"[^\W\d]\w*")


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    path: str
    message: str
    severity: Severity

    def line(self, file: str) -> str:
        """`FILE: $.path: message`, on one line and safe to print on a terminal."""
        mark = "warning: " if self.severity is Severity.WARNING else ""
        return printable(f"{file}: {self.path}: {mark}{self.message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[T]):
    """A whole file, understood, or None; and all that was noticed on the way."""

    value: T | None
    problems: tuple[Problem, ...]

    @property
    def refused(self) -> bool:
        return self.value is None

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(each for each in self.problems if each.severity is Severity.WARNING)


class TooManyProblems(Exception):
    """Raised inside a reader to stop it; `Problems` already says so in its list."""


class Problems:
    """The list a reader adds to while it reads on."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._broken: set[str] = set()
        self.errors = 0

    def error(self, path: str, message: str) -> None:
        """One error a place: of a missing value it need not be said that it is empty, too."""
        if path in self._broken:
            return
        self._broken.add(path)
        self.errors += 1
        self._add(path, message, Severity.ERROR)

    def warn(self, path: str, message: str) -> None:
        self._add(path, message, Severity.WARNING)

    def reading(self, value: T | None) -> Reading[T]:
        """Nothing is half imported: one error, and there is no value."""
        assert value is not None or self.errors
        return Reading(value=None if self.errors else value, problems=tuple(self._problems))

    def _add(self, path: str, message: str, severity: Severity) -> None:
        self._problems.append(Problem(path=path, message=message, severity=severity))
        if len(self._problems) == MAX_PROBLEMS:
            self.errors += 1
            message = f"more than {MAX_PROBLEMS} problems; the rest of the file was not read"
            self._problems.append(Problem(path=path, message=message, severity=Severity.ERROR))
            raise TooManyProblems


def refusal(path: str, message: str) -> Reading[T]:
    """The answer to a file that cannot be read at all."""
    return Reading(
        value=None, problems=(Problem(path=path, message=message, severity=Severity.ERROR),)
    )


def step(path: str, key: str | int) -> str:
    """The JSON path one step further down."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}"
    escaped = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"{path}['{escaped}']"


def quote(value: object) -> str:
    """A value as a message shows it: short and printable."""
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    text = text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"
    return printable(text)


def printable(text: str) -> str:
    """Text that cannot move a terminal's cursor or hide a part of itself."""
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
