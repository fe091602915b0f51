"""Holds for a moment what all learners of a session share.

Each of 2,000 learners asks after every beat how they stand: about as many questions in a second as
there are rows to read for one of them. What changes with a learner or with the stage is never held.
"""

from uuid import UUID

from server import clock
from server.credit.shared.store import Shared

AGE_MS = 1_000
"""How late a published rule, an excluded stretch or an outage may reach a learner's ring."""

AT_MOST = 256
"""Sessions held at a time: more than are on air at once."""


class Memory:
    """The newest of each session that is not older than `AGE_MS`."""

    def __init__(self) -> None:
        self._held: dict[tuple[UUID, UUID], tuple[int, Shared]] = {}

    def get(self, conference_id: UUID, session_id: UUID) -> Shared | None:
        read_ms, shared = self._held.get((conference_id, session_id), (0, None))
        return shared if clock.steady_ms() - read_ms < AGE_MS else None

    def put(self, shared: Shared, *, read_ms: int) -> None:
        """`read_ms` is a steady time before the rows were read."""
        (session,) = shared.planned
        key = (session.conference_id, session.id)
        self._held.pop(key, None)
        while len(self._held) >= AT_MOST:
            del self._held[next(iter(self._held))]
        self._held[key] = (read_ms, shared)

    def clear(self) -> None:
        self._held.clear()
