"""The server's time, the only one that counts.

Evidence is stamped by `now_ms`: the wall clock as this process found it at its start, plus what has
passed since by a clock that nobody can set. Setting the machine's clock back or forth therefore
changes no credit; the two drift apart instead, and `drift_ms` says by how much.
"""

import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where there is such a clock."""

BOOT_ID: UUID = uuid4()
"""This process: what two rows of one process measure between them, no clock step can change."""


def now() -> datetime:
    """By the wall clock: for what people planned and for what expires."""
    return datetime.now(UTC)


def steady_ms() -> int:
    """Milliseconds that only ever grow; comparable within one process."""
    return time.clock_gettime_ns(_STEADY) // 1_000_000


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


_ANCHOR_MS = wall_ms() - steady_ms()


def now_ms() -> int:
    """Milliseconds since the epoch, UTC, for evidence: untouched by steps of the wall clock."""
    return _ANCHOR_MS + steady_ms()


def drift_ms() -> int:
    """How far the wall clock was moved since this process started; ahead is positive."""
    return wall_ms() - now_ms()


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def milliseconds(at: datetime) -> int:
    """Exact: floats would round a millisecond away."""
    delta = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000
