"""What it costs to tell everybody: the hub beside the plainest loop over `send` there can be.

One process holds all sockets on one core and generates the load on the machine's other one; the
servers take turns, each alone. What counts is their CPU time, so another busy process disturbs
little; the ratios are those of one run. The floor knows no topics, rights, replay or slow readers.

Small topics are written to at once, a write per socket, as the floor does; a topic with a crowd is
written to once a tick.
"""

import os
import re
import resource
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from tests.bench.figures import Figure, of_samples

PAD = "How does the schedule change when renal function falls during treatment? " + "x" * 48
AT = re.compile(rb'"at":(\d{19})')
LONGEST_CUT = len('"at":') + 18
"""Of a time that ends in the next piece, at most all but its last digit is here."""

MASK = b"\x00\x00\x00\x00"
"""Masked with zeros: legal, and free for the generator."""

PATIENCE_SECONDS = 60.0
SMALL = 400
"""Sockets of a small topic."""

WARMERS = 20
"""Sockets that come first and are not counted: by then a server has loaded everything."""
ORIGIN = "http://127.0.0.1"


@dataclass(frozen=True, slots=True)
class Plan:
    sockets: int
    rounds: int
    seconds: float
    rate: float
    busy_rate: float


QUICK = Plan(sockets=1_000, rounds=3, seconds=2.0, rate=25, busy_rate=120)
FULL = Plan(sockets=10_000, rounds=5, seconds=5.0, rate=5, busy_rate=40)


@dataclass(slots=True)
class Sample:
    """One turn of one server."""

    per_cpu_second: float = 0.0
    busy_cpu: float = 0.0
    p99_ms: float = 0.0
    handshake_us: float = 0.0
    kib_a_socket: float = 0.0
    lost: int = 0


def main(*, quick: bool, peers: bool) -> list[Figure]:
    plan = QUICK if quick else FULL
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kinds = ["floor", "hub", *(["starlette"] if peers else [])]
    with pinned() as cores:
        turns = [{kind: turn(kind, plan, cores[0]) for kind in kinds} for _ in range(plan.rounds)]
    for each in turns:
        for kind, sample in each.items():
            print(f"{kind:10} {sample}")
    return [*figures(turns), *(peer_figures(turns) if peers else [])]


def figures(turns: list[dict[str, Sample]]) -> list[Figure]:
    def ratio(of: Callable[[Sample], float]) -> list[float]:
        return [of(each["hub"]) / of(each["floor"]) for each in turns]

    def own(of: Callable[[Sample], float]) -> list[float]:
        return [of(each["hub"]) for each in turns]

    return [
        of_samples(
            "deliveries_vs_floor",
            ratio(lambda s: s.per_cpu_second),
            "ratio",
            bound=">= 0.80",
            must=">= 0.70",
        ),
        of_samples(
            "crowd_cpu_vs_floor",
            ratio(lambda s: s.busy_cpu),
            "ratio",
            bound="<= 0.60",
            must="<= 0.75",
        ),
        of_samples("p99_vs_floor", ratio(lambda s: s.p99_ms), "ratio", bound="<= 1.5", must="<= 4"),
        of_samples("deliveries_per_cpu_second", own(lambda s: s.per_cpu_second), "1/s"),
        of_samples("p99_delivery", own(lambda s: s.p99_ms), "ms"),
        of_samples("handshake_cpu", own(lambda s: s.handshake_us), "us"),
        of_samples(
            "memory_a_socket", own(lambda s: s.kib_a_socket), "KiB", bound="<= 6", must="<= 8"
        ),
        of_samples("lost", own(lambda s: float(s.lost)), "", bound="== 0"),
    ]


def peer_figures(turns: list[dict[str, Sample]]) -> list[Figure]:
    faster = [each["hub"].per_cpu_second / each["starlette"].per_cpu_second for each in turns]
    return [of_samples("deliveries_vs_starlette", faster, "ratio", bound=">= 2.2", must=">= 2.0")]


# The generator.


