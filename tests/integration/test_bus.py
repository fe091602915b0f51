import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from realtime.bus.bus import Bus, BusAway, Past
from realtime.bus.memory import MemoryBus
from realtime.bus.open import open_bus
from realtime.bus.redis import RedisBus, open_redis_bus
from realtime.bus.scripts import ROLL, keys, live_key
from realtime.limits import HISTORY
from realtime.presence import Presence
from realtime.wire import Position, Topic
from tests.conftest import REDIS_SERVERS
from tests.integration.sockets import STAGE, Process, Question, process
from tests.servers.redis import Redis, running_redis
from tests.servers.waiting import PATIENCE_SECONDS, eventually_async

OpenBus = Callable[["Ear | None"], Awaitable[Bus]]


class Ear:
    """Hears what a bus delivers, and lets a test wait for it."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()

    def deliver(self, topic: Topic, position: Position, sealed: bytes) -> None:
        self._heard.put_nowait((topic, position, sealed))

    def show(self, topic: Topic, key: str, sealed: bytes) -> None:
        self._heard.put_nowait((topic, key, sealed))

    def recover(self, topic: Topic, past: Past) -> None:
        self._heard.put_nowait(("recover", topic, past))

    async def next(self, within: float = PATIENCE_SECONDS) -> tuple[object, ...]:
        async with asyncio.timeout(within):
            return await self._heard.get()

    def silent(self) -> bool:
        return self._heard.empty()


@pytest.fixture
async def open_one(bus_url: str) -> AsyncGenerator[OpenBus]:
    """Opens a process's view of one bus, as often as asked; memory has one process."""
    opened: list[Bus] = []
    async with asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:

        async def open_another(ear: Ear | None = None) -> Bus:
            if bus_url == "memory" and opened:
                return opened[0]
            url = None if bus_url == "memory" else bus_url
            bus = await stack.enter_async_context(open_bus(url, ear or Ear(), tasks))
            opened.append(bus)
            return bus

        yield open_another


def a_topic() -> Topic:
    return Topic(f"session/{uuid4()}")


async def told(bus: Bus, topic: Topic, key: str, sealed: bytes) -> bool:
    turn = await bus.turn(topic)
    return await bus.tell(topic, key, sealed, turn or 0)


# The same on every kind of bus.


async def test_the_newest_state_under_a_key_is_remembered_and_a_whisper_is_not(
    open_one: OpenBus,
) -> None:
    ear, topic = Ear(), a_topic()
    a = await open_one(ear)
    b = await open_one(None)
    await a.follow(topic)
    assert await told(b, topic, "k", b'{"n":1}')
    await b.publish(topic, b'{"type":"x"}')
    assert await told(b, topic, "k", b'{"n":2}')
    assert await b.whisper(topic, "secret", b'{"n":3}')
    heard = [await ear.next() for _ in range(4)]
    assert [heard[at][1:] for at in (0, 2, 3)] == [
        ("k", b'{"n":1}'), ("k", b'{"n":2}'), ("secret", b'{"n":3}'),
    ]  # fmt: skip
    assert (await b.follow(topic)).states == [("k", 1, b'{"n":2}')]


async def test_of_two_states_the_one_that_was_read_later_is_shown_and_kept(
    open_one: OpenBus,
) -> None:
    ear, topic = Ear(), a_topic()
    a = await open_one(ear)
    b = await open_one(None)
    await a.follow(topic)
    first, second = await a.turn(topic), await b.turn(topic)
    assert first is not None
    assert second is not None
    assert first < second
    assert await b.tell(topic, "k", b'{"n":2}', second)
    assert await a.tell(topic, "k", b'{"n":1}', first)
    assert await a.tell(topic, "other", b"{}", first)
    assert [(await ear.next())[1:] for _ in range(2)] == [("k", b'{"n":2}'), ("other", b"{}")]
    assert (await b.follow(topic)).states == [("k", 0, b'{"n":2}'), ("other", 0, b"{}")]


async def test_events_are_numbered_in_order_remembered_and_announced(open_one: OpenBus) -> None:
    ear, topic = Ear(), a_topic()
    a = await open_one(ear)
    b = await open_one(None)

    start = await a.follow(topic)
    assert (start.position.seq, start.events) == (0, [])
    first = await b.publish(topic, b'{"type":"x"}')
    second = await b.publish(topic, b'{"type":"y"}')
    assert first == (start.position.epoch, 1)
    assert second == (start.position.epoch, 2)
    assert await ear.next() == (topic, first, b'{"type":"x"}')
    assert await ear.next() == (topic, second, b'{"type":"y"}')
    assert await b.position(topic) == second
    assert await b.follow(topic) == (second, [(1, b'{"type":"x"}'), (2, b'{"type":"y"}')], [])


