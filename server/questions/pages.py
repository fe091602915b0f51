"""Questions as pages: forms are commands by other means, and the panels' snapshots as JSON."""

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
from server.questions import live, panel
from server.rights import Act

MAX_FIELDS = 20
"""Of a form; ours have at most four."""

QUESTION = "/sessions/{session_id:uuid}/questions/{question_id:uuid}"


async def ask(request: Request, call: Call) -> Response:
    session_id: UUID = request.path_params["session_id"]
    fields = await _fields(request)
    await live.ask(
        live.Ask(
            command_id=command_id(fields),
            session_id=session_id,
            text=fields.get("text", ""),
            anonymous=bool(fields.get("anonymous")),
        ),
        call,
    )
    return RedirectResponse(f"/sessions/{session_id}#questions", 303)


async def fragment(request: Request, call: Call) -> Response:
    """What the panel's page would say now, for one that lost its place."""
    found = await panel.panel(call, request.path_params["session_id"])
    return Response(msgspec.json.encode(found), media_type="application/json")


async def desk_fragment(request: Request, call: Call) -> Response:
    return await _snapshot(request, call, panel.desk)


def _form(command: type[Any], handler: Callable[[Any, Call], Awaitable[object]]) -> Endpoint:
    """A button's form: its command needs the question, some take one field more."""
    names = {field.name for field in msgspec.structs.fields(command)} - {"ref"}

    async def endpoint(request: Request, call: Call) -> Response:
        session_id: UUID = request.path_params["session_id"]
        fields = await _fields(request)
        given = {name: value for name, value in fields.items() if name in names}
        try:
            built = msgspec.convert(
                given
                | {
                    "type": command.__struct_config__.tag,
                    "command_id": command_id(fields),
                    "session_id": session_id,
                    "question_id": request.path_params["question_id"],
                },
                command,
            )
        except msgspec.ValidationError:
            raise Invalid("This form is not one of ours.") from None
        await handler(built, call)
        back = "/desk" if command in DESK else ""
        return RedirectResponse(f"/sessions/{session_id}{back}#questions", 303)

    return endpoint


async def _snapshot(request: Request, call: Call, read: Callable[..., Awaitable[Any]]) -> Response:
    async with call.db.read() as db:
        session = await agenda.session(db, call.conference_id, request.path_params["session_id"])
    found = await read(call, session)
    return Response(msgspec.json.encode(found), media_type="application/json")


async def _fields(request: Request) -> dict[str, str]:
    async with request.form(max_files=0, max_fields=MAX_FIELDS) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


DESK = {live.Approve, live.Dismiss, live.Answering, live.Answered, live.Restore}
FORMS: tuple[tuple[str, type[Any], Callable[[Any, Call], Awaitable[object]]], ...] = (
    ("upvote", live.Upvote, live.upvote),
    ("unvote", live.Unvote, live.unvote),
    ("withdraw", live.Withdraw, live.withdraw),
    ("approve", live.Approve, live.approve),
    ("dismiss", live.Dismiss, live.dismiss),
    ("answering", live.Answering, live.answering),
    ("answered", live.Answered, live.answered),
    ("restore", live.Restore, live.restore),
)

routes: list[BaseRoute] = [
    guarded("/sessions/{session_id:uuid}/questions", ask, Act.ATTEND, methods=["POST"]),
    guarded("/sessions/{session_id:uuid}/questions/fragment", fragment, Act.ATTEND),
    guarded("/sessions/{session_id:uuid}/questions/desk", desk_fragment, Act.RUN_DESK),
    *(
        guarded(
            f"{QUESTION}/{verb}",
            _form(command, handler),
            live.commands.acts[command],
            methods=["POST"],
        )
        for verb, command, handler in FORMS
    ),
]
