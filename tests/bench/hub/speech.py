"""What a page of the benchmark says and hears on its socket: bytes, and no state."""

import socket
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID, uuid4

import msgspec

from tests.bench.hub.herd import MASK, masked

PATIENCE_SECONDS = 30.0

END = b"\r\n\r\n"
"""Of a handshake's head."""

TEXT, PING, PONG = 0x81, 0x89, 0x8A


class Frame(msgspec.Struct, frozen=True):
    """What a page may hear, as far as it matters here."""

    type: str
    ref: int = 0
    n: int = 0
    seq: int = 0
    echo: str = ""
    code: str = ""
    text: str = ""
    topic: str = ""
    epoch: str | None = None


decode = msgspec.json.Decoder(Frame).decode


class Heard(NamedTuple):
    """What a piece of a stream held."""

    frames: list[Frame]
    pongs: bytes
    """What its pings are answered with."""
    rest: bytes
    """The beginning of a frame that goes on in the next piece."""


def heard(data: bytes) -> Heard:
    """Take a server's stream apart; frames of other kinds are passed over."""
    found, pongs, at = list[Frame](), b"", 0
    for size in _sizes(data):
        one, at = data[at : at + size], at + size
        if one[0] == TEXT:
            found.append(decode(one[_head(one) :]))
        elif one[0] == PING:
            pongs += bytes((PONG, 0x80 | one[1])) + MASK + one[2:]
    return Heard(found, pongs, data[at:])


def greeting(origin: str, cookies: str) -> bytes:
    """The request that opens a socket."""
    return (
        f"GET /ws HTTP/1.1\r\nHost: {origin.partition('//')[2]}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Version: 13\r\nOrigin: {origin}\r\nCookie: {cookies}\r\n\r\n"
    ).encode()


def opened(port: int, origin: str, cookies: str) -> socket.socket:
    """A socket whose handshake is done; it says nothing and has read nothing further."""
    line = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.send(greeting(origin, cookies))
    while END not in (seen := line.recv(65_536, socket.MSG_PEEK)):
        if not seen:
            raise ConnectionError("closed before it was open")
    head = line.recv(seen.index(END) + len(END))  # what follows is read later
    if b" 101 " not in head:
        raise ConnectionError(head.decode())
    return line


def command(kind: str, ref: int, session_id: UUID, rest: str = "") -> bytes:
    more = f",{rest}" if rest else ""
    return masked(
        f'{{"type":"{kind}","ref":{ref},"command_id":"{uuid4()}",'
        f'"session_id":"{session_id}"{more}}}'
    )


def _sizes(data: bytes) -> Iterator[int]:
    at = 0
    while at + 2 <= len(data):
        one = data[at : at + 10]
        head = _head(one)
        if len(one) < head:
            return
        size = head + (one[1] if one[1] < 126 else int.from_bytes(one[2:head], "big"))
        if at + size > len(data):
            return
        yield size
        at += size


def _head(one: bytes) -> int:
    return {126: 4, 127: 10}.get(one[1], 2)
