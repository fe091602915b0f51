"""Whose CPU time it was: of the hub, PostgreSQL, Redis and the generator, in percent of a core."""

import os
import time
from collections.abc import Mapping, Sequence

import psutil

from tests.bench.hub.herd import cpu_ns


class Shares:
    """The families of some processes by name, measured from one moment to the next.

    Of the process that measures itself, which is everybody's parent, its own time alone.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._at, self._used = 0.0, dict[str, int]()
        self.begin()

    def begin(self) -> None:
        self._at, self._used = time.monotonic(), self._read()

    def percent(self) -> dict[str, float]:
        """Since the beginning."""
        passed = (time.monotonic() - self._at) * 1e9
        return {
            name: 100 * (used - self._used[name]) / passed for name, used in self._read().items()
        }

    def _read(self) -> dict[str, int]:
        return {name: sum(map(_used, _family(pid))) for name, pid in self._pids.items()}


def _family(pid: int) -> Sequence[int]:
    if pid == os.getpid():
        return [pid]
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def _used(pid: int) -> int:
    try:
        return cpu_ns(pid)
    except FileNotFoundError:  # it has just ended
        return 0
