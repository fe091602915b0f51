"""Replies to recent commands, so that one sent again is answered again and carried out once.

A page that lost its socket sends what was not answered once more, with the same `command_id`. This
memory is the process's own; features make their commands exactly-once in SQL besides.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from uuid import UUID

from msgspec.structs import replace

from realtime.hub.peer import Peer
from realtime.limits import ANSWERS
from realtime.wire import Code, Command, Done, Error

Answer = Done | Error


@dataclass(slots=True)
class Entry:
    """A command, and its answer or those who wait for it."""

    command: Command
    answer: Answer | None = None
    waiting: list[tuple[Peer, int]] = field(default_factory=list[tuple[Peer, int]])

    def ask_again(self, peer: Peer, command: Command) -> None:
        """The same command: the same answer. Another one under the same id is refused."""
        if replace(command, ref=self.command.ref) != self.command:
            peer.reply(Error(ref=command.ref, code=Code.REUSED, where="$.command_id"))
        elif self.answer is not None:
            peer.reply(replace(self.answer, ref=command.ref))
        elif len(self.waiting) < WAITING:
            self.waiting.append((peer, command.ref))

    def close(self, answer: Answer) -> None:
        self.answer = answer
        for peer, ref in self.waiting:
            peer.reply(replace(answer, ref=ref))
        self.waiting.clear()


WAITING = 16
"""Sockets of one person that may wait for one command: twice what a person may have."""


class Answers:
    """The last few thousand commands by person and `command_id`."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[Hashable, UUID], Entry] = OrderedDict()

    def find(self, person_id: Hashable, command: Command) -> Entry | None:
        return self._entries.get((person_id, command.command_id))

    def begin(self, person_id: Hashable, command: Command) -> Entry:
        """Note that a command is being carried out."""
        entry = self._entries[person_id, command.command_id] = Entry(command)
        if len(self._entries) > ANSWERS:
            self._entries.popitem(last=False)
        return entry

    def forget(self, person_id: Hashable, command: Command) -> None:
        """After an accident: sent again, it may be tried again."""
        self._entries.pop((person_id, command.command_id), None)
