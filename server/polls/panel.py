"""What the panels of a session show of its polls: the snapshot that their events continue.

It takes the topics' positions before it reads a row, so that nothing falls between the two. A
result that is hidden is in no snapshot but the desk's.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from realtime.limits import MAX_POLL_OPTIONS
from realtime.wire import Topic
from server import topics
from server.agenda import store as agenda
from server.agenda.rules import Session
from server.call import Call
from server.db import Rows
from server.errors import NotFound
from server.ids import new_id
from server.polls import events, rules, store
from server.polls.events import PollState
from server.polls.rules import Poll, Status

PLACE = {Status.OPEN: 0, Status.DRAFT: 1, Status.CLOSED: 2}
"""What is open leads, what is over comes last; web/polls/reduce.js sorts alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A topic, and where it stood before the rows were read; an epoch of None: nobody knows."""

    topic: Topic
    epoch: str | None
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An option with its result: `percent` is None while that is not shown."""

    text: str
    percent: int | None
    mine: bool
    leads: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A poll as it is shown; `choices` are the viewer's own, empty before they answer."""

    poll: PollState
    choices: tuple[int, ...]
    counts: tuple[int, ...] | None
    voters: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """For somebody who attends: no drafts."""

    session_id: UUID
    rows: tuple[Card, ...]
    follows: tuple[Followed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """For those who run the session: every poll, every result."""

    session_id: UUID
    rows: tuple[Card, ...]
    follows: tuple[Followed, ...]
    max_options: int
    command_id: UUID
    """Of the form: sent twice, it makes one poll."""


async def panel(call: Call, session_id: UUID) -> Panel:
    """Read with all who ask at this moment, in a transaction begun after the positions.

    Call it outside any other: who holds one connection and waits for a second may wait for ever.
    """
    follows = await _follows(call, topics.session(session_id))
    place, ask = (call.conference_id, session_id), call.services.reader.ask
    shown, own = await asyncio.gather(ask(_shown, place), ask(_own, (*place, call.person_id)))
    if shown is None:
        raise NotFound("There is no such session.")
    return Panel(
        session_id=session_id,
        rows=_cards(*shown, own or {}),
        follows=follows,
    )


_Shown = tuple[list[Poll], dict[UUID, rules.Tally]]
"""What everybody in a session sees: its polls, and the results that are shown."""


async def _shown(
    now: Rows, places: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], _Shown]:
    """By conference and session; one that does not exist any more is left out."""
    found = dict[tuple[UUID, UUID], _Shown]()
    for conference_id, session_id in places:
        if await agenda.place_of_session(now, session_id) is None:
            continue
        polls = await store.polls(now, conference_id, session_id, (Status.OPEN, Status.CLOSED))
        shown = [poll for poll in polls if poll.revealed]
        tallies = await store.tallies(now, conference_id, shown)
        found[conference_id, session_id] = polls, tallies
    return found


async def _own(
    now: Rows, keys: Collection[tuple[UUID, UUID, UUID]]
) -> dict[tuple[UUID, UUID, UUID], dict[UUID, tuple[int, ...]]]:
    """What each answered, by conference, session and person."""
    people = defaultdict[tuple[UUID, UUID], list[UUID]](list)
    for conference_id, session_id, person_id in keys:
        people[conference_id, session_id].append(person_id)
    found = dict[tuple[UUID, UUID, UUID], dict[UUID, tuple[int, ...]]]()
    for place, here in people.items():
        answers = await store.answers_of(now, *place, here)
        found |= {(*place, person_id): answers[person_id] for person_id in here}
    return found


async def desk(call: Call, session: Session) -> Desk:
    follows = await _follows(call, topics.desk(session.id))
    async with call.db.read() as now:
        polls = await store.polls(now, call.conference_id, session.id, tuple(Status))
        tallies = await store.tallies(now, call.conference_id, polls)
    return Desk(
        session_id=session.id,
        rows=_cards(polls, tallies, {}),
        follows=follows,
        max_options=MAX_POLL_OPTIONS,
        command_id=new_id(),
    )


def _cards(
    polls: Sequence[Poll],
    tallies: dict[UUID, rules.Tally],
    own: dict[UUID, tuple[int, ...]],
) -> tuple[Card, ...]:
    newest = list(reversed(polls))
    return tuple(
        _card(poll, tallies.get(poll.id), own.get(poll.id, ()))
        for poll in sorted(newest, key=_place)
    )


def _place(poll: Poll) -> tuple[int, float]:
    """Of those that stand alike, the one that was opened last leads; a draft never was."""
    opened = poll.opened_at.timestamp() if poll.opened_at else 0.0
    return PLACE[poll.status], -opened


def _card(poll: Poll, tally: rules.Tally | None, choices: tuple[int, ...]) -> Card:
    most = max(tally.counts, default=0) if tally else 0
    bars = tuple(
        Bar(
            text=text,
            percent=rules.percent(tally.counts[place], tally.voters) if tally else None,
            mine=place in choices,
            leads=bool(tally and most and tally.counts[place] == most),
        )
        for place, text in enumerate(poll.options)
    )
    return Card(
        poll=events.poll_state(poll),
        choices=choices,
        counts=tally.counts if tally else None,
        voters=tally.voters if tally else 0,
        bars=bars,
    )


async def _follows(call: Call, *names: Topic) -> tuple[Followed, ...]:
    positions = [(name, await call.services.publisher.position(name)) for name in names]
    return tuple(
        Followed(
            topic=name,
            epoch=position.epoch if position else None,
            seq=position.seq if position else 0,
        )
        for name, position in positions
    )
