"""Pages and two hubs as processes of their own on PostgreSQL and Redis: everybody sees the same.

And what a process refuses to start with, and how it ends.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from realtime.wire import Close
from server import secrets
from server.db import POOL, Rows
from server.people.store import RoleGrant
from server.rights import Role
from tests.integration.pages import Frame, SocketPage, socket_page
from tests.integration.seeds import SLUG, Seeded, in_rows, seed
from tests.servers.databases import Templates
from tests.servers.postgres import Postgres
from tests.servers.processes import free_port
from tests.servers.redis import Redis, running_redis
from tests.servers.rounds import Rounds, rounds, running_rounds
from tests.servers.waiting import eventually_async

pytestmark = pytest.mark.timeout(300)

GONE_SECONDS = 5
"""How long a socket may last whose right was taken back, or whose process is told to stop."""

FETCH_SECONDS = 15
"""Half of what the pool lets somebody wait for a connection."""

STOP_SECONDS = 20
"""A second on a machine of its own; on a busy one the last imports and collections take longer."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """Three processes of one conference."""

    web: Rounds
    hubs: tuple[Rounds, Rounds]
    redis: Redis
    database: str
    seeded: Seeded

    def http(self, role: Role) -> httpx.Client:
        return httpx.Client(
            base_url=self.web.url,
            headers={"Cookie": self.seeded.staff[role].cookie, "Origin": self.web.url},
            timeout=45,
            trust_env=False,
        )

    @property
    def session(self) -> dict[str, UUID]:
        return {"session_id": self.seeded.session_id}

    @property
    def topic(self) -> str:
        return f"session/{self.seeded.session_id}"


@pytest.fixture(scope="module", params=["redis-6.2", "valkey-9.1"])
def site(
    request: pytest.FixtureRequest,
    postgres: Postgres,
    database_templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Site]:
    folder = tmp_path_factory.mktemp("site")
    url = database_templates.postgresql(postgres)
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(request.param))
        port = free_port()
        secrets.load(folder / "secret")
        env = {
            "ROUNDS_DATABASE_URL": url,
            "ROUNDS_REDIS_URL": redis.url,
            "ROUNDS_URL": f"http://127.0.0.1:{port}",
            "ROUNDS_SECRET_FILE": str(folder / "secret"),
        }
        seeded = seed(url, learners=6)
        web, one, two = (
            stack.enter_context(running_rounds(folder / name, env, [name[:3]], port=at))
            for name, at in (("web", port), ("hub1", None), ("hub2", None))
        )
        yield Site(web=web, hubs=(one, two), redis=redis, database=url, seeded=seeded)
    postgres.drop_database(url)


def question(text: str, status: str = "live") -> Callable[[Frame], bool]:
    return lambda frame: (frame["type"], frame.get("text"), frame.get("status")) == (
        "question", text, status,
    )  # fmt: skip


def place_of(frame: Frame) -> tuple[str, int]:
    return frame["topic"], frame["seq"]


async def approved(site: Site, author: SocketPage, desk: SocketPage, text: str) -> str:
    """A question that one asked and the desk let through."""
    asked = await author.ask("question.ask", **site.session, text=text)
    assert asked["type"] == "done", asked
    done = await desk.ask("question.approve", **site.session, question_id=asked["id"])
    assert done["type"] == "done", done
    return str(asked["id"])


async def test_attendees_on_different_processes_see_the_same(site: Site) -> None:
    ann, ben, *_ = site.seeded.learners
    moderator, address = site.seeded.staff[Role.MODERATOR], site.web.url
    async with (
        socket_page(site.hubs[0].port, ann.cookie, address) as one,
        socket_page(site.hubs[1].port, ben.cookie, address) as two,
        socket_page(site.web.port, moderator.cookie, address) as desk,
    ):
        for page in (one, two):
            assert (await page.follow(site.topic))["type"] == "resync"
        id_ = await approved(site, one, desk, "Same for all?")
        seen = [await page.until(question("Same for all?")) for page in (one, two)]
        assert seen[0] == seen[1]

        voted = await two.ask("question.upvote", **site.session, question_id=id_)
        assert voted["value"] == 1
        for page in (one, two):
            await page.until(
                lambda f: (f["type"], f.get("id"), f.get("votes")) == ("votes", id_, 1)
            )

        made = await desk.ask(
            "poll.create", **site.session, text="Which?", kind="single", options=["A", "B"]
        )
        poll = {"poll_id": made["id"]}
        for verb in ("open", "reveal"):
            assert (await desk.ask(f"poll.{verb}", **site.session, **poll))["type"] == "done"
        opened = [
            await page.until(
                lambda f: f["type"] == "poll" and f["id"] == made["id"] and f["revealed"]
            )
            for page in (one, two)
        ]
        assert opened[0] == opened[1]
        for page, choice in ((one, 0), (two, 1)):
            answered = await page.ask("poll.answer", **site.session, **poll, choices=[choice])
            assert answered["value"] == [choice]
        for page in (one, two):
            await page.until(lambda f: f["type"] == "tally" and f.get("counts") == [1, 1])


@pytest.mark.parametrize("how", ["restarted", "wiped"])
async def test_a_redis_that_forgets_is_recovered_from_without_a_reload(
    site: Site, how: str
) -> None:
    _, ben, cleo, dan, *_ = site.seeded.learners
    moderator, address = site.seeded.staff[Role.MODERATOR], site.web.url
    asking = {"restarted": cleo, "wiped": dan}[how]  # three questions a minute each
    async with (
        socket_page(site.hubs[0].port, asking.cookie, address) as one,
        socket_page(site.hubs[1].port, ben.cookie, address) as two,
        socket_page(site.web.port, moderator.cookie, address) as desk,
    ):
        for page in (one, two):
            await page.follow(site.topic)
        await approved(site, one, desk, f"Before it was {how}?")
        before = [await page.until(question(f"Before it was {how}?")) for page in (one, two)]
        assert place_of(before[0]) == place_of(before[1])

        if how == "restarted":
            site.redis.kill()
            await approved(site, one, desk, "While it was away?")
            await asyncio.to_thread(site.redis.start)
        else:
            site.redis.forget()
        await approved(site, one, desk, f"After it was {how}?")
        for page in (one, two):
            await recovered(site, page, f"After it was {how}?")
        # One may have been told to resync before the event, the other after: they come to agree.
        together: Callable[[], Any] = partial(agree, site, one, two)
        assert await eventually_async(together, AGREE_SECONDS, "one position")
    text = shown(site)
    assert f"Before it was {how}?" in text
    assert ("While it was away?" in text) or how == "wiped"


def shown(site: Site) -> str:
    """The session's page, as a browser reads it again upon `resync`."""
    with site.http(Role.MODERATOR) as http:
        page = http.get(f"/sessions/{site.seeded.session_id}", headers={"Accept": "text/html"})
    return page.text


