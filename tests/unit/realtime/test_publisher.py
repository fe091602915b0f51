import asyncio
from collections.abc import Awaitable, Callable

from realtime.bus.bus import Past
from realtime.bus.memory import MemoryBus
from realtime.hub.publisher import open_publisher
from realtime.limits import STATE_SECONDS
from realtime.wire import Event, Position, State, Topic
from tests.servers.waiting import eventually_async

STAGE = Topic("session/1")


class Asked(Event, frozen=True, kw_only=True, tag="question"):
    text: str


class Tally(State, frozen=True, kw_only=True, tag="tally"):
    votes: int


class Ear:
    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.states: list[tuple[float, str, bytes]] = []

    def deliver(self, _topic: Topic, _position: Position, sealed: bytes) -> None:
        self.events.append(sealed)

    def show(self, _topic: Topic, key: str, sealed: bytes) -> None:
        self.states.append((asyncio.get_running_loop().time(), key, sealed))

    def recover(self, topic: Topic, past: Past) -> None: ...


class Board:
    """Something that changes while it is read."""

    def __init__(self) -> None:
        self.votes = 0
        self.reads = 0

    def reader(self, key: str = "p") -> Callable[[], Awaitable[State]]:
        async def read() -> State:
            self.reads += 1
            votes = self.votes
            await asyncio.sleep(0)
            return Tally(key=key, votes=votes)

        return read


async def test_an_event_is_told_at_once_and_has_a_position() -> None:
    ear = Ear()
    bus = MemoryBus(ear)
    await bus.follow(STAGE)
    async with asyncio.TaskGroup() as tasks, open_publisher(bus, tasks) as publisher:
        position = await publisher.publish(STAGE, Asked(text="Why?"))
        assert ear.events == [b'{"type":"question","text":"Why?"}']
        assert position == await publisher.position(STAGE)


async def test_a_state_is_shown_first_at_once_then_as_often_as_allowed_and_ends_true() -> None:
    ear, board = Ear(), Board()
    bus = MemoryBus(ear)
    await bus.follow(STAGE)
    async with asyncio.TaskGroup() as tasks, open_publisher(bus, tasks) as publisher:
        for _ in range(40):
            for _ in range(10):
                board.votes += 1
                publisher.show(STAGE, "p", board.reader())
            await asyncio.sleep(0)

        def newest() -> bool:
            return bool(ear.states) and ear.states[-1][2].endswith(b'"votes":400}')

        await eventually_async(newest, within=2)
        first, last = ear.states[0], ear.states[-1]
        assert last[0] - first[0] < 2 * STATE_SECONDS
        assert len(ear.states) <= 3
        gaps = [b[0] - a[0] for a, b in zip(ear.states, ear.states[1:], strict=False)]
        assert all(gap > 0.9 * STATE_SECONDS for gap in gaps)


async def test_keys_do_not_wait_for_each_other() -> None:
    ear, board = Ear(), Board()
    bus = MemoryBus(ear)
    await bus.follow(STAGE)
    async with asyncio.TaskGroup() as tasks, open_publisher(bus, tasks) as publisher:
        for key in ("a", "b", "c"):
            publisher.show(STAGE, key, board.reader(key))
        await eventually_async(lambda: len(ear.states) == 3, within=STATE_SECONDS / 2)


async def test_what_cannot_be_read_is_read_again() -> None:
    ear, board = Ear(), Board()
    bus = MemoryBus(ear)
    await bus.follow(STAGE)
    failing = iter([OSError("away"), None])

    async def read() -> State:
        if error := next(failing):
            raise error
        return await board.reader()()

    async with asyncio.TaskGroup() as tasks, open_publisher(bus, tasks) as publisher:
        publisher.show(STAGE, "p", read)
        await eventually_async(lambda: len(ear.states) == 1, within=3)


async def test_what_changed_last_is_told_before_the_end_and_nothing_after() -> None:
    ear, board = Ear(), Board()
    bus = MemoryBus(ear)
    await bus.follow(STAGE)
    async with asyncio.TaskGroup() as tasks:
        async with open_publisher(bus, tasks) as publisher:
            publisher.show(STAGE, "p", board.reader())
            await eventually_async(lambda: ear.states, within=2)
            board.votes = 2
            publisher.show(STAGE, "p", board.reader())
        assert ear.states[-1][2].endswith(b'"votes":2}')
        publisher.show(STAGE, "p", board.reader())
    assert len(ear.states) == 2


async def test_a_state_that_cannot_be_told_does_not_hold_up_the_end() -> None:
    async def read() -> State:
        raise OSError

    bus = MemoryBus(Ear())
    async with (
        asyncio.timeout(2),
        asyncio.TaskGroup() as tasks,
        open_publisher(bus, tasks) as publisher,
    ):
        publisher.show(STAGE, "p", read)
