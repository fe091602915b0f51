"""When a review may be asked for, and what may be said. Pure.

A review changes nothing by itself: what it leads to is an adjustment, with its own reason and its
own second officer. This file knows no rows.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from server.errors import Forbidden, Invalid, Refused

OPEN_DAYS = 30
"""After the conference: memories fade, and reports to boards are due."""

MAX_TEXT = 1_000


class Outcome(StrEnum):
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What was asked, and the answer once there is one."""

    id: UUID
    person_id: UUID
    session_id: UUID
    text: str
    asked_at: datetime
    outcome: Outcome | None = None
    answer: str = ""
    answered_by: UUID | None = None
    answered_at: datetime | None = None


class ReviewOpen(Refused):
    code = "review.open"


class ReviewLate(Refused):
    code = "review.late"


class ReviewAnswered(Refused):
    code = "review.answered"


class OwnReview(Forbidden):
    code = "review.own"


def until(ends_on: date) -> date:
    """The last day on which a review may be asked for."""
    return ends_on + timedelta(days=OPEN_DAYS)


def said(text: str, where: str) -> str:
    """What somebody wrote, without the space around it."""
    text = text.strip()
    if not text:
        raise Invalid("Please say it in a sentence.", where=where)
    if len(text) > MAX_TEXT:
        raise Invalid(f"At most {MAX_TEXT} characters, please.", where=where)
    return text
