"""A wire made of a TUN device: this thread's sockets talk to each other through weather.

Both ends are in one network namespace, where packets between local addresses would go over the
loopback. So each end is seen under another address, which routes into the device, and what comes
out of the device goes back in with both addresses exchanged. They are chosen so that their sums
stay the same, and with them the checksums:

    near 10.9.0.1 is seen as 10.9.1.1        far 10.9.0.2 is seen as 10.9.1.2
"""

import asyncio
import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

NEAR, FAR = "10.9.0.1", "10.9.0.2"
NEAR_AS_SEEN, FAR_AS_SEEN = "10.9.1.1", "10.9.1.2"

_NEW_NETWORK = 0x40000000
_TUNSETIFF, _TUN_WITHOUT_HEADER = 0x400454CA, 0x1001
_SET_FLAGS, _SET_ADDRESS, _SET_MTU, _SET_QUEUE, _ADD_ROUTE = 0x8914, 0x8916, 0x8922, 0x8943, 0x890B
_UP, _ROUTE_UP_TO_HOST = 0x1, 0x5
_ROUTE = struct.Struct("@L16s16s16sHhLPhPLLH")
"""`struct rtentry` of <linux/route.h>."""
_PACKET_BYTES = 2048
_READ_AT_ONCE = 64
_libc = ctypes.CDLL(None, use_errno=True)

Passes = Callable[[], list[float]]


def _exchanged(packet: bytes) -> bytes | None:
    """The packet as the other end sees it; `None` for what is not of the wire."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[12:14] != packet[16:18]:
        return None
    source, target = packet[14:16], packet[18:20]
    if source[0] or not target[0]:  # from a local address, to one that is only seen
        return None
    seen, local = bytes((1, source[1])), bytes((0, target[1]))
    return packet[:14] + seen + packet[16:18] + local + packet[20:]


class Tun:
    """The device, and the weather on it: of what goes towards the far end, and back."""

    def __init__(self, descriptor: int) -> None:
        self.up: Passes = lambda: [0.0]
        self.down: Passes = lambda: [0.0]
        self.stuck = 0
        self._descriptor = descriptor

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self._descriptor, self._readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)

    def _readable(self) -> None:
        later = asyncio.get_running_loop().call_later
        for _ in range(_READ_AT_ONCE):
            try:
                packet = os.read(self._descriptor, _PACKET_BYTES)
            except BlockingIOError:
                return
            exchanged = _exchanged(packet)
            if exchanged is None:
                continue
            towards_far = packet[19] == int(FAR.rpartition(".")[2])
            for delay in self.up() if towards_far else self.down():
                later(delay, self._emit, exchanged)

    def _emit(self, packet: bytes) -> None:
        try:
            os.write(self._descriptor, packet)
        except OSError:
            self.stuck += 1


def _address(host: str) -> bytes:
    """A `struct sockaddr_in`."""
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(host))


def _lay() -> None:
    """Loopback and wire up, with addresses and routes: what `ip` does, which may be missing."""
    name = ctypes.create_string_buffer(b"wire")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        for request, device, value in (
            (_SET_FLAGS, b"lo", struct.pack("H", _UP)),
            (_SET_ADDRESS, b"wire", _address(NEAR)),
            (_SET_ADDRESS, b"wire:1", _address(FAR)),
            (_SET_MTU, b"wire", struct.pack("i", 1500)),
            (_SET_QUEUE, b"wire", struct.pack("i", 1000)),
            (_SET_FLAGS, b"wire", struct.pack("H", _UP)),
        ):
            fcntl.ioctl(door, request, struct.pack("16s24s", device, value))
        for host in (NEAR_AS_SEEN, FAR_AS_SEEN):
            whole = _address("255.255.255.255")
            place = _address(host), _address("0.0.0.0"), whole, _ROUTE_UP_TO_HOST
            route = _ROUTE.pack(0, *place, 0, 0, 0, 0, ctypes.addressof(name), 0, 0, 0)
            fcntl.ioctl(door, _ADD_ROUTE, route)


@contextmanager
def tun() -> Generator[Tun]:
    """This thread in a network of its own, which ends with the block; root's privilege."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    descriptor = -1
    try:
        if _libc.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "no network namespace (are we root?)")
        try:
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            wanted = struct.pack("16sH22s", b"wire", _TUN_WITHOUT_HEADER, b"")
            fcntl.ioctl(descriptor, _TUNSETIFF, wanted)
            _lay()
            yield Tun(descriptor)
        finally:
            if _libc.setns(home, _NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "no way back from the network namespace")
    finally:
        with suppress(OSError):
            os.close(descriptor)
        os.close(home)
