"""What the relay, its packagers and the pages' processes say to each other. Pure.

Each message is MessagePack behind its length, 4 bytes in network order. Into a packager go what a
publisher sends; out of it come segments, and in the same shape they go on to whoever follows.
"""

import struct
from collections.abc import Iterator

import msgspec

from realtime.relay.hls.bounds import FRAME_BYTES

LENGTH = struct.Struct("!I")

SEGMENTS = "application/x-rounds-segments"
NOTHING = LENGTH.pack(0)
"""A message without a body: whoever sends it is alive."""


class Source(msgspec.Struct, frozen=True, array_like=True, tag="source"):
    """Another source begins: what came before it is another picture."""

    kind: str
    at: float


class Took(msgspec.Struct, frozen=True, array_like=True, tag="took"):
    """One RTP packet, numbered as viewers see it; `at` is monotonic, in seconds."""

    kind: str
    marker: int
    seq: int
    timestamp: int
    at: float
    payload: bytes


class Clocked(msgspec.Struct, frozen=True, array_like=True, tag="clocked"):
    """A sender report: `timestamp` was at `ntp` (seconds since 1900, 32.32 bits)."""

    kind: str
    ntp: int
    timestamp: int


class Now(msgspec.Struct, frozen=True, array_like=True, tag="now"):
    """Time passes, whether packets come or not."""

    at: float


class Wanted(msgspec.Struct, frozen=True, array_like=True, tag="wanted"):
    """A picture was lost, and those after it: a keyframe is needed."""


class Segment(msgspec.Struct, frozen=True, array_like=True, tag="segment"):
    """A segment begins; its parts follow, and the next segment ends it."""

    number: int
    breaks: int
    """How often players had to begin anew so far (EXT-X-DISCONTINUITY)."""
    name: str
    at_ms: int
    """When its first picture came, of the wall clock."""
    init_name: str
    init: bytes


class Part(msgspec.Struct, frozen=True, array_like=True, tag="part"):
    """A piece of the segment that is being made."""

    name: str
    seconds: float
    independent: bool
    """Whether a player may begin here."""
    body: bytes
    next: str
    """What the part after this will be called."""


Into = Source | Took | Clocked | Now
Out = Wanted | Segment | Part

_encoder = msgspec.msgpack.Encoder()
_into: msgspec.msgpack.Decoder[Into] = msgspec.msgpack.Decoder(Into)
_out: msgspec.msgpack.Decoder[Out] = msgspec.msgpack.Decoder(Out)


class TooLong(Exception):
    """A message longer than any of ours."""


def encode(message: Into | Out) -> bytes:
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def decode_into(body: bytes) -> Into:
    return _into.decode(body)


def decode_out(body: bytes) -> Out:
    return _out.decode(body)


class Splitter:
    """Takes bytes as they come, gives whole messages."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._held += data
        at = 0
        while at + LENGTH.size <= len(self._held):
            (size,) = LENGTH.unpack_from(self._held, at)
            if size > FRAME_BYTES:
                raise TooLong
            end = at + LENGTH.size + size
            if end > len(self._held):
                break
            if size:
                yield bytes(self._held[at + LENGTH.size : end])
            at = end
        del self._held[:at]
