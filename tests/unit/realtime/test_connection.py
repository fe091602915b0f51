"""A connection at its transport: what arrives in whatever pieces, and what is written when."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close as CloseFrame
from websockets.frames import Frame, Opcode

from realtime.hub.connection import Connection, length
from realtime.limits import MAX_FRAME_BYTES, QUEUE_BYTES
from realtime.wire import Close

REQUEST = (
    b"GET /ws HTTP/1.1\r\nHost: rounds.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Origin: https://rounds.example\r\nCookie: a=1\r\ncookie: b=2\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)


class Line(asyncio.Transport):
    """A transport that goes nowhere: it remembers what was written and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.high: int | None = None
        self.closed = self.half_closed = self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.half_closed, "an asyncio transport raises here"
        self.written += bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del low
        self.high = high

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half_closed = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True


class Behind:
    """Who is behind a connection: remembers what it heard."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.notes: list[str] = []
        self.on_text: Callable[[], None] = lambda: None

    def heard(self, text: bytes) -> None:
        self.texts.append(text)
        self.on_text()

    def alive(self) -> None:
        self.notes.append("alive")

    def paused(self) -> None:
        self.notes.append("paused")

    def resumed(self) -> None:
        self.notes.append("resumed")

    def lost(self) -> None:
        self.notes.append("lost")

    def dismissed(self) -> None:
        self.notes.append("dismissed")


def open_connection(request: bytes = REQUEST) -> tuple[Connection, Line, Behind, list[str]]:
    behind, line, cookies = Behind(), Line(), list[str]()

    def greet(_connection: Connection, cookie: str, _forwarded: str) -> Behind:
        cookies.append(cookie)
        return behind

    connection = Connection(["https://rounds.example"], greet)
    connection.connection_made(line)
    connection.data_received(request)
    return connection, line, behind, cookies


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def closing(code: int) -> bytes:
    return Frame(Opcode.CLOSE, CloseFrame(code, "").serialize()).serialize(mask=False)


async def test_the_handshake_hands_over_the_cookies_and_declines_compression() -> None:
    _connection, line, _behind, cookies = open_connection()
    assert line.written.startswith(b"HTTP/1.1 101 ")
    assert b"permessage-deflate" not in line.written
    assert cookies == ["a=1; b=2"]
    assert line.high == QUEUE_BYTES


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        (b"https://rounds.example", b"https://rounds.example.evil.example", b"403"),
        (b"https://rounds.example", b"null", b"403"),
        (b"https://rounds.example", b"http://rounds.example", b"403"),
        (b"Origin: https://rounds.example\r\n", b"", b"403"),
        (b"GET /ws ", b"GET /wsx ", b"404"),
        (b"GET /ws ", b"GET /other ", b"404"),
    ],
)
async def test_another_origin_or_path_never_becomes_a_socket(
    before: bytes, after: bytes, status: bytes
) -> None:
    _connection, line, _behind, cookies = open_connection(REQUEST.replace(before, after))
    assert line.written.startswith(b"HTTP/1.1 " + status)
    assert cookies == []
    assert line.closed


async def test_what_is_no_request_at_all_is_hung_up_on() -> None:
    for noise in (b"\x00\x01\x02\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n", b"\r\n\r\n" * 10):
        _connection, line, _behind, cookies = open_connection(noise)
        assert line.closed
        assert cookies == []


TEXTS = st.lists(
    st.tuples(
        st.sampled_from(["text", "fragments", "ping", "pong"]),
        st.one_of(st.binary(max_size=200), st.sampled_from([b"x" * 126, b"y" * 65_536])),
    ),
    max_size=8,
)


@given(said=TEXTS, pieces=st.lists(st.integers(1, 400), max_size=40))
def test_every_text_arrives_once_and_whole_in_whatever_pieces(
    said: list[tuple[str, bytes]], pieces: list[int]
) -> None:
    async def scenario() -> None:
        connection, line, behind, _cookies = open_connection()
        before = len(line.written)
        stream, expected, pongs = b"", [], b""
        for kind, data in said:
            if kind == "text":
                stream += masked(Opcode.TEXT, data)
                expected.append(data)
            elif kind == "fragments":
                half = len(data) // 2
                stream += masked(Opcode.TEXT, data[:half], fin=False)
                stream += masked(Opcode.PING, b"between")
                stream += masked(Opcode.CONT, data[half:])
                expected.append(data)
                pongs += Frame(Opcode.PONG, b"between").serialize(mask=False)
            elif kind == "ping":
                stream += masked(Opcode.PING, data[:125])
                pongs += Frame(Opcode.PONG, data[:125]).serialize(mask=False)
            else:
                stream += masked(Opcode.PONG, data[:125])
        for size in pieces:
            piece, stream = stream[:size], stream[size:]
            if piece:
                connection.data_received(piece)
        if stream:
            connection.data_received(stream)
        assert behind.texts == expected
        assert line.written[before:] == pongs

    asyncio.run(scenario())


async def test_a_pong_says_that_the_peer_is_alive() -> None:
    connection, line, behind, _cookies = open_connection()
    connection.ping()
    assert line.written.endswith(b"\x89\x00")
    connection.data_received(masked(Opcode.PONG, b""))
    assert behind.notes == ["alive"]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (masked(Opcode.TEXT, b"x" * (MAX_FRAME_BYTES + 1)), Close.TOO_LARGE),
        (masked(Opcode.TEXT, b"x" * (MAX_FRAME_BYTES + 1))[:14], Close.TOO_LARGE),
        (
            masked(Opcode.TEXT, b"x" * 40_000, fin=False) + masked(Opcode.CONT, b"x" * 40_000),
            Close.TOO_LARGE,
        ),
        (masked(Opcode.BINARY, b"x"), Close.UNSUPPORTED),
        (Frame(Opcode.TEXT, b"x").serialize(mask=False), 1002),
        (masked(Opcode.CONT, b"x"), 1002),
        (b"\xc1" + masked(Opcode.TEXT, b"x")[1:], 1002),
        (b"\x83" + masked(Opcode.TEXT, b"x")[1:], 1002),
        (masked(Opcode.TEXT, b"a", fin=False) + masked(Opcode.TEXT, b"b"), 1002),
        (b"\x89\xfe\x00\xc8" + b"\x00" * 204, 1002),
    ],
    ids=[
        "too large",
        "too large by its header",
        "too large in fragments",
        "binary",
        "unmasked",
        "continues nothing",
        "reserved bit",
        "unknown opcode",
        "begins twice",
        "long ping",
    ],
)
async def test_a_broken_frame_closes_with_its_code_and_nothing_is_heard(
    bad: bytes, code: int
) -> None:
    connection, line, behind, _cookies = open_connection()
    connection.data_received(bad + masked(Opcode.TEXT, b"afterwards"))
    close = line.written[line.written.index(b"\r\n\r\n") + 4 :]
    assert close[:1] == b"\x88"
    assert int.from_bytes(close[2:4], "big") == code
    assert behind.texts == []
    assert behind.notes == ["lost"]
    assert line.half_closed
    connection.data_received(masked(Opcode.TEXT, b"later"))
    connection.connection_lost(None)
    assert behind.texts == []
    assert behind.notes == ["lost"], "a peer is lost once"


async def test_after_closing_nothing_more_is_written() -> None:
    connection, line, behind, _cookies = open_connection()
    connection.close(Close.FLOOD)
    written = line.written
    assert written.endswith(closing(Close.FLOOD))
    connection.write(b"more")
    connection.say(b"more")
    connection.close(Close.RESTART)
    assert line.written == written
    assert behind.notes == ["lost"]


async def test_a_peer_may_be_closed_while_it_is_heard() -> None:
    connection, _line, behind, _cookies = open_connection()
    behind.on_text = lambda: connection.close(Close.FLOOD)
    connection.data_received(masked(Opcode.TEXT, b"one") + masked(Opcode.TEXT, b"two"))
    assert behind.texts == [b"one"]


async def test_a_peer_that_closes_is_answered_and_hung_up_on() -> None:
    connection, line, behind, _cookies = open_connection()
    connection.data_received(masked(Opcode.CLOSE, CloseFrame(1001, "").serialize()))
    assert line.written.endswith(closing(1001))
    assert line.half_closed
    assert behind.notes == ["lost"]


async def test_a_full_transport_is_passed_on() -> None:
    connection, _line, behind, _cookies = open_connection()
    connection.pause_writing()
    connection.resume_writing()
    connection.shutdown()
    assert behind.notes == ["paused", "resumed", "dismissed"]


@given(size=st.integers(0, 70_000), cut=st.integers(0, 13))
def test_the_length_of_a_frame_is_known_from_its_header(size: int, cut: int) -> None:
    whole = masked(Opcode.TEXT, b"x" * size)
    known = length(whole[:cut])
    assert known in (None, len(whole))
    assert length(whole) == len(whole)
