"""Captions of the stage over HTTPS, for players that play a playlist by themselves.

A multivariant playlist names the picture's and one of captions for each language. Captions have the
segments of the picture, by number, each made of rows when it is asked for. All of it is one
person's, by the pass that the picture is let in with, and kept by nobody.
"""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from realtime.relay.hls.following import Following
from realtime.relay.hls.window import PLAYLIST
from server.access import public
from server.agenda import store as agenda
from server.captions import rules, store, webvtt
from server.errors import Invalid, NotFound
from server.stages import hls

ALL = "stage.m3u8"
GROUP = "captions"


async def variants(request: Request) -> Response:
    """Captions are listed in the session's language before anybody said a word: it is read once."""
    following = await hls.shown(request)
    conference_id, session_id = await _place(request)
    async with request.state.services.db.read() as db:
        session = await agenda.session(db, conference_id, session_id)
        written = await store.counts(db, conference_id, session_id)
    languages = dict.fromkeys([rules.usual(session.language), *written])
    window = following.window
    stream = f'BANDWIDTH={window.bits_a_second},CODECS="{window.codecs}",SUBTITLES="{GROUP}"'
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:9",
        *map(_listed, languages),
        f"#EXT-X-STREAM-INF:{stream}",
        PLAYLIST,
    ]
    return Response("\n".join(lines) + "\n", media_type=hls.PLAYLIST_TYPE, headers=hls.NOT_KEPT)


def _listed(language: str) -> str:
    return (
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="{GROUP}",NAME="{rules.name(language)}",'
        f'LANGUAGE="{language}",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,'
        f'URI="{GROUP}/{language}.m3u8"'
    )


async def playlist(request: Request) -> Response:
    """Of one language: the picture's own segments, in words."""
    language = _language(request)
    following = await hls.shown(request)
    text = following.window.beside(lambda number: f"{language}/{number}.vtt")
    return Response(text, media_type=hls.PLAYLIST_TYPE, headers=hls.NOT_KEPT)


async def segment(request: Request) -> Response:
    """What stood under the picture in one segment; empty, where nothing did."""
    language = _language(request)
    following: Following = await hls.shown(request)
    held = following.window.whole(request.path_params["number"])
    if held is None:
        raise NotFound("There is no such segment.")
    from_ms = held.segment.at_ms
    to_ms = from_ms + round(held.seconds * 1000)
    place = await _place(request)
    async with request.state.services.db.read() as db:
        lines = await store.between(db, *place, language, from_ms=from_ms, to_ms=to_ms)
    text = webvtt.segment(lines, from_ms, to_ms, held.media_ms)
    return Response(text, media_type=webvtt.TYPE, headers=hls.NOT_KEPT)


async def _place(request: Request) -> tuple[UUID, UUID]:
    session_id: UUID = request.path_params["session_id"]
    place = await request.state.places.session(session_id)
    if place is None:
        raise NotFound("There is no such session.")
    return place.conference_id, session_id


def _language(request: Request) -> str:
    """A tag as it is written in our own addresses, and no other way."""
    written: str = request.path_params["language"]
    try:
        language = rules.language(written)
    except Invalid:
        language = ""
    if language != written:
        raise NotFound("There is no such language.")
    return language


routes: list[Route] = [
    public(f"{hls.HLS}/{ALL}", variants),
    public(f"{hls.HLS}/{GROUP}/{{language}}.m3u8", playlist),
    public(f"{hls.HLS}/{GROUP}/{{language}}/{{number:int}}.vtt", segment),
]
