"""One UDP socket for all peers: ICE-lite, and the source check that protects what is behind it.

Everything on the socket is hostile until an authenticated ICE check came from its address. What is
not, is counted and dropped in silence: no answer, so no reflector, and no log line, so no flood.
The mux knows neither DTLS nor media; it hands datagrams to the peer they belong to.
"""

import asyncio
import ipaddress
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from realtime.relay import stun
from realtime.relay.bounds import (
    ADDRESSES_PER_PEER,
    CONSENT_SECONDS,
    DATAGRAM_BYTES,
    DRAIN_DATAGRAMS,
    DTLS_QUEUE,
    PACE_STEP_SECONDS,
    PROOF_SECONDS,
)
from realtime.relay.hellos import Hellos

Address = tuple[str, int]

STUN_BELOW, DTLS_FROM, DTLS_BELOW, MEDIA_FROM, MEDIA_BELOW = 4, 20, 64, 128, 192
"""First bytes, RFC 7983 §7."""

_SOCKET_BYTES = 4 << 20
"""A keyframe to 400 viewers is 20 MB/s for a moment; the kernel may grant less."""

Clock = Callable[[], float]


@dataclass(slots=True)
class Counters:
    """What a mux met, for the metrics."""

    received: int = 0
    malformed: int = 0
    """Not STUN, DTLS or media, or broken STUN."""
    unauthenticated: int = 0
    """Checks for nobody, or with a wrong password."""
    unverified: int = 0
    """DTLS or media from an address without a succeeded check."""
    undecrypted: int = 0
    """Forged, replayed or corrupted media."""
    forged: int = 0
    """Of handshakes, out of turn: somebody sends in a peer's name."""
    overrun: int = 0
    """Handshake datagrams beyond a peer's queue."""
    unsent: int = 0
    """Refused by the kernel; media among them is asked for again."""
    full: int = 0
    """How often the kernel's buffer had no room, and it was waited for."""
    fanned: int = 0
    """Media packets sent by the fan-out."""


class Flushed(Protocol):
    """Something that gathered packets during a drain and sends them at its end."""

    ahead: bool
    """Whether it is small and goes before the others: sound does not wait for a keyframe."""

    def flush(self, now: float) -> bool:
        """Whether it holds something back, which is to be sent soon."""
        ...


class Ice:
    """One peer's path: its credentials, the addresses it proved, and what carries its DTLS."""

    role = "controlled"

    def __init__(self, mux: "Mux") -> None:
        self._mux = mux
        self.ufrag = secrets.token_hex(8)
        self.password = secrets.token_hex(16)
        self.remote_ufrag = ""
        self.remote_password = ""
        self.address: Address | None = None
        """Where to send to; `None` until the first authenticated check."""
        self.seen_at = mux.clock()
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self.on_media: Callable[[bytes], None] | None = None
        self.on_moved: Callable[[Address], None] | None = None
        self.proving: tuple[bytes, Address] | None = None
        self.asked_at = float("-inf")
        """When a new address was last asked whether it wants our packets."""
        self.addresses: list[Address] = []
        self.hellos = Hellos()
        self._handshake: asyncio.Queue[bytes] = asyncio.Queue(DTLS_QUEUE)

    def expired(self, now: float) -> bool:
        return now - self.seen_at > CONSENT_SECONDS

    def close(self) -> None:
        """Free the path: nothing is received or sent any more."""
        if self.closed.is_set():
            return
        self.closed.set()
        self._mux.forget(self)
        if self._handshake.full():
            self._handshake.get_nowait()
        self._handshake.put_nowait(b"")  # wakes whoever waits in `_recv`

    def deliver(self, datagram: bytes) -> bool:
        try:
            self._handshake.put_nowait(datagram)
        except asyncio.QueueFull:
            return False
        return True

    def send(self, datagram: bytes) -> None:
        if self.address is not None:
            self._mux.send(datagram, self.address)

    async def _recv(self) -> bytes:
        """For aiortc: the next DTLS datagram, or a `ConnectionError` once the path is closed."""
        if self.closed.is_set():
            raise ConnectionError
        datagram = await self._handshake.get()
        if not datagram:
            raise ConnectionError
        return datagram

    async def _send(self, data: bytes) -> None:
        if self.address is None or self.closed.is_set():
            raise ConnectionError
        self._mux.send(data, self.address)


