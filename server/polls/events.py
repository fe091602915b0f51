"""What polls look like on the wire. An event is the whole new state of one poll, without results.

Results are state: told to the desk always, to the audience only while they are revealed.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from realtime.wire import Event, State
from server.polls import rules
from server.polls.rules import Kind, Poll


class Standing(StrEnum):
    """`rules.Status`, and what a poll is to pages once it is gone."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    DELETED = "deleted"


class PollState(Event, frozen=True, tag="poll"):
    id: UUID
    text: str
    kind: Kind
    options: tuple[str, ...]
    status: Standing
    revealed: bool
    opened_at: datetime | None
    revision: int


class Tally(State, frozen=True, tag="tally"):
    """`counts` is null when the result is not shown."""

    id: UUID
    counts: tuple[int, ...] | None
    voters: int


def poll_state(poll: Poll) -> PollState:
    return PollState(
        id=poll.id,
        text=poll.text,
        kind=poll.kind,
        options=poll.options,
        status=Standing(poll.status.value),
        revealed=poll.revealed,
        opened_at=poll.opened_at,
        revision=poll.revision,
    )


def deleted(poll: Poll) -> PollState:
    return PollState(
        id=poll.id,
        text="",
        kind=poll.kind,
        options=(),
        status=Standing.DELETED,
        revealed=False,
        opened_at=None,
        revision=poll.revision + 1,
    )


def tally_key(poll_id: UUID) -> str:
    return f"tally/{poll_id}"


def shown(poll_id: UUID, tally: rules.Tally) -> Tally:
    return Tally(key=tally_key(poll_id), id=poll_id, counts=tally.counts, voters=tally.voters)


def hidden(poll_id: UUID) -> Tally:
    return Tally(key=tally_key(poll_id), id=poll_id, counts=None, voters=0)