async def test_the_epoch_is_set_once_per_topic(open_one: OpenBus) -> None:
    topic = a_topic()
    a, b = await open_one(None), await open_one(None)
    positions = [await a.position(topic), (await b.follow(topic)).position]
    positions += [await b.publish(topic, b"{}"), await a.publish(topic, b"{}")]
    assert [position and position.epoch for position in positions] == [
        positions[0] and positions[0].epoch
    ] * 4
    assert [position and position.seq for position in positions] == [0, 0, 1, 2]


async def test_what_one_process_publishes_keeps_its_order_however_many_at_once(
    open_one: OpenBus,
) -> None:
    ear, topic = Ear(), a_topic()
    a, b = await open_one(ear), await open_one(None)
    await a.follow(topic)
    await asyncio.gather(*(b.publish(topic, b'{"n":%d}' % n) for n in range(300)))
    heard = [await ear.next() for _ in range(300)]
    assert [sealed for _, _, sealed in heard] == [b'{"n":%d}' % n for n in range(300)]
    past = await b.follow(topic)
    assert len(past.events) == HISTORY
    assert past.events[-1] == (300, b'{"n":299}')


async def test_a_state_reaches_those_who_follow_without_a_number(open_one: OpenBus) -> None:
    ear, topic = Ear(), a_topic()
    a, b = await open_one(ear), await open_one(None)
    await a.follow(topic)
    for key in ("poll é 1", "", "= 3 x"):
        assert await told(b, topic, key, b'{"type":"tally"}')
        assert await ear.next() == (topic, key, b'{"type":"tally"}')
    assert (await b.follow(topic)).events == []


async def test_what_is_not_followed_any_more_is_not_heard(open_one: OpenBus) -> None:
    ear, topic, other = Ear(), a_topic(), a_topic()
    a, b = await open_one(ear), await open_one(None)
    await a.follow(topic)
    await a.follow(other)
    await a.unfollow(topic)
    await a.follow(other)
    await b.publish(topic, b"{}")
    await b.publish(other, b"{}")
    assert (await ear.next())[0] == other
    await a.unfollow(other)
    await a.follow(other)
    await b.publish(other, b"{}")
    assert (await ear.next())[0] == other, "followed again at once, nothing is lost"


async def test_persons_of_a_place_are_counted_once_over_all_processes(open_one: OpenBus) -> None:
    place = f"session/{uuid4()}"
    one, two = Presence(await open_one(None)), Presence(await open_one(None))
    tabs = [uuid4() for _ in range(4)]
    await one.enter(place, "ann", tabs[0])
    await two.enter(place, "ann", tabs[1])
    await two.enter(place, "ben é", tabs[2])
    assert await one.count(place) == await two.count(place) == 2
    assert await one.people(place) == {"ann", "ben é"}
    await one.leave(tabs[0])
    assert await one.people(place) == {"ann", "ben é"}
    await two.close()
    assert await one.count(place) == 0


# What only Redis can do to us.


async def test_a_redis_that_forgot_shows_up_as_another_epoch(redis_server: Redis) -> None:
    ear, topic = Ear(), a_topic()
    async with asyncio.TaskGroup() as tasks, open_redis_bus(redis_server.url, ear, tasks) as bus:
        before = (await bus.follow(topic)).position
        await bus.publish(topic, b"{}")
        await ear.next()
        redis_server.forget()
        after = await bus.publish(topic, b"{}")
        assert after is not None
        assert (after.seq, after.epoch != before.epoch) == (1, True)
        assert (await ear.next())[1] == after, "every process that follows is told"


async def test_a_redis_that_forgot_its_scripts_is_taught_again(redis_server: Redis) -> None:
    topic = a_topic()
    async with asyncio.TaskGroup() as tasks, open_redis_bus(redis_server.url, Ear(), tasks) as bus:
        await bus.publish(topic, b"{}")
        redis_server.ask("SCRIPT", "FLUSH")
        positions = await asyncio.gather(*(bus.publish(topic, b"{}") for _ in range(5)))
        assert [position and position.seq for position in positions] == [2, 3, 4, 5, 6]


async def test_a_process_that_died_is_not_present_for_long(redis_server: Redis) -> None:
    place = f"session/{uuid4()}"
    async with asyncio.TaskGroup() as tasks, open_redis_bus(redis_server.url, Ear(), tasks) as bus:
        assert await bus.mark(place, "dead", ["ann", "ben"], lease=0.2) == 2
        assert await bus.mark(place, "alive", ["ben"], lease=45) == 2

        async with asyncio.timeout(2):
            while await bus.mark(place, "alive", [], lease=45) != 1:
                pass
        assert await bus.marked(place) == {"ben"}


