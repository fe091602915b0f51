"""A whole hub on a real port: uvicorn, reception, bus; its conference is these few lines."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from realtime.addresses import Network
from realtime.bus.bus import Bus
from realtime.bus.open import open_bus
from realtime.hub.commands import Commands
from realtime.hub.hub import Hub
from realtime.hub.mount import hub_server, listen
from realtime.hub.publisher import Publisher, open_publisher
from realtime.hub.reception import Peer, Reception, open_reception
from realtime.wire import Command, Event, Message, Reply, State, Topic, Welcome
from tests.servers.waiting import PATIENCE_SECONDS, eventually_async

HERE = Origin("http://rounds.example")
STAGE = Topic("session/1")


class Ask(Command, frozen=True, kw_only=True, tag="question.ask"):
    text: str


class Vote(Command, frozen=True, kw_only=True, tag="question.vote"):
    """Answered later, by a future."""


class Note(Command, frozen=True, kw_only=True, tag="note.add"):
    """Answered at once."""


class Fail(Command, frozen=True, kw_only=True, tag="accident.happen"): ...


class Refuse(Command, frozen=True, kw_only=True, tag="rule.break"): ...


class Beat(Message, frozen=True, kw_only=True, tag="beat"):
    n: int


class Kept(Reply, frozen=True, tag="kept"):
    n: int


class Question(Event, frozen=True, kw_only=True, tag="question"):
    text: str


class Tally(State, frozen=True, kw_only=True, tag="tally"):
    votes: int


class Broken(Exception):
    """An expected refusal."""


class Guest:
    def __init__(self, name: str) -> None:
        self.person_id = name


class Conference:
    """Implements `Gate`; the cookie is the person's name."""

    def __init__(self) -> None:
        self.publisher: Publisher
        self.asked: list[str] = []
        self.votes: asyncio.Queue[asyncio.Future[int]] = asyncio.Queue()
        self.left_names: list[str] = []
        self.out: set[str] = set()
        self.closed_topics = {Topic("session/1/desk")}
        self.admitting: Callable[[], Awaitable[None]] | None = None

    async def admit(self, cookies: str, _connection: UUID) -> Guest | None:
        if self.admitting is not None:
            await self.admitting()
        return Guest(cookies) if cookies else None

    def welcome(self, _guest: Guest) -> Welcome:
        return Welcome(connection=uuid4(), echo="e", beat_ms=15_000, lease_ms=45_000)

    async def may_follow(self, _guest: Guest, topic: Topic) -> bool:
        return topic not in self.closed_topics

    async def still(self, guest: Guest) -> bool:
        return guest.person_id not in self.out

    def call(self, guest: Guest, peer: Peer) -> object:
        return self, guest, peer

    def refusal(self, error: Exception) -> tuple[str, str] | None:
        return ("rule.broken", "$.text") if isinstance(error, Broken) else None

    async def left(self, guest: Guest) -> None:
        self.left_names.append(guest.person_id)


def command_table() -> Commands:
    commands = Commands()

    @commands.handle
    async def ask(command: Ask, call: Any) -> UUID:
        conference: Conference = call[0]
        conference.asked.append(command.text)
        await conference.publisher.publish(STAGE, Question(text=command.text))
        return uuid4()

    @commands.handle
    def vote(_command: Vote, call: Any) -> "asyncio.Future[int]":
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        call[0].votes.put_nowait(future)
        return future

    @commands.handle
    def note(_command: Note, _call: Any) -> None: ...

    @commands.handle
    async def fail(_command: Fail, _call: Any) -> None:
        raise ZeroDivisionError

    @commands.handle
    async def refuse(_command: Refuse, _call: Any) -> None:
        raise Broken

    @commands.handle
    def beat(command: Beat, call: Any) -> None:
        call[2].reply(Kept(n=command.n))

    return commands


class Process:
    """One process of sockets."""

    def __init__(
        self,
        *,
        conference: Conference,
        hub: Hub,
        bus: Bus,
        reception: Reception,
        server: uvicorn.Server,
        port: int,
    ) -> None:
        self.conference, self.hub, self.bus = conference, hub, bus
        self.reception, self.server, self.port = reception, server, port

    @property
    def publisher(self) -> Publisher:
        return self.conference.publisher

    @asynccontextmanager
    async def peer(self, name: str = "ann", **options: Any) -> AsyncGenerator["Page"]:
        """A page of a person, after its welcome."""
        async with self.socket(name, **options) as socket:
            page = Page(socket)
            assert (await page.next())["type"] == "welcome"
            yield page

    def socket(self, name: str = "ann", **options: Any) -> connect:
        headers = {"Cookie": name} if name else {}
        address = f"ws://127.0.0.1:{self.port}/ws"
        return connect(address, **{"origin": HERE, "additional_headers": headers} | options)


class Page:
    """The browser's side of a socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._ref = 0

    async def send(self, type_: str, **fields: Any) -> int:
        self._ref += 1
        words = {"type": type_, "ref": self._ref, "command_id": str(uuid4())} | fields
        await self.socket.send(json.dumps(words))
        return self._ref

    async def follow(self, topic: str = STAGE, epoch: str | None = None, seq: int = 0) -> Any:
        """Returns the answer: `followed` or `resync`, or an error."""
        self._ref += 1
        words = {"type": "topic.follow", "ref": self._ref, "topic": topic, "epoch": epoch}
        await self.socket.send(json.dumps(words | {"seq": seq}))
        return await self.until("followed", "resync", "error")

    async def next(self, within: float = PATIENCE_SECONDS) -> dict[str, Any]:
        async with asyncio.timeout(within):
            frame: dict[str, Any] = json.loads(await self.socket.recv())
        return frame

    async def until(self, *types: str, within: float = PATIENCE_SECONDS) -> dict[str, Any]:
        async with asyncio.timeout(within):
            while (frame := await self.next(within))["type"] not in types:
                pass
        return frame

    async def closed(self, within: float = PATIENCE_SECONDS) -> int | None:
        """The code with which the other side closed."""
        async with asyncio.timeout(within):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None


@asynccontextmanager
async def process(
    url: str | None = None,
    tasks: asyncio.TaskGroup | None = None,
    proxies: Sequence[Network] = (),
) -> AsyncGenerator[Process]:
    """A process with everything in it, as `rounds hub` composes one."""
    async with AsyncExitStack() as stack:
        if tasks is None:
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
        loop = asyncio.get_running_loop()
        hub = Hub(now=loop.time, later=loop.call_later)
        conference = Conference()
        bus = await stack.enter_async_context(open_bus(url, hub, tasks))
        conference.publisher = await stack.enter_async_context(open_publisher(bus, tasks))
        opening = open_reception(
            hub=hub,
            bus=bus,
            commands=command_table(),
            gate=conference,
            tasks=tasks,
            proxies=proxies,
        )
        reception = await stack.enter_async_context(opening)
        server = hub_server([HERE], reception.greet)
        listening = listen("127.0.0.1", 0)
        serving = tasks.create_task(server._serve([listening]))
        await eventually_async(lambda: server.started)
        try:
            yield Process(
                conference=conference,
                hub=hub,
                bus=bus,
                reception=reception,
                server=server,
                port=listening.getsockname()[1],
            )
        finally:
            server.should_exit = True
            with suppress(asyncio.CancelledError):
                await serving
