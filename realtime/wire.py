"""What travels over a socket: commands up; events, state and replies down.

Each is one JSON object with a `type`. A publisher seals an event into bytes once; every hub stamps
and forwards those bytes, and none parses them again. `beat` and `kept` are attendance's own.
"""

from enum import IntEnum, StrEnum
from typing import Annotated, Any, NamedTuple, NewType
from uuid import UUID

import msgspec
from msgspec import Meta

from realtime.limits import MAX_TOPIC_CHARS

Topic = NewType("Topic", str)
Epoch = NewType("Epoch", str)
Seq = NewType("Seq", int)

MAX_INTEGER = 2**53 - 1
"""The greatest number that JavaScript keeps exact."""

Ref = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]

SHORT, MEDIUM = 125, 0xFFFF
"""The longest payloads whose length fits the first and the second form of a frame header."""


class Position(NamedTuple):
    """How far a topic's history has come. Another epoch means that the history was lost."""

    epoch: Epoch
    seq: Seq


class Close(IntEnum):
    """Why a socket was closed; a page comes back by itself after all but `SIGN_IN`."""

    UNSUPPORTED = 1003
    TOO_LARGE = 1009
    RESTART = 1012
    OVERLOADED = 1013
    SIGN_IN = 4001
    RIGHTS_CHANGED = 4003
    TOO_SLOW = 4008
    FLOOD = 4029


class Code(StrEnum):
    """The wiring's own refusals, in `error`; the conference adds those of its rules."""

    MALFORMED = "command.malformed"
    UNKNOWN = "command.unknown"
    TOO_LARGE = "command.too_large"
    REUSED = "command.reused"
    FORBIDDEN = "topic.forbidden"
    TOO_MANY = "topic.too_many"
    BUSY = "busy"
    INTERNAL = "internal"


class Message(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"
):
    """Anything a browser sends."""


class Follow(Message, frozen=True, kw_only=True, tag="topic.follow"):
    """Listen to a topic, from the position of the snapshot that the page shows."""

    ref: Ref = 0
    topic: Annotated[Topic, Meta(max_length=MAX_TOPIC_CHARS)]
    epoch: Annotated[Epoch, Meta(max_length=64)] | None = None
    seq: Annotated[Seq, Meta(ge=0, le=MAX_INTEGER)] = Seq(0)


class Unfollow(Message, frozen=True, kw_only=True, tag="topic.unfollow"):
    ref: Ref = 0
    topic: Annotated[Topic, Meta(max_length=MAX_TOPIC_CHARS)]


class Command(Message, frozen=True, kw_only=True):
    """A request, `noun.verb`: `ref` returns in the reply; sent again, it keeps its `command_id`."""

    ref: Ref = 0
    command_id: UUID


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """A fact every follower of a topic learns, numbered. Applying it twice changes nothing."""


class State(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """The newest value under a key: coalesced, part of the snapshot, without number or history."""

    key: str


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """An answer to one peer."""


class Done(Reply, frozen=True, omit_defaults=True, tag="done"):
    """What was asked for is committed: `id` of what was made, or `value`, if there is either."""

    ref: int
    id: UUID | None = None
    value: Any = None


class Error(Reply, frozen=True, tag="error"):
    """Nothing was done, and why; `where` is the path of the field at fault, or empty."""

    ref: int
    code: str
    where: str = ""


class Followed(Reply, frozen=True, tag="followed"):
    """What was missed has just been sent; from here on every event arrives."""

    topic: Topic
    epoch: Epoch
    seq: Seq
    recovered: bool


class Resync(Reply, frozen=True, tag="resync"):
    """The history has a hole: fetch the fragment again. From here on every event arrives.

    `epoch` is null while the bus is away.
    """

    topic: Topic
    epoch: Epoch | None
    seq: Seq


class Welcome(Reply, frozen=True, tag="welcome"):
    connection: UUID
    echo: str
    beat_ms: int
    lease_ms: int


class Goodbye(Reply, frozen=True, tag="goodbye"):
    """The process stops: come back at a random time between the two."""

    after_ms: tuple[int, int]


def seal(fact: Event | State | Reply) -> bytes:
    return msgspec.json.encode(fact)


def stamp(sealed: bytes, topic: Topic, seq: Seq | None = None) -> bytes:
    """Prefix the address to a sealed event or, without `seq`, to a sealed state; parse neither."""
    assert sealed.startswith(b"{"), "what is sealed is a JSON object"
    number = b"" if seq is None else b'"seq":%d,' % seq
    return b'{"topic":%b,%b%b' % (msgspec.json.encode(topic), number, sealed[1:])


def frame(text: bytes) -> bytes:
    """One unmasked WebSocket text frame (RFC 6455 §5.2), built once for all its receivers."""
    size = len(text)
    if size <= SHORT:
        return bytes((0x81, size)) + text
    if size <= MEDIUM:
        return b"\x81\x7e" + size.to_bytes(2, "big") + text
    return b"\x81\x7f" + size.to_bytes(8, "big") + text
