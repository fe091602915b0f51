"""The start page and the programme. The office's pages live beside this file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock
from server.access import public
from server.agenda import editor, grid, import_pages, office, rules, settings_pages, store
from server.agenda.rules import LIVE_PHASES, Conference, Session
from server.db import Database
from server.errors import NotFound
from server.people.rules import Registration
from server.rendering import dates, page, view
from server.rights import Act, Place, Who, may

MAX_QUERY = 200
"""Characters of a search that are looked at."""

MAX_FOUND = 300
"""Sessions that one page of results lists; whoever finds more searches on."""

GRID, LIST = "grid", "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the address asks for: a day, a filter, tracks, a search, a view."""

    day: str = ""
    show: str = ""
    tracks: frozenset[str] = frozenset()
    query: str = ""
    shape: str = ""

    def address(self, slug: str, **other: str) -> str:
        """The same wish with something changed; an empty value takes it out."""
        now = {"day": self.day, "show": self.show, "q": self.query, "view": self.shape}
        pairs = [(name, value) for name, value in {**now, **other}.items() if value]
        if other.get("tracks") != "":
            pairs += [("track", track) for track in sorted(self.tracks)]
        pairs = [(name, value) for name, value in pairs if name != "tracks"]
        return f"/conferences/{slug}" + (f"?{urlencode(pairs)}" if pairs else "")

    def fits(self, session: Session) -> bool:
        if self.show == "live" and session.phase not in LIVE_PHASES:
            return False
        if self.show == "accredited" and not session.accredited:
            return False
        track = str(session.track.id) if session.track else ""
        if self.tracks and track not in self.tracks:
            return False
        return not self.query or grid.matches(session, self.query)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    href: str
    day: date
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    href: str
    label: str
    count: int
    current: bool
    live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackChoice:
    id: str
    name: str
    count: int
    chosen: bool


async def start(request: Request) -> Response:
    """The conferences of this server; the only one is opened at once."""
    async with request.state.services.db.read() as db:
        conferences = await store.conferences(db)
    if len(conferences) == 1:
        return RedirectResponse(f"/conferences/{conferences[0].slug}", 303)
    today = clock.now().date()
    groups = (
        ("On now", [each for each in conferences if each.starts_on <= today <= each.ends_on]),
        ("Coming up", [each for each in reversed(conferences) if today < each.starts_on]),
        ("Past", [each for each in conferences if each.ends_on < today]),
    )
    return page(
        "agenda/start.html",
        view(request.state.who),
        groups=[(title, _cards(found, today)) for title, found in groups if found],
    )


async def programme(request: Request) -> Response:
    place: Place | None = await request.state.places.conference(request.path_params["slug"])
    if place is None:
        raise NotFound("There is no conference at this address.")
    who: Who | None = request.state.who
    database: Database = request.state.services.db
    async with database.read() as db:
        conference = await store.conference(db, place.conference_id)
    entered = may(who, Act.SEE_PROGRAMME, place)
    if not entered and conference.registration is not Registration.OPEN:
        return _by_invitation(who, conference)
    wish = _wish(request)
    if wish.query:
        return await _found(database, conference, who, wish)
    return await _day(database, conference, who, wish)


async def _day(database: Database, conference: Conference, who: Who | None, wish: Wish) -> Response:
    now = clock.now()
    async with database.read() as db:
        outline = await store.outline(db, conference.id)
        days = sorted({grid.day_of(each.starts_at, conference.tz) for each in outline})
        day = _chosen(wish, days, grid.day_of(now, conference.tz))
        sessions = []
        if day is not None:
            since, until = grid.bounds(day, conference.tz)
            sessions = await store.sessions(
                db, conference.id, since=since, until=until, abstracts=False
            )
    mark = any(each.designated_ms for each in outline)
    wanted = [each for each in sessions if wish.fits(each)]
    fold = day == grid.day_of(now, conference.tz) and not wish.show
    earlier, shown = grid.fold(wanted, now) if fold else ([], wanted)
    laid = grid.lay_out(shown, conference.tz, now, mark=mark) if shown else None
    halls = {each.hall for each in sessions}
    shape = wish.shape or (LIST if len(halls) > grid.HALLS_OF_A_GRID else GRID)
    return page(
        "agenda/programme.html",
        view(who, conference, current=""),
        **_shell(conference, who, wish, now),
        day=day,
        tabs=[
            Tab(
                href=wish.address(conference.slug, day=each.isoformat()),
                day=each,
                current=each == day,
            )
            for each in days
        ],
        filters=_filters(conference.slug, wish, sessions, mark=mark),
        tracks=_tracks(wish, sessions),
        all_tracks=wish.address(conference.slug, tracks=""),
        grid=laid,
        earlier=grid.slots(earlier, conference.tz, now),
        total=len(sessions),
        mark=mark,
        shape=shape,
        as_list=wish.address(conference.slug, view=LIST),
        as_grid=wish.address(conference.slug, view=GRID),
    )


