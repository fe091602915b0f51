"""Polls: what may be asked, answered and shown when, and how answers are counted. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from realtime.limits import MAX_POLL_OPTIONS
from server.errors import Invalid, Refused

MIN_OPTIONS = 2
MAX_TEXT_CHARS = 300
MAX_OPTION_CHARS = 120
"""Two lines on a phone."""


class Kind(StrEnum):
    SINGLE = "single"
    MULTIPLE = "multiple"


class Status(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"


class Closed(Refused):
    code = "poll.closed"


class WrongStep(Refused):
    """Somebody was faster: the poll is no longer where this step begins."""

    code = "poll.wrong_step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    text: str
    kind: Kind
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A poll as it stands; `revision` grows with every change."""

    id: UUID
    session_id: UUID
    text: str
    kind: Kind
    options: tuple[str, ...]
    status: Status
    revealed: bool
    opened_at: datetime | None
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often each option was chosen, and by how many people."""

    counts: tuple[int, ...]
    voters: int


STEPS: dict[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset({Status.OPEN}),
    Status.OPEN: frozenset({Status.CLOSED}),
    Status.CLOSED: frozenset({Status.OPEN}),  # closed too early by mistake
}


def draft(text: str, kind: Kind, options: Sequence[str]) -> Draft:
    """Raises Invalid, naming the field; empty options are left out."""
    if not text:
        raise Invalid("Please write what the poll asks.", where="text")
    if len(text) > MAX_TEXT_CHARS:
        raise Invalid(f"At most {MAX_TEXT_CHARS} characters.", where="text")
    kept = tuple(option for option in options if option)
    if not MIN_OPTIONS <= len(kept) <= MAX_POLL_OPTIONS:
        raise Invalid(
            f"A poll has {MIN_OPTIONS} to {MAX_POLL_OPTIONS} answers to choose from.",
            where="options",
        )
    if any(len(option) > MAX_OPTION_CHARS for option in kept):
        raise Invalid(f"An answer has at most {MAX_OPTION_CHARS} characters.", where="options")
    if len({option.casefold() for option in kept}) < len(kept):
        raise Invalid("Two answers are the same.", where="options")
    return Draft(text=text, kind=kind, options=kept)


def step(present: Status, wanted: Status) -> Status | None:
    """The next status; None when it is reached already. Raises WrongStep."""
    if present is wanted:
        return None
    if wanted not in STEPS[present]:
        raise WrongStep(f"This poll is {present} by now.")
    return wanted


def reveal(present: Status, *, revealed: bool, wanted: bool) -> bool:
    """Whether something changes. Raises WrongStep for a draft, which has no result."""
    if present is Status.DRAFT:
        raise WrongStep("This poll was not opened yet.")
    return revealed is not wanted


def delete(present: Status) -> None:
    """What was open once has answers; they stay."""
    if present is not Status.DRAFT:
        raise WrongStep("Only a draft can be deleted.")


def choose(poll: Poll, choices: Iterable[int]) -> tuple[int, ...]:
    """The answer as it is kept: ascending, each choice once. Raises Closed, Invalid."""
    if poll.status is not Status.OPEN:
        raise Closed("This poll is closed.")
    chosen = tuple(sorted(set(choices)))
    if not chosen:
        raise Invalid("Please choose an answer.", where="choices")
    if chosen[0] < 0 or chosen[-1] >= len(poll.options):
        raise Invalid("There is no such answer.", where="choices")
    if poll.kind is Kind.SINGLE and len(chosen) > 1:
        raise Invalid("Please choose one answer only.", where="choices")
    return chosen


def tally(options: int, answers: Iterable[tuple[Sequence[int], int]]) -> Tally:
    """Counted from each distinct answer and how many people gave it."""
    counts = [0] * options
    voters = 0
    for choices, people in answers:
        voters += people
        for choice in choices:
            counts[choice] += people
    return Tally(counts=tuple(counts), voters=voters)


def percent(count: int, voters: int) -> int:
    """Whole percent of those who answered, half rounded up; web/polls/reduce.js does the same."""
    return (200 * count + voters) // (2 * voters) if voters else 0
