"""The people in this process: their sockets, and the allowance that these share.

It knows neither sockets' contents nor rights. Pure: time is passed in.
"""

from collections.abc import Collection
from typing import Protocol

from realtime.hub.allowance import Allowance
from realtime.limits import COMMAND_BURST, COMMANDS_A_SECOND


class Closable(Protocol):
    """A socket, as far as it is known here."""

    def close(self, code: int) -> None: ...


class Person:
    """One person's sockets in this process, and the allowance they share."""

    __slots__ = ("allowance", "name", "peers")

    def __init__(self, name: str, now: float) -> None:
        self.name = name
        self.peers: set[Closable] = set()
        self.allowance = Allowance(COMMAND_BURST, now)


class Persons:
    """By name. Who has no socket any more is remembered until the allowance is whole again."""

    def __init__(self) -> None:
        self._known: dict[str, Person] = {}
        self._without: set[Person] = set()

    def __len__(self) -> int:
        return len(self._known)

    def find(self, name: str, now: float) -> Person:
        """Who it is, known or new."""
        person = self._known.get(name)
        if person is None:
            person = self._known[name] = Person(name, now)
            self._without.add(person)
        return person

    def peers(self, name: str) -> Collection[Closable]:
        """Somebody's sockets here, as they are now."""
        person = self._known.get(name)
        return tuple(person.peers) if person is not None else ()

    def left(self, person: Person, peer: Closable) -> None:
        person.peers.discard(peer)
        if not person.peers:
            self._without.add(person)

    def forget(self, now: float) -> None:
        """Those without a socket who have spent nothing of late."""
        for person in list(self._without):
            if person.peers:
                self._without.discard(person)
            elif person.allowance.rested(now, rate=COMMANDS_A_SECOND, burst=COMMAND_BURST):
                self._without.discard(person)
                del self._known[person.name]
