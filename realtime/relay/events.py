"""What the relay tells the server, one JSON object a line, and who is listening.

A new stream starts with `began`, then the present state, then `current`: whatever its reader knew
before `began` is void. It knows neither HTTP nor media.
"""

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Literal

import msgspec

from realtime.relay.bounds import EVENTS_WAITING

Role = Literal["publish", "watch"]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    at_ms: int


class Began(_Event, frozen=True, kw_only=True, tag="began"):
    """The first line. Another `relay` is another process: its connections are all new."""

    relay: str


class Current(_Event, frozen=True, kw_only=True, tag="current"):
    """The present state is told; from here on, events are news."""


class Alive(_Event, frozen=True, kw_only=True, tag="alive"):
    """Nothing happened."""


class OnAir(_Event, frozen=True, kw_only=True, tag="on_air"):
    """The publisher's media flow."""

    session: str
    who: str
    media: dict[str, str]
    """Kind to codec."""


class OffAir(_Event, frozen=True, kw_only=True, tag="off_air"):
    """The publisher hung up, fell silent or was lost."""

    session: str
    who: str
    reason: Literal["left", "silent"]


class Joined(_Event, frozen=True, kw_only=True, tag="joined"):
    """Somebody's connection is up; `connection` tells two of one person apart."""

    session: str
    who: str
    role: Role
    connection: str


class Left(_Event, frozen=True, kw_only=True, tag="left"):
    session: str
    who: str
    role: Role
    connection: str


class Statistics(_Event, frozen=True, kw_only=True, tag="statistics"):
    """A stage's figures; those of the publisher are zero while there is none."""

    session: str
    who: str
    viewers: int
    kbit_per_second: int
    """From the publisher."""
    lost_percent: float
    """On the way from the publisher, before packets were sent again."""
    round_trip_ms: int
    """To the viewers: the median of those that report it."""
    viewers_lost_percent: float
    """On the way to the viewers: the mean."""
    resent: int
    """Packets sent again to present viewers, in total."""
    keyframes: int


RelayEvent = Began | Current | Alive | OnAir | OffAir | Joined | Left | Statistics

_decoder: msgspec.json.Decoder[RelayEvent] = msgspec.json.Decoder(RelayEvent)


def encode(event: RelayEvent) -> bytes:
    return msgspec.json.encode(event) + b"\n"


def decode(line: str | bytes) -> RelayEvent:
    return _decoder.decode(line)


class Listeners:
    """Whoever reads events, each with a bounded queue; who does not keep up starts afresh."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[RelayEvent | None]] = set()

    @contextmanager
    def listen(self, present: Iterable[RelayEvent]) -> Generator[asyncio.Queue[RelayEvent | None]]:
        """A queue of events that ends with `None` when its reader fell behind."""
        queue: asyncio.Queue[RelayEvent | None] = asyncio.Queue()
        for event in present:
            queue.put_nowait(event)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def tell(self, event: RelayEvent) -> None:
        for queue in list(self._queues):
            if queue.qsize() >= EVENTS_WAITING:
                self._queues.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    def close(self) -> None:
        for queue in self._queues:
            queue.put_nowait(None)
        self._queues.clear()
