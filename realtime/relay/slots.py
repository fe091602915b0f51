"""Buffers for one batch of datagrams, and the messages that hand them to the kernel.

Called through cffi's ABI mode, so no compiler is needed. A message takes several packets at once
where they are equally long (`UDP_SEGMENT`, udp(7)): the kernel walks its network stack once, and
cuts the datagrams at the end of it. It knows neither SRTP nor who the ends are.
"""

import socket
import sys
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cffi import FFI  # type: ignore[import-untyped]

from realtime.relay.bounds import DATAGRAM_BYTES
from realtime.relay.seam import srtp_ffi

BATCH = 64
"""Datagrams a call: the slots stay in the second-level cache, and the kernel is entered rarely."""

TOGETHER = 8
"""Packets that go to one destination in a row, while its keys and its route are in the cache."""

UDP_SEGMENT = 103
"""Linux, `linux/udp.h`; Python has no name for it."""

ffi = FFI()
ffi.cdef("""
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { void *msg_name; uint32_t msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
                void *msg_control; size_t msg_controllen; int msg_flags; };
struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
struct segment { size_t cmsg_len; int cmsg_level; int cmsg_type; uint16_t bytes; char end[6]; };
int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
""")
libc: Any = ffi.dlopen(None)

# libsrtp writes the length as an int where the kernel reads a size_t: the low half of it.
_LOW_HALF = 0 if sys.byteorder == "little" else ffi.sizeof("size_t") - 4


class End(Protocol):
    """Whom a message goes to."""

    raw: Any
    sockaddr: Any
    trailer: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call to the kernel needs. It points into sessions and addresses of its ends."""

    sessions: Sequence[Any]
    """Raw, one for each slot in use."""
    messages: Any
    ends: Sequence[End]
    """Of each message."""
    firsts: Sequence[int]
    """The first slot of each message, and the end of the last."""


class Slots:
    """All messages point into the same few buffers."""

    def __init__(self, count: int = BATCH, *, cuts: bool = True) -> None:
        self._cuts = cuts
        self._memory = ffi.new("unsigned char[]", count * DATAGRAM_BYTES)
        self._vectors = ffi.new("struct iovec[]", count)
        self._places = [self._memory + at * DATAGRAM_BYTES for at in range(count)]
        self.buffers: list[Any] = []
        """The places again, and their lengths, as libsrtp takes them."""
        self.lengths: list[Any] = []
        self._segments: dict[int, Any] = {}
        for at, place in enumerate(self._places):
            self._vectors[at].iov_base = place
            length = int(ffi.cast("uintptr_t", ffi.addressof(self._vectors[at], "iov_len")))
            self.buffers.append(srtp_ffi.cast("void *", int(ffi.cast("uintptr_t", place))))
            self.lengths.append(srtp_ffi.cast("int *", length + _LOW_HALF))
        # Pointers and lengths by turns, as the kernel reads them.
        self._words = array("L", bytes(ffi.buffer(self._vectors)))

    def measure(self, sizes: Sequence[int]) -> None:
        """How long the packet of each slot is, before it is protected."""
        self._words[1 : 2 * len(sizes) : 2] = array("L", sizes)
        for trailer, segment in self._segments.items():
            segment.bytes = sizes[0] + trailer

    def fill(self, plains: Sequence[bytes], sizes: Sequence[int], used: int) -> None:
        """Copy packets, and the lengths that were measured, into the slots in use."""
        ffi.memmove(self._vectors, self._words, used * ffi.sizeof("struct iovec"))
        # One call for them all: a loop of Python's own would cost a tenth of their protection.
        deque(map(ffi.memmove, self._places, plains, sizes), 0)

    def batch(self, ends: Sequence[End], together: int) -> Batch:
        """To each end a message of all its packets, or one for each packet."""
        spans = [
            (end, at * together + first, length)
            for at, end in enumerate(ends)
            for first, length in self._spans(end, together)
        ]
        messages = ffi.new("struct mmsghdr[]", len(spans))
        for at, (end, slot, length) in enumerate(spans):
            self.write(messages[at].msg_hdr, end, slot, length)
        return Batch(
            sessions=[end.raw for end in ends for _ in range(together)],
            messages=messages,
            ends=[end for end, _, _ in spans],
            firsts=[*(slot for _, slot, _ in spans), len(ends) * together],
        )

    def write(self, header: Any, end: End, slot: int, length: int) -> None:
        """A message of so many slots, which is cut into as many datagrams."""
        header.msg_name = end.sockaddr
        header.msg_namelen = len(end.sockaddr)
        header.msg_iov = self._vectors + slot
        header.msg_iovlen = length
        if length > 1:
            assert end.trailer is not None
            header.msg_control = self._segment(end.trailer)
            header.msg_controllen = ffi.sizeof("struct segment")

    def _spans(self, end: End, together: int) -> Iterator[tuple[int, int]]:
        """First slot and number of slots of each message."""
        if self._cuts and end.trailer is not None:
            yield 0, together
        else:
            yield from ((at, 1) for at in range(together))

    def _segment(self, trailer: int) -> Any:
        """How long a segment is, for all whose protection adds as many bytes."""
        if trailer not in self._segments:
            segment = self._segments[trailer] = ffi.new("struct segment *")
            segment.cmsg_len = ffi.offsetof("struct segment", "end")
            segment.cmsg_level, segment.cmsg_type = socket.IPPROTO_UDP, UDP_SEGMENT
        return self._segments[trailer]


def cuts_segments(bound: socket.socket) -> bool:
    """Whether this kernel does, since Linux 4.18; an older one would send all as one datagram."""
    try:
        bound.getsockopt(socket.IPPROTO_UDP, UDP_SEGMENT)
    except OSError:
        return False
    return True


def runs(plains: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Neighbours that one message can take: equally long, but the last, which may be shorter."""
    begun = 0
    for at in range(1, len(plains) + 1):
        if (
            at == len(plains)
            or at - begun == TOGETHER
            or len(plains[at]) > len(plains[begun])
            or len(plains[at - 1]) < len(plains[begun])
        ):
            yield plains[begun:at]
            begun = at
