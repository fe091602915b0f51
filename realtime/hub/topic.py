"""The followers of one topic: members, ring, tick, newest states. Pure memory, no sockets.

What is told is framed once, and the same bytes are written to every member. A member that reads too
slowly is set aside without slowing the others, and catches up from the ring when it reads again.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple, Protocol

from realtime.hub.replay import Replay
from realtime.limits import (
    CATCH_UP_BYTES,
    HISTORY,
    MAX_TICK_SECONDS,
    STATES,
    TICK_MEMBERS,
    TICK_SECONDS,
    TICK_TIMES,
)
from realtime.wire import Followed, Position, Resync, Seq, Topic, frame, seal

Write = Callable[[bytes], None]
Now = Callable[[], float]
Later = Callable[[float, Callable[[], None]], object]
"""Call a function after so many seconds: the event loop's `call_later`, or a test's list."""


class Member(Hashable, Protocol):
    """A peer, as a topic sees it."""

    @property
    def write(self) -> Write: ...


class _State(NamedTuple):
    """The newest under its key: in which order it came, and where the topic stood then."""

    serial: int
    seq: Seq
    framed: bytes


class Audience:
    """Everybody who follows a topic in this process."""

    __slots__ = (
        "_aside",
        "_due",
        "_events",
        "_flushed_at",
        "_forgotten",
        "_later",
        "_members",
        "_moved",
        "_now",
        "_serial",
        "_shown",
        "_states",
        "_tick",
        "_writing",
        "empty_since",
        "replay",
        "sent",
        "topic",
    )

    def __init__(self, topic: Topic, *, now: Now, later: Later) -> None:
        self.topic = topic
        self.replay = Replay(HISTORY, None)
        self.sent: Position | None = None
        """Up to where every member was written to; what the ring holds beyond waits for a tick."""
        self.empty_since: float | None = now()
        self._now, self._later = now, later
        self._members: dict[Member, Write] = {}
        self._aside: dict[Member, tuple[Position | None, int]] = {}
        self._events: list[bytes] = []
        self._shown: dict[str, bytes] = {}
        self._states: dict[str, _State] = {}
        self._forgotten: Seq | None = None
        self._serial = 0
        self._tick = TICK_SECONDS
        self._flushed_at = 0.0
        self._due = self._writing = False
        self._moved: list[Member] = []

    def __len__(self) -> int:
        return len(self._members) + len(self._aside)

    # What the bus tells.

    def load(
        self,
        position: Position,
        frames: Iterable[tuple[Position, bytes]],
        states: Iterable[tuple[str, Seq, bytes]] = (),
    ) -> None:
        """Start from what the bus remembers, without telling anybody."""
        self._states, self._forgotten = {}, None
        for key, seq, framed in states:
            self._remember(key, seq, framed)
        self.replay.restart(None)
        for at, framed in frames:
            self.replay.add(at, framed)
        if self.replay.position != position:
            self.replay.restart(position)
        self.sent = position

    def reload(
        self,
        position: Position,
        frames: Iterable[tuple[Position, bytes]],
        states: Iterable[tuple[str, Seq, bytes]] = (),
    ) -> None:
        """The history broke off: everybody fetches a snapshot, and goes on from `position`."""
        self.load(position, frames, states)
        self._events = [frame(self._resync())]
        self.flush()

    def tell(self, position: Position, framed: bytes) -> None:
        """An event, which must be news."""
        if self.replay.add(position, framed):
            self._events.append(framed)
            self._offer()
        else:
            self._events = [frame(self._resync())]
            self.flush()

    def show(self, key: str, framed: bytes) -> None:
        """A state: of those under one key only the newest is written, and kept."""
        known = self.replay.position
        self._remember(key, known.seq if known else Seq(0), framed)
        self._shown[key] = framed
        self._offer()

    def show_again(self, key: str, seq: Seq, framed: bytes) -> None:
        """A state that may have been missed while the bus was away."""
        known = self._states.get(key)
        if known is None or known.framed != framed:
            self._remember(key, seq, framed)
            self._shown[key] = framed
            self._offer()

    # What members do.

    def join(self, member: Member, since: Position | None, *, ahead: bool = False) -> bytes:
        """Begin to listen; the frames to write to the member first, in answer to its follow.

        `ahead`: the bus confirmed a position that has not come here yet.
        """
        self.leave(member)
        self._members[member] = member.write
        self.empty_since = None
        missed = b"" if ahead and self._before(since) else self._missed(since)
        if missed is None or self.sent is None or since is None or self._forgot(since):
            return frame(self._resync())
        epoch, seq = self.sent
        answer = Followed(
            topic=self.topic, epoch=epoch, seq=Seq(max(seq, since.seq)), recovered=True
        )
        # Told at the peer's own position, a state may have come before or after its snapshot.
        states = [each.framed for each in self._states.values() if each.seq >= since.seq]
        return b"".join([missed, *states, frame(seal(answer))])

    def _before(self, since: Position | None) -> bool:
        """Whether a position lies ahead: by the time the bus has confirmed one, it may not."""
        sent = self.sent
        return (
            sent is not None
            and since is not None
            and sent.epoch == since.epoch
            and sent.seq < since.seq
        )

    def leave(self, member: Member) -> None:
        self._aside.pop(member, None)
        if self._writing:
            self._moved.append(member)
        else:
            self._members.pop(member, None)
        if not self._members and not self._aside and self.empty_since is None:
            self.empty_since = self._now()

    def set_aside(self, member: Member) -> None:
        """Write nothing more to a member for now.

        A transport says that it is full from inside `write`, while the members are being gone
        through: the dictionary changes only afterwards.
        """
        if member not in self._members:
            return
        self._aside[member] = (self.sent, self._serial)
        if self._writing:
            self._moved.append(member)
        else:
            del self._members[member]

    def bring_back(self, member: Member) -> bytes:
        """Write to a member again; the frames that it missed, or a `resync`, and newer states."""
        left = self._aside.pop(member, None)
        if left is None:
            return b""
        self._members[member] = member.write
        position, serial = left
        missed = self._missed(position)
        if missed is None:
            missed = frame(self._resync())
        newer = [each.framed for each in self._states.values() if each.serial > serial]
        return b"".join([missed, *newer])

    # Writing.

    def _offer(self) -> None:
        if self._due:
            return
        wait = self._flushed_at + self._tick - self._now()
        if len(self._members) < TICK_MEMBERS or wait <= 0:
            self.flush()
        else:
            self._due = True
            self._later(wait, self.flush)

    def flush(self) -> None:
        """Write everything that waits, to every member, as one piece."""
        self._due = False
        frames = [*self._events, *self._shown.values()]
        self._events, self._shown = [], {}
        self.sent = self.replay.position
        if not frames:
            return
        piece = frames[0] if len(frames) == 1 else b"".join(frames)
        begun = self._now()
        self._writing = True
        try:
            for write in self._members.values():
                write(piece)
        finally:
            self._writing = False
            self._settle()
        self._flushed_at = self._now()
        self._adapt(self._flushed_at - begun)

    def _settle(self) -> None:
        for member in self._moved:
            self._members.pop(member, None)
        self._moved.clear()
        if not self._members and not self._aside and self.empty_since is None:
            self.empty_since = self._now()

    def _adapt(self, took: float) -> None:
        """Writing gets a share of the time; other topics and answers have the rest."""
        self._tick = min(MAX_TICK_SECONDS, max(TICK_SECONDS, TICK_TIMES * took))

    def _remember(self, key: str, seq: Seq, framed: bytes) -> None:
        self._serial += 1
        self._states.pop(key, None)
        self._states[key] = _State(self._serial, seq, framed)
        if len(self._states) > STATES:
            self._forgotten = self._states.pop(next(iter(self._states))).seq

    def _forgot(self, since: Position) -> bool:
        """Whether a state was forgotten that a peer may have missed."""
        return self._forgotten is not None and self._forgotten >= since.seq

    def _missed(self, since: Position | None) -> bytes | None:
        if self.sent is None:
            return None
        missed = self.replay.since(since, self.sent.seq)
        return None if missed is None or len(missed) > CATCH_UP_BYTES else missed

    def _resync(self) -> bytes:
        position = self.replay.position
        epoch, seq = position or (None, Seq(0))
        return seal(Resync(topic=self.topic, epoch=epoch, seq=seq))
