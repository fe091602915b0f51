"""A client written from docs/protocol.md alone stays true over what befalls the server."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from server.rights import Role
from tests.integration.seeds import Seat, Seeded, seed
from tests.reference.client import Client, SignedOut
from tests.reference.following import Frame, Position
from tests.servers.redis import running_redis
from tests.servers.rounds import Rounds, running_rounds
from tests.servers.waiting import eventually_async

RETURN_SECONDS = 20
"""Full jitter of 8 seconds at most, after a server that takes its time to start."""

POLLS = 24
"""Commands under way when the server is killed: fewer than one may send at once."""


@dataclass(frozen=True)
class Site:
    server: Rounds
    seeded: Seeded
    remembers: bool

    @property
    def session(self) -> dict[str, str]:
        return {"session_id": str(self.seeded.session_id)}

    @property
    def topic(self) -> str:
        return f"session/{self.seeded.session_id}"


@dataclass
class Page:
    """What a person's page shows of one fragment, by id; events of its kind are laid upon it."""

    http: httpx.AsyncClient
    path: str
    kind: str
    things: dict[str, Frame] = field(default_factory=dict)
    loads: int = 0

    async def load(self, topic: str) -> Position:
        fetched: Callable[[], Any] = self._fetched
        snapshot: Any = await eventually_async(fetched, RETURN_SECONDS, self.path)
        self.loads += 1
        rows = [row.get("poll", row) for row in snapshot["rows"]]
        self.things = {row["id"]: row for row in rows}
        (at,) = [each for each in snapshot["follows"] if each["topic"] == topic]
        return at["epoch"], at["seq"]

    async def _fetched(self) -> Any:
        """None while the server is away."""
        try:
            answer = await self.http.get(self.path)
        except httpx.TransportError:
            return None
        return answer.json() if answer.is_success else None

    def fold(self, event: Frame) -> None:
        known = self.things.get(event.get("id", ""))
        newer = known is None or known["revision"] <= event["revision"]
        if event["type"] == self.kind and newer:
            self.things[event["id"]] = {
                name: value for name, value in event.items() if name not in {"topic", "seq"}
            }

    def texts(self) -> list[str]:
        return sorted(thing["text"] for thing in self.things.values())


