"""The hub as `rounds hub` runs it, with a conference that only talks, for the benchmark."""

import asyncio
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID

from realtime.bus.memory import MemoryBus
from realtime.hub.commands import Commands
from realtime.hub.hub import Hub
from realtime.hub.mount import hub_server
from realtime.hub.publisher import Publisher, open_publisher
from realtime.hub.reception import Peer, open_reception
from realtime.wire import Command, Event, Topic, Welcome
from tests.bench.hub.servers import PAD

CROWD = Topic("crowd")


class Say(Command, frozen=True, kw_only=True, tag="bench.say"):
    at: int
    crowd: bool


class Said(Event, frozen=True, kw_only=True, tag="said"):
    at: int
    text: str


@dataclass(slots=True)
class Guest:
    person_id: str
    connection: UUID


class Gate:
    """Lets everybody do everything."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def admit(self, cookies: str, connection: UUID) -> Guest:
        return Guest(cookies, connection)

    def welcome(self, guest: Guest) -> Welcome:
        return Welcome(connection=guest.connection, echo="", beat_ms=15_000, lease_ms=45_000)

    async def may_follow(self, _guest: Guest, _topic: Topic) -> bool:
        return True

    async def still(self, _guest: Guest) -> bool:
        return True

    def call(self, _guest: Guest, _peer: Peer) -> Publisher:
        return self._publisher

    def refusal(self, _error: Exception) -> None:
        return None

    async def left(self, _guest: Guest) -> None: ...


def small_topics(hub: Hub) -> list[Topic]:
    return [topic for topic in hub.counts() if topic != CROWD]


async def serve(listening: socket.socket, origin: str) -> None:
    commands = Commands()

    @commands.handle
    async def say(command: Say, publisher: Publisher) -> None:
        topics = [CROWD] if command.crowd else small_topics(hub)
        for topic in topics:
            await publisher.publish(topic, Said(at=command.at, text=PAD))

    loop = asyncio.get_running_loop()
    hub = Hub(now=loop.time, later=loop.call_later)
    async with asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        bus = MemoryBus(hub)
        publisher = await stack.enter_async_context(open_publisher(bus, tasks))
        opening = open_reception(
            hub=hub, bus=bus, commands=commands, gate=Gate(publisher), tasks=tasks
        )
        reception = await stack.enter_async_context(opening)
        await hub_server([origin], reception.greet).serve(sockets=[listening])
