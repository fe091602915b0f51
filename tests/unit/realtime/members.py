"""Members of a topic without sockets, and a clock that the test moves."""

from collections.abc import Callable

from realtime.hub.topic import Write


class Clock:
    """Passes as the event loop's `time` and `call_later`."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self.time

    def later(self, seconds: float, run: Callable[[], None]) -> None:
        self._due.append((self.time + seconds, run))

    def pass_by(self, seconds: float) -> None:
        self.time += seconds
        ready = [run for at, run in self._due if at <= self.time]
        self._due = [entry for entry in self._due if entry[0] > self.time]
        for run in ready:
            run()


class Reader:
    """Remembers what was written to it; says that it is full when the test wants it to."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.got: list[bytes] = []
        self.when_written: Callable[[], None] = lambda: None

    @property
    def write(self) -> Write:
        return self._write

    def _write(self, framed: bytes) -> None:
        self.got.append(framed)
        self.when_written()

    def text(self) -> bytes:
        return b"".join(self.got)
