"""Sends one packet to many: protected in place for each, many datagrams in one system call.

Destinations that negotiated the same payload type share one plaintext. It knows sockets and SRTP,
not codecs; how the kernel wants it is `slots.py`.
"""

import errno
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from realtime.relay.bounds import FULL_MILLISECONDS, FULL_SECONDS, FULL_SHARE
from realtime.relay.mux import Address, Counters
from realtime.relay.rewrite import STILL, Shift
from realtime.relay.seam import SrtpSession, protect_in_place, raw_session
from realtime.relay.slots import BATCH, Batch, Slots, cuts_segments, ffi, libc, runs

_UNSEGMENTED = (errno.EINVAL, errno.EIO, errno.EOPNOTSUPP)
"""What the kernel says of segments on a path that cannot have them: longer than its MTU, a tunnel,
a card that cannot add checksums (`udp_send_skb` in Linux)."""


class Destination:
    """One subscriber's end of a stream: its keys and its address."""

    __slots__ = ("address", "family", "joined", "raw", "session", "sockaddr", "trailer")

    def __init__(
        self, session: SrtpSession, address: Address, family: int, trailer: int | None = None
    ) -> None:
        self.session = session  # `raw` points into it: they have to die together
        self.raw = raw_session(session)
        self.family = family
        self.trailer = trailer
        """Bytes that protection adds; `None` where segments are not known or not possible."""
        self.joined: tuple[int, int] | None = None
        """Its group's counts when it joined; `None` while it waits for a keyframe."""
        self.move(address)

    def move(self, address: Address) -> None:
        self.address = address
        self.sockaddr = ffi.new("unsigned char[]", _sockaddr(address, self.family))


class Group:
    """The destinations that receive the same plaintext."""

    def __init__(
        self,
        payload_type: int,
        ssrc: int,
        shift: Shift = STILL,
        first: int | None = None,
        send_time: int | None = None,
    ) -> None:
        self.payload_type = payload_type
        self.ssrc = ssrc
        self.shift = shift if any(shift) else STILL
        """What is added to a feed's numbers."""
        self.send_time = send_time
        """The id of the header extension that tells when a packet was sent, if members want it."""
        self.header_bytes = 12 if send_time is None else 20
        self.first = first
        """The feed's number that members began with, or a later one: what they had before has the
        numbers below it. `None` if they had nothing."""
        self.packets = 0
        self.octets = 0
        self.destinations: list[Destination] = []
        self._batches: dict[int, list[Batch]] = {}

    def sends_as(self, other: "Group") -> bool:
        """Whether both make the same plaintexts of a feed's packets."""
        return (self.payload_type, self.ssrc, self.shift, self.first, self.send_time) == (
            other.payload_type,
            other.ssrc,
            other.shift,
            other.first,
            other.send_time,
        )

    def add(self, destination: Destination) -> None:
        self.destinations.append(destination)
        destination.joined = (self.packets, self.octets)
        self._batches.clear()

    def remove(self, destination: Destination) -> None:
        if destination in self.destinations:
            self.destinations.remove(destination)
            # The batches hold raw pointers: they go before the session they point into may go.
            self._batches.clear()

    def changed(self) -> None:
        """A member's address changed, or how it is to be sent to."""
        self._batches.clear()

    def batches(self, slots: Slots, together: int) -> list[Batch]:
        """What each call to the kernel needs, for so many packets to every destination."""
        if together not in self._batches:
            step = BATCH // together
            starts = range(0, len(self.destinations), step)
            self._batches[together] = [
                slots.batch(self.destinations[at : at + step], together) for at in starts
            ]
        return self._batches[together]


class Sender(Protocol):
    """What feeds and tracks need of a fan-out."""

    family: int

    def send(self, plains: Sequence[bytes], group: Group) -> None: ...

    def send_one(self, plain: bytes, destination: Destination) -> None: ...


