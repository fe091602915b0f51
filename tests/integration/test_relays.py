"""Several relays of one installation: spread, supervised each alone, back after a kill."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from realtime.relay.caller import Caller, CallLost
from realtime.relay.client import RelayAway, RelayRefused
from realtime.relay.flow import Packet
from realtime.relay.grant import Deed, Grant
from realtime.relay.relays import Relays, ranked
from server import secrets
from server.settings import Settings
from tests.integration.relays import SESSION, adjacent
from tests.integration.test_relay import Camera, payloads
from tests.servers.rounds import Rounds, running_rounds
from tests.servers.waiting import eventually_async

BACK_SECONDS = 20.0
"""Publishers and viewers are back by themselves after a death or a freeze."""

AGAIN_SECONDS = 0.2
"""Between two attempts of somebody who comes back; pages wait longer."""


class Fleet:
    """`rounds relay --processes 2`, and the server's view of it."""

    def __init__(self, running: Rounds, relays: Relays) -> None:
        self.running, self.relays = running, relays
        names = list(relays.clients)
        self.origin = relays.origin(SESSION)
        (self.edge,) = set(names) - {self.origin}

    def pid(self, name: str) -> int:
        number = list(self.relays.clients).index(name)
        wanted = Settings(data=str(self.running.data), relay_processes=2).relays[number]
        for child in psutil.Process(self.running.pid).children():
            with suppress(psutil.NoSuchProcess):
                if child.environ().get("ROUNDS_RELAY_URL") == wanted:
                    return int(child.pid)
        raise LookupError(wanted)

    def somebody(self, name: str) -> str:
        """A person whose relay is the one of that name."""
        people = (f"person-{n}" for n in range(1000))
        return next(
            who for who in people if ranked(self.relays.clients, f"{SESSION} {who}")[0] == name
        )

    def grant(self, may: Deed, who: str) -> Grant:
        return Grant(who=who, session=SESSION, may=may, exp=int(time.time()) + 60)


@pytest.fixture
def fleet_process(tmp_path: Path) -> Generator[Rounds]:
    ports = {"ROUNDS_MEDIA_PORT": str(adjacent())}
    with running_rounds(tmp_path, ports, ("relay", "--processes", "2")) as running:
        yield running


@pytest.fixture
async def fleet(fleet_process: Rounds) -> AsyncGenerator[Fleet]:
    path = Path(fleet_process.environment.get("ROUNDS_SECRET_FILE", fleet_process.data / "secret"))
    await eventually_async(path.exists, 20, "the secret")
    secret = secrets.relay_key(secrets.load(path))
    urls = Settings(data=str(fleet_process.data), relay_processes=2).relays
    async with Relays(urls, secret) as relays:
        deadline = time.monotonic() + 60
        while not await relays.healthy():
            assert time.monotonic() < deadline, fleet_process.log_text()
        yield Fleet(fleet_process, relays)


class Speaker:
    """Publishes, and comes back whenever the connection is lost."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def run(self) -> None:
        while True:
            with suppress(CallLost, RelayAway, RelayRefused):
                await self._publish()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _publish(self) -> None:
        caller = Caller("publish", ("VP8",))
        grant = self._fleet.grant("publish", "speaker")
        answer = await self._fleet.relays.publish(grant, caller.offer)
        try:
            await caller.connect(answer.sdp)
            await Camera(caller).until(caller.closed.is_set, within=3600)
        finally:
            await caller.close()


class Viewer:
    """Watches, and comes back whenever the connection is lost."""

    def __init__(self, fleet: Fleet, who: str) -> None:
        self._fleet, self._who = fleet, who
        self.got: list[Packet] = []
        self.joined = 0
        self.places: list[str] = []

    async def run(self) -> None:
        while True:
            with suppress(CallLost, RelayAway, RelayRefused):
                await self._watch()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _watch(self) -> None:
        caller = Caller("watch", ("VP8",))
        grant = self._fleet.grant("watch", self._who)
        answer = await self._fleet.relays.watch(grant, caller.offer)
        try:
            await caller.connect(answer.sdp)
            caller.on_rtp = self.got.append
            self.joined += 1
            self.places.append(answer.location.partition("/")[0])
            await caller.closed.wait()
        finally:
            await caller.close()

    async def sees(self, within: float = BACK_SECONDS) -> None:
        """Pictures flow from now on."""
        self.got.clear()
        await eventually_async(lambda: len(payloads(self.got)) > 5, within, "pictures")


@asynccontextmanager
async def shown(fleet: Fleet) -> AsyncGenerator[tuple[Viewer, Viewer]]:
    """A speaker, a viewer at the origin and one at the edge, all persistent."""
    near = Viewer(fleet, fleet.somebody(fleet.origin))
    far = Viewer(fleet, fleet.somebody(fleet.edge))
    tasks = [asyncio.create_task(each.run()) for each in (Speaker(fleet), near, far)]
    try:
        await near.sees(30)
        await far.sees(30)
        yield near, far
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


async def test_a_killed_edge_and_a_killed_origin_come_back_with_their_viewers(
    fleet: Fleet,
) -> None:
    async with shown(fleet) as (near, far):
        assert (near.places, far.places) == ([fleet.origin], [fleet.edge])
        before = fleet.pid(fleet.edge)
        os.kill(before, signal.SIGKILL)
        await near.sees(2)  # nobody else notices
        await far.sees()
        assert near.joined == 1
        await eventually_async(lambda: fleet.pid(fleet.edge) != before, 10, "another process")
        again = Viewer(fleet, fleet.somebody(fleet.edge))
        watching = asyncio.create_task(again.run())
        await again.sees(30)
        joined = again.joined
        os.kill(fleet.pid(fleet.origin), signal.SIGKILL)
        await near.sees()
        await again.sees()
        if again.places[-1] == fleet.edge:
            assert again.joined == joined, "the edge's viewers never renegotiated"
        watching.cancel()
