"""A stage published at one relay and watched at another: real sockets on both hops."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from realtime.relay.caller import Caller, CallRefused, call
from realtime.relay.client import RelayClient, RelayRefused
from realtime.relay.events import RelayEvent, Statistics
from realtime.relay.flow import Packet
from realtime.relay.grant import Deed, Grant
from realtime.relay.relays import Relays, ranked
from tests.integration.relays import SESSION, Running, running_relay
from tests.integration.test_relay import (
    DELTA,
    H264_KEY,
    KEY,
    Camera,
    kinds,
    payloads,
    publishing,
    told,
)
from tests.servers.waiting import eventually_async


class Pair:
    """A relay where the stage is published, and one at the edge."""

    def __init__(self, origin: Running, edge: Running) -> None:
        self.origin, self.edge = origin, edge


@pytest.fixture
async def pair() -> AsyncGenerator[Pair]:
    async with running_relay() as origin, running_relay(secret=origin.secret) as edge:
        yield Pair(origin, edge)


@asynccontextmanager
async def watching(
    pair: Pair, who: str = "grace", origin: str = ""
) -> AsyncGenerator[tuple[Caller, list[Packet]]]:
    got: list[Packet] = []
    url = f"{pair.edge.url}/watch/{SESSION}"
    bearer = pair.edge.grant("watch", who, origin=origin or pair.origin.url)
    async with call(url, bearer, kind="watch") as caller:
        caller.on_rtp = got.append
        yield caller, got


def ends(relay: Running) -> int:
    """Connections of people and relays."""
    return len(relay.relay.peers)


async def test_what_is_published_at_the_origin_is_watched_at_the_edge(pair: Pair) -> None:
    async with publishing(pair.origin) as speaker, AsyncExitStack() as stack:
        camera = Camera(speaker)
        watchers = [await stack.enter_async_context(watching(pair, f"v{n}")) for n in range(3)]
        await camera.until(lambda: all(len(payloads(got)) > 20 for _, got in watchers))
        for _, got in watchers:
            seen = payloads(got)
            assert seen[0].startswith(KEY)
            first = camera.sent.index(seen[0])
            assert seen == camera.sent[first : first + len(seen)]
            assert any(packet.payload.startswith(b"sound") for packet in got)
        assert ends(pair.origin) == 2, "the edge is one viewer, however many watch there"


async def test_a_late_viewer_at_the_edge_gets_a_keyframe_through_both_hops(pair: Pair) -> None:
    async with publishing(pair.origin) as speaker, watching(pair, "first") as (_, first):
        camera = Camera(speaker)
        await camera.until(lambda: len(payloads(first)) > 5)
        before = speaker.keyframes_wanted
        async with watching(pair, "late") as (_, late):
            await camera.until(lambda: len(payloads(late)) > 5)
            assert payloads(late)[0].startswith(KEY)
            assert speaker.keyframes_wanted > before


async def test_the_edge_pulls_while_it_has_viewers_and_no_longer(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.relay.pull.PULL_KEPT_SECONDS", 0.5)
    async with publishing(pair.origin) as speaker:
        camera = Camera(speaker)
        async with watching(pair) as (_, got):
            await camera.until(lambda: len(payloads(got)) > 3)
            assert pair.edge.relay.pulled == 1
        await camera.until(lambda: ends(pair.origin) == 1 and not pair.edge.relay.pulled)
        async with watching(pair) as (_, again):
            await camera.until(lambda: len(payloads(again)) > 3)


async def test_the_edge_pulls_many_stages_from_one_origin(pair: Pair) -> None:
    async with AsyncExitStack() as stack:
        seen: list[tuple[Camera, list[Packet]]] = []
        for number in range(3):
            session, got = f"session-{number}", list[Packet]()
            bearer = pair.origin.grant("publish", "speaker", session)
            publishes = call(f"{pair.origin.url}/publish/{session}", bearer, kind="publish")
            speaker = await stack.enter_async_context(publishes)
            bearer = pair.edge.grant("watch", "grace", session, pair.origin.url)
            watches = call(f"{pair.edge.url}/watch/{session}", bearer, kind="watch")
            viewer = await stack.enter_async_context(watches)
            viewer.on_rtp = got.append
            seen.append((Camera(speaker, name=session.encode()), got))

        def filmed() -> bool:
            for camera, _ in seen:
                camera.film()
            return all(len(payloads(got)) > 5 for _, got in seen)

        await eventually_async(filmed)
        for number, (_, got) in enumerate(seen):
            assert all(b"session-%d" % number in payload for payload in payloads(got))


async def test_a_speaker_who_comes_back_is_a_gap_at_the_edge_and_no_more(pair: Pair) -> None:
    async with AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(publishing(pair.origin))
        viewer, got = await stack.enter_async_context(watching(pair))
        await Camera(speaker, name=b"before").until(lambda: len(payloads(got)) > 10)
        async with publishing(pair.origin) as again:
            after = Camera(again, name=b"after")
            await after.until(lambda: len(payloads(got, b"after")) > 10)
        assert not viewer.closed.is_set()
        video = [packet for packet in got if not packet.payload.startswith(b"sound")]
        assert len({packet.ssrc for packet in video}) == 1
        numbers = [packet.seq for packet in video]
        assert all((b - a) & 0xFFFF == 1 for a, b in itertools.pairwise(numbers))


async def test_another_codec_passes_through(pair: Pair) -> None:
    async with AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(publishing(pair.origin))
        viewer, got = await stack.enter_async_context(watching(pair))
        await Camera(speaker).until(lambda: len(payloads(got)) > 3)
        async with publishing(pair.origin, codec="H264") as again:
            await eventually_async(viewer.closed.is_set)
            async with watching(pair, "again") as (_, anew):
                await Camera(again, H264_KEY).until(lambda: len(payloads(anew)) > 3)
                assert payloads(anew)[0].startswith(H264_KEY)


async def test_nobody_on_the_stage_is_said_at_the_edge_too(pair: Pair) -> None:
    with pytest.raises(CallRefused, match="409"):
        async with watching(pair):
            pass
    with pytest.raises(CallRefused, match="502"):
        async with watching(pair, origin="http://127.0.0.1:9"):
            pass


async def test_relays_that_name_each_other_make_no_loop(pair: Pair) -> None:
    async with publishing(pair.origin) as speaker, watching(pair) as (_, got):
        await Camera(speaker).until(lambda: len(payloads(got)) > 3)
        url = f"{pair.edge.url}/watch/{SESSION}"
        with pytest.raises(CallRefused, match="409"):  # an edge is no origin for a third
            async with call(url, pair.edge.grant("pull", "relay"), kind="watch"):
                pass
        url = f"{pair.origin.url}/watch/{SESSION}"
        wrong = pair.origin.grant("watch", "grace", origin=pair.edge.url)
        async with call(url, wrong, kind="watch") as viewer:  # it is published here after all
            anew: list[Packet] = []
            viewer.on_rtp = anew.append
            await Camera(speaker).until(lambda: len(payloads(anew)) > 3)
        assert not pair.origin.relay.pulled


async def test_whoever_publishes_at_the_edge_goes_before_what_is_pulled(pair: Pair) -> None:
    async with publishing(pair.origin) as speaker, watching(pair) as (viewer, got):
        await Camera(speaker).until(lambda: len(payloads(got)) > 3)
        async with publishing(pair.edge) as here:
            camera = Camera(here, name=b"here")
            await camera.until(lambda: len(payloads(got, b"here")) > 3)
        assert not viewer.closed.is_set()


async def test_relays_tell_of_people_alone(pair: Pair) -> None:
    at_origin: list[RelayEvent] = []
    at_edge: list[RelayEvent] = []
    async with (
        RelayClient(pair.origin.url, pair.origin.secret) as origin,
        RelayClient(pair.edge.url, pair.edge.secret) as edge,
    ):
        listening = [
            asyncio.create_task(told(origin, at_origin)),
            asyncio.create_task(told(edge, at_edge)),
        ]
        async with publishing(pair.origin) as speaker:
            camera = Camera(speaker)
            async with watching(pair) as (_, got):
                await camera.until(lambda: len(payloads(got)) > 3)
                counted = [e for e in at_origin + at_edge if isinstance(e, Statistics)]
                assert all(each.viewers <= 1 for each in counted)
                assert "rounds_relay_pulled 1" in await edge.metrics()
                assert "rounds_relay_viewers 1" in await edge.metrics()
                assert "rounds_relay_viewers 0" in await origin.metrics()
            await camera.until(lambda: "Left" in kinds(at_edge))
        await eventually_async(lambda: "OffAir" in kinds(at_origin))
        assert kinds(at_edge) == ["Began", "Current", "Joined", "Left"]
        assert kinds(at_origin) == ["Began", "Current", "Joined", "OnAir", "OffAir", "Left"]
        for task in listening:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_over_unix_sockets_and_behind_an_address_that_leads_nowhere(tmp_path: Path) -> None:
    """As on one machine behind NAT: relays find each other beside the public address."""
    async with (
        running_relay(tmp_path / "o.sock", host="0.0.0.0", advertised="192.0.2.1") as origin,
        running_relay(secret=origin.secret) as edge,
        RelayClient(origin.url, origin.secret) as client,
    ):
        caller = Caller("publish", ("VP8",))
        answer = await client.publish(SESSION, origin.grant("publish"), caller.offer)
        await caller.connect(answer.sdp.replace("192.0.2.1", "127.0.0.1"))
        async with watching(Pair(origin, edge)) as (_, got):
            await Camera(caller).until(lambda: len(payloads(got)) > 3)
        await caller.close()


async def test_a_relay_that_is_away_is_passed_over(pair: Pair) -> None:
    urls = [pair.origin.url, "http://127.0.0.1:9", pair.edge.url]
    async with AsyncExitStack() as stack:
        relays = await stack.enter_async_context(Relays(urls, pair.origin.secret))
        here, away, _ = relays.clients
        session = next(n for n in map(str, range(1000)) if relays.origin(n) == here)
        people = map(str, range(1000))
        who = next(n for n in people if ranked(relays.clients, f"{session} {n}")[0] == away)

        def grant(may: Deed, person: str) -> Grant:
            return Grant(who=person, session=session, may=may, exp=int(time.time()) + 60)

        with pytest.raises(RelayRefused, match="409"):
            await relays.watch(grant("watch", who), Caller("watch", ("VP8",)).offer)
        speaker, viewer = Caller("publish", ("VP8",)), Caller("watch", ("VP8",))
        got: list[Packet] = []
        stack.push_async_callback(speaker.close)
        stack.push_async_callback(viewer.close)
        published = await relays.publish(grant("publish", "speaker"), speaker.offer)
        await speaker.connect(published.sdp)
        answer = await relays.watch(grant("watch", who), viewer.offer)
        assert answer.location.partition("/")[0] != away
        await viewer.connect(answer.sdp)
        viewer.on_rtp = got.append
        await Camera(speaker).until(lambda: len(payloads(got)) > 3)
        await relays.hang_up(answer.location)
        await eventually_async(viewer.closed.is_set)
        assert not await relays.healthy()


async def test_an_origin_that_comes_back_is_pulled_again(tmp_path: Path) -> None:
    at, secret = tmp_path / "origin.sock", bytes(32)
    async with running_relay(secret=secret) as edge, AsyncExitStack() as stack:
        async with running_relay(at, secret=secret) as origin:
            async with _filming(origin) as camera:
                viewer, got = await stack.enter_async_context(watching(Pair(origin, edge)))
                await camera.until(lambda: len(payloads(got)) > 3)
            at.unlink()  # as a restarted relay does
        async with running_relay(at, secret=secret) as origin:
            assert not viewer.closed.is_set(), "viewers stay"
            async with _filming(origin, b"again") as camera:
                await camera.until(lambda: len(payloads(got, b"again")) > 3)
            assert not viewer.closed.is_set()


@asynccontextmanager
async def _filming(origin: Running, name: bytes = b"") -> AsyncGenerator[Camera]:
    transport = httpx.AsyncHTTPTransport(uds=origin.url.removeprefix("unix:"))
    async with httpx.AsyncClient(transport=transport, base_url="http://relay") as http:
        bearer = origin.grant("publish", "speaker")
        async with call(f"/publish/{SESSION}", bearer, kind="publish", http=http) as caller:
            yield Camera(caller, name=name)


async def test_lost_packets_are_sent_again_between_relays(pair: Pair) -> None:
    async with publishing(pair.origin) as speaker, watching(pair) as (_, got):
        camera = Camera(speaker)
        await camera.until(lambda: len(payloads(got)) > 5)
        (pull,) = [each for each in pair.edge.relay.peers.values() if each.grant.may == "pull"]
        taken, every_fifth = pull._media, itertools.cycle([True, False, False, False, False])
        lost: list[bytes] = []

        def losing(datagram: bytes) -> None:
            if len(datagram) > len(DELTA) and len(lost) < 12 and next(every_fifth):
                lost.append(datagram)
            else:
                taken(datagram)

        pull.ice.on_media = losing
        await camera.until(lambda: len(lost) == 12)
        last = camera.film()
        await eventually_async(lambda: last in payloads(got))
        first = camera.sent.index(payloads(got)[0])
        await eventually_async(lambda: set(camera.sent[first:]) <= set(payloads(got)))
