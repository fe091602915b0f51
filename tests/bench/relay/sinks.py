"""Sockets that take what is sent to them and count it, many of them at next to no cost.

A loop over all of them reads whole queues through `recvmmsg`, 40 times a second, and looks at the
first bytes only: relay, floor and peers all send towards the same sinks. Nobody waits on a socket,
so what is measured is the cost of sending, not of waking a reader.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cffi import FFI  # type: ignore[import-untyped]

QUEUE_BYTES = 1 << 20
"""Of each socket: more than a second of what a viewer is sent."""
DRAIN_SECONDS = 0.025
IN_A_ROW = 40
"""Sinks read before others get their turn: about a fifth of a millisecond."""
_MESSAGES, _BYTES = 64, 16

_ffi = FFI()
_ffi.cdef("""
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { void *msg_name; uint32_t msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
                void *msg_control; size_t msg_controllen; int msg_flags; };
struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, void *timeout);
""")
_libc: Any = _ffi.dlopen(None)


@dataclass(slots=True)
class Stream:
    """One payload type as it arrived."""

    packets: int = 0
    first: int | None = None
    last: int = 0

    def count(self, seq: int) -> None:
        self.packets += 1
        self.last = seq
        if self.first is None:
            self.first = seq

    @property
    def lost(self) -> int:
        """Numbers that were skipped."""
        if self.first is None:
            return 0
        return ((self.last - self.first) & 0xFFFF) + 1 - self.packets


@dataclass(slots=True)
class Sink:
    """What came to one socket. Not owned: whoever made the socket closes it."""

    socket: socket.socket
    payload_types: Sequence[int]
    streams: dict[int, Stream] = field(default_factory=dict)
    fd: int = -1

    def __post_init__(self) -> None:
        self.fd = self.socket.fileno()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE_BYTES)
        self.reset()

    def reset(self) -> None:
        self.streams = {kind: Stream() for kind in self.payload_types}

    @property
    def packets(self) -> int:
        return sum(each.packets for each in self.streams.values())

    @property
    def lost(self) -> int:
        return sum(each.lost for each in self.streams.values())


class Drain:
    """Reads sinks. One buffer serves them all."""

    def __init__(self) -> None:
        self._memory = _ffi.new("unsigned char[]", _MESSAGES * _BYTES)
        self._vectors = _ffi.new("struct iovec[]", _MESSAGES)
        self._messages = _ffi.new("struct mmsghdr[]", _MESSAGES)
        self._view = _ffi.buffer(self._memory)
        for at in range(_MESSAGES):
            self._vectors[at].iov_base = self._memory + at * _BYTES
            self._vectors[at].iov_len = _BYTES
            self._messages[at].msg_hdr.msg_iov = self._vectors + at
            self._messages[at].msg_hdr.msg_iovlen = 1

    def read(self, sink: Sink) -> int:
        """Empty one queue; how many datagrams were in it."""
        total, count = 0, _MESSAGES
        while count == _MESSAGES:
            count = _libc.recvmmsg(
                sink.fd, self._messages, _MESSAGES, socket.MSG_DONTWAIT, _ffi.NULL
            )
            if count < 0:
                if _ffi.errno in (errno.ECONNREFUSED, errno.EINTR):
                    count = _MESSAGES
                    continue
                return total
            total += count
            data = self._view[: count * _BYTES]
            kinds = data[1::_BYTES]
            for kind, stream in sink.streams.items():
                found = kinds.count(kind) + kinds.count(kind | 0x80)
                if not found:
                    continue
                stream.packets += found
                if stream.first is None:
                    at = min(
                        each for each in (kinds.find(kind), kinds.find(kind | 0x80)) if each >= 0
                    )
                    stream.first = _number(data, at)
                stream.last = _number(data, max(kinds.rfind(kind), kinds.rfind(kind | 0x80)))
        return total

    async def run(self, sinks: Callable[[], Sequence[Sink]]) -> None:
        """Until it is cancelled; there may be more of them at any time."""
        while True:
            kept = sinks()
            for at in range(0, len(kept), IN_A_ROW):
                for sink in kept[at : at + IN_A_ROW]:
                    self.read(sink)
                await asyncio.sleep(0)
            await asyncio.sleep(DRAIN_SECONDS)


def _number(data: bytes, at: int) -> int:
    start = at * _BYTES + 2
    return int.from_bytes(data[start : start + 2], "big")