async def _found(
    database: Database, conference: Conference, who: Who | None, wish: Wish
) -> Response:
    """What a search finds, over all days."""
    now = clock.now()
    async with database.read() as db:
        sessions = await store.sessions(db, conference.id, abstracts=False)
    found = [each for each in sessions if wish.fits(each)]
    by_day: dict[date, list[Session]] = {}
    for each in found[:MAX_FOUND]:
        by_day.setdefault(grid.day_of(each.starts_at, conference.tz), []).append(each)
    return page(
        "agenda/found.html",
        view(who, conference, current=""),
        **_shell(conference, who, wish, now),
        found=[(day, grid.slots(own, conference.tz, now)) for day, own in sorted(by_day.items())],
        count=len(found),
        most=MAX_FOUND,
        mark=any(each.accredited for each in sessions),
        back=wish.address(conference.slug, q=""),
    )


def _shell(conference: Conference, who: Who | None, wish: Wish, now: datetime) -> dict[str, object]:
    place = Place(conference_id=conference.id)
    return {
        "conference": conference,
        "query": wish.query,
        "wish": wish,
        "zone_name": rules.zone_abbreviation(now, conference.zone),
        "now": now.astimezone(conference.tz),
        "may_join": not may(who, Act.SEE_PROGRAMME, place)
        and now.astimezone(conference.tz).date() <= conference.ends_on,
    }


def _by_invitation(who: Who | None, conference: Conference) -> Response:
    """Strangers learn the title and the dates, and that they may sign in."""
    when = dates(conference.starts_on, conference.ends_on)
    asked = (
        "Your address has no invitation here. Ask the organiser to add you, then reload this page."
        if who
        else "Sign in with the address that was invited."
    )
    sign_in = ("Sign in", f"/sign-in?next=/conferences/{conference.slug}")
    return page(
        "shell/message.html",
        view(who),
        title=conference.title,
        text=[f"{when}. This conference is by invitation.", asked],
        icon_name="lock",
        action=None if who else sign_in,
    )


def _cards(conferences: Sequence[Conference], today: date) -> list[dict[str, str]]:
    return [
        {
            "href": f"/conferences/{each.slug}",
            "title": each.title,
            "dates": dates(each.starts_on, each.ends_on),
            "provider": each.provider,
            "registration": each.registration.value if today <= each.ends_on else "",
        }
        for each in conferences
    ]


def _wish(request: Request) -> Wish:
    asked = request.query_params
    return Wish(
        day=asked.get("day", "")[:10],
        show=asked.get("show", "") if asked.get("show") in {"live", "accredited"} else "",
        tracks=frozenset(track for track in asked.getlist("track") if _is_id(track)),
        query=" ".join(asked.get("q", "")[:MAX_QUERY].split()),
        shape=asked.get("view", "") if asked.get("view") in {GRID, LIST} else "",
    )


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _chosen(wish: Wish, days: Sequence[date], today: date) -> date | None:
    """The day asked for, if it has sessions."""
    asked = next((day for day in days if day.isoformat() == wish.day), None)
    return asked or grid.default_day(days, today)


def _filters(slug: str, wish: Wish, sessions: Sequence[Session], *, mark: bool) -> list[Filter]:
    live = sum(each.phase in LIVE_PHASES for each in sessions)
    accredited = sum(each.accredited for each in sessions)
    rows = [("", "Everything", len(sessions)), ("live", "Live now", live)]
    if mark:
        rows.append(("accredited", "Accredited only", accredited))
    return [
        Filter(
            href=wish.address(slug, show=show),
            label=label,
            count=count,
            current=wish.show == show,
            live=show == "live",
        )
        for show, label, count in rows
        if show != "live" or live or wish.show == "live"
    ]


def _tracks(wish: Wish, sessions: Sequence[Session]) -> list[TrackChoice]:
    counted: dict[UUID, int] = {}
    tracks = {each.track.id: each.track for each in sessions if each.track}
    for each in sessions:
        if each.track:
            counted[each.track.id] = counted.get(each.track.id, 0) + 1
    return [
        TrackChoice(
            id=str(track.id),
            name=track.name,
            count=counted[track.id],
            chosen=str(track.id) in wish.tracks,
        )
        for track in sorted(tracks.values(), key=lambda track: (track.position, track.name))
    ]


routes: list[BaseRoute] = [
    public("/", start),
    public("/conferences/{slug}", programme),
    *office.routes,
    *settings_pages.routes,
    *editor.routes,
    *import_pages.routes,
]
