"""One asyncio protocol per socket: handshake, frames in, frames out. Knows no topic and no command.

The only file that imports websockets. Its sans-I/O protocol does the handshake and every unusual
frame; the usual one, a complete short text, is unmasked here and allocates nothing else. Frames
reach websockets whole, so that its protocol is needed only while a message comes in fragments.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.speedups import apply_mask
from websockets.typing import Origin

from realtime.limits import (
    CLOSE_SECONDS,
    FIRST_FRAME_SECONDS,
    LOWAT_BYTES,
    MAX_FRAME_BYTES,
    QUEUE_BYTES,
)
from realtime.wire import Close, frame

FINAL_TEXT, MASKED, LENGTH, TWO_BYTES, EIGHT_BYTES = 0x81, 0x80, 0x7F, 126, 127
PONG, PING_FRAME = 0x8A, b"\x89\x00"
MASK_BYTES, MAX_HEADER_BYTES = 4, 14

PATH = "/ws"

LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", None)


class Party(Protocol):
    """Who is behind an open connection, as the connection sees it."""

    def heard(self, text: bytes) -> None: ...

    def alive(self) -> None:
        """It answered a ping."""
        ...

    def paused(self) -> None:
        """It reads too slowly. Called from inside `write`, perhaps while a topic is being told."""
        ...

    def resumed(self) -> None: ...

    def lost(self) -> None: ...

    def dismissed(self) -> None:
        """The process stops."""
        ...


Greet = Callable[["Connection", str, str], Party]
"""Called when a socket has opened, with its Cookie and X-Forwarded-For headers; answers who takes
it from there."""


def nowhere(_framed: bytes) -> None:
    """Where a closing socket's frames go."""


def usual(data: bytes) -> bytes | None:
    """The text of exactly one complete masked text frame (RFC 6455 §5.2); None for all else."""
    if len(data) < len(b"\x81\x80mask") or data[0] != FINAL_TEXT or not data[1] & MASKED:
        return None
    size, start = data[1] & LENGTH, 2
    if size == TWO_BYTES:
        size, start = int.from_bytes(data[2:4], "big"), 4
    elif size == EIGHT_BYTES:
        return None
    if len(data) != start + MASK_BYTES + size:
        return None
    return apply_mask(data[start + MASK_BYTES :], data[start : start + MASK_BYTES])


def length(data: bytes | bytearray) -> int | None:
    """How long the frame is that starts here; None when its header is not complete yet."""
    if len(data) < 2:  # noqa: PLR2004 - the shortest header
        return None
    size, start = data[1] & LENGTH, 2
    if size >= TWO_BYTES:
        start += 2 if size == TWO_BYTES else 8
        if len(data) < start:
            return None
        size = int.from_bytes(data[2:start], "big")
    return start + size + (MASK_BYTES if data[1] & MASKED else 0)


