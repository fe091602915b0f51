"""Every role on every route and command, here and elsewhere: what `may` refuses has no effect.

Generated from the route table and the command table: a route without an act fails, and so does a
command that no row of this test can build.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from sqlalchemy import func, select
from starlette.routing import Route

from server import identity
from server.access import Asking
from server.agenda import store as agenda
from server.app import create_app, routes
from server.commands import commands
from server.cookies import cookie_name
from server.db import Base
from server.errors import Forbidden, NotFound, Refused, SignedOut
from server.exhibits import store as exhibits
from server.ids import new_id
from server.people import store as people
from server.places import RememberedPlaces
from server.rights import Act, Place, Role, Who, may
from server.services import Services, open_services
from server.settings import Settings

SITE = "http://127.0.0.1:8000"
GUARDED = [route for route in routes if isinstance(route, Route) and route.act is not Act.PUBLIC]  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Somewhere:
    """One conference with a session and two booths."""

    slug: str
    place: Place
    other_booth: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    services: Services
    places: RememberedPlaces
    here: Somewhere
    there: Somewhere
    people: dict[str, tuple[Who | None, str]]


async def _conference(services: Services, slug: str) -> Somewhere:
    now = datetime.now(UTC)
    async with services.db.begin() as db:
        conference_id = await agenda.add_conference(
            db,
            slug=slug,
            title=slug,
            zone="UTC",
            starts_on=date(2026, 1, 1),
            ends_on=date(2026, 1, 2),
        )
        session = agenda.Session(
            conference_id=conference_id, id=new_id(), title="Talk",
            starts_at=now, ends_at=now + timedelta(hours=1),
        )  # fmt: skip
        booths = [
            exhibits.Booth(conference_id=conference_id, id=new_id(), name=name) for name in "ab"
        ]
        db.add_all([session, *booths])
        await db.flush()
        place = Place(conference_id=conference_id, session_id=session.id, booth_id=booths[0].id)
        return Somewhere(slug=slug, place=place, other_booth=booths[1].id)


async def _person(services: Services, role: Role, where: Somewhere) -> tuple[Who, str]:
    async with services.db.begin() as db:
        profile = await people.ensure_person(db, f"{role}@example.org", role.capitalize())
        await people.give(
            db,
            None if role is Role.OPERATOR else where.place.conference_id,
            person_id=profile.id,
            role=role,
            session_id=where.place.session_id if role is Role.FACULTY else None,
            booth_id=where.place.booth_id if role is Role.EXHIBITOR else None,
        )
        token, _ = await people.new_login(db, profile.id, staff=False)
        who = await people.who(db, profile.id)
        assert who is not None
        return who, token


@pytest.fixture
async def world(sqlite_url: str, tmp_path: Path) -> AsyncGenerator[World]:
    settings = Settings(data=str(tmp_path), database_url=sqlite_url, url=SITE)
    async with asyncio.TaskGroup() as tasks, open_services(settings, tasks) as services:
        here, there = [await _conference(services, slug) for slug in ("here", "there")]
        cast: dict[str, tuple[Who | None, str]] = {"stranger": (None, "")}
        for role in Role:
            cast[role] = await _person(services, role, here)
        yield World(
            services=services,
            places=RememberedPlaces(services.db),
            here=here,
            there=there,
            people=cast,
        )


async def _rows(services: Services) -> dict[str, int]:
    """How many rows every table holds; logins and allowances of signing in apart."""
    tables = [
        table
        for table in Base.metadata.sorted_tables
        if table.name not in {"login", "sign_in_link"}
    ]
    async with services.db.read() as db:
        return {
            table.name: await db.scalar(select(func.count()).select_from(table)) or 0
            for table in tables
        }


def _path(route: Route, where: Somewhere, booth: UUID) -> str:
    values: dict[str, object] = {
        "slug": where.slug,
        "session_id": where.place.session_id,
        "booth_id": booth,
    }
    path = route.path
    for name, convertor in route.param_convertors.items():
        value = values.get(name, uuid4() if "uuid" in type(convertor).__name__.lower() else "x")
        path = path.replace(f"{{{name}:uuid}}", str(value)).replace(f"{{{name}}}", str(value))
    return path


def _place(route: Route, where: Somewhere, booth: UUID) -> Place:
    names = route.param_convertors
    return Place(
        conference_id=where.place.conference_id,
        session_id=where.place.session_id if "session_id" in names else None,
        booth_id=booth if "booth_id" in names else None,
    )


def test_every_route_names_its_act() -> None:
    unnamed = [
        route.path for route in routes if isinstance(route, Route) and not hasattr(route, "act")
    ]
    assert unnamed == []


async def test_every_role_on_every_route(world: World) -> None:
    app = create_app(world.services, world.places)
    transport = httpx.ASGITransport(app=app)
    before = await _rows(world.services)
    wrong: list[str] = []
    async with httpx.AsyncClient(transport=transport, base_url=SITE) as http:
        for route in GUARDED:
            act: Act = route.act  # type: ignore[attr-defined]
            for name, (who, token) in world.people.items():
                for where in (world.here, world.there):
                    for booth in _booths(route, where):
                        if may(who, act, _place(route, where, booth)):
                            continue
                        status = await _ask(http, route, _path(route, where, booth), token)
                        if status not in {401, 403, 404}:
                            wrong.append(
                                f"{name} {route.methods} {route.path} {where.slug}: {status}"
                            )
    assert wrong == []
    assert await _rows(world.services) == before, "a refusal leaves no row"


async def test_who_may_is_let_in(world: World) -> None:
    """The other half: a right in the table opens the page; none is closed by accident."""
    app = create_app(world.services, world.places)
    wrong: list[str] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=SITE) as http:
        for route in GUARDED:
            act: Act = route.act  # type: ignore[attr-defined]
            if "GET" not in (route.methods or ()):
                continue
            booth = world.here.place.booth_id
            assert booth is not None
            for name, (who, token) in world.people.items():
                if not may(who, act, _place(route, world.here, booth)):
                    continue
                status = await _ask(http, route, _path(route, world.here, booth), token)
                if status in {401, 403, 500}:
                    wrong.append(f"{name} {route.path}: {status}")
    assert wrong == []


def _booths(route: Route, where: Somewhere) -> list[UUID]:
    own = where.place.booth_id
    assert own is not None
    return [own, where.other_booth] if "booth_id" in route.param_convertors else [own]


async def _ask(http: httpx.AsyncClient, route: Route, path: str, token: str) -> int:
    cookies = {cookie_name(secure=False): token} if token else {}
    http.cookies = httpx.Cookies(cookies)
    method = "GET" if "GET" in (route.methods or ()) else next(iter(route.methods or ("POST",)))
    answer = await http.request(method, path, headers={"sec-fetch-site": "same-origin"})
    return answer.status_code


class _Ear:
    """Where a command would answer: nothing is expected to arrive."""

    def __init__(self) -> None:
        self.id = uuid4()
        self.address = ""
        self.said: list[bytes] = []

    def say(self, text: bytes) -> None:
        self.said.append(text)


async def test_every_role_on_every_command(world: World) -> None:
    before = await _rows(world.services)
    wrong: list[str] = []
    for kind, act in commands.acts.items():
        for name, (who, _) in world.people.items():
            for where in (world.here, world.there):
                for booth in (where.place.booth_id, where.other_booth):
                    command = _built(kind, where, booth)
                    place = _command_place(command, where, booth)
                    if may(who, act, place):
                        continue
                    outcome = await _send(world, command, who)
                    if outcome not in {Forbidden, SignedOut, NotFound}:
                        wrong.append(f"{name} {kind.__name__} {where.slug}: {outcome}")
    assert wrong == []
    assert await _rows(world.services) == before, "a refusal leaves no row"


def _command_place(command: Any, where: Somewhere, booth: UUID | None) -> Place | None:
    if hasattr(command, "session_id"):
        return Place(conference_id=where.place.conference_id, session_id=where.place.session_id)
    if hasattr(command, "booth_id"):
        return Place(conference_id=where.place.conference_id, booth_id=booth)
    return None


async def _send(world: World, command: Any, who: Who | None) -> type[Exception] | None:
    async def identify(_recently: bool) -> Who | None:  # noqa: FBT001
        return who

    asking = Asking(
        identify=identify,
        services=world.services,
        places=world.places,
        peer=_Ear(),  # type: ignore[arg-type]
    )
    try:
        result = commands.call(command, asking)
        assert result is not None
        await result
    except Refused as refusal:
        return type(refusal)
    return None


def _built(kind: type[msgspec.Struct], where: Somewhere, booth: UUID | None) -> Any:
    """A well-formed command of a kind, at a place."""
    known = {"session_id": where.place.session_id, "booth_id": booth}
    hints = get_type_hints(kind)
    values = {
        field.name: known.get(field.name) or _value(hints[field.name])
        for field in msgspec.structs.fields(kind)
        if field.required or field.name in known
    }
    return kind(**values)


def _value(kind: Any) -> Any:
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        return None if type(None) in get_args(kind) else _value(get_args(kind)[0])
    if origin is Literal:
        return get_args(kind)[0]
    if origin in {list, tuple, set, frozenset}:
        return origin()
    if isinstance(kind, type) and issubclass(kind, str) and hasattr(kind, "__members__"):
        return next(iter(kind))  # type: ignore[call-overload]
    made: dict[Any, Callable[[], Any]] = {
        UUID: uuid4,
        str: lambda: "x",
        int: lambda: 1,
        bool: lambda: True,
    }
    base = get_args(kind)[0] if origin is not None and get_args(kind) else kind
    return made[base]()


async def test_a_login_is_read_anew(world: World) -> None:
    """Taking a grant back shows at the next request, not after a while."""
    _, token = world.people[Role.ORGANISER]
    who = await identity.who_is(world.services, token)
    assert who is not None
    assert may(who, Act.MANAGE_PEOPLE, world.here.place)
    async with world.services.db.begin() as db:
        listed = await people.granted(db, world.here.place.conference_id, "organiser")
        await people.take(db, world.here.place.conference_id, listed[0].grants[0].id)
    after = await identity.who_is(world.services, token)
    assert not may(after, Act.MANAGE_PEOPLE, world.here.place)
