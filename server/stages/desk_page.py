"""The desk of those who run a session: what the audience sees, questions, polls, the clock."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from server import topics
from server.agenda import rules as programme
from server.agenda import store as agenda
from server.call import Call
from server.captions import panel as captions
from server.polls import panel as polls
from server.questions import panel as questions
from server.rendering import page, view
from server.stages.session_page import Shown, doors, hear, session_of, snapshot


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk's script starts from."""

    shown: Shown
    line_topic: str
    line_epoch: str | None
    line_seq: int


async def show(_request: Request, call: Call) -> Response:
    session_id = session_of(call)
    heard = await hear(call)
    own = await call.services.publisher.position(topics.desk(session_id))
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        session = await agenda.session(db, call.conference_id, session_id)
        shown = await snapshot(db, call, heard)
    asked = await questions.desk(call, session)
    polled = await polls.desk(call, session)
    written = await captions.desk(call, session)
    ticketed = msgspec.structs.replace(shown, ticket=f"/sessions/{session_id}/desk/ticket")
    return page(
        "stages/desk.html",
        view(call.who, conference, live=True),
        conference=conference,
        session=programme.in_zone(session, conference.zone),
        session_id=session_id,
        shown=ticketed,
        desk=Desk(
            shown=ticketed,
            line_topic=topics.desk(session_id),
            line_epoch=own.epoch if own else None,
            line_seq=own.seq if own else 0,
        ),
        questions=asked,
        polls=polled,
        captions=written,
        doors=[door for door in doors(call) if door[1] != "Desk"],
    )
