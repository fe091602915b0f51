"""The session's page: picture, disclosure, credit, questions and polls on one page.

It only gathers; each part is its feature's own. No exhibitor and no way to one stands in its main
part (Standard 5.2): whoever learns here is shown education alone.
"""

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
from server.credit import ring
from server.db import Rows
from server.disclosures import store as disclosures
from server.disclosures.rules import Panel
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
        "captions": await captions.panel(call, session),
    }


async def state(_request: Request, call: Call) -> Response:
    """What the player starts from, anew: after a hole in the topic's history."""
    heard = await hear(call)
    async with call.db.read() as db:
        shown = await snapshot(db, call, heard)
    return JSONResponse(msgspec.to_builtins(shown))


async def hear(call: Call) -> Heard:
    """Ask the bus before a transaction begins: one that hangs must hold no connection."""
    session_id = session_of(call)
    return Heard(
        position=await call.services.publisher.position(topics.session(session_id)),
        viewers=await audience.count(call.services, session_id),
    )


async def snapshot(db: Rows, call: Call, heard: Heard) -> Shown:
    session_id = session_of(call)
    position = heard.position
    disclosure = await disclosures.panel(db, call.conference_id, session_id, call.person_id)
    return Shown(
        topic=topics.session(session_id),
        epoch=position.epoch if position else None,
        seq=position.seq if position else 0,
        stage=await states.read(db, call.conference_id, session_id),
        disclosure=as_read(disclosure),
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
