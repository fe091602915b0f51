"""A caller's way to a relay: one UDP socket, the checks that open it, the checks that keep it.

The controlling side of ICE towards an ICE-lite server (RFC 8445, RFC 7675), and what carries the
handshake. It hands media on as it came, and knows nothing of what is in it.
"""

import asyncio
import contextlib
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence

from realtime.relay import stun
from realtime.relay.bounds import DATAGRAM_BYTES, DRAIN_DATAGRAMS, DTLS_QUEUE
from realtime.relay.dial import Login
from realtime.relay.mux import DTLS_BELOW, DTLS_FROM, MEDIA_BELOW, MEDIA_FROM, STUN_BELOW

CHECK_SECONDS = 2.5
"""Between two checks of consent; RFC 7675 §5.1 wants one every five seconds."""
SILENCE_SECONDS = 10.0
"""After four checks without an answer the far side is gone. RFC 7675 would allow 30 s, which is
long for whoever has to come back."""
REFUSED_SECONDS = 1.0
"""A closed port says so at once. One that does not open again soon belongs to a dead process."""
FIRST_CHECK_SECONDS = 0.1
ADDRESS_SECONDS = 3.0
"""For each address of the answer before the next one is tried."""
CHECKS_PENDING = 16
"""Checks whose answer still counts; more of them only means that nothing answers."""
RECEIVE_BYTES = 1 << 20
"""A keyframe arrives at once, and a busy machine reads late."""


class Path:
    """From here to one address of the far side. `on_media` gets SRTP and SRTCP, and the time."""

    role = "controlling"

    def __init__(
        self,
        on_media: Callable[[bytes, float], None],
        *,
        check_seconds: float = CHECK_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.on_drained: Callable[[], None] | None = None
        """Called when everything that had arrived was handed on."""
        self._check_seconds, self._silence_seconds = check_seconds, silence_seconds
        self.login = Login(fragment=secrets.token_hex(4), password=secrets.token_hex(16))
        self._on_media = on_media
        self._far = Login(fragment="", password="")
        self._socket: socket.socket | None = None
        self._checks: deque[bytes] = deque(maxlen=CHECKS_PENDING)
        self._heard = asyncio.Event()
        self._heard_at = self._checked_at = 0.0
        self._refused_at: float | None = None
        self._handshake: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def open(self, far: Login, addresses: Sequence[tuple[str, int]]) -> bool:
        """Take the first address that answers a check; `False` when none does."""
        self._far = far
        for number, (host, port) in enumerate(addresses, 1):
            self._connect(host, port)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ADDRESS_SECONDS):
                    while not self._heard.is_set():
                        if self._refused_at is not None and number < len(addresses):
                            break  # nobody listens there
                        self._check(time.monotonic())
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(self._heard.wait(), FIRST_CHECK_SECONDS)
            if self._heard.is_set():
                return True
        return False

    def alive(self, now: float) -> bool:
        """Check consent when it is time; `False` when the far side is gone."""
        if now - self._checked_at >= self._check_seconds:
            self._check(now)
        if self._refused_at is not None and now - self._refused_at > REFUSED_SECONDS:
            return False
        return now - self._heard_at <= self._silence_seconds

    def send(self, datagram: bytes) -> None:
        """UDP promises nothing: what a full buffer or a closed port swallows is a loss."""
        if self._socket is None:
            return
        try:
            self._socket.send(datagram)
        except ConnectionRefusedError:
            self._refused()
        except OSError:
            return

    def close(self) -> None:
        self._handshake.put_nowait(None)
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _connect(self, host: str, port: int) -> None:
        """A connected socket: only the far side is heard, and a closed port is noticed."""
        loop = asyncio.get_running_loop()
        if self._socket is not None:
            loop.remove_reader(self._socket)
            self._socket.close()
        self._refused_at = None
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        with contextlib.suppress(OSError):  # no route by this family: its checks stay unanswered
            self._socket.connect((host, port))
        loop.add_reader(self._socket, self._readable)

    def _refused(self) -> None:
        """Ask at once whether somebody who knows us is back."""
        if self._refused_at is None:
            self._refused_at = time.monotonic()
            self._check(self._refused_at)

    def _check(self, now: float) -> None:
        self._checked_at = now
        self._checks.append(secrets.token_bytes(12))
        username = f"{self._far.fragment}:{self.login.fragment}"
        password = self._far.password.encode()
        self.send(
            stun.request(self._checks[-1], username, password, controlling=True, nominate=True)
        )

    def _readable(self) -> None:
        self._drain()
        if self.on_drained is not None:
            self.on_drained()

    def _drain(self) -> None:
        for _ in range(DRAIN_DATAGRAMS):
            if self._socket is None:
                return
            try:
                datagram = self._socket.recv(DATAGRAM_BYTES)
            except ConnectionRefusedError:
                self._refused()
                continue
            except OSError:  # nothing more to read
                return
            if datagram:
                self._take(datagram, time.monotonic())

    def _take(self, datagram: bytes, now: float) -> None:
        first = datagram[0]
        if MEDIA_FROM <= first < MEDIA_BELOW:
            self._on_media(datagram, now)
        elif DTLS_FROM <= first < DTLS_BELOW:
            if self._handshake.qsize() < DTLS_QUEUE:
                self._handshake.put_nowait(datagram)
        elif first < STUN_BELOW:
            self._take_stun(datagram, now)

    def _take_stun(self, datagram: bytes, now: float) -> None:
        message = stun.parse(datagram)
        if message is None:
            return
        if message.kind == stun.BINDING_SUCCESS:
            known = message.transaction in self._checks
            if known and message.authentic(self._far.password.encode()):
                self._heard_at, self._refused_at = now, None
                self._heard.set()
        elif message.authentic(self.login.password.encode()) and self._socket is not None:
            host, port = self._socket.getpeername()[:2]
            password = self.login.password.encode()
            self.send(stun.success(message.transaction, host, port, password))

    async def _recv(self) -> bytes:
        """For aiortc: the next datagram of the handshake."""
        datagram = await self._handshake.get()
        if datagram is None:
            raise ConnectionError("the call has ended")
        return datagram

    async def _send(self, data: bytes) -> None:
        self.send(data)