@pytest.fixture(scope="module", params=["alone", "redis"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Site]:
    """Alone, a topic's history ends with its process; Redis keeps it."""
    with ExitStack() as stack:
        env: dict[str, str] = {}
        if request.param == "redis":
            env["ROUNDS_REDIS_URL"] = stack.enter_context(running_redis("redis-6.2")).url
        server = stack.enter_context(running_rounds(tmp_path_factory.mktemp("reference"), env))
        seeded = seed(f"sqlite+aiosqlite:///{server.data / 'rounds.db'}")
        yield Site(server, seeded, remembers=bool(env))


@asynccontextmanager
async def a_page(
    site: Site, seat: Seat, part: str, kind: str, topic: str
) -> AsyncGenerator[tuple[Client, Page]]:
    """Somebody's page of the session, with its snapshot fetched and its topic followed."""
    headers = {"Cookie": seat.cookie, "Accept": "application/json"}
    async with httpx.AsyncClient(
        base_url=site.server.url, headers=headers, trust_env=False, timeout=10
    ) as http:
        page = Page(http, f"/sessions/{site.seeded.session_id}/{part}", kind)
        async with a_client(site, seat.cookie, page) as client:
            await client.follow(topic, await page.load(topic), page.fold)
            await welcomed(client, 1)
            yield client, page


def a_client(site: Site, cookie: str, page: Page | None = None) -> Client:
    async def nothing(_topic: str) -> Position:
        return None, 0

    return Client(
        f"ws://127.0.0.1:{site.server.port}/ws",
        cookie=cookie,
        origin=site.server.url,
        reload=page.load if page else nothing,
    )


def of(client: Client, type_: str) -> list[Frame]:
    return [frame for frame in client.frames if frame["type"] == type_]


async def welcomed(client: Client, times: int) -> None:
    await eventually_async(lambda: len(of(client, "welcome")) >= times, RETURN_SECONDS, "a welcome")


async def shows(page: Page, id_: str, status: str) -> None:
    await eventually_async(
        lambda: page.things.get(id_, {}).get("status") == status, RETURN_SECONDS, status
    )


async def counts(client: Client, topic: str, id_: str, votes: int) -> None:
    states = client.topics[topic].states
    await eventually_async(lambda: states.get(f"votes/{id_}", {}).get("votes") == votes)


async def done(answer: Frame) -> Frame:
    assert answer["type"] == "done", answer
    return answer


async def test_asks_votes_answers_and_is_kept(site: Site) -> None:
    ann, ben = site.seeded.learners
    moderator = site.seeded.staff[Role.MODERATOR]
    questions = ("questions/fragment", "question", site.topic)
    async with (
        a_page(site, ann, *questions) as (one, shown),
        a_page(site, ben, *questions) as (two, other),
        a_client(site, moderator.cookie) as desk,
    ):
        asked = await done(
            await one.ask("question.ask", **site.session, text="And in the elderly?")
        )
        await done(await desk.ask("question.approve", **site.session, question_id=asked["id"]))
        for page in (shown, other):
            await shows(page, asked["id"], "live")
        assert shown.things == other.things

        voted = await two.ask("question.upvote", **site.session, question_id=asked["id"])
        assert voted["value"] == 1
        for client in (one, two):
            await counts(client, site.topic, asked["id"], 1)

        poll = str(site.seeded.polls[0])
        answered = await one.ask("poll.answer", **site.session, poll_id=poll, choices=[2])
        assert answered["value"] == [2]

        one.attend("beat", **site.session, visible=True, playing=False)
        await eventually_async(lambda: [f["n"] for f in of(one, "kept")] == [1])
        one.attend("beat", **site.session, visible=True, playing=True)
        await eventually_async(lambda: [f["n"] for f in of(one, "kept")] == [1, 2])
        assert not of(one, "error")
        assert one.closes == two.closes == []


async def test_a_refusal_is_an_answer_and_a_stranger_is_told_to_sign_in(site: Site) -> None:
    ann, _ = site.seeded.learners
    async with a_client(site, ann.cookie) as client:
        refused = await client.ask("poll.create", **site.session, text="?", options=["A", "B"])
        assert (refused["type"], refused["code"]) == ("error", "forbidden")
        await client.follow(f"{site.topic}/desk", (None, 0), lambda _event: None)
        await eventually_async(lambda: [f["code"] for f in of(client, "error")])
        assert (of(client, "error")[0]["code"], client.topics) == ("topic.forbidden", {})
    async with a_client(site, "") as stranger:
        with pytest.raises(SignedOut):
            await stranger.ask("question.ask", **site.session, text="Who am I?")


async def test_a_killed_server_costs_nothing_and_doubles_nothing(site: Site) -> None:
    ann, _ = site.seeded.learners
    organiser = site.seeded.staff[Role.ORGANISER]
    topic = f"{site.topic}/desk"
    async with (
        a_page(site, organiser, "polls/desk", "poll", topic) as (client, page),
        a_page(site, ann, "polls/fragment", "poll", site.topic) as (learner, panel),
    ):
        learner.attend("beat", **site.session, visible=True, playing=False)
        await eventually_async(lambda: of(learner, "kept"))
        before, kept = page.texts(), len(of(learner, "kept"))
        words = [f"Poll {number:02}?" for number in range(POLLS)]
        asking = [
            asyncio.create_task(
                client.ask("poll.create", **site.session, text=text, options=["A", "B"])
            )
            for text in words
        ]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        site.server.kill()
        assert not all(task.done() for task in asking), "some are under way"
        await asyncio.to_thread(site.server.start, media=False)

        made = [await done(await task) for task in asking]
        assert len({answer["id"] for answer in made}) == POLLS
        await done(await client.ask("poll.open", **site.session, poll_id=made[0]["id"]))
        for shown in (page, panel):
            await shows(shown, made[0]["id"], "open")
        # What was committed and not told is told within five seconds of the restart.
        await eventually_async(
            lambda: page.texts() == sorted([*before, *words]), RETURN_SECONDS, "every poll once"
        )
        folded = dict(page.things)
        await page.load(topic)
        assert folded == page.things, "what was folded is what there is"
        await eventually_async(lambda: len(of(learner, "kept")) > kept, RETURN_SECONDS, "kept")
        assert of(learner, "kept")[-1]["n"] == 1, "beats begin anew on each socket"
        assert {*client.closes, *learner.closes} == {1006}, "a kill says nothing"
        if not site.remembers:
            assert panel.loads > 1, "a history that is lost is fetched anew"
        elif panel.loads > 1:  # only because it may have owed its followers something
            await eventually_async(lambda: "bus.inherited" in site.server.log_text())


async def test_a_server_that_stops_says_when_to_come_back(site: Site) -> None:
    ann, _ = site.seeded.learners
    questions = ("questions/fragment", "question", site.topic)
    voted = str(site.seeded.questions[0])
    async with a_page(site, ann, *questions) as (client, page):
        await done(await client.ask("question.upvote", **site.session, question_id=voted))
        await counts(client, site.topic, voted, 1)
        assert await asyncio.to_thread(site.server.terminate) == 0
        await eventually_async(lambda: client.closes, what="a close")
        (goodbye,) = of(client, "goodbye")
        assert 0 <= goodbye["after_ms"][0] <= goodbye["after_ms"][1]
        assert client.closes[0] == 1012
        client.topics[site.topic].states.clear()
        pending = asyncio.create_task(
            client.ask("question.ask", **site.session, text="Are you back?")
        )
        await asyncio.to_thread(site.server.start, media=False)
        await done(await pending)
        await welcomed(client, 2)
        states = client.topics[site.topic].states
        if not site.remembers:
            await eventually_async(lambda: page.loads == 2, RETURN_SECONDS, "its history is lost")
        await eventually_async(
            lambda: states.get(f"votes/{voted}", {}).get("votes") == 1 or page.loads > 1,
            RETURN_SECONDS,
            "what was told meanwhile",
        )
        if page.loads > 1:
            assert page.things[voted]["votes"] == 1
        if page.loads > 1 and site.remembers:  # only because a dead process may have owed something
            await eventually_async(lambda: "bus.inherited" in site.server.log_text())
