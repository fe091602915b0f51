"""One open socket: who it belongs to, what it follows, what it may still send. Decides nothing."""

from collections.abc import Callable, Hashable
from typing import Any, Protocol
from uuid import UUID

from realtime.hub.allowance import Allowance
from realtime.hub.connection import Connection
from realtime.hub.persons import Person
from realtime.limits import FOLLOW_BURST
from realtime.wire import Reply, Topic, frame, seal


class Guest(Protocol):
    """Who opened a socket; beyond its person the hub knows nothing of it."""

    @property
    def person_id(self) -> Hashable: ...


class Attendant(Protocol):
    """What a peer's connection reports, and to whom: the reception."""

    def heard(self, peer: "Peer", text: bytes) -> None: ...

    def alive(self, peer: "Peer") -> None: ...

    def paused(self, peer: "Peer") -> None: ...

    def resumed(self, peer: "Peer") -> None: ...

    def lost(self, peer: "Peer") -> None: ...

    def dismissed(self, peer: "Peer") -> None: ...


class Peer:
    """A socket and what belongs to it; hashable by identity."""

    __slots__ = (
        "_attendant",
        "_connection",
        "address",
        "allowance",
        "aside_at",
        "early",
        "guest",
        "heard_at",
        "id",
        "opened_at",
        "person",
        "pinged",
        "recheck_at",
        "spoke",
        "topics",
        "unfinished",
    )

    def __init__(
        self,
        connection: Connection,
        attendant: Attendant,
        *,
        id_: UUID,
        now: float,
        address: str = "",
    ) -> None:
        self._connection = connection
        self.address = address
        """Where it comes from, as far as that can be believed."""
        self._attendant = attendant
        self.id = id_
        self.guest: Any = None
        self.person: Person | None = None
        self.topics: set[Topic] = set()
        self.allowance = Allowance(FOLLOW_BURST, now)
        self.early: list[bytes] | None = []
        """What it said before it was known who it is; None from then on."""
        self.unfinished = 0
        self.opened_at = self.heard_at = now
        self.recheck_at = now
        self.aside_at: float | None = None
        self.spoke = self.pinged = False

    @property
    def gone(self) -> bool:
        return self._connection.closing

    @property
    def write(self) -> Callable[[bytes], None]:
        """Takes finished frames; after the end of the socket it takes them nowhere."""
        return self._connection.write

    @property
    def queued(self) -> int:
        """Bytes that wait in this process until the peer reads."""
        return self._connection.transport.get_write_buffer_size()

    def say(self, text: bytes) -> None:
        """Send one JSON text, such as a sealed reply."""
        self._connection.write(frame(text))

    def reply(self, reply: Reply) -> None:
        self.say(seal(reply))

    def ping(self) -> None:
        self.pinged = True
        self._connection.ping()

    def close(self, code: int) -> None:
        self._connection.close(code)

    def abort(self) -> None:
        self._connection.abort()

    # What its connection says (`connection.Party`).

    def heard(self, text: bytes) -> None:
        self._attendant.heard(self, text)

    def alive(self) -> None:
        self._attendant.alive(self)

    def paused(self) -> None:
        self._attendant.paused(self)

    def resumed(self) -> None:
        self._attendant.resumed(self)

    def lost(self) -> None:
        self._attendant.lost(self)

    def dismissed(self) -> None:
        self._attendant.dismissed(self)
