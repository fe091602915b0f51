"""Ways to be credited for time that nobody spent: scripts against a server whose clocks stand.

A strategy speaks through sockets as any program could, and says how much time somebody was really
there: `watch` passes with the page open and playing, `away` without. Two honest beats at most a
lease apart count for the time between them, by rule; no strategy here plays on that, nor can it be
told from a page. What is credited is computed elsewhere, by the product's own functions.
"""

import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from tests.fault.warped import Clocks
from tests.integration.seeds import Seat

Frame = dict[str, Any]
BEAT_MS = 15_000
BEYOND_MS = 46_000
"""More than the lease."""


class Page:
    """One socket; what it was answered it knows, as a page does."""

    def __init__(self, socket: ClientConnection, echo: str) -> None:
        self._socket, self._first = socket, echo
        self._echoes: dict[UUID, str] = {}
        self.n = 0
        self.sent: list[Frame] = []

    def frame(self, space_id: UUID, **changes: Any) -> Frame:
        """The next beat; `changes` are what a forger makes of it."""
        made = {
            "type": "beat", "n": self.n + 1, "session_id": str(space_id), "visible": True,
            "echo": self._echoes.get(space_id, self._first), "playing": True,
        }  # fmt: skip
        return made | changes

    def booth_frame(self, booth_id: UUID) -> Frame:
        made = self.frame(booth_id, type="beat.booth", booth_id=str(booth_id))
        return {name: made[name] for name in made if name not in {"session_id", "playing"}}

    async def say(self, frame: Frame) -> Frame:
        """What the server answers: `kept`, `error`, or `closed` where it hangs up."""
        self.sent.append(frame)
        try:
            await self._socket.send(json.dumps(frame))
            while (answer := json.loads(await self._socket.recv()))["type"] not in {
                "kept",
                "error",
            }:
                pass
        except ConnectionClosed:
            return {"type": "closed"}
        if answer["type"] == "kept":
            self.n = max(self.n, answer["n"])
            self._echoes[UUID(frame.get("session_id") or frame["booth_id"])] = answer["echo"]
        return dict(answer)

    async def beat(self, space_id: UUID, **changes: Any) -> Frame:
        return await self.say(self.frame(space_id, **changes))

    async def kept(self, space_id: UUID, **changes: Any) -> Frame:
        """An honest beat, which must be taken."""
        answer = await self.beat(space_id, **changes)
        assert answer["type"] == "kept", answer
        return answer


class World:
    """What a strategy may use: two people, sessions, a booth, and time."""

    def __init__(self, url: str, clocks: Clocks, people: tuple[Seat, Seat]) -> None:
        self.people = people
        self.session: UUID
        self.parallel: UUID
        self.dark: UUID
        self.over: UUID
        self.booth: UUID
        self.truth_ms = 0
        self.turn: Callable[[UUID, bool], Awaitable[None]]
        self._url, self._clocks = url, clocks
        self._pages = AsyncExitStack()

    @asynccontextmanager
    async def open(self) -> AsyncGenerator["World"]:
        async with self._pages:
            yield self

    async def page(self, person: int = 0) -> Page:
        opening = connect(
            self._url.replace("http", "ws", 1) + "/ws",
            origin=Origin(self._url),
            additional_headers={"Cookie": self.people[person].cookie},
            proxy=None,
            close_timeout=1,
        )
        socket = await self._pages.enter_async_context(opening)
        welcome = json.loads(await socket.recv())
        assert welcome["type"] == "welcome", welcome
        return Page(socket, welcome["echo"])

    def watch(self, milliseconds: int = BEAT_MS) -> None:
        self._clocks.let_pass(milliseconds)
        self.truth_ms += milliseconds

    def away(self, milliseconds: int = BEAT_MS) -> None:
        self._clocks.let_pass(milliseconds)

    async def watched(self, page: Page, beats: int = 3) -> None:
        """An honest start: so many beats, and the time between them."""
        await page.kept(self.session)
        for _ in range(beats - 1):
            self.watch()
            await page.kept(self.session)


Strategy = Callable[[World], Awaitable[None]]
STRATEGIES: dict[str, Strategy] = {}


def strategy(script: Strategy) -> Strategy:
    STRATEGIES[script.__name__] = script
    return script


@strategy
async def replayed(world: World) -> None:
    """Recorded beats are sent again while nobody is there."""
    page = await world.page()
    await world.watched(page)
    for _ in range(4):
        for frame in list(page.sent[:3]):
            world.away()
            await page.say(frame)


@strategy
async def replayed_elsewhere(world: World) -> None:
    """Recorded on one connection, sent on another."""
    page, other = await world.page(), await world.page()
    await world.watched(page)
    world.away(BEYOND_MS)
    for frame in list(page.sent):
        await other.say(frame)
        world.away()


@strategy
async def hurried(world: World) -> None:
    """Many beats in little time are worth the time."""
    page = await world.page()
    await page.kept(world.session)
    for _ in range(30):
        world.watch(100)
        await page.kept(world.session)