class Connection(asyncio.Protocol):
    """A socket on the hub's side. `write` takes finished frames, `say` takes a text."""

    __slots__ = (
        "_fragments",
        "_greet",
        "_party",
        "_patience",
        "_protocol",
        "_rest",
        "closing",
        "transport",
        "write",
    )

    def __init__(self, origins: Sequence[str], greet: Greet) -> None:
        self._greet = greet
        self._party: Party | None = None
        self._protocol: ServerProtocol | None = ServerProtocol(
            origins=[Origin(origin) for origin in origins], max_size=MAX_FRAME_BYTES
        )
        self._fragments: list[bytes] = []
        self._rest: bytearray | None = None
        self._patience: asyncio.TimerHandle | None = None
        self.closing = False
        self.transport: asyncio.Transport
        self.write: Callable[[bytes], None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but inheritance.
        transport = cast("asyncio.Transport", transport)
        self.transport, self.write = transport, transport.write
        transport.set_write_buffer_limits(high=QUEUE_BYTES)
        line = transport.get_extra_info("socket")
        if LOWAT is not None and line is not None and line.family != socket.AF_UNIX:
            line.setsockopt(socket.IPPROTO_TCP, LOWAT, LOWAT_BYTES)
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(FIRST_FRAME_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        if self.closing:
            return
        if self._party is None:
            self._shake(data)
        elif self._rest is None and not self._fragments and (text := usual(data)) is not None:
            self._party.heard(text)
        else:
            self._split(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._leave()
        self._calm()
        self._protocol = self._rest = None

    def pause_writing(self) -> None:
        if self._party is not None:
            self._party.paused()

    def resume_writing(self) -> None:
        if self._party is not None:
            self._party.resumed()

    @property
    def far_end(self) -> str:
        """The address at the other end; empty where there is none, as on a Unix socket."""
        named = self.transport.get_extra_info("peername")
        return str(named[0]) if isinstance(named, tuple) else ""

    def say(self, text: bytes) -> None:
        self.write(frame(text))

    def ping(self) -> None:
        self.write(PING_FRAME)

    def abort(self) -> None:
        self.transport.abort()

    def close(self, code: int) -> None:
        """Say why, stop writing, and go on reading for a moment, or the code may be lost."""
        if not self.closing:
            self._hang_up(b"\x88\x02" + code.to_bytes(2, "big"))

    def shutdown(self) -> None:
        """What uvicorn calls when it stops."""
        if self._party is not None:
            self._party.dismissed()
        else:
            self.transport.abort()

    def _shake(self, data: bytes) -> None:
        protocol = self._protocol
        assert protocol is not None
        protocol.receive_data(data)
        cookies = forwarded = ""
        for event in protocol.events_received():
            if isinstance(event, Request):
                cookies = "; ".join(event.headers.get_all("Cookie"))
                forwarded = ",".join(event.headers.get_all("X-Forwarded-For"))
                here = event.path.partition("?")[0] == PATH
                answer = protocol.accept(event) if here else protocol.reject(404, "No socket here.")
                protocol.send_response(answer)
        self.write(b"".join(protocol.data_to_send()))
        if protocol.state is OPEN:
            self._protocol = None
            self._calm()
            self._party = self._greet(self, cookies, forwarded)
        elif protocol.close_expected():
            self.closing = True
            self.transport.close()

    def _split(self, data: bytes) -> None:
        """Take whole frames out of what arrived; keep what is left for the next time."""
        rest = self._rest if self._rest is not None else bytearray()
        rest += data
        while self._party is not None and (size := length(rest)) is not None:
            if size > MAX_FRAME_BYTES + MAX_HEADER_BYTES:
                self._unusual(bytes(rest))  # its header is enough for websockets to refuse it
                return
            if len(rest) < size:
                break
            one = bytes(rest[:size])
            del rest[:size]
            if not self._fragments and (text := usual(one)) is not None:
                self._party.heard(text)
            elif one[0] == PONG and one[1] & MASKED:
                self._party.alive()
            else:
                self._unusual(one)
        self._rest = rest or None

    def _unusual(self, data: bytes) -> None:
        protocol = self._protocol or ServerProtocol(state=OPEN, max_size=MAX_FRAME_BYTES)
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Frame) and self._party is not None:
                self._collect(event, self._party)
        if self.closing:
            return
        answer = b"".join(protocol.data_to_send())
        if protocol.close_expected():
            self._hang_up(answer)
        else:
            self.write(answer)
            self._protocol = protocol if self._fragments else None

    def _collect(self, part: Frame, party: Party) -> None:
        if part.opcode is Opcode.BINARY:
            self.close(Close.UNSUPPORTED)
        elif part.opcode in (Opcode.TEXT, Opcode.CONT):
            self._fragments.append(bytes(part.data))
            if part.fin:
                text, self._fragments = b"".join(self._fragments), []
                party.heard(text)

    def _hang_up(self, last: bytes) -> None:
        """Write the last bytes and half-close; whoever does not hang up in return is cut."""
        transport = self.transport
        self._leave()
        self._calm()
        if transport.is_closing():
            return
        transport.write(last)
        if transport.can_write_eof():
            transport.write_eof()
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(CLOSE_SECONDS, transport.abort)

    def _leave(self) -> None:
        """From here on nobody writes to this socket: a half-closed one would raise."""
        self.closing, self.write = True, nowhere
        party, self._party = self._party, None
        if party is not None:
            party.lost()

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
