"""Tells a topic's followers, in every process: events at once, states as often as one can read.

It knows neither rows nor rules. A state is read when it is sent, so that the last one shown is the
last one committed; of two processes that read at once, whose turn was later is believed.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from realtime.bus.bus import Bus
from realtime.limits import STATE_SECONDS
from realtime.wire import Event, Position, State, Topic, seal

Read = Callable[[], Awaitable[State]]

CLOSE_SECONDS = 2.0
"""How long the last states may take at the end: they are read from the database once more."""

MAX_RETRY_SECONDS = 4.0
"""How rarely a state is tried again that could not be read or told: the bus must be back by 5 s."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Showing:
    """A key that was shown lately, and whether it changed since it was last read."""

    read: Read
    changed: bool
    task: "asyncio.Task[None] | None" = None


class Publisher:
    """What a process has to say."""

    def __init__(self, bus: Bus, tasks: asyncio.TaskGroup) -> None:
        self._bus = bus
        self._tasks = tasks
        self._showing: dict[tuple[Topic, str], _Showing] = {}
        self._closing = asyncio.Event()

    async def publish(self, topic: Topic, event: Event) -> Position | None:
        """Tell an event; None while the bus is away, and followers will resync."""
        return await self._bus.publish(topic, seal(event))

    async def position(self, topic: Topic) -> Position | None:
        """Where a topic stands: read it before the rows that a page shows."""
        return await self._bus.position(topic)

    def show(self, topic: Topic, key: str, read: Read) -> None:
        """Show a state: at once, and if it changes again within a moment, at the end of it."""
        if self._closing.is_set():
            return
        showing = self._showing.get((topic, key))
        if showing is not None:
            showing.read, showing.changed = read, True
            return
        showing = self._showing[topic, key] = _Showing(read, changed=True)
        showing.task = self._tasks.create_task(self._show(topic, key, showing))

    async def close(self) -> None:
        """Tell once more what changed: no other process knows of it. Then show nothing more."""
        self._closing.set()
        running = [showing.task for showing in self._showing.values() if showing.task]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=CLOSE_SECONDS)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def _show(self, topic: Topic, key: str, showing: _Showing) -> None:
        pause = STATE_SECONDS
        while showing.changed:
            showing.changed = False
            if await self._shown(topic, key, showing.read):
                pause = STATE_SECONDS
            elif self._closing.is_set():
                break
            else:
                showing.changed = True
                pause = min(pause * 2, MAX_RETRY_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._closing.wait()
        del self._showing[topic, key]

    async def _shown(self, topic: Topic, key: str, read: Read) -> bool:
        turn = await self._bus.turn(topic)
        if turn is None:
            return False
        try:
            state = await read()
        except Exception:  # the database may be away; the next try reads again
            log.exception("publisher.read", topic_kind=topic.partition("/")[0])
            return False
        return await self._bus.tell(topic, key, seal(state), turn)


@asynccontextmanager
async def open_publisher(bus: Bus, tasks: asyncio.TaskGroup) -> AsyncGenerator[Publisher]:
    publisher = Publisher(bus, tasks)
    try:
        yield publisher
    finally:
        await publisher.close()
