"""What a check looks like on the wire: its whole present state, told to its learner alone."""

from uuid import UUID

from realtime.wire import Event
from server import clock
from server.attendance.checks import Put, State


class CheckState(Event, frozen=True, kw_only=True, tag="check"):
    """The question whether somebody is still there, and what became of it."""

    id: UUID
    session_id: UUID
    state: State
    at_ms: int
    closes_ms: int
    extended: bool


def told(put: Put) -> CheckState:
    return CheckState(
        id=put.id,
        session_id=put.session_id,
        state=put.state,
        at_ms=clock.now_ms(),
        closes_ms=put.closes_ms,
        extended=put.extended,
    )
