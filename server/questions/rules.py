"""What may be asked, what may happen to a question, and in what order questions are shown. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from realtime.limits import MAX_QUESTION_CHARS, QUESTIONS_A_MINUTE
from server.agenda.rules import Phase
from server.errors import Invalid, Refused, TooMany

MAX_REASON_CHARS = 200
"""A sentence that tells the author why."""

MINUTE = timedelta(minutes=1)


class Status(StrEnum):
    PENDING = "pending"
    LIVE = "live"
    ANSWERING = "answering"
    ANSWERED = "answered"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"  # by its author, before anybody decided


class Verb(StrEnum):
    """What those who run a session do with a question."""

    APPROVE = "approve"
    DISMISS = "dismiss"
    ANSWERING = "answering"
    ANSWERED = "answered"


VISIBLE = frozenset({Status.LIVE, Status.ANSWERING, Status.ANSWERED})
"""What the audience sees."""

VOTABLE = frozenset({Status.LIVE, Status.ANSWERING})

PLACE = {Status.ANSWERING: 0, Status.ANSWERED: 2}

STEPS: dict[Verb, tuple[frozenset[Status], Status]] = {
    Verb.APPROVE: (frozenset({Status.PENDING}), Status.LIVE),
    Verb.DISMISS: (
        frozenset({Status.PENDING, Status.LIVE, Status.ANSWERING}),
        Status.DISMISSED,
    ),
    Verb.ANSWERING: (
        frozenset({Status.PENDING, Status.LIVE, Status.ANSWERED}),
        Status.ANSWERING,
    ),
    Verb.ANSWERED: (frozenset({Status.LIVE, Status.ANSWERING}), Status.ANSWERED),
}

RESTORABLE = frozenset({Status.LIVE, Status.ANSWERING, Status.ANSWERED, Status.DISMISSED})
RESTORED = frozenset({Status.PENDING, Status.LIVE})
"""Where an undo leads: back to waiting, or back among the published ones."""


class Closed(Refused):
    """The session takes no questions."""

    code = "questions.closed"


class WrongStep(Refused):
    """Somebody was faster: the question is no longer where this step begins."""

    code = "question.wrong_step"


class VotingOver(Refused):
    code = "question.voting_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """How a session takes questions."""

    open: bool
    moderated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A question that was accepted."""

    text: str
    anonymous: bool
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question as it stands. `author` is empty when it was asked anonymously.

    `revision` grows with every change: of two states the one with the greater counts.
    """

    id: UUID
    session_id: UUID
    author_id: UUID
    author: str
    text: str
    anonymous: bool
    status: Status
    reason: str
    asked_at: datetime
    votes: int
    revision: int

    @property
    def visible(self) -> bool:
        return self.status in VISIBLE


def floor(phase: Phase, row: Floor | None) -> Floor:
    """What was set for the session; without that, open and moderated until it is over."""
    if row is not None:
        return row
    return Floor(open=phase is not Phase.ENDED, moderated=True)


def ask(text: str, floor: Floor, *, recent: int, anonymous: bool) -> Draft:
    """Accept a question; live at once unless the floor is moderated.

    `recent` counts what the same person asked in the last minute.
    """
    if not floor.open:
        raise Closed("This session takes no questions now.")
    if not text:
        raise Invalid("Please write your question.", where="text")
    if len(text) > MAX_QUESTION_CHARS:
        over = len(text) - MAX_QUESTION_CHARS
        raise Invalid(
            f"A question has at most {MAX_QUESTION_CHARS} characters; this one has {over} more.",
            where="text",
        )
    if recent >= QUESTIONS_A_MINUTE:
        raise TooMany(f"At most {QUESTIONS_A_MINUTE} questions a minute; please wait a little.")
    status = Status.PENDING if floor.moderated else Status.LIVE
    return Draft(text=text, anonymous=anonymous, status=status)


def step(present: Status, verb: Verb) -> Status | None:
    """The next status; None when it is reached already. Raises WrongStep."""
    before, after = STEPS[verb]
    if present is after:
        return None
    if present not in before:
        raise WrongStep(f"This question is {present} by now.")
    return after


def restore(present: Status, wanted: Status) -> Status | None:
    """Undo what a desk did; None when there is nothing to undo."""
    assert wanted in RESTORED, "an undo leads back to waiting or published"
    if present is wanted:
        return None
    if present not in RESTORABLE:
        raise WrongStep(f"This question is {present} by now.")
    return wanted


def withdraw(present: Status) -> Status | None:
    if present is Status.WITHDRAWN:
        return None
    if present is not Status.PENDING:
        raise WrongStep("Only a question that still waits can be withdrawn.")
    return Status.WITHDRAWN


def reason(text: str) -> str:
    """Raises Invalid when a reason is longer than a sentence."""
    if len(text) > MAX_REASON_CHARS:
        raise Invalid(f"At most {MAX_REASON_CHARS} characters.", where="reason")
    return text


def votable(status: Status | None) -> Refused | None:
    """Why nobody may vote for a question, if so; what is not shown does not exist."""
    if status is None or status not in VISIBLE:
        return WrongStep("This question is not shown.")
    if status not in VOTABLE:
        return VotingOver("This question was answered.")
    return None


def ranked(questions: Iterable[Question]) -> list[Question]:
    """The one being answered, then by votes, then what was answered.

    Among equals the one asked first leads, so that nothing jumps the queue.
    """
    return sorted(
        questions,
        key=lambda each: (PLACE.get(each.status, 1), -each.votes, each.asked_at, each.id),
    )
