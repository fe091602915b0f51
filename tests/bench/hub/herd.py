"""All the sockets of a benchmark in one process, without a thread or task each."""

import json
import re
import select
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from realtime.limits import ARRIVALS_A_SECOND
from tests.bench.hub.peers import Peer
from tests.bench.hub.servers import AT, ORIGIN, PATIENCE_SECONDS

LONGEST_CUT = len('"at":') + 19
"""Of a time that ends in the next piece, at most all but its last digit is here."""

MASK = b"\x00\x00\x00\x00"
"""Masked with zeros: legal, and free for the generator."""

SMALL = 400
"""Sockets of a small topic."""


@dataclass(slots=True)
class Herd:
    """The sockets; a peer's speak its dialect."""

    peer: Peer | None = None
    lines: dict[int, socket.socket] = field(default_factory=dict[int, socket.socket])
    took: list[int] = field(default_factory=list[int])
    lost: int = 0
    _poll: select.epoll = field(default_factory=select.epoll)
    _rest: dict[int, bytes] = field(default_factory=dict[int, bytes])

    def gather(self, port: int, count: int) -> None:
        """Open the sockets, a hundred at a time, and let each follow the topic.

        No faster than a hub lets them in.
        """
        here, last, begun = len(self.lines), len(self.lines) + count, time.monotonic()
        for first in range(here, last, 100):
            due = begun + (first - here) / ARRIVALS_A_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            fresh = [self._open(port, number) for number in range(first, min(first + 100, last))]
            for line in fresh:
                self._answered(line, b"\r\n\r\n")
                if self.peer is not None and self.peer.hello:
                    line.send(masked(self.peer.hello))
                    self._answered(line, b"40{")
                for topic in (f"small/{len(self.lines) // SMALL}", "crowd"):
                    line.send(self._said(f'{{"type":"topic.follow","ref":1,"topic":"{topic}"}}'))
            for line in fresh:
                self._answered(line, b"crowd")
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
                    self._said(f'{said}"crowd":{flag},"at":{time.time_ns()}}}')
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

    def _said(self, text: str) -> bytes:
        """A frame as the server understands it."""
        if self.peer is not None and self.peer.envelope:
            text = self.peer.envelope % json.dumps(text)
        return masked(text)

    def _open(self, port: int, number: int) -> socket.socket:
        line = socket.create_connection((f"127.0.0.{1 + number % 4}", port), PATIENCE_SECONDS)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        path = self.peer.path if self.peer else "/ws"
        line.send(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Origin: {ORIGIN}\r\nCookie: person-{number}\r\n\r\n".encode()
        )
        return line

    def _answered(self, line: socket.socket, sign: bytes) -> None:
        got = b""
        while sign not in got:
            more = line.recv(65_536)
            if not more:
                raise ConnectionError(f"closed after {got!r}, before {sign!r}")
            got += more

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