class Fanout:
    """The sender of all stages of a process."""

    def __init__(
        self,
        bound: socket.socket,
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fd = bound.fileno()
        self._clock = clock
        self.family: int = bound.family
        self._counters = counters
        self._slots = Slots(cuts=cuts_segments(bound))
        self._alone = ffi.new("struct mmsghdr *")
        self._room = select.poll()
        self._room.register(self._fd, select.POLLOUT)
        self._full = False
        """Whether room was waited for, and nothing could be sent since."""
        self._patience, self._waited_at = FULL_SECONDS, clock()
        """For how long room may be waited for; and until when it was."""

    def send(self, plains: Sequence[bytes], group: Group) -> None:
        """Every packet to every destination of a group."""
        group.packets += len(plains)
        group.octets += sum(map(len, plains)) - group.header_bytes * len(plains)
        for part in runs(plains):
            # For every slot of a batch: destination by destination, each with every packet.
            tiled = list(part) * (BATCH // len(part))
            sizes = list(map(len, tiled))
            batches = group.batches(self._slots, len(part))
            self._slots.measure(sizes)
            refused = [self._send_batch(tiled, sizes, batch) for batch in batches]
            if any(refused):
                group.changed()

    def send_one(self, plain: bytes, destination: Destination) -> None:
        """A retransmission: to one destination only."""
        batch, sizes = self._slots.batch([destination], 1), [len(plain)]
        self._slots.measure(sizes)
        self._send_batch([plain], sizes, batch)

    def _send_batch(self, plains: Sequence[bytes], sizes: Sequence[int], batch: Batch) -> bool:
        """Whether segments were refused by a path; they are not tried there again."""
        slots = self._slots
        slots.fill(plains, sizes, len(batch.sessions))
        failures = list(map(protect_in_place, batch.sessions, slots.buffers, slots.lengths))
        if any(failures):
            for at in range(len(batch.ends)):
                self._send_apart(batch, at, failures)
            return False
        return self._flush(batch)

    def _flush(self, batch: Batch) -> bool:
        done, end, firsts, refused = 0, len(batch.ends), batch.firsts, False
        while done < end:
            sent = libc.sendmmsg(self._fd, batch.messages + done, end - done, socket.MSG_DONTWAIT)
            if sent > 0:
                self._counters.fanned += firsts[done + sent] - firsts[done]
                done += sent
                self._full = False
                continue
            if ffi.errno == errno.EAGAIN and self._gets_room():
                continue
            if ffi.errno in (errno.EAGAIN, errno.ENOBUFS):
                # A full buffer drops the rest; whoever misses it asks for it again.
                self._counters.unsent += firsts[end] - firsts[done]
                break
            if ffi.errno in _UNSEGMENTED and firsts[done + 1] - firsts[done] > 1:
                batch.ends[done].trailer, refused = None, True
                self._send_apart(batch, done)
            else:
                self._counters.unsent += firsts[done + 1] - firsts[done]
            done += 1
        return refused

    def _gets_room(self) -> bool:
        """Wait a moment until the kernel has sent some of what it holds.

        There is nothing better to do: what was read is what everybody waits for. But not all the
        time: what arrives has to be read.
        """
        began = self._clock()
        regained = FULL_SHARE * (began - self._waited_at)
        self._patience = min(FULL_SECONDS, self._patience + regained)
        self._waited_at = began
        if self._full or self._patience <= 0:
            return False
        self._counters.full += 1
        self._full = True
        room = bool(self._room.poll(FULL_MILLISECONDS))
        self._waited_at = self._clock()
        self._patience -= self._waited_at - began
        return room

    def _send_apart(self, batch: Batch, at: int, failures: Sequence[int] = ()) -> None:
        """The packets of one message, one by one; what could not be protected must not leave."""
        for slot in range(batch.firsts[at], batch.firsts[at + 1]):
            sent = 0
            if not failures or not failures[slot]:
                self._slots.write(self._alone.msg_hdr, batch.ends[at], slot, 1)
                sent = libc.sendmmsg(self._fd, self._alone, 1, socket.MSG_DONTWAIT)
            self._counters.fanned += sent > 0
            self._counters.unsent += sent <= 0


def _sockaddr(address: Address, family: int) -> bytes:
    host, port = address
    packed = socket.inet_pton(family, host)
    head = struct.pack("=H", family) + struct.pack("!H", port)
    if family == socket.AF_INET6:
        return head + bytes(4) + packed + bytes(4)
    return head + packed + bytes(8)
