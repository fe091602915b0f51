"""Who follows what in this process. Pure memory: no sockets, no awaits.

It is the ear of the bus: what the bus hears is framed once here and handed to the topic's audience.
"""

from collections import defaultdict
from collections.abc import Callable, Collection

from realtime.bus.bus import Past
from realtime.hub.topic import Audience, Later, Member, Now
from realtime.limits import IDLE_SECONDS
from realtime.wire import Position, Seq, Topic, frame, stamp

Overhear = Callable[[str, bytes], None]
"""Called with the key and the bytes of each state told on a topic."""


class Hub:
    """The topics that are followed here."""

    def __init__(self, *, now: Now, later: Later) -> None:
        self._now, self._later = now, later
        self._audiences: dict[Topic, Audience] = {}
        self._held: dict[Topic, list[tuple[Position | str, bytes]]] = {}
        self._overheard = defaultdict[Topic, list[Overhear]](list)

    def knows(self, topic: Topic) -> bool:
        return topic in self._audiences

    def counts(self) -> dict[Topic, int]:
        """How many peers follow each topic here."""
        return {topic: len(audience) for topic, audience in self._audiences.items()}

    def overhear(self, topic: Topic, overhear: Overhear) -> None:
        """Let a part of this process hear the states told on a topic."""
        self._overheard[topic].append(overhear)

    # Opening and closing topics.

    def expect(self, topic: Topic) -> None:
        """Hold what is delivered from now on, until `open`: the past is still being read."""
        self._held.setdefault(topic, [])

    def open(self, topic: Topic, past: Past | None) -> None:
        """Start a topic from what the bus remembers of it; None: the bus is away."""
        audience = Audience(topic, now=self._now, later=self._later)
        self._audiences[topic] = audience
        if past is not None:
            audience.load(past.position, self._frames(topic, past), self._states(topic, past))
        for about, sealed in self._held.pop(topic, []):
            if isinstance(about, str):
                audience.show(about, frame(stamp(sealed, topic)))
            else:
                self.deliver(topic, about, sealed)

    def close_idle(self) -> list[Topic]:
        """Forget the topics that nobody has followed for a while; the bus need not bring them."""
        before = self._now() - IDLE_SECONDS
        idle = [
            topic
            for topic, audience in self._audiences.items()
            if audience.empty_since is not None and audience.empty_since < before
        ]
        for topic in idle:
            del self._audiences[topic]
        return idle

    # What peers do.

    def behind(self, topic: Topic, since: Position | None) -> bool:
        """Whether a peer knows more of a topic than has come here: the bus must be asked."""
        known = self._audiences[topic].replay.position
        return (
            known is not None
            and since is not None
            and since.epoch == known.epoch
            and since.seq > known.seq
        )

    def follow(
        self, peer: Member, topic: Topic, since: Position | None, *, ahead: bool = False
    ) -> bytes:
        """Start listening; what the peer missed and `followed`, or `resync` alone."""
        return self._audiences[topic].join(peer, since, ahead=ahead)

    def unfollow(self, peer: Member, topic: Topic) -> None:
        if topic in self._audiences:
            self._audiences[topic].leave(peer)

    def set_aside(self, peer: Member, topics: Collection[Topic]) -> None:
        """Write nothing more to a peer that reads too slowly."""
        for topic in topics:
            if topic in self._audiences:
                self._audiences[topic].set_aside(peer)

    def bring_back(self, peer: Member, topics: Collection[Topic]) -> bytes:
        """Everything that a peer missed while it was set aside."""
        known = [self._audiences[topic] for topic in topics if topic in self._audiences]
        return b"".join(audience.bring_back(peer) for audience in known)

    # What the bus hears.

    def deliver(self, topic: Topic, position: Position, sealed: bytes) -> None:
        """An event; without bytes, the news that the topic's history begins anew."""
        if topic in self._held:
            self._held[topic].append((position, sealed))
            return
        audience = self._audiences.get(topic)
        if audience is None or audience.replay.seen(position):
            return
        if sealed:
            audience.tell(position, frame(stamp(sealed, topic, position.seq)))
        else:
            audience.reload(position, (), ())

    def show(self, topic: Topic, key: str, sealed: bytes) -> None:
        """A state."""
        for overhear in self._overheard.get(topic, ()):
            overhear(key, sealed)
        if topic in self._held:
            self._held[topic].append((key, sealed))
            return
        audience = self._audiences.get(topic)
        if audience is not None:
            audience.show(key, frame(stamp(sealed, topic)))

    def recover(self, topic: Topic, past: Past) -> None:
        """The bus was away and is back: tell what was missed or, if that is lost, `resync`."""
        audience = self._audiences.get(topic)
        if audience is None:
            return
        known = audience.replay.position
        first = past.position.seq - len(past.events)
        if known is None or known.epoch != past.position.epoch or known.seq < first:
            frames, states = self._frames(topic, past), self._states(topic, past)
            audience.reload(past.position, frames, states)
            return
        for seq, sealed in past.events:
            self.deliver(topic, Position(past.position.epoch, seq), sealed)
        for key, seq, framed in self._states(topic, past):
            audience.show_again(key, seq, framed)

    def _states(self, topic: Topic, past: Past) -> list[tuple[str, Seq, bytes]]:
        return [(key, seq, frame(stamp(sealed, topic))) for key, seq, sealed in past.states]

    def _frames(self, topic: Topic, past: Past) -> list[tuple[Position, bytes]]:
        epoch = past.position.epoch
        return [
            (Position(epoch, seq), frame(stamp(sealed, topic, seq))) for seq, sealed in past.events
        ]
