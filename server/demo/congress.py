"""`rounds demo`: founds the congress, puts it on air, fills it with people, prints the links."""

import asyncio
import json
import socket
from datetime import timedelta
from pathlib import Path

from realtime.relay.player import play
from server import clock
from server.demo import cast, founding
from server.demo.crowd import Crowd
from server.demo.founding import Congress
from server.people import store as people
from server.serving import Ready, Roles, address, alone, prepare_database, running
from server.settings import Settings
from server.stages import store as stages
from server.stages.rules import TokenKind
from server.stopping import stop_gently

CLIP = Path(__file__).parent / "clip" / "talk.rtpclip"

LINK_LIFETIME = timedelta(days=7)
"""Demo links are used again and again, and only from this machine."""

READY_SECONDS = 0.1

ENTRANCES = (
    ("learner", cast.LEARNER, "/sessions/{live}"),
    ("learner2", cast.LEARNER2, "/sessions/{live}"),
    ("faculty", cast.FACULTY, "/sessions/{open}/studio"),
    ("moderator", cast.MODERATOR, "/sessions/{live}/desk"),
    ("exhibitor", cast.EXHIBITOR, "/booths/{booth}/desk"),
    ("officer", cast.OFFICER, "/conferences/cardioforum/office/credit"),
    ("organiser", cast.ORGANISER, "/conferences/cardioforum/office"),
)


async def run(settings: Settings) -> int:
    """Serve the demo until SIGTERM or SIGINT."""
    with alone(settings), address(settings) as listening:
        await prepare_database(settings)
        async with running(settings, Roles.ALL) as ready:
            async with ready.services.db.begin() as db:
                congress = await founding.found(db)
            links = await _links(ready, congress)
            token = await _token(ready, congress, cast.FACULTY, TokenKind.ENCODER)
            clip_token = await _clip_token(ready, congress)
            _write(settings, congress, links, token)
            await _serve(ready, listening, congress, clip_token, links)
    return 0


async def _links(ready: Ready, congress: Congress) -> dict[str, str]:
    site = ready.services.settings.address
    places = {
        "live": congress.live_session,
        "open": congress.open_session,
        "booth": congress.booths["Cardivue"],
    }
    links: dict[str, str] = {}
    async with ready.services.db.begin() as db:
        for key, person, path in ENTRANCES:
            token = await people.new_link(
                db,
                congress.persons[person.key],
                conference_id=congress.conference_id,
                next_path=path.format(**places),
                reusable=True,
                lifetime=LINK_LIFETIME,
            )
            links[key] = f"{site}/enter/{token}"
    return links


async def _token(ready: Ready, congress: Congress, person: cast.Person, kind: TokenKind) -> str:
    async with ready.services.db.begin() as db:
        return await stages.new_token(
            db,
            congress.conference_id,
            congress.open_session,
            congress.persons[person.key],
            kind=kind,
            expires_at=clock.now() + LINK_LIFETIME,
        )


async def _clip_token(ready: Ready, congress: Congress) -> str:
    async with ready.services.db.begin() as db:
        return await stages.new_token(
            db,
            congress.conference_id,
            congress.live_session,
            congress.persons[cast.FACULTY.key],
            kind=TokenKind.STUDIO,
            expires_at=clock.now() + LINK_LIFETIME,
        )


def _write(settings: Settings, congress: Congress, links: dict[str, str], token: str) -> None:
    """`links.json`, written whole or not at all."""
    site = settings.address
    whip = {
        "url": f"{site}/whip/{congress.open_session}",
        "token": token,
        "session": str(congress.open_session),
    }
    content = {
        "url": site,
        "links": links,
        "whip": whip,
        "live_session": str(congress.live_session),
    }
    path = Path(settings.data) / "links.json"
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(content, indent=2) + "\n")
    part.rename(path)


async def _serve(
    ready: Ready,
    listening: socket.socket,
    congress: Congress,
    clip_token: str,
    links: dict[str, str],
) -> None:
    stop = asyncio.Event()
    site = ready.services.settings.address
    async with asyncio.TaskGroup() as tasks:
        stop_gently()
        serving = tasks.create_task(ready.server.serve(sockets=[listening]))
        while not ready.server.started and not serving.done():  # noqa: ASYNC110 - no event
            await asyncio.sleep(READY_SECONDS)
        if ready.server.started:
            _greet(site, links)
        url = f"{site}/whip/{congress.live_session}"
        playing = tasks.create_task(_play(ready, url, clip_token, stop))
        crowd = tasks.create_task(Crowd(ready.services, ready.places, congress).run())
        await asyncio.wait([serving])
        stop.set()
        crowd.cancel()
        await asyncio.wait([playing], timeout=1)
        playing.cancel()


async def _play(ready: Ready, url: str, token: str, stop: asyncio.Event) -> None:
    """The talk, once the relay is up: it starts beside this process."""
    while not stop.is_set() and not await ready.services.relay.healthy():  # noqa: ASYNC110
        await asyncio.sleep(READY_SECONDS)
    await play(CLIP, url, token, stop=stop)


def _greet(site: str, links: dict[str, str]) -> None:
    lines = [f"\nCardioForum is live at {site}\n", "Come in as:"]
    lines += [f"  {key:<10} {link}" for key, link in links.items()]
    lines.append("\nThese links work again and again, on this machine only. Stop with Ctrl-C.\n")
    print("\n".join(lines), flush=True)  # noqa: T201 - what the demo has to say
