"""What pages of a session show of its captions: the snapshot that their events continue.

It takes the topic's position before it reads a row, so that nothing falls between the two. The last
lines of each language are enough: whoever wants all of them downloads the transcript.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from realtime.limits import CAPTIONS_CORRECTED, CAPTIONS_SHOWN, MAX_CAPTION_CHARS
from realtime.wire import Topic
from server import topics
from server.agenda import store as agenda
from server.agenda.rules import Session
from server.call import Call
from server.captions import events, rules, store
from server.captions.events import Caption
from server.db import Rows
from server.errors import NotFound
from server.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A topic, and where it stood before the rows were read; an epoch of None: nobody knows."""

    topic: Topic
    epoch: str | None
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """For somebody who attends. `language` is the session's own."""

    session_id: UUID
    language: str
    rows: tuple[Caption, ...]
    follows: tuple[Followed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """For those who write; `languages` are tags and names to choose from, the session's first."""

    session_id: UUID
    language: str
    rows: tuple[Caption, ...]
    follows: tuple[Followed, ...]
    languages: tuple[tuple[str, str], ...]
    written: tuple[tuple[str, str], ...]
    """Those there are lines in: what can be downloaded."""
    max_chars: int
    command_id: UUID
    """Of the form: sent twice, it says one line."""


async def panel(call: Call, session_id: UUID) -> Panel:
    """Read with all who ask at this moment, in a transaction begun after the position.

    Call it outside any other.
    """
    follows = await _follows(call, session_id)
    shown = await call.services.reader.ask(_shown, (call.conference_id, session_id))
    if shown is None:
        raise NotFound("There is no such session.")
    language, rows = shown
    return Panel(session_id=session_id, language=language, rows=rows, follows=follows)


async def _shown(
    now: Rows, places: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], tuple[str, tuple[Caption, ...]]]:
    """Language and lines by conference and session; one that does not exist is left out."""
    found = dict[tuple[UUID, UUID], tuple[str, tuple[Caption, ...]]]()
    for place in places:
        with suppress(NotFound):
            session = await agenda.session(now, *place)
            lines = await store.tail(now, *place, CAPTIONS_SHOWN)
            rows = tuple(events.caption(line) for line in lines)
            found[place] = rules.usual(session.language), rows
    return found


async def desk(call: Call, session: Session) -> Desk:
    follows = await _follows(call, session.id)
    place = (call.conference_id, session.id)
    async with call.db.read() as now:
        lines = await store.tail(now, *place, CAPTIONS_CORRECTED)
        written = list(await store.counts(now, *place))
    usual = rules.usual(session.language)
    offered = dict.fromkeys([usual, *written, *rules.LANGUAGES])
    return Desk(
        session_id=session.id,
        language=usual,
        rows=tuple(events.caption(line) for line in lines),
        follows=follows,
        languages=tuple((tag, rules.name(tag)) for tag in offered),
        written=tuple((tag, rules.name(tag)) for tag in written),
        max_chars=MAX_CAPTION_CHARS,
        command_id=new_id(),
    )


async def _follows(call: Call, session_id: UUID) -> tuple[Followed, ...]:
    topic = topics.captions(session_id)
    position = await call.services.publisher.position(topic)
    return (
        Followed(
            topic=topic,
            epoch=position.epoch if position else None,
            seq=position.seq if position else 0,
        ),
    )
