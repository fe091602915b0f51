"""Sockets that read nothing: what the others notice, what is kept for them, when they are closed.

By turns with the same talk without them, in one process of the hub. What the kernel keeps is read
from the machine's own table of sockets; beside it the hub keeps `QUEUE_BYTES` at most.
"""

import socket
import statistics
import time
from contextlib import suppress
from pathlib import Path

from tests.bench.figures import Figure, of_samples
from tests.bench.hub.herd import Herd, masked
from tests.bench.hub.places import pinned
from tests.bench.hub.servers import ORIGIN, serving

ROUNDS = 3
TELLS, RATE = 60, 20.0
FILLS, FILL_RATE = 600, 900.0
"""As many and as fast as it takes to fill a socket before anybody could be closed."""

LONGEST_SECONDS = 20.0
RECEIVED = 4_096
"""Bytes that a stuck socket's own side takes in."""


def main(*, quick: bool, peers: bool) -> list[Figure]:  # noqa: ARG001 - no peer does this
    with pinned() as cores:
        few = ratios(cores[0], healthy=50, stuck=1)
        kernel_kb, closed_s = kept_and_closed(cores[0])
        many = [] if quick else ratios(cores[0], healthy=950, stuck=50)
    told = [
        of_samples("stuck_1_of_50_p99_ratio", few, "ratio", bound="<= 1.3"),
        of_samples("stuck_kernel_kb", kernel_kb, "KiB", bound="<= 64"),
        of_samples("stuck_closed_s", closed_s, "s", bound="<= 10"),
    ]
    if many:
        told.append(of_samples("stuck_50_of_1000_p99_ratio", many, "ratio", bound="<= 1.3"))
    return told


def ratios(core: int, *, healthy: int, stuck: int) -> list[float]:
    """Of the p99 that healthy ones see with stuck ones among them to that without."""
    found = []
    with serving("hub", core) as (_, port):
        herd = Herd()
        try:
            herd.gather(port, healthy)
            herd.tell(TELLS, rate=RATE, crowd=True)
            for _ in range(ROUNDS):
                without = _p99(herd)
                silent = [_deaf(port, number) for number in range(stuck)]
                herd.tell(FILLS // 10, rate=FILL_RATE / 10, crowd=True)
                found.append(_p99(herd) / without)
                for line in silent:
                    line.close()
        finally:
            herd.scatter()
    return found


def _p99(herd: Herd) -> float:
    herd.tell(TELLS, rate=RATE, crowd=True)
    return statistics.quantiles(herd.took, n=100)[98]


def kept_and_closed(core: int) -> tuple[list[float], list[float]]:
    """KiB that the kernel kept for a stuck socket, and seconds from when it was full to its end."""
    kernel_kb, closed_s = [], []
    with serving("hub", core) as (_, port):
        herd = Herd()
        try:
            herd.gather(port, 50)
            for number in range(ROUNDS):
                line = _deaf(port, number)
                name = line.getsockname()
                herd.tell(FILLS, rate=FILL_RATE, crowd=True)
                full, most = time.monotonic(), _queued(port, name[1])
                while (queued := _queued(port, name[1])) is not None:
                    most = max(most or 0, queued)
                    herd.tell(2, rate=RATE, crowd=True)
                    if time.monotonic() - full > LONGEST_SECONDS:
                        break
                kernel_kb.append((most or 0) / 1024)
                closed_s.append(time.monotonic() - full)
                line.close()
        finally:
            herd.scatter()
    return kernel_kb, closed_s


def _deaf(port: int, number: int) -> socket.socket:
    """A socket that follows and from then on reads nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)
    line.connect(("127.0.0.1", port))
    line.send(
        "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Origin: {ORIGIN}\r\nCookie: deaf-{number}\r\n\r\n".encode()
    )
    line.settimeout(10)
    got = b""
    while b"welcome" not in got:
        got += line.recv(4_096)
    line.send(masked('{"type":"topic.follow","ref":1,"topic":"crowd"}'))
    with suppress(TimeoutError):
        while b"crowd" not in got:
            got += line.recv(4_096)
    return line


def _queued(port: int, far_port: int) -> int | None:
    """Bytes that the kernel keeps for a socket of the server; None when it is closed."""
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, state, queues, *_ = row.split()
        ends = int(here.partition(":")[2], 16), int(there.partition(":")[2], 16)
        if ends == (port, far_port) and state in {"01", "08"}:
            return int(queues.partition(":")[0], 16)
    return None