AGREE_SECONDS = 5
"""What a process needs to read the stream after its Redis came back, several times over."""


async def agree(site: Site, one: SocketPage, two: SocketPage) -> bool:
    """Whether both processes say that the topic stands at the same place."""
    places = [await page.follow(site.topic) for page in (one, two)]
    return len({(place["epoch"], place["seq"]) for place in places}) == 1


async def recovered(site: Site, page: SocketPage, text: str) -> None:
    """The question arrives, or the socket says `resync` and the page read anew has it."""
    arrived = question(text)
    frame = await page.until(lambda f: arrived(f) or f["type"] == "resync")
    while frame["type"] == "resync" and text not in await asyncio.to_thread(shown, site):
        frame = await page.until(lambda f: arrived(f) or f["type"] == "resync")


@pytest.mark.parametrize("panel", ["questions", "polls"])
async def test_more_pages_than_connections_fetch_a_panel_at_once(site: Site, panel: str) -> None:
    """As upon a `resync` of everybody; none may hold one connection and wait for a second."""
    address = f"{site.web.url}/sessions/{site.seeded.session_id}/{panel}/fragment"
    cookie = {"Cookie": site.seeded.learners[0].cookie}
    async with httpx.AsyncClient(headers=cookie, timeout=FETCH_SECONDS, trust_env=False) as http:
        answers = await asyncio.gather(*(http.get(address) for _ in range(2 * POOL)))
    assert [answer.status_code for answer in answers] == [200] * len(answers)


async def _grant(db: Rows, person_id: UUID) -> UUID:
    found = await db.scalar(select(RoleGrant.id).where(RoleGrant.person_id == person_id))
    assert found is not None
    return found