@strategy
async def flickering(world: World) -> None:
    """The same, saying something new each time so that none counts as too early."""
    page = await world.page()
    for number in range(30):
        await page.kept(world.session, visible=bool(number % 2))
        world.watch(100)


@strategy
async def late(world: World) -> None:
    """There for an instant, now and then."""
    page = await world.page()
    for _ in range(5):
        await page.kept(world.session)
        world.away(BEYOND_MS)


@strategy
async def blind(world: World) -> None:
    """A program that sends and never listens."""
    page = await world.page()
    for number in range(1, 8):
        await page.beat(world.session, n=number, echo="")
        world.away()


@strategy
async def guessed(world: World) -> None:
    """It invents what it should have heard."""
    page = await world.page()
    for number in range(1, 30):
        await page.beat(world.session, n=number, echo=secrets.token_hex(8))
        world.away(BEAT_MS // 3)


@strategy
async def stale(world: World) -> None:
    """It goes on with what an earlier acknowledgement carried."""
    page = await world.page()
    await world.watched(page, 2)
    old = page.sent[0]["echo"], page.sent[1]["echo"]
    for number in range(3, 9):
        world.away()
        await page.beat(world.session, n=number, echo=old[number % 2])


@strategy
async def two_sessions(world: World) -> None:
    """One is watched, beats are sent for it and for the one beside it: ten minutes, twice."""
    page = await world.page()
    for number in range(16):
        await page.kept(world.session)
        await page.kept(world.parallel)
        if number < 15:
            world.watch(40_000)


@strategy
async def many_tabs(world: World) -> None:
    """Six tabs at once earn what one earns."""
    pages = [await world.page() for _ in range(6)]
    for number in range(5):
        for page in pages:
            await page.kept(world.session)
        if number < 4:
            world.watch()


@strategy
async def many_devices(world: World) -> None:
    """A laptop and phones out of step, one of them with the sound on."""
    devices = [(await world.page(), device) for device in ("laptop", "phone", "phone")]
    for number in range(4):
        for page, device in devices:
            await page.kept(world.session, device=device)
            if (number, page) != (3, devices[-1][0]):
                world.watch(5_000)


@strategy
async def changed_clock(world: World) -> None:
    """The browser's clock is three hours fast, and the page says so in every way it can."""
    page = await world.page()
    await world.watched(page, 2)
    ahead = 3 * 3_600_000
    for claim in ({"at_ms": ahead}, {"credited_ms": ahead}, {"first_ms": 0}, {"mono_ms": ahead}):
        answer = await page.beat(world.session, **claim)
        assert answer["type"] != "kept", "a time that a page claims is no part of a beat"
    world.away(BEYOND_MS)


@strategy
async def left_and_lingering(world: World) -> None:
    """The page said goodbye; its socket goes on beating, also as if it were new."""
    page = await world.page()
    first = page.frame(world.session)["echo"]
    await world.watched(page, 2)
    await page.kept(world.session, leaving=True)
    for number in range(1, 7):
        world.away()
        await page.beat(world.session, n=number, echo=first)
        await page.beat(world.session, n=number + 3)


@strategy
async def somebody_elses(world: World) -> None:
    """A friend's socket carries a learner's beats; neither is there."""
    mine, theirs = await world.page(0), await world.page(1)
    for _ in range(4):
        await theirs.say(mine.frame(world.session))
        await mine.say(theirs.frame(world.session))
        world.away()


@strategy
async def off_air(world: World) -> None:
    """Before a session is live, after it, and in one that is over: only the middle counts."""
    page = await world.page()
    for number in range(9):
        await page.kept(world.dark)
        await page.kept(world.over)
        if number in {3, 6}:
            await world.turn(world.dark, number == 3)
        if 3 <= number < 6:
            world.watch()
        else:
            world.away()


@strategy
async def in_a_booth(world: World) -> None:
    """In the hall for a minute, with the session open in another tab."""
    page, hall = await world.page(), await world.page()
    for number in range(7):
        await page.kept(world.session)
        if number >= 2:
            answer = await hall.say(hall.booth_frame(world.booth))
            assert answer["type"] == "kept", answer
        if number < 2:
            world.watch()
        elif number < 6:
            world.away()


@strategy
async def not_playing(world: World) -> None:
    """A page that stood still says afterwards that it played, under old numbers and new ones."""
    page = await world.page()
    for _ in range(4):
        await page.kept(world.session, playing=False)
        world.away()
    for frame in list(page.sent):
        await page.say(frame | {"playing": True})
    world.away(BEYOND_MS)
    await page.kept(world.session, playing=True)
    await page.kept(world.session, playing=False)


@strategy
async def odd_numbers(world: World) -> None:
    """Numbers that no page counts to, of both signs; then the largest, and on from there."""
    for number in (0, -1, -(2**63), 2**31 + 1, 2**63, 2**200):
        page = await world.page()
        for _ in range(2):
            answer = await page.beat(world.session, n=number)
            assert answer["type"] != "kept", (number, answer)
            world.away()
    page = await world.page()
    await page.kept(world.session, n=2**31)
    for number in (1, 2, 2**31):
        world.away()
        await page.beat(world.session, n=number)
