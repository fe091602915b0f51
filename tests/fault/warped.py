"""The product on a machine whose clocks a test turns, and with faults of ours on request.

Run before a command's own words: `python -m tests.fault.warped CLOCKS [FAULT…] python -P -m
server.cli serve`. CLOCKS is the file of a `Clocks`. Both clocks stand still but for what the test
lets pass; a step moves the wall clock alone, as an operator or NTP does. What asyncio waits by is
left alone, and so is the relay, which is another process. Faults:

- `unanchored`: evidence is stamped with the wall clock;
- `echoless`: a beat need not return what the last acknowledgement carried.
"""

import mmap
import struct
import sys
import time
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Self

FORMAT = "<3q"
"""Milliseconds that passed, milliseconds that the wall clock was moved, when the server began."""

SIZE = struct.calcsize(FORMAT)
PROMPT_SECONDS = 0.005
"""Between two commits: a script of forty beats need not wait for forty flushes."""


class Clocks:
    """Two clocks in a file that a server and a test both have in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.write_bytes(bytes(SIZE))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), SIZE)

    def read(self) -> tuple[int, int, int]:
        passed, moved, began = struct.unpack(FORMAT, self._shared[:])
        return passed, moved, began

    def begin(self, at_ms: int) -> None:
        passed, moved, _ = self.read()
        self._shared[:] = struct.pack(FORMAT, passed, moved, at_ms)

    def let_pass(self, milliseconds: int) -> None:
        passed, moved, began = self.read()
        self._shared[:] = struct.pack(FORMAT, passed + milliseconds, moved, began)

    def step(self, milliseconds: int) -> None:
        """Set the wall clock forth or, if negative, back."""
        passed, moved, began = self.read()
        self._shared[:] = struct.pack(FORMAT, passed, moved + milliseconds, began)

    @property
    def now_ms(self) -> int:
        """What the server's evidence is stamped with."""
        passed, _, began = self.read()
        return began + passed


def warp(clocks: Clocks) -> type[datetime]:
    """Turn this process's clocks; returns what tells its date."""
    wall_ns, steady_ns = time.time_ns(), time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    clocks.begin(wall_ns // 1_000_000 - clocks.read()[0])

    def wall() -> int:
        passed, moved, began = clocks.read()
        return (began + passed + moved) * 1_000_000

    def steady(_which: int) -> int:
        return steady_ns + clocks.read()[0] * 1_000_000

    time.time_ns, time.clock_gettime_ns = wall, steady

    class Dates(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(wall() / 1e9, tz)

    return Dates


def unanchored() -> None:
    from server import clock  # noqa: PLC0415 -- after the clocks were turned

    clock.now_ms = clock.wall_ms


def echoless() -> None:
    from server.attendance import spans, store  # noqa: PLC0415 -- after the clocks were turned

    def receive(
        present: spans.Running | None, beat: spans.Received, *, first_echo: str
    ) -> spans.Outcome:
        right = first_echo if present is None else present.echo
        return spans.receive(present, replace(beat, echo=right), first_echo=first_echo)

    store.receive = receive  # type: ignore[attr-defined]


FAULTS: dict[str, Any] = {"unanchored": unanchored, "echoless": echoless}


def main() -> None:
    words = sys.argv[1 : sys.argv.index("server.cli")]
    told = warp(Clocks(Path(words[0])))
    from server import batch, cli, clock  # noqa: PLC0415 -- the clock is read as it is imported

    clock.datetime = told  # type: ignore[attr-defined]
    batch.FLUSH_SECONDS = PROMPT_SECONDS
    for word in words[1:]:
        if word in FAULTS:
            FAULTS[word]()
    sys.argv = sys.argv[sys.argv.index("server.cli") :]
    cli.main()


if __name__ == "__main__":
    main()
