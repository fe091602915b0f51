"""The recent past of a topic, so that a peer that blinked misses nothing. Pure."""

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from realtime.wire import Position, Seq


@dataclass(slots=True)
class Replay:
    """A bounded history of frames that ends at `position`; None while it is not known."""

    limit: int
    position: Position | None
    _frames: deque[bytes] = field(default_factory=deque[bytes])
    _joined: dict[tuple[int, int], bytes] = field(default_factory=dict[tuple[int, int], bytes])

    def seen(self, position: Position) -> bool:
        """Whether the history already holds what has this position."""
        known = self.position
        return known is not None and position.epoch == known.epoch and position.seq <= known.seq

    def add(self, position: Position, framed: bytes) -> bool:
        """Remember a frame; False when it does not continue the history, which then restarts."""
        known = self.position
        continues = known is not None and position == (known.epoch, known.seq + 1)
        if not continues:
            self._frames.clear()
        self._frames.append(framed)
        if len(self._frames) > self.limit:
            self._frames.popleft()
        self.position = position
        self._joined.clear()
        return continues

    def restart(self, position: Position | None) -> None:
        """Forget everything and go on from here."""
        self.position = position
        self._frames.clear()
        self._joined.clear()

    def since(self, position: Position | None, until: Seq | None = None) -> bytes | None:
        """The frames after `position`, in order and joined; None when not all of them are known.

        `until` leaves out the newest, which a topic has still to write to all its members. Many
        peers come back from the same position, so the joined bytes are kept until the next frame.
        """
        known = self.position
        if known is None or position is None or position.epoch != known.epoch:
            return None
        first = known.seq - len(self._frames)
        end = known.seq if until is None else until
        if not first <= position.seq <= known.seq:
            return None
        if position.seq >= end:
            return b""
        span = (position.seq, end)
        joined = self._joined.get(span)
        if joined is None:
            frames = islice(self._frames, position.seq - first, end - first)
            joined = self._joined[span] = b"".join(frames)
        return joined
