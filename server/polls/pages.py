"""Polls as pages: forms are commands by other means, and the panels' snapshots as JSON."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import Endpoint, guarded
from server.agenda import store as agenda
from server.call import Call
from server.errors import Invalid
from server.forms import command_id
from server.ids import new_id
from server.polls import live, panel
from server.polls.rules import Kind
from server.rights import Act

MAX_FIELDS = 20
"""Of a form: as many choices as a poll has options, and what belongs to the form."""

POLL = "/sessions/{session_id:uuid}/polls/{poll_id:uuid}"


async def create(request: Request, call: Call) -> Response:
    session_id: UUID = request.path_params["session_id"]
    async with request.form(max_files=0, max_fields=MAX_FIELDS) as form:
        try:
            kind = Kind(str(form.get("kind", Kind.SINGLE)))
        except ValueError:
            raise Invalid("There is no such kind of poll.", where="kind") from None
        command = live.Create(
            command_id=command_id(form),
            session_id=session_id,
            text=str(form.get("text", "")),
            kind=kind,
            options=tuple(str(form.get("options", "")).splitlines()),
        )
    await live.create(command, call)
    return RedirectResponse(f"/sessions/{session_id}/desk#polls", 303)


async def answer(request: Request, call: Call) -> Response:
    session_id: UUID = request.path_params["session_id"]
    async with request.form(max_files=0, max_fields=MAX_FIELDS) as form:
        try:
            choices = tuple(int(str(each)) for each in form.getlist("choices"))
        except ValueError:
            raise Invalid("There is no such answer.", where="choices") from None
        command = live.Answer(
            command_id=command_id(form),
            session_id=session_id,
            poll_id=request.path_params["poll_id"],
            choices=choices,
        )
    await live.answer(command, call)
    return RedirectResponse(f"/sessions/{session_id}#polls", 303)


async def fragment(request: Request, call: Call) -> Response:
    """What the panel's page would say now, for one that lost its place."""
    found = await panel.panel(call, request.path_params["session_id"])
    return Response(msgspec.json.encode(found), media_type="application/json")


async def desk_fragment(request: Request, call: Call) -> Response:
    return await _snapshot(request, call, panel.desk)


def _button(command: type[Any], handler: Callable[[Any, Call], Awaitable[None]]) -> Endpoint:
    """A form that is only a button."""

    async def endpoint(request: Request, call: Call) -> Response:
        session_id: UUID = request.path_params["session_id"]
        poll_id: UUID = request.path_params["poll_id"]
        await handler(command(command_id=new_id(), session_id=session_id, poll_id=poll_id), call)
        return RedirectResponse(f"/sessions/{session_id}/desk#polls", 303)

    return endpoint


async def _snapshot(request: Request, call: Call, read: Callable[..., Awaitable[Any]]) -> Response:
    async with call.db.read() as db:
        session = await agenda.session(db, call.conference_id, request.path_params["session_id"])
    found = await read(call, session)
    return Response(msgspec.json.encode(found), media_type="application/json")


BUTTONS: tuple[tuple[str, type[Any], Callable[[Any, Call], Awaitable[None]]], ...] = (
    ("open", live.Open, live.open_poll),
    ("close", live.Close, live.close),
    ("reveal", live.Reveal, live.reveal),
    ("hide", live.Hide, live.hide),
    ("delete", live.Delete, live.delete),
)

routes: list[BaseRoute] = [
    guarded("/sessions/{session_id:uuid}/polls", create, Act.RUN_DESK, methods=["POST"]),
    guarded("/sessions/{session_id:uuid}/polls/fragment", fragment, Act.ATTEND),
    guarded("/sessions/{session_id:uuid}/polls/desk", desk_fragment, Act.RUN_DESK),
    guarded(f"{POLL}/answer", answer, Act.ATTEND, methods=["POST"]),
    *(
        guarded(
            f"{POLL}/{verb}",
            _button(command, handler),
            live.commands.acts[command],
            methods=["POST"],
        )
        for verb, command, handler in BUTTONS
    ),
]
