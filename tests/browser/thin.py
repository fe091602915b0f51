"""A viewer's line that becomes thin: a bottleneck with a queue in front of it, as routers have.

It stands between a browser and the relay, in a thread, since the browser's test blocks its own.
"""

import select
import socket
import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager

QUEUE_SECONDS = 0.3
"""What waits for longer is dropped."""
_LOOK_SECONDS = 0.005


class Line:
    """Carries one browser's datagrams; `bits` a second is how many fit towards it."""

    def __init__(self, relay_port: int) -> None:
        self.bits = 1e9
        self.dropped = self.passed = 0
        self._relay = ("127.0.0.1", relay_port)
        self._near, self._far = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
        for each in (self._near, self._far):
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        self._browser: tuple[str, int] | None = None
        self._queue: deque[tuple[float, bytes]] = deque()
        self._free_at = 0.0
        self._over = threading.Event()

    @property
    def port(self) -> int:
        return int(self._near.getsockname()[1])

    def run(self) -> None:
        while not self._over.is_set():
            ready, _, _ = select.select([self._near, self._far], [], [], _LOOK_SECONDS)
            for each in ready:
                self._read(each)
            self._deliver(time.monotonic())
        for each in (self._near, self._far):
            each.close()

    def stop(self) -> None:
        self._over.set()

    def _read(self, end: socket.socket) -> None:
        while True:
            try:
                datagram, sender = end.recvfrom(2048)
            except BlockingIOError:
                return
            if end is self._near:
                self._browser = sender
                self._far.sendto(datagram, self._relay)
            else:
                self._enqueue(datagram, time.monotonic())

    def _enqueue(self, datagram: bytes, now: float) -> None:
        begins = max(now, self._free_at)
        if begins - now > QUEUE_SECONDS:
            self.dropped += 1
            return
        self._free_at = begins + 8 * len(datagram) / self.bits
        self._queue.append((self._free_at, datagram))

    def _deliver(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            _, datagram = self._queue.popleft()
            self.passed += 1
            if self._browser is not None:
                self._near.sendto(datagram, self._browser)


@contextmanager
def thin_line(relay_port: int) -> Generator[Line]:
    line = Line(relay_port)
    thread = threading.Thread(target=line.run)
    thread.start()
    try:
        yield line
    finally:
        line.stop()
        thread.join(5)
