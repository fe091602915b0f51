"""Captions from programs: by a token of one person for one session, and for nothing else."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import delete

from server import identity, topics
from server.app import create_app
from server.people.store import RoleGrant
from server.places import RememberedPlaces
from server.rights import Role
from server.stages.captioning import MAX_BODY_BYTES
from tests.integration.desks import Frame, World, a_session

JSON = {"accept": "application/json"}


async def token(world: World, name: str = "Mo", role: Role = Role.MODERATOR) -> str:
    async with world.browser(await world.call(name, role)) as browser:
        base = str(browser.base_url).rstrip("/")
        answer = await browser.post(f"{base}/captions/token", headers=JSON)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["url"].endswith(f"/captions/{world.session_id}")
    return str(made["token"])


@asynccontextmanager
async def a_program(world: World, bearer: str) -> AsyncGenerator[httpx.AsyncClient]:
    """Without a cookie and without an origin, as programs are; behind the hospital's address."""
    app = create_app(world.services, RememberedPlaces(world.services.db))
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, client=("203.0.113.7", 9)),
        base_url=world.services.settings.address,
        headers=headers,
    ) as http:
        yield http


def here(world: World) -> str:
    return f"/captions/{world.session_id}"


async def told(world: World) -> list[Frame]:
    return await world.events(topics.captions(world.session_id))


async def test_a_program_says_lines_that_grow(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        async with a_program(world, await token(world)) as program:
            address = f"{here(world)}?language=DE&final=no"
            said = await program.post(address, content="Grüß".encode())
            assert said.status_code == 201
            line = said.headers["location"]
            assert line == f"{here(world)}/{said.json()['id']}"
            grown = await program.put(f"{line}?final=no", content="Grüß Gott".encode())
            whole = await program.put(line, content="Grüß Gott.".encode())
            assert (grown.status_code, whole.status_code) == (204, 204)
        assert [(each["language"], each["text"], each["final"]) for each in await told(world)] == [
            ("de", "Grüß", False),
            ("de", "Grüß Gott", False),
            ("de", "Grüß Gott.", True),
        ]


async def test_what_comes_twice_is_said_once(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        async with a_program(world, await token(world)) as program:
            key = {"idempotency-key": str(uuid4())}
            ids = {
                (await program.post(here(world), content="Once.", headers=key)).json()["id"]
                for _ in range(2)
            }
            assert len(ids) == 1
            odd = {"idempotency-key": "x"}
            assert (await program.post(here(world), content="x", headers=odd)).status_code == 422
        assert len(await told(world)) == 1


async def test_a_token_holds_for_captions_of_its_session_alone(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        made = await token(world, "Sam", Role.FACULTY)
        async with world.browser(await world.call("Sam", Role.FACULTY)) as browser:
            base = str(browser.base_url).rstrip("/")
            studio = (await browser.post(f"{base}/studio/token", headers=JSON)).json()["token"]
        offer = {"content-type": "application/sdp"}
        for bearer, path, status in (
            (made, here(world), 201),
            (made, f"/captions/{uuid4()}", 401),
            (studio, here(world), 401),
            ("", here(world), 401),
            ("x" * 43, here(world), 401),
        ):
            async with a_program(world, bearer) as program:
                answer = await program.post(path, content="Good morning.")
                assert answer.status_code == status, (path, answer.text)
        async with a_program(world, made) as program:
            answer = await program.post(f"/whip/{world.session_id}", content="v=0", headers=offer)
            assert (answer.status_code, answer.json()["code"]) == (401, "token.unknown")
        assert len(await told(world)) == 1


async def test_a_new_token_replaces_the_one_before(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        before, after = await token(world), await token(world)
        for bearer, status in ((before, 401), (after, 201)):
            async with a_program(world, bearer) as program:
                assert (await program.post(here(world), content="x")).status_code == status


async def test_it_does_no_more_than_its_person_may_do_now(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        made = await token(world)
        mo = await world.call("Mo", Role.MODERATOR)
        async with world.services.db.begin() as db:
            await db.execute(delete(RoleGrant).where(RoleGrant.person_id == mo.person_id))
        async with a_program(world, made) as program:
            assert (await program.post(here(world), content="x")).status_code == 403
        async with world.browser(await world.call("Ann")) as browser:
            base = str(browser.base_url).rstrip("/")
            assert (await browser.post(f"{base}/captions/token")).status_code == 403
        assert await told(world) == []


async def test_it_writes_on_while_strangers_use_its_address_up(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "STRANGER_PAGE_BURST", 1.0)
    monkeypatch.setattr(identity, "STRANGER_PAGES_A_SECOND", 0.001)
    async with (
        a_session(sqlite_url, tmp_path) as world,
        a_program(world, await token(world)) as program,
    ):
        asked = [(await program.get("/sign-in")).status_code for _ in range(2)]
        assert asked == [200, 429]
        lines = [await program.post(here(world), content=text) for text in ("One.", "Two.")]
        assert [line.status_code for line in lines] == [201, 201]


async def test_bodies_are_bounded_text(database_url: str, tmp_path: Path) -> None:
    async with (
        a_session(database_url, tmp_path) as world,
        a_program(world, await token(world)) as program,
    ):
        for body in (b"", b"\xff\xfe", b" " * (MAX_BODY_BYTES + 1), b"x" * 301):
            answer = await program.post(here(world), content=body)
            assert (answer.status_code, answer.json()["where"]) == (422, "text")
        padded = b"Good morning." + b" " * (MAX_BODY_BYTES - 13)
        assert (await program.post(here(world), content=padded)).status_code == 201


async def test_the_token_is_shown_once_on_a_page(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        async with world.browser(await world.call("Mo", Role.MODERATOR)) as browser:
            base = str(browser.base_url).rstrip("/")
            answer = await browser.post(f"{base}/captions/token")
            assert answer.status_code == 200
            assert f"/captions/{world.session_id}" in answer.text
            made = answer.text.partition('id="caption-token" value="')[2].partition('"')[0]
            assert made not in (await browser.get(f"{base}/desk")).text
        async with a_program(world, made) as program:
            assert (await program.post(here(world), content="x")).status_code == 201
