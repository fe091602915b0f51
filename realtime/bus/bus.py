"""What the rest of the wiring asks of a message bus."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from realtime.wire import Position, Seq, Topic


class BusAway(Exception):
    """The bus cannot be reached; what was committed is safe, and followers resync afterwards."""


class Shown(NamedTuple):
    """The newest state under a key, and where the topic stood when it was told."""

    key: str
    seq: Seq
    sealed: bytes


class Past(NamedTuple):
    """Where a topic stands, its recent events, oldest first, ending there, and its states."""

    position: Position
    events: list[tuple[Seq, bytes]]
    states: Sequence[Shown] = ()


class Ear(Protocol):
    """Who hears what a process follows: the hub."""

    def deliver(self, topic: Topic, position: Position, sealed: bytes) -> None:
        """An event; without bytes, the news that the topic's history begins anew here."""
        ...

    def show(self, topic: Topic, key: str, sealed: bytes) -> None:
        """A state, newest only."""
        ...

    def recover(self, topic: Topic, past: Past) -> None:
        """The bus was away and is back, and this is where the topic stands."""
        ...


class Bus(Protocol):
    """Publishes sealed events in one order per topic, to every process that follows the topic."""

    @property
    def here(self) -> bool:
        """Whether it can be reached, as far as is known."""
        ...

    async def publish(self, topic: Topic, sealed: bytes) -> Position | None:
        """Number, remember and announce an event; None while the bus is away.

        What could not be announced is made good: when the bus is back, its followers resync.
        """
        ...

    async def turn(self, topic: Topic) -> int | None:
        """A number above all that were given before; None while away.

        Take it before the rows of a state are read: they are then no older than those of any
        lower turn's.
        """
        ...

    async def tell(self, topic: Topic, key: str, sealed: bytes, turn: int) -> bool:
        """Announce a state and remember it as the newest under its key; False while away.

        Where a state of a higher turn was told, this one is old, and dropped.
        """
        ...

    async def whisper(self, topic: Topic, key: str, sealed: bytes) -> bool:
        """Announce to whoever listens now what nobody needs afterwards; False while away."""
        ...

    async def position(self, topic: Topic) -> Position | None:
        """Where the topic stands; None while the bus is away, and the page renders without it."""
        ...

    async def follow(self, topic: Topic) -> Past:
        """Start hearing a topic. Raises BusAway, and then recovers it when the bus is back."""
        ...

    async def unfollow(self, topic: Topic) -> None: ...

    async def mark(
        self, place: str, holder: str, names: Sequence[str], *, lease: float
    ) -> int | None:
        """Note for `lease` seconds that the holder has these names in a place.

        Returns how many names the place has by all holders; None while the bus is away.
        """
        ...

    async def unmark(self, place: str, holder: str, names: Sequence[str]) -> int | None: ...

    async def marked(self, place: str) -> set[str] | None:
        """All names in a place; None while the bus is away."""
        ...
