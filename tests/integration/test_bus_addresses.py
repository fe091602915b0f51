"""The bus under sentinels and over a cluster: who dies, and what the others then know."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from realtime.bus.bus import Bus, BusAway, Past
from realtime.bus.redis import open_redis_bus
from realtime.bus.scripts import ROLL, keys, live_key
from realtime.wire import Position, Topic
from tests.integration.test_bus import Ear, a_topic
from tests.servers.redis import Redis
from tests.servers.redis_groups import Cluster, Sentinels, running_cluster, running_sentinels
from tests.servers.waiting import eventually_async

SERVERS = ("redis-6.2", "valkey-9.1")


@pytest.fixture(params=SERVERS)
def sentinels(request: pytest.FixtureRequest) -> Generator[Sentinels]:
    with running_sentinels(request.param) as group:
        yield group


@pytest.fixture(scope="module", params=SERVERS)
def cluster(request: pytest.FixtureRequest) -> Generator[Cluster]:
    with running_cluster(request.param) as group:
        yield group


@asynccontextmanager
async def two_buses(one: str, two: str) -> AsyncGenerator[tuple[Bus, Bus, Ear, Ear]]:
    ears = Ear(), Ear()
    with capture_logs():
        async with (
            asyncio.TaskGroup() as tasks,
            open_redis_bus(one, ears[0], tasks) as first,
            open_redis_bus(two, ears[1], tasks) as second,
        ):
            yield first, second, *ears


def topic_at(cluster: Cluster, node: Redis) -> Topic:
    return next(topic for topic in iter(a_topic, None) if cluster.holder(live_key(topic)) is node)


async def heard_of(ear: Ear, topic: Topic) -> tuple[object, ...]:
    while (heard := await ear.next())[0] != topic:
        pass
    return heard


async def everything_works(a: Bus, b: Bus, ear: Ear) -> None:
    topic = a_topic()
    start = (await a.follow(topic)).position
    first = await b.publish(topic, b'{"n":1}')
    assert first == (start.epoch, start.seq + 1)
    assert await heard_of(ear, topic) == (topic, first, b'{"n":1}')
    turn = await b.turn(topic)
    assert turn is not None
    assert await b.tell(topic, "k", b"{}", turn)
    assert await heard_of(ear, topic) == (topic, "k", b"{}")
    assert await b.follow(topic) == (first, [(1, b'{"n":1}')], [("k", 1, b"{}")])
    assert await a.position(topic) == first
    assert await a.mark(topic, "one", ["ann", "ben"], lease=45) == 2
    assert await b.mark(topic, "two", ["ben"], lease=45) == 2
    assert await b.unmark(topic, "one", ["ann"]) == 1
    assert await a.marked(topic) == {"ben"}


async def resynced(ear: Ear, *known: tuple[Topic, Position]) -> dict[Topic, Position]:
    """The follower is told that these histories do not go on, and where they stand."""
    waiting, begun = dict(known), dict[Topic, Position]()
    while waiting:
        heard = await ear.next()
        place = heard[2].position if isinstance(heard[2], Past) else heard[1]
        for topic in waiting.keys() & {*heard[:2]}:
            if isinstance(place, Position) and place.epoch != waiting[topic].epoch:
                del waiting[topic]
                begun[topic] = place
    return begun


async def published(bus: Bus, topic: Topic) -> Position:
    while True:
        await eventually_async(lambda: bus.here)
        if position := await bus.publish(topic, b'{"after":1}'):
            return position


async def test_the_sentinels_name_the_master_and_the_next_one(sentinels: Sentinels) -> None:
    async with two_buses(sentinels.url, sentinels.url) as (a, b, ear, other):
        await everything_works(a, b, ear)
        topic = a_topic()
        known = (await a.follow(topic)).position
        await b.follow(topic)
        assert (await b.publish(topic, b"{}")) == (known.epoch, 1)

        # The replica never hears of three events, and then counts further than anybody knows:
        # the numbers alone do not show that some of them are not the same events.
        replica = sentinels.replica
        await eventually_async(lambda: replica.ask("GET", keys(topic)[1]) == b"$1\r\n1\r\n")
        replica.freeze()
        sentinels.master.ask("CLIENT", "KILL", "TYPE", "replica")
        for seq in (2, 3, 4):
            assert await b.publish(topic, b"{}") == (known.epoch, seq)
        sentinels.master.kill()
        replica.thaw()
        replica.ask("CONFIG", "SET", "replica-read-only", "no")
        assert replica.ask("INCRBY", keys(topic)[1], "10") == b":11\r\n"

        for each in (ear, other):
            assert (await resynced(each, (topic, known)))[topic].seq >= 11
        after = await published(b, topic)
        while (heard := await ear.next())[1] != after:
            pass
        assert heard == (topic, after, b'{"after":1}')
        await everything_works(a, b, ear)


async def test_who_knows_different_nodes_of_a_cluster_hears_the_same(cluster: Cluster) -> None:
    one, two, three = cluster.primaries
    async with two_buses(cluster.url_of(one), cluster.url_of(two)) as (a, b, ear, _):
        for node in cluster.primaries:
            topic = topic_at(cluster, node)
            await a.follow(topic)
            position = await b.publish(topic, b"{}")
            assert position is not None
            assert await heard_of(ear, topic) == (topic, position, b"{}")
        await everything_works(a, b, ear)

        # Many at once, to every node, in the order of each topic.
        topics = [topic_at(cluster, node) for node in (one, two, three)]
        placed = await asyncio.gather(*(b.publish(t, b"{}") for _ in range(60) for t in topics))
        assert [place and place.seq for place in placed] == [
            n for n in range(1, 61) for _ in topics
        ]

        for node in cluster.primaries:
            node.ask("SCRIPT", "FLUSH")
        assert all(await asyncio.gather(*(b.publish(t, b"{}") for t in topics)))


async def test_a_replica_in_the_cluster_takes_over(cluster: Cluster) -> None:
    async with two_buses(cluster.url, cluster.url) as (a, b, ear, other):
        topic = topic_at(cluster, cluster.primaries[-1])
        known = (await a.follow(topic)).position
        await b.follow(topic)
        assert (await b.publish(topic, b"{}")) == (known.epoch, 1)
        cluster.primaries[-1].kill()
        for each in (ear, other):
            await resynced(each, (topic, known))
        after = await published(b, topic)
        while (await ear.next())[1] != after:
            pass
        await everything_works(a, b, ear)
    cluster.take_back()


async def test_a_cluster_that_lost_keys_is_away_until_they_are_back(cluster: Cluster) -> None:
    async with two_buses(cluster.url, cluster.url) as (a, b, ear, _):
        lost, kept = (topic_at(cluster, node) for node in cluster.primaries[:2])
        known = {topic: (await a.follow(topic)).position for topic in (lost, kept)}
        cluster.primaries[0].kill()
        await eventually_async(lambda: not a.here and not b.here)
        assert await b.publish(lost, b"{}") is None
        assert await b.publish(kept, b"{}") is None
        with pytest.raises(BusAway):
            await b.follow(a_topic())
        cluster.primaries[0].start()
        await resynced(ear, *known.items())
        await eventually_async(lambda: a.here and b.here)
        await everything_works(a, b, ear)


async def test_the_dead_leave_every_topic_of_every_node_to_the_others() -> None:
    """With no more rights than the documents name."""
    rights = (
        "resetchannels ~rounds:* &rounds:* -@all +evalsha +script|load +set +get +incr +xadd"
        " +xrevrange +publish +subscribe +unsubscribe +ping +hello +time +zadd +zrem"
        " +zrangebyscore +hset +hget +hgetall +hincrby +hdel +hlen +hkeys +pexpire +scan"
        " +cluster|slots"
    )
    with running_cluster("redis-6.2") as cluster:
        for node in cluster.servers:
            made = node.ask("ACL", "SETUSER", "rounds", "on", ">s/c@", *rights.split())
            assert made == b"+OK\r\n"
        url = cluster.url.replace("://", "://rounds:s%2Fc%40@")
        async with two_buses(url, url) as (a, b, ear, _):
            topics = {topic_at(cluster, node) for node in cluster.primaries}
            for topic in topics:
                await a.follow(topic)
            cluster.holder(ROLL).ask("ZADD", ROLL, "1", "somebody")
            begun: set[object] = set()
            while begun != topics:
                heard = await ear.next()
                begun |= {heard[0]} if heard[2] == b"" else set()
            await everything_works(a, b, ear)
