"""What the panels of a session show of its questions: the snapshot that their events continue.

It takes the topics' positions before it reads a row, so that nothing falls between the two.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from realtime.limits import MAX_QUESTION_CHARS
from realtime.wire import Topic
from server import topics
from server.agenda import store as agenda
from server.agenda.rules import Session
from server.call import Call
from server.db import Rows
from server.errors import NotFound
from server.ids import new_id
from server.questions import events, store
from server.questions.events import OwnQuestion, QuestionState
from server.questions.rules import VISIBLE, Status
from server.rights import Act, may

S = TypeVar("S", QuestionState, OwnQuestion)

DESK = (Status.PENDING, *sorted(VISIBLE), Status.DISMISSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A topic, and where it stood before the rows were read; an epoch of None: nobody knows."""

    topic: Topic
    epoch: str | None
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """For somebody who attends. `voted` are the questions they voted for."""

    session_id: UUID
    zone: str
    open: bool
    moderated: bool
    rows: tuple[QuestionState, ...]
    own: tuple[OwnQuestion, ...]
    voted: tuple[UUID, ...]
    follows: tuple[Followed, ...]
    max_chars: int
    command_id: UUID
    """Of the form: sent twice, it asks once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """For those who run the session. Only a moderator approves and dismisses."""

    session_id: UUID
    zone: str
    moderator: bool
    rows: tuple[QuestionState, ...]
    follows: tuple[Followed, ...]
    command_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What everybody in a session sees."""

    zone: str
    open: bool
    moderated: bool
    rows: tuple[QuestionState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """What only one person sees of a session."""

    asked: tuple[OwnQuestion, ...]
    voted: tuple[UUID, ...]


async def panel(call: Call, session_id: UUID) -> Panel:
    """Read with all who ask at this moment, in a transaction begun after the positions.

    Call it outside any other: who holds one connection and waits for a second may wait for ever.
    """
    follows = await _follows(call, topics.session(session_id), topics.person(call.person_id))
    place, ask = (call.conference_id, session_id), call.services.reader.ask
    shown, own = await asyncio.gather(ask(_shown, place), ask(_own, (*place, call.person_id)))
    if shown is None or own is None:
        raise NotFound("There is no such session.")
    return Panel(
        session_id=session_id,
        zone=shown.zone,
        open=shown.open,
        moderated=shown.moderated,
        rows=shown.rows,
        own=own.asked,
        voted=own.voted,
        follows=follows,
        max_chars=MAX_QUESTION_CHARS,
        command_id=new_id(),
    )


async def _shown(
    now: Rows, places: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], _Shown]:
    """By conference and session; one that does not exist any more is left out."""
    found = dict[tuple[UUID, UUID], _Shown]()
    for place in places:
        with suppress(NotFound):
            floor = await store.floor(now, *place)
            tz = (await agenda.conference(now, place[0])).tz
            asked = await store.questions(now, *place, tuple(VISIBLE))
            found[place] = _Shown(
                zone=tz.key,
                open=floor.open,
                moderated=floor.moderated,
                rows=tuple(_at(events.for_audience(each), tz) for each in asked),
            )
    return found


async def _own(
    now: Rows, keys: Collection[tuple[UUID, UUID, UUID]]
) -> dict[tuple[UUID, UUID, UUID], _Own]:
    """By conference, session and person."""
    people = defaultdict[tuple[UUID, UUID], list[UUID]](list)
    for conference_id, session_id, person_id in keys:
        people[conference_id, session_id].append(person_id)
    found = dict[tuple[UUID, UUID, UUID], _Own]()
    for place, here in people.items():
        tz = (await agenda.conference(now, place[0])).tz
        asked = await store.asked_by(now, *place, here)
        voted = await store.voted(now, *place, here)
        for person_id in here:
            found[*place, person_id] = _Own(
                asked=tuple(_at(events.for_author(each), tz) for each in asked[person_id]),
                voted=tuple(sorted(voted[person_id])),
            )
    return found


async def desk(call: Call, session: Session) -> Desk:
    follows = await _follows(call, topics.desk(session.id))
    async with call.db.read() as now:
        tz = (await agenda.conference(now, call.conference_id)).tz
        rows = await store.questions(now, call.conference_id, session.id, DESK)
    return Desk(
        session_id=session.id,
        zone=tz.key,
        moderator=may(call.who, Act.MODERATE, call.place),
        rows=tuple(_at(events.for_desk(each), tz) for each in rows),
        follows=follows,
        command_id=new_id(),
    )


def _at(state: S, tz: ZoneInfo) -> S:
    """With its time in the conference's zone, as a template shows it."""
    return replace(state, asked_at=state.asked_at.astimezone(tz))


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
