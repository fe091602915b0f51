"""Programs that write captions: CART software, speech recognition. They have a token, no login.

A token is one person's for one session. What it may do is asked anew each time: it never does more
than the person it was made for may do now.
"""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server import clock
from server.access import check
from server.agenda import store as agenda
from server.audit import store as audit
from server.call import Call
from server.errors import Invalid
from server.forms import command_id
from server.people import store as people
from server.rendering import page, view
from server.rights import Act, Place
from server.services import Services
from server.stages import rules, store
from server.stages.rules import TokenKind
from server.stages.session_page import session_of

ADDRESS = "/captions/{session_id:uuid}"

MAX_BODY_BYTES = 4_096
"""As long as a command; the longest line takes a third of it."""


async def token(request: Request, call: Call) -> Response:
    """A token for a program, shown once; the one before stops to hold."""
    session_id = session_of(call)
    now = clock.now()
    async with call.db.begin() as db:
        conference = await agenda.conference(db, call.conference_id)
        session = await agenda.session(db, call.conference_id, session_id)
        made = await store.new_token(
            db,
            call.conference_id,
            session_id,
            call.person_id,
            kind=TokenKind.CAPTIONS,
            expires_at=rules.token_expires(now, session.ends_at),
        )
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="caption.token", on=session_id
        )
    url = f"{call.services.settings.address}/captions/{session_id}"
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"token": made, "url": url})
    return page(
        "captions/token.html",
        view(call.who, conference),
        title="For a captioning program",
        text=[
            "This token is shown once. It writes captions of this session, and does nothing else."
        ],
        icon_name="captions",
        action=("Back to the desk", f"/sessions/{session_id}/desk#captions"),
        url=url,
        token=made,
    )


async def enter(request: Request) -> Call:
    """The call of a program with a token. Raises TokenUnknown, and what `check` does."""
    services: Services = request.state.services
    session_id: UUID = request.path_params["session_id"]
    scheme, _, written = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise rules.TokenUnknown("A Bearer token is expected.")
    kinds = (TokenKind.CAPTIONS,)
    async with services.db.read() as db:
        bearer = await store.token_bearer(db, session_id, written.strip(), clock.now(), kinds)
        if bearer is None:
            raise rules.TokenUnknown("This token does not hold for this session.")
        who = await people.who(db, bearer.person_id)
    place = Place(conference_id=bearer.conference_id, session_id=session_id)
    check(who, Act.RUN_DESK, place)
    assert who is not None, "a token is somebody's"
    return Call(who=who, place=place, services=services)


async def line(request: Request) -> tuple[UUID, str, bool]:
    """The command's id, what is said, and whether it is whole."""
    length = 0
    body = bytearray()
    async for piece in request.stream():
        length += len(piece)
        if length > MAX_BODY_BYTES:
            raise Invalid(f"At most {MAX_BODY_BYTES} bytes.", where="text")
        body += piece
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Invalid("The text is not UTF-8.", where="text") from None
    key = request.headers.get("idempotency-key", "").strip('"')
    made = command_id({"command_id": key}, "idempotency-key")
    return made, text, request.query_params.get("final") != "no"