class Mux:
    """The socket, and whose every address is."""

    def __init__(self, bound: socket.socket, *, clock: Clock = time.monotonic) -> None:
        self.socket = bound
        self.clock = clock
        self.counters = Counters()
        self._by_ufrag: dict[str, Ice] = {}
        self._by_address: dict[Address, Ice] = {}
        self._proofs: dict[bytes, Ice] = {}
        self._gathered: list[Flushed] = []
        self._soon: asyncio.TimerHandle | None = None

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self.readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        if self._soon is not None:
            self._soon.cancel()
        self.socket.close()

    def new_ice(self) -> Ice:
        ice = Ice(self)
        self._by_ufrag[ice.ufrag] = ice
        return ice

    def forget(self, ice: Ice) -> None:
        self._by_ufrag.pop(ice.ufrag, None)
        for address in ice.addresses:
            if self._by_address.get(address) is ice:
                del self._by_address[address]
        ice.addresses.clear()
        if ice.proving is not None:
            self._proofs.pop(ice.proving[0], None)

    def flush_later(self, gathered: Flushed) -> None:
        """Send at the end of this drain: what was read together goes out together."""
        self._gathered.append(gathered)

    def send(self, datagram: bytes, address: Address) -> None:
        try:
            self.socket.sendto(datagram, address)
        except OSError:
            self.counters.unsent += 1

    def readable(self) -> None:
        receive, receive_one = self.socket.recvfrom, self.received
        for _ in range(DRAIN_DATAGRAMS):
            try:
                datagram, address = receive(DATAGRAM_BYTES)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue  # an ICMP error about an earlier datagram
            receive_one(datagram, address[:2])
        if self._gathered:
            self.flush()

    def flush(self) -> None:
        """The end of a drain, of this socket or of one that brings media beside it."""
        gathered, self._gathered = sorted(self._gathered, key=lambda each: not each.ahead), []
        now = self.clock()
        held = [each for each in gathered if each.flush(now)]
        self._gathered += held
        if held and self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(PACE_STEP_SECONDS, self._flush_held)

    def _flush_held(self) -> None:
        self._soon = None
        self.flush()

    def received(self, datagram: bytes, address: Address) -> None:
        counters = self.counters
        counters.received += 1
        first = datagram[0] if datagram else 255
        if MEDIA_FROM <= first < MEDIA_BELOW:
            ice = self._by_address.get(address)
            if ice is None or ice.on_media is None:
                counters.unverified += 1
            else:
                ice.on_media(datagram)
        elif first < STUN_BELOW:
            self._checked(datagram, address)
        elif DTLS_FROM <= first < DTLS_BELOW:
            ice = self._by_address.get(address)
            if ice is None:
                counters.unverified += 1
            elif not ice.hellos.pass_on(datagram):
                counters.forged += 1
            elif not ice.deliver(datagram):
                counters.overrun += 1
        else:
            counters.malformed += 1

    def _checked(self, datagram: bytes, address: Address) -> None:
        message = stun.parse(datagram)
        if message is None:
            self.counters.malformed += 1
            return
        if message.kind == stun.BINDING_SUCCESS:
            self._proved(message, address)
            return
        local, _, remote = message.username.decode("ascii", "replace").partition(":")
        ice = self._by_ufrag.get(local)
        if (
            ice is None
            or remote != ice.remote_ufrag
            or not message.authentic(ice.password.encode())
            or not self._admit(ice, address)
        ):
            self.counters.unauthenticated += 1
            return
        seen_from = _unmapped(address[0])
        answer = stun.success(message.transaction, seen_from, address[1], ice.password.encode())
        self.send(answer, address)
        if ice.address is None:
            ice.seen_at = self.clock()
            self._move(ice, address)
        elif ice.address == address:
            ice.seen_at = self.clock()
        elif message.use_candidate:
            self._prove(ice, address)

    def _admit(self, ice: Ice, address: Address) -> bool:
        """Note whose address it is. One that belongs to a living peer is not taken from it."""
        owner = self._by_address.get(address)
        if owner is ice:
            return True
        if owner is not None and not owner.expired(self.clock()):
            return False
        self._by_address[address] = ice
        ice.addresses.append(address)
        if len(ice.addresses) > ADDRESSES_PER_PEER:
            oldest = next(each for each in ice.addresses if each != ice.address)
            ice.addresses.remove(oldest)
            self._by_address.pop(oldest, None)
        return True

    def _prove(self, ice: Ice, address: Address) -> None:
        """Ask a new address whether it wants our packets before they all go there.

        A source can be forged, and a handshake was made with the old one: without this, a peer
        could point its stream at anybody. One small packet answers one authenticated one, and not
        every one of many.
        """
        now = self.clock()
        if now - ice.asked_at < PROOF_SECONDS:
            return
        ice.asked_at = now
        if ice.proving is None or ice.proving[1] != address:
            if ice.proving is not None:
                self._proofs.pop(ice.proving[0], None)
            transaction = secrets.token_bytes(12)
            ice.proving = (transaction, address)
            self._proofs[transaction] = ice
        username = f"{ice.remote_ufrag}:{ice.ufrag}"
        check = stun.request(
            ice.proving[0], username, ice.remote_password.encode(), controlling=False
        )
        self.send(check, address)

    def _proved(self, message: stun.Binding, address: Address) -> None:
        ice = self._proofs.get(message.transaction)
        if (
            ice is None
            or ice.proving is None
            or ice.proving[1] != address
            or not message.authentic(ice.remote_password.encode())
        ):
            self.counters.unauthenticated += 1
            return
        del self._proofs[message.transaction]
        ice.proving = None
        ice.seen_at = self.clock()
        self._move(ice, address)

    def _move(self, ice: Ice, address: Address) -> None:
        ice.address = address
        ice.connected.set()
        if ice.on_moved is not None:
            ice.on_moved(address)


def bind(host: str, port: int) -> socket.socket:
    """One socket; on `::` it takes IPv4 too, as mapped addresses."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        bound.setblocking(False)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def addresses_to_offer(advertised: str, host: str) -> Sequence[str]:
    """The addresses to offer: those an operator named, comma separated, or where we listen."""
    named = [each.strip() for each in advertised.split(",") if each.strip()]
    if not named:
        ip = ipaddress.ip_address(host)
        named = [str(ip)] if not ip.is_unspecified else ["127.0.0.1"]
    return [str(ipaddress.ip_address(each)) for each in named]


def _unmapped(host: str) -> str:
    return host.removeprefix("::ffff:") if "." in host else host