async def test_garbage_on_our_topics_stops_nobody(redis_server: Redis) -> None:
    ear, topic = Ear(), a_topic()
    garbage = ["", "x", "a b", "a b c", "= x {}", "= 99 k{}", "e 1 []", "e -1 {", "\x00 \x00 {"]
    async with asyncio.TaskGroup() as tasks, open_redis_bus(redis_server.url, ear, tasks) as bus:
        await bus.follow(topic)
        with capture_logs():
            for words in garbage:
                redis_server.ask("PUBLISH", live_key(topic), words)
            redis_server.ask("PUBLISH", "rounds:live", "x")
            position = await bus.publish(topic, b'{"type":"x"}')
            while (heard := await ear.next())[1] != position:
                pass
        assert heard == (topic, position, b'{"type":"x"}')


async def test_a_poor_account_is_enough(redis_server: Redis) -> None:
    rights = (
        "resetchannels ~rounds:* &rounds:* -@all +evalsha +script|load +set +get +incr +xadd"
        " +xrevrange +publish +subscribe +unsubscribe +ping +hello +time +zadd +zrem"
        " +zrangebyscore +hset +hget +hgetall +hincrby +hdel +hlen +hkeys +pexpire +scan"
    )
    made = redis_server.ask("ACL", "SETUSER", "rounds", "on", ">secret", *rights.split())
    assert made == b"+OK\r\n"
    ear, topic = Ear(), a_topic()
    url = redis_server.url.replace("redis://", "redis://rounds:secret@")
    async with asyncio.TaskGroup() as tasks, open_redis_bus(url, ear, tasks) as bus:
        await bus.follow(topic)
        position = await bus.publish(topic, b"{}")
        assert await ear.next() == (topic, position, b"{}")
        assert await told(bus, topic, "k", b"{}")
        presence = Presence(bus)
        await presence.enter("hall", "ann", uuid4())
        assert await presence.people("hall") == {"ann"}
        await presence.close()
        # What a process leaves that died without a goodbye: a lease that ran out long ago.
        assert redis_server.ask("ZADD", ROLL, "1", "somebody") == b":1\r\n"
        while (heard := await ear.next())[2] != b"":  # its topics begin anew
            pass
        assert heard[0] == topic
        assert heard[1] != position
        await eventually_async(lambda: redis_server.ask("ZSCORE", ROLL, "somebody") == b"$-1\r\n")


async def test_what_is_published_while_redis_returns_is_owed_and_paid() -> None:
    """Catching up takes a round trip for each topic; whoever commits meanwhile is not forgotten."""
    topic, ear = a_topic(), Ear()
    with running_redis() as redis:
        async with asyncio.TaskGroup() as tasks, open_redis_bus(redis.url, ear, tasks) as bus:
            for topic_ in (topic, *(a_topic() for _ in range(300))):
                await bus.follow(topic_)
            with capture_logs():
                redis.kill()
                await eventually_async(lambda: not bus.here)
                assert await bus.publish(topic, b"{}") is None
                redis.start()
                while not bus.here:
                    await bus.publish(topic, b"{}")
                    await asyncio.sleep(0)
            await eventually_async(lambda: not bus.owes, what="all debts are paid")


async def test_a_past_that_another_process_made_too_old_is_renewed(redis_server: Redis) -> None:
    """Redis came back with an old snapshot: the same epoch, and numbers that were given before."""
    ear, topic = Ear(), a_topic()
    async with asyncio.TaskGroup() as tasks, open_redis_bus(redis_server.url, ear, tasks) as bus:
        known = (await bus.follow(topic)).position
        for _ in range(5):
            await bus.publish(topic, b"{}")
            await ear.next()
        redis_server.ask("SET", keys(topic)[1], "2")
        redis_server.ask("DEL", keys(topic)[2])
        redis_server.ask("CLIENT", "KILL", "TYPE", "pubsub")
        with capture_logs():
            while (heard := await ear.next())[0] != "recover":
                pass
        past = heard[2]
        assert isinstance(past, Past)
        assert past.position.epoch != known.epoch


async def test_while_redis_is_away_nobody_waits_for_it() -> None:
    topic = a_topic()
    with capture_logs():
        async with (
            asyncio.TaskGroup() as tasks,
            open_redis_bus("unix:///nowhere", Ear(), tasks) as bus,
        ):
            async with asyncio.timeout(0.2):
                assert await bus.position(topic) is None
                assert await bus.publish(topic, b"{}") is None
                assert not await told(bus, topic, "k", b"{}")
                assert await bus.marked("hall") is None
                with pytest.raises(BusAway):
                    await bus.follow(topic)
                presence = Presence(bus)
                await presence.enter("hall", "ann", uuid4())
                assert await presence.people("hall") == {"ann"}
                assert await presence.count("hall") == 1


