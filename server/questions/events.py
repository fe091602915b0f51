"""What questions look like on the wire. An event is the whole new state of one question.

An anonymous author is in none of them: `author` is then null, for the audience and the desk alike.
"""

from datetime import datetime
from uuid import UUID

from realtime.wire import Event, State
from server.questions.rules import Question, Status


class QuestionState(Event, frozen=True, tag="question"):
    """A question as the audience or the desk sees it; `reason` is the desk's alone.

    The audience is shown a question that is not (any longer) theirs without its text.
    """

    id: UUID
    text: str
    author: str | None
    asked_at: datetime
    status: Status
    votes: int
    revision: int
    reason: str = ""


class OwnQuestion(Event, frozen=True, tag="own_question"):
    """What became of a question, told to its author alone."""

    id: UUID
    session_id: UUID
    text: str
    anonymous: bool
    asked_at: datetime
    status: Status
    reason: str
    revision: int


class Votes(State, frozen=True, tag="votes"):
    id: UUID
    votes: int


def for_desk(question: Question) -> QuestionState:
    return QuestionState(
        id=question.id,
        text=question.text,
        author=question.author or None,
        asked_at=question.asked_at,
        status=question.status,
        votes=question.votes,
        revision=question.revision,
        reason=question.reason,
    )


def for_audience(question: Question) -> QuestionState:
    """Without text and author unless it is published."""
    shown = question.visible
    return QuestionState(
        id=question.id,
        text=question.text if shown else "",
        author=(question.author or None) if shown else None,
        asked_at=question.asked_at,
        status=question.status if shown else Status.DISMISSED,
        votes=question.votes if shown else 0,
        revision=question.revision,
    )


def for_author(question: Question) -> OwnQuestion:
    return OwnQuestion(
        id=question.id,
        session_id=question.session_id,
        text=question.text,
        anonymous=question.anonymous,
        asked_at=question.asked_at,
        status=question.status,
        reason=question.reason,
        revision=question.revision,
    )
