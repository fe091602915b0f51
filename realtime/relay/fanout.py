"""Sends one packet to many: protected in place for each, many datagrams in one system call.

Destinations that negotiated the same payload type share one plaintext. The kernel is called through
cffi's ABI mode, so no compiler is needed. It knows sockets and SRTP, not codecs.
"""

import errno
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from cffi import FFI  # type: ignore[import-untyped]

from realtime.relay.bounds import DATAGRAM_BYTES
from realtime.relay.mux import Address, Counters
from realtime.relay.seam import SrtpSession, protect_in_place, raw_session, srtp_ffi

BATCH = 64
"""Datagrams a call: the slots stay in the second-level cache, and the kernel is entered rarely."""

TOGETHER = 8
"""Packets that go to one destination in a row, while its keys and its route are in the cache."""

Batch = tuple[Sequence[Any], Any]
"""Raw sessions, and messages with their addresses filled in: one for each slot in use."""

_ffi = FFI()
_ffi.cdef("""
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { void *msg_name; uint32_t msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
                void *msg_control; size_t msg_controllen; int msg_flags; };
struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
""")
_libc: Any = _ffi.dlopen(None)


class Destination:
    """One subscriber's end of a stream: its keys and its address."""

    __slots__ = ("address", "family", "joined", "raw", "session", "sockaddr")

    def __init__(self, session: SrtpSession, address: Address, family: int) -> None:
        self.session = session  # `raw` points into it: they have to die together
        self.raw = raw_session(session)
        self.family = family
        self.joined: tuple[int, int] | None = None
        """Its group's counts when it joined; `None` while it waits for a keyframe."""
        self.move(address)

    def move(self, address: Address) -> None:
        self.address = address
        self.sockaddr = _ffi.new("unsigned char[]", _sockaddr(address, self.family))


class Group:
    """The destinations that receive the same plaintext."""

    def __init__(self, payload_type: int, ssrc: int) -> None:
        self.payload_type = payload_type
        self.ssrc = ssrc
        self.packets = 0
        self.octets = 0
        self.destinations: list[Destination] = []
        self._batches: dict[int, list[Batch]] = {}

    def add(self, destination: Destination) -> None:
        self.destinations.append(destination)
        destination.joined = (self.packets, self.octets)
        self._batches.clear()

    def remove(self, destination: Destination) -> None:
        if destination in self.destinations:
            self.destinations.remove(destination)
            # The batches hold raw pointers: they go before the session they point into may go.
            self._batches.clear()

    def moved(self) -> None:
        """A member's address changed."""
        self._batches.clear()

    def batches(self, slots: "Slots", together: int) -> list[Batch]:
        """What each call to the kernel needs, for so many packets to every destination."""
        if together not in self._batches:
            step = BATCH // together
            starts = range(0, len(self.destinations), step)
            chunks = [self.destinations[at : at + step] for at in starts]
            repeated = [[each for each in chunk for _ in range(together)] for chunk in chunks]
            self._batches[together] = [
                ([each.raw for each in chunk], slots.messages(chunk)) for chunk in repeated
            ]
        return self._batches[together]


class Sender(Protocol):
    """What feeds and tracks need of a fan-out."""

    family: int

    def send(self, plains: Sequence[bytes], group: Group) -> None: ...

    def send_one(self, plain: bytes, destination: Destination) -> None: ...


class Slots:
    """Buffers for one batch. All messages of all groups point into the same few."""

    def __init__(self, count: int = BATCH) -> None:
        self._memory = _ffi.new("unsigned char[]", count * DATAGRAM_BYTES)
        self._vectors = _ffi.new("struct iovec[]", count)
        self.buffers: list[Any] = []
        self.lengths: list[Any] = []
        # libsrtp writes the length as an int where the kernel reads a size_t: the low half of it.
        low_half = 0 if sys.byteorder == "little" else _ffi.sizeof("size_t") - 4
        for at in range(count):
            self._vectors[at].iov_base = self._memory + at * DATAGRAM_BYTES
            length = int(_ffi.cast("uintptr_t", _ffi.addressof(self._vectors[at], "iov_len")))
            buffer = int(_ffi.cast("uintptr_t", self._vectors[at].iov_base))
            self.buffers.append(srtp_ffi.cast("void *", buffer))
            self.lengths.append(srtp_ffi.cast("int *", length + low_half))

    def messages(self, destinations: Sequence[Destination]) -> Any:
        messages = _ffi.new("struct mmsghdr[]", len(destinations))
        for at, destination in enumerate(destinations):
            header = messages[at].msg_hdr
            header.msg_name = destination.sockaddr
            header.msg_namelen = len(destination.sockaddr)
            header.msg_iov = self._vectors + at
            header.msg_iovlen = 1
        return messages


class Fanout:
    """The sender of all stages of a process."""

    def __init__(self, bound: socket.socket, counters: Counters) -> None:
        self._fd = bound.fileno()
        self.family: int = bound.family
        self._counters = counters
        self._slots = Slots()

    def send(self, plains: Sequence[bytes], group: Group) -> None:
        """Every packet to every destination of a group."""
        group.packets += len(plains)
        group.octets += sum(map(len, plains)) - 12 * len(plains)
        for at in range(0, len(plains), TOGETHER):
            part = plains[at : at + TOGETHER]
            # For every slot of a batch: destination by destination, each with every packet.
            tiled = list(part) * (BATCH // len(part))
            for batch in group.batches(self._slots, len(part)):
                self._send_batch(tiled, batch)

    def send_one(self, plain: bytes, destination: Destination) -> None:
        """A retransmission: to one destination only."""
        self._send_batch([plain], ([destination.raw], self._slots.messages([destination])))

    def _send_batch(self, plains: Sequence[bytes], batch: Batch) -> None:
        sessions, messages = batch
        slots, failed = self._slots, False
        copy, protect = srtp_ffi.memmove, protect_in_place
        for session, plain, buffer, length in zip(
            sessions, plains, slots.buffers, slots.lengths, strict=False
        ):
            size = len(plain)
            copy(buffer, plain, size)
            length[0] = size
            if protect(session, buffer, length):
                length[0] = 0
                failed = True
        if failed:
            self._send_protected(messages, len(sessions))
        else:
            self._flush(messages, 0, len(sessions))

    def _send_protected(self, messages: Any, count: int) -> None:
        """What could not be protected must not leave: send around it, one by one."""
        for at in range(count):
            if self._slots.lengths[at][0]:
                self._flush(messages, at, at + 1)
            else:
                self._counters.unsent += 1

    def _flush(self, messages: Any, done: int, end: int) -> None:
        while done < end:
            sent = _libc.sendmmsg(self._fd, messages + done, end - done, socket.MSG_DONTWAIT)
            if sent > 0:
                done += sent
                self._counters.fanned += sent
                continue
            if _ffi.errno in (errno.EAGAIN, errno.ENOBUFS):
                # A full buffer drops the rest; whoever misses it asks for it again.
                self._counters.unsent += end - done
                return
            self._counters.unsent += 1
            done += 1


def _sockaddr(address: Address, family: int) -> bytes:
    host, port = address
    packed = socket.inet_pton(family, host)
    head = struct.pack("=H", family) + struct.pack("!H", port)
    if family == socket.AF_INET6:
        return head + bytes(4) + packed + bytes(4)
    return head + packed + bytes(8)
