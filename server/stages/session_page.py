"""The session's page: picture, disclosure, credit, questions and polls on one page.

It only gathers; each part is its feature's own. No exhibitor and no way to one stands in its main
part (Standard 5.2): whoever learns here is shown education alone.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from realtime.wire import Position
from server import topics
from server.agenda import rules as programme
from server.agenda import store as agenda
from server.agenda.rules import Session
from server.call import Call
from server.captions import panel as captions
from server.captions import rules as spoken
from server.credit import ring
from server.db import Rows
from server.disclosures import store as disclosures
from server.disclosures.rules import Panel
from server.errors import NotFound
from server.polls import panel as polls
from server.questions import panel as questions
from server.rendering import page, view
from server.rights import Act, may
from server.stages import audience, states
from server.stages.states import StageState


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """The disclosure as one person finds it."""

    sha256: str
    text: str
    acknowledged: bool


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the player starts from: the stage, and where its topic stood before."""

    topic: str
    epoch: str | None
    seq: int
    stage: StageState
    disclosure: Read | None
    viewers: int
    ticket: str
    """Where the page asks for a ticket."""


class Heard(NamedTuple):
    """What the bus knows of a session."""

    position: Position | None
    viewers: int


async def show(_request: Request, call: Call) -> Response:
    session_id = session_of(call)
    heard = await hear(call)
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        session = await agenda.session(db, call.conference_id, session_id)
        disclosure = await disclosures.panel(db, call.conference_id, session_id, call.person_id)
        shown = await snapshot(db, call, heard)
        standing = await ring.panel(call, db, session)
    return page(
        "stages/session.html",
        view(call.who, conference, current="", live=True),
        conference=conference,
        session=programme.in_zone(session, conference.zone),
        session_id=session_id,
        credit=programme.credit_figure(session.designated_ms),
        language=spoken.written(session.language),
        panel=disclosure,
        doors=doors(call),
        shown=shown,
        ring=standing,
        **await panels(call, session),
    )


async def panels(call: Call, session: Session) -> dict[str, object]:
    """Each reads what lives after its topics' positions."""
    return {
        "questions": await questions.panel(call, session.id),
        "polls": await polls.panel(call, session.id),
        "captions": await captions.panel(call, session.id),
    }


async def state(_request: Request, call: Call) -> Response:
    """What the player starts from, anew: after a hole in the topic's history.

    Everybody has that at the same moment, so it is read for all who ask then.
    """
    heard, place = await hear(call), (call.conference_id, session_of(call))
    ask = call.services.reader.ask
    stage, read = await asyncio.gather(
        ask(_stages, place), ask(_disclosures, (*place, call.person_id))
    )
    if stage is None:
        raise NotFound("There is no such session.")
    return JSONResponse(msgspec.to_builtins(_shown(call, heard, stage, read)))


async def _stages(
    db: Rows, places: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], StageState]:
    """By conference and session; one that does not exist any more is left out."""
    found = dict[tuple[UUID, UUID], StageState]()
    for place in places:
        with suppress(NotFound):
            found[place] = await states.read(db, *place)
    return found


async def _disclosures(
    db: Rows, keys: Collection[tuple[UUID, UUID, UUID]]
) -> dict[tuple[UUID, UUID, UUID], Panel]:
    """By conference, session and person."""
    people = defaultdict[tuple[UUID, UUID], list[UUID]](list)
    for conference_id, session_id, person_id in keys:
        people[conference_id, session_id].append(person_id)
    found = dict[tuple[UUID, UUID, UUID], Panel]()
    for place, here in people.items():
        panels = await disclosures.panels(db, *place, here)
        found |= {(*place, person_id): panel for person_id, panel in panels.items()}
    return found


async def hear(call: Call) -> Heard:
    """Ask the bus before a transaction begins: one that hangs must hold no connection."""
    session_id = session_of(call)
    return Heard(
        position=await call.services.publisher.position(topics.session(session_id)),
        viewers=await audience.count(call.services, session_id),
    )


async def snapshot(db: Rows, call: Call, heard: Heard) -> Shown:
    place = (call.conference_id, session_of(call))
    read = await disclosures.panel(db, *place, call.person_id)
    return _shown(call, heard, await states.read(db, *place), read)


def _shown(call: Call, heard: Heard, stage: StageState, read: Panel | None) -> Shown:
    session_id, position = session_of(call), heard.position
    return Shown(
        topic=topics.session(session_id),
        epoch=position.epoch if position else None,
        seq=position.seq if position else 0,
        stage=stage,
        disclosure=as_read(read),
        viewers=heard.viewers,
        ticket=f"/sessions/{session_id}/ticket",
    )


def as_read(panel: Panel | None) -> Read | None:
    if panel is None:
        return None
    return Read(
        sha256=panel.disclosure.sha256,
        text=panel.disclosure.text,
        acknowledged=panel.acknowledged,
    )


def doors(call: Call) -> list[tuple[str, str, str]]:
    """Where those who run the session go from here: icon, label, address."""
    session = f"/sessions/{session_of(call)}"
    all_doors = (
        ("video", "Studio", f"{session}/studio", Act.PUBLISH),
        ("list-checks", "Desk", f"{session}/desk", Act.RUN_DESK),
        ("shield-check", "Disclosure", f"{session}/disclosure", Act.EDIT_DISCLOSURE),
    )
    return [
        (icon, label, address)
        for icon, label, address, act in all_doors
        if may(call.who, act, call.place)
    ]


def session_of(call: Call) -> UUID:
    assert call.place.session_id is not None, "the address names a session"
    return call.place.session_id
