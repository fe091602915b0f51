"""When learners are asked whether they are still there, and what an answer must keep to. Pure.

The times of one learner follow from a secret seed of the session and from how the ledger calls the
learner, so nobody can pass them on or guess them. The seed's hash is on record before the first
check and the seed itself after the last: then anybody can recompute every time. Times are
milliseconds of the session on air since the seed was committed, so that a pause asks nobody.
This file knows neither rows nor the clock.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from server.attendance.intervals import Intervals, intersection, length, union
from server.errors import Refused

SEED_BYTES = 32
HOUR_MS = 3_600_000

LEAST_APART_MS = 480_000
"""Two checks of one learner are never closer."""

AN_HOUR = (3, 4, 5, 6)
"""How many checks an hour a policy may ask for; with more, eight minutes apart left no choice."""

ANSWER_MS = 120_000
"""How long a check is open; asking for more time gives as much again, once."""

ON_THE_WAY_MS = 5_000
"""An answer that was given in time may arrive so much later."""

TOO_LATE_MS = 30_000
"""A check that could not be put within this of its time is not put at all."""

PURPOSE = b"rounds check 1\n"


class CheckOver(Refused):
    """The time to answer has passed, or the check was called off."""

    code = "check.over"


class State(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    """Called off, because the session was paused or ended meanwhile: it counts for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A check as it was put to one learner."""

    id: UUID
    session_id: UUID
    person_id: UUID
    number: int
    asked_ms: int
    closes_ms: int
    extended: bool = False
    state: State = State.OPEN
    ended_ms: int | None = None
    """When it was answered, lapsed or was called off."""


def commitment(seed: bytes) -> str:
    """What is on record before the first check: it holds the seed fast and tells nothing of it."""
    return hashlib.sha256(seed).hexdigest()


def schedule(seed: bytes, subject: UUID, *, an_hour: int, until_ms: int) -> list[int]:
    """One learner's times, one in each n-th of an hour, as far as they come before `until_ms`."""
    assert an_hour in AN_HOUR
    part_ms = HOUR_MS // an_hour
    times: list[int] = []
    earliest_ms = 0
    for number in range(until_ms // part_ms + 1):
        starts_ms = max(number * part_ms, earliest_ms)
        width_ms = (number + 1) * part_ms - starts_ms
        at_ms = starts_ms + _drawn(seed, subject, number) % width_ms
        if at_ms < until_ms:
            times.append(at_ms)
        earliest_ms = at_ms + LEAST_APART_MS
    return times


def _drawn(seed: bytes, subject: UUID, number: int) -> int:
    """128 bits: taken modulo twenty minutes, no time is likelier than another one."""
    text = PURPOSE + f"{subject.hex}\n{number}".encode()
    return int.from_bytes(hmac.digest(seed, text, "sha256")[:16])


def as_committed(
    seed: bytes, committed: str, subject: UUID, *, an_hour: int, number: int, due_ms: int
) -> bool:
    """Whether a check is one of those that the revealed seed decides, for this learner."""
    times = schedule(seed, subject, an_hour=an_hour, until_ms=due_ms + 1)
    return (
        hmac.compare_digest(commitment(seed), committed)
        and number < len(times)
        and times[number] == due_ms
    )


def elapsed_ms(live: Intervals, from_ms: int, now_ms: int) -> int:
    """How long a session was on air since a moment."""
    return length(intersection(union(live), union(((from_ms, max(from_ms, now_ms)),))))


def due(times: list[int], elapsed: int) -> int | None:
    """The number of the check that is to be put now; one that was missed by much is let go."""
    for number, at_ms in enumerate(times):
        if at_ms <= elapsed < at_ms + TOO_LATE_MS:
            return number
    return None


def answer(put: Put, now_ms: int) -> Put:
    """Raises CheckOver; what was answered before stays as it was."""
    if put.state is State.ANSWERED:
        return put
    _still_open(put, now_ms)
    return replace(put, state=State.ANSWERED, ended_ms=now_ms)


def extend(put: Put, now_ms: int) -> Put:
    """More time, once. Raises CheckOver; asked for again, or after an answer, nothing changes."""
    if put.extended or put.state is State.ANSWERED:
        return put
    _still_open(put, now_ms)
    return replace(put, extended=True, closes_ms=put.closes_ms + ANSWER_MS)


def lapse(put: Put, now_ms: int) -> Put:
    """What becomes of it with time: nothing, until nobody can answer any more."""
    if put.state is State.OPEN and now_ms > put.closes_ms + ON_THE_WAY_MS:
        return replace(put, state=State.LAPSED, ended_ms=now_ms)
    return put


def _still_open(put: Put, now_ms: int) -> None:
    if put.state is not State.OPEN or now_ms > put.closes_ms + ON_THE_WAY_MS:
        raise CheckOver("The time to answer this check is over.")
