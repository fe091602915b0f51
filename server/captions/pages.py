"""Captions as pages: forms are commands by other means, snapshots as JSON, and the transcript."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import guarded
from server.agenda import store as agenda
from server.call import Call
from server.captions import live, panel, rules, store, webvtt
from server.forms import command_id, field
from server.ids import new_id
from server.rights import Act

SESSION = "/sessions/{session_id:uuid}"

MAX_FIELDS = 8


async def say(request: Request, call: Call) -> Response:
    session_id: UUID = request.path_params["session_id"]
    async with request.form(max_files=0, max_fields=MAX_FIELDS) as form:
        command = live.Say(
            command_id=command_id(form),
            session_id=session_id,
            text=field(form, "text"),
            language=field(form, "language"),
        )
    await live.say(command, call)
    return RedirectResponse(f"{_address(session_id)}/desk#captions", 303)


async def change(request: Request, call: Call) -> Response:
    session_id: UUID = request.path_params["session_id"]
    async with request.form(max_files=0, max_fields=MAX_FIELDS) as form:
        command = live.Change(
            command_id=new_id(),
            session_id=session_id,
            line_id=request.path_params["line_id"],
            text=field(form, "text"),
        )
    await live.change(command, call)
    return RedirectResponse(f"{_address(session_id)}/desk#captions", 303)


async def transcript(request: Request, call: Call) -> Response:
    """All lines of one language as a file: of the session's own unless another one is asked for."""
    session_id: UUID = request.path_params["session_id"]
    place = (call.conference_id, session_id)
    wanted = request.query_params.get("language", "")
    async with call.db.read() as db:
        session = await agenda.session(db, *place)
        language = rules.language(wanted) if wanted else rules.usual(session.language)
        lines = await store.transcript(db, *place, language)
        spans = await agenda.live_intervals(db, call.conference_id, [session_id])
    live_since = [from_ms for from_ms, _ in spans.get(session_id, ())]
    began_ms = min([*live_since[:1], *(line.said_ms for line in lines[:1])], default=0)
    text = webvtt.transcript(session.title, language, lines, began_ms)
    return Response(
        text,
        media_type=webvtt.TYPE,
        headers={
            "Content-Disposition": f'attachment; filename="captions-{language}.vtt"',
            "Cache-Control": "no-store",
        },
    )


async def fragment(request: Request, call: Call) -> Response:
    """What the page would say now, for one that lost its place."""
    found = await panel.panel(call, request.path_params["session_id"])
    return Response(msgspec.json.encode(found), media_type="application/json")


async def desk_fragment(request: Request, call: Call) -> Response:
    return await _snapshot(request, call, panel.desk)


async def _snapshot(request: Request, call: Call, read: Callable[..., Awaitable[Any]]) -> Response:
    async with call.db.read() as db:
        session = await agenda.session(db, call.conference_id, request.path_params["session_id"])
    found = await read(call, session)
    return Response(msgspec.json.encode(found), media_type="application/json")


def _address(session_id: UUID) -> str:
    return f"/sessions/{session_id}"


routes: list[BaseRoute] = [
    guarded(f"{SESSION}/captions", say, Act.RUN_DESK, methods=["POST"]),
    guarded(f"{SESSION}/captions.vtt", transcript, Act.RUN_DESK),
    guarded(f"{SESSION}/captions/fragment", fragment, Act.ATTEND),
    guarded(f"{SESSION}/captions/desk", desk_fragment, Act.RUN_DESK),
    guarded(f"{SESSION}/captions/{{line_id:uuid}}", change, Act.RUN_DESK, methods=["POST"]),
]
