"""The speaker's studio: own picture, what is ready and what is not, the way on air, and OBS."""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server import clock
from server.agenda import rules as programme
from server.agenda import store as agenda
from server.audit import store as audit
from server.call import Call
from server.captions import panel as captions
from server.rendering import page, view
from server.stages import rules, store
from server.stages.rules import TokenKind
from server.stages.session_page import Shown, doors, hear, session_of, snapshot


class Studio(msgspec.Struct, frozen=True, kw_only=True):
    """What the studio's script starts from."""

    shown: Shown
    token: str
    """Where a token to publish with is asked for."""
    whip: str
    countdown_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """What an encoder is set up with; the token is told this once."""

    url: str
    token: str


async def show(_request: Request, call: Call) -> Response:
    return await _page(call, None)


async def _page(call: Call, encoder: Encoder | None) -> Response:
    session_id = session_of(call)
    heard = await hear(call)
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        session = await agenda.session(db, call.conference_id, session_id)
        shown = await snapshot(db, call, heard)
        made = await store.encoder_since(db, call.conference_id, session_id, call.person_id)
    written = await captions.desk(call, session)
    return page(
        "stages/studio.html",
        view(call.who, conference, live=True),
        conference=conference,
        session=programme.in_zone(session, conference.zone),
        session_id=session_id,
        name=call.who.name or call.who.mail,
        affiliation=_affiliation(call, session),
        shown=shown,
        studio=Studio(
            shown=shown,
            token=f"/sessions/{session_id}/studio/token",
            whip=whip_address(call),
            countdown_seconds=rules.COUNTDOWN_SECONDS,
        ),
        captions=written,
        encoder=encoder,
        encoder_made=made.astimezone(conference.tz) if made else None,
        doors=[door for door in doors(call) if door[1] != "Studio"],
    )


async def token(_request: Request, call: Call) -> Response:
    """A token for this page of the studio."""
    made = await _new_token(call, TokenKind.STUDIO)
    return JSONResponse({"token": made, "url": whip_address(call)})


async def encoder(request: Request, call: Call) -> Response:
    """A token for OBS or another encoder, shown once; the one before stops to hold."""
    made = await _new_token(call, TokenKind.ENCODER)
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"token": made, "url": whip_address(call)})
    return await _page(call, Encoder(url=whip_address(call), token=made))


async def _new_token(call: Call, kind: TokenKind) -> str:
    session_id = session_of(call)
    now = clock.now()
    async with call.db.begin() as db:
        session = await agenda.session(db, call.conference_id, session_id)
        made = await store.new_token(
            db,
            call.conference_id,
            session_id,
            call.person_id,
            kind=kind,
            expires_at=rules.token_expires(now, session.ends_at),
        )
        if kind is TokenKind.ENCODER:
            await audit.record(
                db,
                call.conference_id,
                person_id=call.person_id,
                act="stage.token",
                on=session_id,
            )
    return made


def whip_address(call: Call) -> str:
    return f"{call.services.settings.address}/whip/{session_of(call)}"


def _affiliation(call: Call, session: programme.Session) -> str:
    named = (each for each in session.faculty if each.person_id == call.person_id)
    return next((each.affiliation for each in named), "")
