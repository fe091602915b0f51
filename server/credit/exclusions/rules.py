"""What may be marked as no education, and what the ledger is told of it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

LONGEST_MS = 12 * 3_600_000


class What(StrEnum):
    """What the stretch was: a closed list, so that it can be counted."""

    BREAK = "break"
    WELCOME = "welcome"
    PROMOTION = "promotion"
    PAUSE = "pause"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A stretch of a session that earns nobody credit, until somebody takes the mark back."""

    id: UUID
    session_id: UUID
    from_ms: int
    to_ms: int
    what: What
    text: str
    made_by: UUID
    made_at: datetime
    ended_by: UUID | None = None
    ended_at: datetime | None = None
    note: str = ""

    @property
    def in_force(self) -> bool:
        return self.ended_at is None


def told(one: Exclusion, by: str) -> dict[str, Any]:
    """The body of its row in the ledger; `by` is the officer's subject."""
    return {
        "by": by,
        "exclusion": one.id.hex,
        "from_ms": one.from_ms,
        "session": one.session_id.hex,
        "to_ms": one.to_ms,
        "what": one.what.value,
    }


def told_end(one: Exclusion, by: str) -> dict[str, Any]:
    return {"by": by, "ended": True, "exclusion": one.id.hex}