async def test_a_role_taken_back_closes_sockets_on_every_process(site: Site) -> None:
    gone, stays = site.seeded.learners[4:6]
    grant = in_rows(site.database, _grant, gone.id)
    async with (
        socket_page(site.hubs[0].port, gone.cookie, site.web.url) as one,
        socket_page(site.hubs[1].port, gone.cookie, site.web.url) as two,
        socket_page(site.hubs[1].port, stays.cookie, site.web.url) as other,
    ):
        with site.http(Role.ORGANISER) as http:
            took = await asyncio.to_thread(
                http.post,
                f"/conferences/{SLUG}/office/people/take",
                data={"grant": str(grant)},
            )
        assert took.status_code == 303
        for page in (one, two):
            assert await page.closed(GONE_SECONDS) == Close.RIGHTS_CHANGED
        assert (await other.follow(site.topic))["type"] != "error"
    async with socket_page(site.hubs[1].port, gone.cookie, site.web.url) as again:
        assert (await again.follow(site.topic))["code"] == "topic.forbidden"
        refused = await again.ask("question.ask", **site.session, text="May I still?")
        assert refused["code"] == "forbidden"


async def test_signing_out_closes_sockets_on_every_process(site: Site) -> None:
    seat = site.seeded.staff[Role.OFFICER]
    async with (
        socket_page(site.hubs[0].port, seat.cookie, site.web.url) as one,
        socket_page(site.hubs[1].port, seat.cookie, site.web.url) as two,
    ):
        with site.http(Role.OFFICER) as http:
            left = await asyncio.to_thread(http.post, "/sign-out")
        assert left.status_code == 303
        for page in (one, two):
            assert await page.closed(GONE_SECONDS) == Close.RIGHTS_CHANGED
    async with socket_page(site.hubs[0].port, seat.cookie, site.web.url, welcome=False) as again:
        assert await again.closed() == Close.SIGN_IN


def test_a_hub_of_its_own_tells_its_figures_to_its_machine(site: Site) -> None:
    hub = site.hubs[0]
    status, body = hub.get("/metrics")
    text = body.decode()
    assert status == 200
    assert "rounds_hub_topics " in text
    assert 'rounds_strangers_refused_total{what="socket"} 0.0' in text
    assert hub.get("/metrics", {"X-Forwarded-For": "203.0.113.7"})[0] == 403
    assert hub.get("/elsewhere")[0] == 404


async def test_a_process_told_to_stop_says_so_and_goes(site: Site) -> None:
    """The last of this file: it ends a hub and the pages."""
    ann, ben, *_ = site.seeded.learners
    async with (
        socket_page(site.hubs[0].port, ann.cookie, site.web.url) as one,
        socket_page(site.web.port, ben.cookie, site.web.url) as two,
    ):
        for server, page in ((site.hubs[0], one), (site.web, two)):
            start = time.monotonic()
            ending = asyncio.create_task(asyncio.to_thread(server.terminate))
            assert await page.closed(GONE_SECONDS) == Close.RESTART
            assert page.frames[-1]["type"] == "goodbye"
            assert await ending == 0
            assert time.monotonic() - start <= STOP_SECONDS
            assert "Traceback" not in server.log_text()


# What does not start.


def test_the_embedded_store_serves_one_process(tmp_path: Path) -> None:
    with running_rounds(tmp_path / "data") as first:
        second = rounds("serve", data=first.data)
        assert (second.returncode, second.stdout) == (1, "")
        assert "another process serves this folder" in second.stderr
        assert "ROUNDS_DATABASE_URL (PostgreSQL) and ROUNDS_REDIS_URL" in second.stderr
        assert "Traceback" not in second.stderr
        assert first.get("/readyz")[0] == 200
        assert first.terminate(30) == 0


@pytest.mark.parametrize("role", ["web", "hub"])
def test_roles_apart_need_a_database_and_a_bus_to_share(role: str, tmp_path: Path) -> None:
    done = rounds(role, data=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ROUNDS_DATABASE_URL" in done.stderr
    assert "ROUNDS_REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_postgresql_that_is_behind_is_not_served(postgres: Postgres, tmp_path: Path) -> None:
    env = {"ROUNDS_DATABASE_URL": postgres.create_database()}
    done = rounds("serve", data=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "rounds migrate" in done.stderr
    assert "Traceback" not in done.stderr
    behind = rounds("migrate", "--check", data=tmp_path, env=env)
    assert (behind.returncode, behind.stdout) == (1, "behind\n")
    assert rounds("migrate", data=tmp_path, env=env).returncode == 0
    assert rounds("migrate", "--check", data=tmp_path, env=env).returncode == 0
    postgres.drop_database(env["ROUNDS_DATABASE_URL"])
