"""Which of the checks that were put to a learner count, and as what. Pure."""

from collections.abc import Sequence
from uuid import UUID

from server.attendance.checks import Put, State
from server.credit.findings import Check


def facts(
    put_to: Sequence[Put], session_id: UUID, spared: Sequence[tuple[int, int]] = ()
) -> tuple[Check, ...]:
    """What of a session's checks counts: answered and missed ones, none that our outage hit."""
    return tuple(
        Check(at_ms=each.asked_ms, answered=each.state is State.ANSWERED)
        for each in put_to
        if each.session_id == session_id
        and (
            each.state is State.ANSWERED or (each.state is State.LAPSED and not _hit(each, spared))
        )
    )


def _hit(put_to: Put, spared: Sequence[tuple[int, int]]) -> bool:
    return any(from_ms < put_to.closes_ms and put_to.asked_ms < to_ms for from_ms, to_ms in spared)
