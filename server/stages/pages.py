"""Stages as pages: tickets, tokens, the phases as forms, and the pages around a picture."""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock
from server.access import guarded, public
from server.call import Call
from server.captions import live as captions
from server.disclosures import rules as disclosure_rules
from server.disclosures import store as disclosures
from server.errors import Invalid, NotFound
from server.rights import Act
from server.stages import (
    captioning,
    desk_page,
    hls,
    live,
    rules,
    session_page,
    store,
    studio_page,
    subtitles,
    whip,
)
from server.stages.rules import Watching
from server.stages.session_page import session_of

BACK = {"desk": "/desk", "studio": "/studio"}
"""Which page a form of the phases was on."""


async def ticket(_request: Request, call: Call) -> Response:
    """A ticket to watch, for a minute and once; 409 without the acknowledged disclosure."""
    return await _ticket(call, Watching.AUDIENCE)


async def desk_ticket(_request: Request, call: Call) -> Response:
    """For those who run the session: they look at what goes out, backstage too."""
    return await _ticket(call, Watching.DESK)


async def _ticket(call: Call, watching: Watching) -> Response:
    session_id = session_of(call)
    async with call.db.begin() as db:
        phase = await store.phase(db, call.conference_id, session_id)
        if phase is None:
            raise NotFound("There is no such session.")
        if watching is Watching.AUDIENCE:
            disclosure_rules.gate(
                await disclosures.panel(db, call.conference_id, session_id, call.person_id)
            )
        rules.watchable(phase, watching)
        made = await store.new_ticket(
            db, call.conference_id, session_id, call.person_id, watching=watching, now=clock.now()
        )
    address = call.services.settings.address
    ways = {"url": f"{address}/whep/{session_id}", "hls": f"{address}/hls/{session_id}"}
    return JSONResponse({"ticket": made, **ways})


async def take_step(request: Request, call: Call) -> Response:
    """The commands of `live.STEPS` as a form."""
    form = await request.form()
    act = form.get("act", "")
    if not isinstance(act, str) or act not in live.STEPS:
        raise Invalid("Choose what is to happen.", where="act")
    session_id = session_of(call)
    await live.step(session_id, act, call)
    back = form.get("back", "")
    tail = BACK.get(back, "") if isinstance(back, str) else ""
    return RedirectResponse(f"/sessions/{session_id}{tail}", 303)


async def say(request: Request) -> Response:
    """A line of captions from a program: 201 with its address, where it grows and is corrected."""
    call = await captioning.enter(request)
    made, text, final = await captioning.line(request)
    session_id = session_of(call)
    language = request.query_params.get("language", "")
    command = captions.Say(
        command_id=made, session_id=session_id, text=text, language=language, final=final
    )
    line_id = await captions.say(command, call)
    headers = {"Location": f"/captions/{session_id}/{line_id}"}
    return JSONResponse({"id": str(line_id)}, 201, headers=headers)


async def change(request: Request) -> Response:
    call = await captioning.enter(request)
    made, text, final = await captioning.line(request)
    command = captions.Change(
        command_id=made,
        session_id=session_of(call),
        line_id=request.path_params["line_id"],
        text=text,
        final=final,
    )
    await captions.change(command, call)
    return Response(status_code=204)


SESSION = "/sessions/{session_id:uuid}"

routes: list[BaseRoute] = [
    guarded(SESSION, session_page.show, Act.ATTEND),
    guarded(SESSION + "/state", session_page.state, Act.ATTEND),
    guarded(SESSION + "/ticket", ticket, Act.ATTEND, methods=["POST"]),
    guarded(SESSION + "/desk", desk_page.show, Act.RUN_DESK),
    guarded(SESSION + "/desk/ticket", desk_ticket, Act.RUN_DESK, methods=["POST"]),
    guarded(SESSION + "/phase", take_step, Act.RUN_DESK, methods=["POST"]),
    guarded(SESSION + "/studio", studio_page.show, Act.PUBLISH),
    guarded(SESSION + "/studio/token", studio_page.token, Act.PUBLISH, methods=["POST"]),
    guarded(SESSION + "/studio", studio_page.encoder, Act.PUBLISH, methods=["POST"]),
    guarded(SESSION + "/captions/token", captioning.token, Act.RUN_DESK, methods=["POST"]),
    public(captioning.ADDRESS, say, methods=["POST"]),
    public(captioning.ADDRESS + "/{line_id:uuid}", change, methods=["PUT"]),
    *whip.routes,
    *hls.routes,
    *subtitles.routes,
]