# Whole processes, with pages that must recover without being loaded again.


async def stage_position(here: Process) -> Position:
    await eventually_async(lambda: here.bus.here, within=10)
    position = await here.publisher.position(STAGE)
    assert position is not None
    return position


@pytest.mark.parametrize("name", REDIS_SERVERS)
async def test_two_processes_see_the_same_and_a_killed_redis_costs_no_reload(name: str) -> None:
    with running_redis(name) as redis:
        async with (
            process(redis.url) as one,
            process(redis.url) as two,
            one.peer() as ann,
            two.peer("ben") as ben,
        ):
            await ann.follow()
            await ben.follow()
            await one.publisher.publish(STAGE, Question(text="before"))
            assert (await ann.until("question")) == (await ben.until("question"))

            with capture_logs() as logs:
                redis.kill()
                await eventually_async(lambda: not one.bus.here or not two.bus.here)
                await ann.send("question.ask", text="meanwhile")
                assert (await ann.until("done"))["id"], "a command commits and is answered"
                redis.start()
                for page in (ann, ben):
                    assert (await page.until("resync", within=10))["epoch"]
            assert len(logs) < 10, "an outage is not told once per peer"

            await stage_position(one)
            await stage_position(two)
            await two.publisher.publish(STAGE, Question(text="after"))
            for page in (ann, ben):
                assert (await page.until("question"))["text"] == "after"


async def test_what_a_frozen_redis_kept_from_followers_is_made_good() -> None:
    """Its data survives, so nothing shows the gap: those who could not publish own up to it."""
    with running_redis() as redis:
        async with (
            process(redis.url) as one,
            process(redis.url) as two,
            two.peer("ben") as ben,
            one.peer() as ann,
        ):
            await ben.follow()
            before = (await ann.follow())["epoch"]
            with capture_logs():
                redis.freeze()
                await ann.send("question.ask", text="unheard")
                assert (await ann.until("done", within=3))["id"]
                redis.thaw()
                resync = await ben.until("resync", within=10)
            assert resync["epoch"] != before


async def test_what_waits_behind_an_unanswered_command_does_not_wait_as_long_again() -> None:
    with running_redis() as redis:
        async with process(redis.url) as one:
            bus = one.bus
            assert isinstance(bus, RedisBus)
            with capture_logs():
                redis.freeze()
                first = asyncio.create_task(one.bus.publish(STAGE, b'{"type":"x"}'))
                async with asyncio.timeout(1.8):
                    await eventually_async(lambda: bus._sent, what="the next is not sent with it")
                    assert await one.bus.publish(STAGE, b'{"type":"y"}') is None
                assert await first is None
                redis.thaw()


async def test_a_closed_bus_refuses_instead_of_waiting(redis_url: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with open_redis_bus(redis_url, Ear(), tasks) as bus:
            assert await bus.publish(STAGE, b'{"type":"x"}')
        async with asyncio.timeout(1):
            assert await bus.publish(STAGE, b'{"type":"y"}') is None


async def test_a_page_that_follows_while_redis_is_away_resyncs_and_again_when_it_is_back() -> None:
    with running_redis() as redis:
        redis.kill()
        with capture_logs():
            async with process(redis.url) as here, here.peer() as page:
                answer = await page.follow()
                assert (answer["type"], answer["epoch"]) == ("resync", None)
                redis.start()
                again = await page.until("resync", within=10)
                assert again["epoch"]
                await stage_position(here)
                await here.publisher.publish(STAGE, Question(text="after"))
                assert (await page.until("question"))["text"] == "after"


async def test_a_page_that_is_ahead_of_its_process_resumes() -> None:
    """Its page was rendered elsewhere, a moment before the event came here."""
    with running_redis() as redis:
        async with process(redis.url) as here, here.peer() as page:
            await page.follow()
            epoch = (await stage_position(here)).epoch
            redis.ask("INCR", keys(STAGE)[1])
            assert (await page.follow(epoch=epoch, seq=1))["type"] == "followed"
            assert (await page.follow(epoch=epoch, seq=9))["type"] == "resync", "that is made up"


def test_the_memory_bus_is_what_no_address_means() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks, open_bus(None, Ear(), tasks) as bus:
            assert isinstance(bus, MemoryBus)
            assert not isinstance(bus, RedisBus)

    asyncio.run(scenario())
