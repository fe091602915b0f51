"""The bus inside one process: the default, behind the same interface as the one over Redis."""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from realtime.bus.bus import Ear, Past, Shown
from realtime.limits import HISTORY
from realtime.wire import Epoch, Position, Seq, Topic


@dataclass(slots=True)
class _History:
    seq: int = 0
    events: deque[tuple[Seq, bytes]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    states: dict[str, Shown] = field(default_factory=dict[str, Shown])
    turn: int = 0
    turns: dict[str, int] = field(default_factory=dict[str, int])


class MemoryBus:
    """Its epoch is the process: after a restart every follower resyncs."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._epoch = Epoch(token_hex(8))
        self._histories = defaultdict[Topic, _History](_History)
        self._followed: set[Topic] = set()
        self._places = defaultdict[str, dict[str, set[str]]](dict)

    @property
    def here(self) -> bool:
        return True

    async def publish(self, topic: Topic, sealed: bytes) -> Position:
        history = self._histories[topic]
        history.seq += 1
        position = Position(self._epoch, Seq(history.seq))
        history.events.append((position.seq, sealed))
        if topic in self._followed:
            self._ear.deliver(topic, position, sealed)
        return position

    async def turn(self, topic: Topic) -> int:
        history = self._histories[topic]
        history.turn += 1
        return history.turn

    async def tell(self, topic: Topic, key: str, sealed: bytes, turn: int) -> bool:
        history = self._histories[topic]
        if history.turns.get(key, 0) > turn:
            return True
        history.turns[key] = turn
        history.states.pop(key, None)
        history.states[key] = Shown(key, Seq(history.seq), sealed)
        return await self.whisper(topic, key, sealed)

    async def whisper(self, topic: Topic, key: str, sealed: bytes) -> bool:
        if topic in self._followed:
            self._ear.show(topic, key, sealed)
        return True

    async def position(self, topic: Topic) -> Position:
        history = self._histories.get(topic)
        return Position(self._epoch, Seq(history.seq if history else 0))

    async def follow(self, topic: Topic) -> Past:
        self._followed.add(topic)
        history = self._histories.get(topic) or _History()
        states = list(history.states.values())
        return Past(await self.position(topic), list(history.events), states)

    async def unfollow(self, topic: Topic) -> None:
        self._followed.discard(topic)

    async def mark(self, place: str, holder: str, names: Sequence[str], *, lease: float) -> int:
        """A lease ends with its holder, and this process holds everything there is."""
        del lease
        present = self._places[place]
        for name in names:
            present.setdefault(name, set()).add(holder)
        return self._count(place)

    async def unmark(self, place: str, holder: str, names: Sequence[str]) -> int:
        present = self._places[place]
        for name in names:
            holders = present.get(name, set())
            holders.discard(holder)
            if not holders:
                present.pop(name, None)
        return self._count(place)

    async def marked(self, place: str) -> set[str]:
        return set(self._places.get(place, ()))

    def _count(self, place: str) -> int:
        count = len(self._places[place])
        if not count:
            del self._places[place]
        return count