@contextmanager
def pinned() -> Iterator[list[int]]:
    """Stay on the last of this machine's cores; the first is the servers'."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def serving(kind: str, core: int) -> Iterator[tuple[int, int]]:
    """A server of its own process on the first core; its pid and port."""
    command = [sys.executable, "-m", "tests.bench.hub", kind, str(core)]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    try:
        assert server.stdout is not None
        yield server.pid, int(server.stdout.readline())
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE_SECONDS)


def turn(kind: str, plan: Plan, core: int) -> Sample:
    with serving(kind, core) as (pid, port):
        herd, sample = Herd(), Sample()
        try:
            herd.gather(port, WARMERS)
            memory, cpu = resident_kib(pid), cpu_ns(pid)
            herd.gather(port, plan.sockets)
            sample.handshake_us = (cpu_ns(pid) - cpu) / 1e3 / plan.sockets
            sample.kib_a_socket = (resident_kib(pid) - memory) / plan.sockets
            herd.tell(3, rate=20)  # warm
            cpu = cpu_ns(pid)
            herd.tell(int(plan.rate * plan.seconds), rate=plan.rate)
            spent = (cpu_ns(pid) - cpu) / 1e9
            sample.per_cpu_second = len(herd.took) / spent
            sample.p99_ms = statistics.quantiles(herd.took, n=100)[98] / 1e6
            sample.lost = herd.lost
            cpu = cpu_ns(pid)
            herd.tell(int(plan.busy_rate * plan.seconds), rate=plan.busy_rate, crowd=True)
            sample.busy_cpu = (cpu_ns(pid) - cpu) / 1e9
            sample.lost += herd.lost
        finally:
            herd.scatter()
    return sample


@dataclass(slots=True)
class Herd:
    """All the sockets, without a thread or task each."""

    lines: dict[int, socket.socket] = field(default_factory=dict[int, socket.socket])
    took: list[int] = field(default_factory=list[int])
    lost: int = 0
    _poll: select.epoll = field(default_factory=select.epoll)
    _rest: dict[int, bytes] = field(default_factory=dict[int, bytes])

    def gather(self, port: int, count: int) -> None:
        """Open the sockets, a hundred at a time, and let each follow the topic."""
        here, last = len(self.lines), len(self.lines) + count
        for first in range(here, last, 100):
            fresh = [self._open(port, number) for number in range(first, min(first + 100, last))]
            for line in fresh:
                self._answered(line, b"\r\n\r\n")
                for topic in (f"small/{len(self.lines) // SMALL}", "crowd"):
                    line.send(masked(f'{{"type":"topic.follow","ref":1,"topic":"{topic}"}}'))
            for line in fresh:
                self._answered(line, b'"crowd"')
                line.setblocking(False)
                self.lines[line.fileno()] = line
                self._poll.register(line.fileno(), select.EPOLLIN)

    def tell(self, count: int, *, rate: float, crowd: bool = False) -> None:
        """Let sockets speak `count` times, and wait until everybody has heard it all."""
        self.took.clear()
        speakers = list(self.lines.values())  # in turn: nobody may say so much alone
        flag = "true" if crowd else "false"
        begun = time.monotonic()
        told, expected = 0, count * len(self.lines)
        deadline = begun + count / rate + PATIENCE_SECONDS / 4
        while len(self.took) < expected and time.monotonic() < deadline:
            due = begun + told / rate
            if told < count and time.monotonic() >= due:
                said = f'{{"type":"bench.say","ref":{told + 2},"command_id":"{uuid4()}",'
                speakers[told % len(speakers)].send(
                    masked(f'{said}"crowd":{flag},"at":{time.time_ns()}}}')
                )
                told += 1
                continue
            wait = due - time.monotonic() if told < count else 0.05
            self._hear(max(0.0, min(wait, 0.05)))
        self.lost = expected - len(self.took)

    def scatter(self) -> None:
        self._poll.close()
        for line in self.lines.values():
            line.close()

    def _open(self, port: int, number: int) -> socket.socket:
        line = socket.create_connection((f"127.0.0.{1 + number % 4}", port), PATIENCE_SECONDS)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.send(
            f"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Origin: {ORIGIN}\r\nCookie: person-{number}\r\n\r\n".encode()
        )
        return line

    def _answered(self, line: socket.socket, sign: bytes) -> None:
        got = b""
        while sign not in got:
            got += line.recv(65_536)

    def _hear(self, wait: float) -> None:
        for number, _ in self._poll.poll(wait, 4_096):
            text = self._rest.pop(number, b"") + self.lines[number].recv(65_536)
            now = time.time_ns()
            end = 0
            for found in AT.finditer(text):
                self.took.append(now - int(found[1]))
                end = found.end()
            self._rest[number] = text[end:][-LONGEST_CUT:]


def masked(text: str) -> bytes:
    size = len(text)
    header = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return header + MASK + text.encode()


def cpu_ns(pid: int) -> int:
    """What a process has run, of all its threads, in nanoseconds."""
    stats = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(stat.read_text().split()[0]) for stat in stats)


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]


# The servers, each run as `python -m tests.bench.hub KIND CORE`.


def floor(listening: socket.socket) -> None:
    """Accept, answer, and send the same bytes in a loop."""
    listening.setblocking(False)
    poll = select.epoll()
    poll.register(listening.fileno(), select.EPOLLIN)
    lines: dict[int, socket.socket] = {}
    sends: dict[int, Callable[[bytes], int]] = {}
    followed = framed(b'{"type":"resync","topic":"crowd"}')
    switching = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )
    while True:
        for number, _ in poll.poll():
            if number == listening.fileno():
                line, _ = listening.accept()
                line.setblocking(False)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                lines[line.fileno()] = line
                poll.register(line.fileno(), select.EPOLLIN)
                continue
            text = lines[number].recv(65_536)
            if not text:
                poll.unregister(number)
                sends.pop(number, None)
                lines.pop(number).close()
            elif number not in sends:
                lines[number].send(switching)
                sends[number] = lines[number].send
            elif found := AT.search(text):
                told = framed(event(found[1]))
                for send in sends.values():
                    send(told)
            else:
                sends[number](followed)


def framed(text: bytes) -> bytes:
    size = len(text)
    header = bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    return header + text


def event(at: bytes) -> bytes:
    return b'{"topic":"crowd","seq":1,"type":"said","at":%b,"text":"%b"}' % (at, PAD.encode())


def starlette(listening: socket.socket) -> None:
    """What one writes who reads the tutorial: a task a socket, and `send_text` in a loop."""
    import uvicorn  # noqa: PLC0415 - each server loads only what it runs on
    import uvloop  # noqa: PLC0415
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.routing import WebSocketRoute  # noqa: PLC0415
    from starlette.websockets import WebSocket, WebSocketDisconnect  # noqa: PLC0415

    peers: set[WebSocket] = set()

    async def endpoint(peer: WebSocket) -> None:
        await peer.accept()
        peers.add(peer)
        try:
            while True:
                text = await peer.receive_text()
                if found := AT.search(text.encode()):
                    told = event(found[1]).decode()
                    for each in peers:
                        await each.send_text(told)
                else:
                    await peer.send_text('{"type":"resync","topic":"crowd"}')
        except WebSocketDisconnect:
            peers.discard(peer)

    app = Starlette(routes=[WebSocketRoute("/ws", endpoint)])
    config = uvicorn.Config(
        app, ws="websockets-sansio", ws_per_message_deflate=False, log_level="error"
    )
    uvloop.run(uvicorn.Server(config).serve(sockets=[listening]))


def hub(listening: socket.socket) -> None:
    import uvloop  # noqa: PLC0415

    from tests.bench.hub_process import serve  # noqa: PLC0415

    uvloop.run(serve(listening, ORIGIN))


def run(kind: str, core: int) -> None:
    os.sched_setaffinity(0, {core})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listening = socket.socket()
    listening.bind(("0.0.0.0", 0))
    listening.listen(4_096)
    print(listening.getsockname()[1], flush=True)
    {"floor": floor, "hub": hub, "starlette": starlette}[kind](listening)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
