"""The relay over real sockets: ICE, DTLS, SRTP and HTTP, with packets whose bytes are known."""

import asyncio
import contextlib
import gc
import itertools
import os
import re
import signal
import socket
import sys
import time
import weakref
from asyncio import TaskGroup
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from realtime.relay import events, stun
from realtime.relay.bounds import KEYFRAME_SECONDS, SETUPS_PER_MINUTE, SILENT_SECONDS
from realtime.relay.caller import Caller, CallRefused, call
from realtime.relay.client import RelayAway, RelayClient, RelayRefused
from realtime.relay.events import RelayEvent
from realtime.relay.flow import Packet
from realtime.relay.subscriber import Subscriber
from realtime.relay.supervisor import supervised
from tests.integration.relays import SESSION, Running, running_relay
from tests.integration.wires import Wire, bound, wired
from tests.servers.waiting import PATIENCE_SECONDS, eventually_async

KEY = b"\x10\x00\x9d\x01\x2a" + bytes(95)
DELTA = b"\x10\x01" + bytes(98)
H264_KEY = b"\x67\x42\xe0\x1f" + bytes(60)


@pytest.fixture
async def relay() -> AsyncGenerator[Running]:
    async with running_relay() as running:
        yield running


@asynccontextmanager
async def publishing(
    relay: Running, who: str = "speaker", codec: str = "VP8"
) -> AsyncGenerator[Caller]:
    url, bearer = f"{relay.url}/publish/{SESSION}", relay.grant("publish", who)
    named = "H264" if codec == "H264" else "VP8"
    async with call(url, bearer, kind="publish", codec=named) as caller:  # type: ignore[arg-type]
        yield caller


@asynccontextmanager
async def watching(
    relay: Running, who: str = "grace", *, audio_only: bool = False
) -> AsyncGenerator[tuple[Caller, list[Packet]]]:
    got: list[Packet] = []
    url, bearer = f"{relay.url}/watch/{SESSION}", relay.grant("watch", who)
    async with call(url, bearer, kind="watch", audio_only=audio_only) as caller:
        caller.on_rtp = got.append
        yield caller, got


class Camera:
    """Sends numbered pictures and sound, and makes a keyframe when it is asked for one."""

    def __init__(self, caller: Caller, key: bytes = KEY, name: bytes = b"") -> None:
        self.caller = caller
        self.sent: list[bytes] = []
        self._key = key
        self._name = name
        self._wanted = True
        self._timestamp = 90_000
        caller.on_keyframe_wanted = self._want

    def _want(self) -> None:
        self._wanted = True

    def film(self) -> bytes:
        body = (self._key if self._wanted else DELTA) + self._name + b"%d" % len(self.sent)
        self._wanted = False
        self._timestamp += 3000
        self.caller.send("video", body, self._timestamp, marker=True)
        self.caller.send("audio", b"sound" + body[-8:], self._timestamp * 48 // 90)
        self.sent.append(body)
        return body

    async def until(self, seen: Callable[[], object], within: float = PATIENCE_SECONDS) -> None:
        def filmed() -> object:
            self.film()
            return seen()

        await eventually_async(filmed, within)


def payloads(got: list[Packet], kind: bytes = b"") -> list[bytes]:
    video = [packet for packet in got if not packet.payload.startswith(b"sound")]
    return [packet.payload for packet in video if kind in packet.payload]


async def test_what_a_publisher_sends_reaches_the_viewers(relay: Running) -> None:
    async with publishing(relay) as speaker, AsyncExitStack() as stack:
        camera = Camera(speaker)
        viewers = [await stack.enter_async_context(watching(relay, f"v{n}")) for n in range(3)]
        await camera.until(lambda: all(len(payloads(got)) > 20 for _, got in viewers))
        for _, got in viewers:
            seen = payloads(got)
            assert seen[0].startswith(KEY), "a viewer begins with a keyframe"
            first = camera.sent.index(seen[0])
            assert seen == camera.sent[first : first + len(seen)]
            assert any(packet.payload.startswith(b"sound") for packet in got)


async def test_a_late_viewer_gets_a_keyframe_of_its_own_accord(relay: Running) -> None:
    async with publishing(relay) as speaker, watching(relay, "first") as (_, first):
        camera = Camera(speaker)
        await camera.until(lambda: len(payloads(first)) > 5)
        async with watching(relay, "late") as (_, late):
            await camera.until(lambda: len(payloads(late)) > 5)
            assert payloads(late)[0].startswith(KEY)


async def test_who_offers_no_video_is_sent_none(relay: Running) -> None:
    async with publishing(relay) as speaker:
        camera = Camera(speaker)
        async with watching(relay, audio_only=True) as (_, heard):
            await camera.until(lambda: len(heard) > 20)
            assert all(packet.payload.startswith(b"sound") for packet in heard)
            assert not relay.relay.stages[SESSION].streams["video"].largest.waiting, (
                "it needs no keyframe"
            )


async def test_a_keyframe_is_asked_for_until_it_comes(relay: Running) -> None:
    async with publishing(relay) as speaker, watching(relay) as (_, got):
        camera = Camera(speaker)
        camera._wanted = False
        camera.caller.on_keyframe_wanted = None  # an encoder that does not listen at first
        await camera.until(lambda: speaker.keyframes_wanted >= 3)
        assert payloads(got) == []
        camera._wanted = True
        await camera.until(lambda: len(payloads(got)) > 0)


async def test_one_keyframe_serves_a_storm_of_joins(relay: Running) -> None:
    """Who joins within half a second of each other waits for the same picture."""
    async with publishing(relay) as speaker, AsyncExitStack() as stack:
        camera = Camera(speaker)
        joins = [stack.enter_async_context(watching(relay, f"v{n}")) for n in range(40)]
        began, before = time.monotonic(), speaker.keyframes_wanted
        arriving = asyncio.gather(*joins)
        await camera.until(arriving.done)
        viewers = arriving.result()
        await camera.until(lambda: all(payloads(got) for _, got in viewers))
        asked = speaker.keyframes_wanted - before
        assert asked <= (time.monotonic() - began) / KEYFRAME_SECONDS + 1
        assert asked < len(viewers)


@asynccontextmanager
async def watching_over_a_wire(
    relay: Running,
) -> AsyncGenerator[tuple[Wire, Caller, list[Packet]]]:
    got: list[Packet] = []
    url, bearer = f"{relay.url}/watch/{SESSION}", relay.grant("watch", "grace")
    async with (
        wired(relay.relay.mux.port) as (wire, http),
        call(url, bearer, kind="watch", http=http) as caller,
    ):
        caller.on_rtp = got.append
        yield wire, caller, got


async def test_lost_packets_are_sent_again(relay: Running) -> None:
    async with publishing(relay) as speaker, watching_over_a_wire(relay) as (wire, _, got):
        camera = Camera(speaker)
        await camera.until(lambda: len(payloads(got)) > 5)
        every_fifth = itertools.cycle([True, False, False, False, False])
        wire.drops = lambda datagram: len(datagram) > 100 and next(every_fifth)
        await camera.until(lambda: wire.dropped > 10)
        wire.drops = lambda _datagram: False
        last = camera.film()
        await eventually_async(lambda: last in payloads(got))
        first = camera.sent.index(payloads(got)[0])
        await eventually_async(lambda: set(camera.sent[first:]) <= set(payloads(got)))


async def test_a_publisher_who_comes_back_continues_the_stream(relay: Running) -> None:
    async with AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(publishing(relay))
        viewer, got = await stack.enter_async_context(watching(relay))
        before = Camera(speaker, name=b"before")
        await before.until(lambda: len(payloads(got)) > 10)
        async with publishing(relay) as again:
            after = Camera(again, name=b"after")
            await after.until(lambda: len(payloads(got, b"after")) > 10)
            assert speaker.closed.is_set() or not viewer.closed.is_set()
            video = [packet for packet in got if not packet.payload.startswith(b"sound")]
            assert len({packet.ssrc for packet in video}) == 1
            numbers = [packet.seq for packet in video]
            assert all((b - a) & 0xFFFF == 1 for a, b in itertools.pairwise(numbers))
            times = [packet.timestamp for packet in video]
            assert all(0 < (b - a) & 0xFFFFFFFF < 90_000 * 10 for a, b in itertools.pairwise(times))
            assert payloads(got, b"after")[0].startswith(KEY)


async def test_a_publisher_who_comes_back_stays_on_the_air(relay: Running) -> None:
    heard: list[RelayEvent] = []
    async with RelayClient(relay.url, relay.secret) as client, AsyncExitStack() as stack:
        listening = asyncio.create_task(told(client, heard))
        speaker = await stack.enter_async_context(publishing(relay))
        await Camera(speaker).until(lambda: "OnAir" in kinds(heard))
        async with publishing(relay) as again:
            camera = Camera(again)
            await camera.until(lambda: kinds(heard).count("Joined") == 2)
            await camera.until(lambda: "Left" in kinds(heard))
            assert "OffAir" not in kinds(heard)
        await eventually_async(lambda: "OffAir" in kinds(heard))
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_one_socket_serves_both_families(address: str) -> None:
    async with (
        running_relay(host="::", advertised=address) as relay,
        publishing(relay) as speaker,
        watching(relay) as (_, got),
    ):
        await Camera(speaker).until(lambda: len(payloads(got)) > 5)


async def test_another_codec_ends_the_viewers_connections(relay: Running) -> None:
    async with AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(publishing(relay))
        viewer, got = await stack.enter_async_context(watching(relay))
        await Camera(speaker).until(lambda: len(payloads(got)) > 3)
        async with publishing(relay, codec="H264") as again:
            await eventually_async(viewer.closed.is_set)
            camera = Camera(again, H264_KEY)
            async with watching(relay, "again") as (_, anew):
                await camera.until(lambda: len(payloads(anew)) > 3)
                assert payloads(anew)[0].startswith(H264_KEY)


async def test_viewers_outlive_the_publisher_and_may_join_between(relay: Running) -> None:
    async with AsyncExitStack() as stack:
        async with publishing(relay) as speaker:
            viewer, got = await stack.enter_async_context(watching(relay, "old"))
            await Camera(speaker).until(lambda: len(payloads(got)) > 3)
        _, fresh = await stack.enter_async_context(watching(relay, "new"))
        assert not viewer.closed.is_set()
        async with publishing(relay) as speaker:
            camera = Camera(speaker, name=b"second")
            await camera.until(lambda: payloads(fresh, b"second") and payloads(got, b"second"))


async def test_a_stage_has_one_publisher_and_no_viewers_before_the_first(relay: Running) -> None:
    with pytest.raises(CallRefused, match="409"):
        async with watching(relay):
            pass
    async with publishing(relay):
        with pytest.raises(CallRefused, match="409"):
            async with publishing(relay, who="intruder"):
                pass


async def told(client: RelayClient, heard: list[RelayEvent]) -> None:
    async for event in client.events():
        heard.append(event)  # noqa: PERF401 - it is read while it grows


def kinds(heard: list[RelayEvent]) -> list[str]:
    return [type(event).__name__ for event in heard if not isinstance(event, events.Statistics)]


async def test_the_server_learns_what_happens(tmp_path: Path) -> None:
    async with (
        running_relay(tmp_path / "relay.sock") as running,
        RelayClient(running.url, running.secret) as client,
        TaskGroup() as tasks,
        httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(tmp_path / "relay.sock")),
            base_url="http://relay",
        ) as http,
    ):
        heard: list[RelayEvent] = []
        listening = tasks.create_task(told(client, heard))
        await eventually_async(lambda: kinds(heard) == ["Began", "Current"])
        path, bearer = f"/publish/{SESSION}", running.grant("publish", "speaker")
        async with call(path, bearer, kind="publish", codec="VP8", http=http) as speaker:
            camera = Camera(speaker)
            await camera.until(lambda: "OnAir" in kinds(heard))
            path, bearer = f"/watch/{SESSION}", running.grant("watch", "grace")
            async with call(path, bearer, kind="watch", http=http):
                await camera.until(lambda: kinds(heard).count("Joined") == 2)
            await camera.until(lambda: "Left" in kinds(heard))
            late: list[RelayEvent] = []
            also = tasks.create_task(told(client, late))
            await eventually_async(lambda: "Current" in kinds(late))
            assert kinds(late) == ["Began", "Joined", "OnAir", "Current"]
            also.cancel()
        await eventually_async(lambda: "OffAir" in kinds(heard))
        await eventually_async(lambda: kinds(heard).count("Left") == 2)
        aired = next(event for event in heard if isinstance(event, events.OnAir))
        assert (aired.session, aired.who) == (SESSION, "speaker")
        assert aired.media == {"video": "vp8", "audio": "opus"}
        assert "rounds_relay_packets_sent_total" in await client.metrics()
        listening.cancel()


async def test_metrics_count_what_streams_did_before_they_ended(relay: Running) -> None:
    def told(text: str, name: str) -> float:
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)[1])  # type: ignore[index]

    async with RelayClient(relay.url, relay.secret) as client:
        async with publishing(relay) as speaker, watching_over_a_wire(relay) as (wire, _, got):
            camera = Camera(speaker)
            await camera.until(lambda: len(payloads(got)) > 5)
            every_fifth = itertools.cycle([True, False, False, False, False])
            wire.drops = lambda datagram: len(datagram) > 100 and next(every_fifth)
            await camera.until(lambda: wire.dropped > 10)
            wire.drops = lambda _datagram: False
            last = camera.film()
            await eventually_async(lambda: last in payloads(got))
            during = await client.metrics()
            assert told(during, "rounds_relay_packets_resent_total") > 0
        await eventually_async(lambda: not relay.relay.peers)
        after = await client.metrics()
        assert told(after, "rounds_relay_packets_resent_total") > 0
        assert told(after, "rounds_relay_keyframes_total") >= 1
        assert told(after, 'rounds_relay_joins_total{role="publish"}') == 1
        assert told(after, 'rounds_relay_joins_total{role="watch"}') == 1
        assert told(after, "rounds_relay_packets_lost_total") == 0


async def test_silence_is_off_air_and_sound_is_on_again(relay: Running) -> None:
    heard: list[RelayEvent] = []
    async with publishing(relay) as speaker, RelayClient(relay.url, relay.secret) as client:
        listening = asyncio.create_task(told(client, heard))
        camera = Camera(speaker)
        await camera.until(lambda: "OnAir" in kinds(heard))
        await eventually_async(lambda: "OffAir" in kinds(heard), SILENT_SECONDS + 2)
        await camera.until(lambda: kinds(heard).count("OnAir") == 2)
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


async def test_the_client_says_who_refused_and_who_is_away(relay: Running) -> None:
    async with RelayClient(relay.url, relay.secret) as client:
        assert await client.healthy()
        with pytest.raises(RelayRefused) as refused:
            await client.watch(SESSION, relay.grant("watch"), "v=0")
        assert refused.value.status == 409
        await client.hang_up(f"/watch/{SESSION}/nothing")
    async with RelayClient("http://127.0.0.1:9", relay.secret) as nobody:
        assert not await nobody.healthy()
        with pytest.raises(RelayAway):
            await nobody.watch(SESSION, relay.grant("watch"), "v=0")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Authorization": "Bearer {watch}"}, 403),
        ({"Authorization": "Bearer {elsewhere}"}, 403),
        ({"Authorization": "Bearer {publish}", "Content-Type": "text/plain"}, 415),
        ({"Authorization": "Bearer {publish}", "Content-Type": "application/sdp"}, 400),
    ],
)
async def test_refusals_have_their_statuses(
    relay: Running, headers: dict[str, str], status: int
) -> None:
    bearers = {
        "watch": relay.grant("watch"),
        "publish": relay.grant("publish"),
        "elsewhere": relay.grant("publish", session="elsewhere"),
    }
    sent = {name: value.format(**bearers) for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=relay.url) as http:
        answer = await http.post(f"/publish/{SESSION}", headers=sent, content="not sdp")
        assert answer.status_code == status
        assert len(answer.text) < 100
        large = {"Authorization": f"Bearer {bearers['publish']}", "Content-Type": "application/sdp"}
        answer = await http.post(f"/publish/{SESSION}", headers=large, content=b"x" * 70_000)
        assert answer.status_code == 413


async def test_a_connection_is_hung_up_by_its_own_grant_only(relay: Running) -> None:
    offer = Caller("publish", ("VP8",)).offer
    async with (
        RelayClient(relay.url, relay.secret) as client,
        httpx.AsyncClient(base_url=relay.url) as http,
    ):
        answer = await client.publish(SESSION, relay.grant("publish", "ada"), offer)
        theirs = {"Authorization": f"Bearer {relay.grant('publish', 'eve')}"}
        assert (await http.delete(answer.location, headers=theirs)).status_code == 404
        fragment = {"Content-Type": "application/trickle-ice-sdpfrag"}
        assert (await http.patch(answer.location, headers=fragment)).status_code == 204
        assert (await http.patch(answer.location)).status_code == 415
        mine = {"Authorization": f"Bearer {relay.grant('publish', 'ada')}"}
        assert (await http.delete(answer.location, headers=mine)).status_code == 200
        await eventually_async(lambda: not relay.relay.peers)
        assert (await http.patch(answer.location, headers=fragment)).status_code == 404


async def test_setting_up_has_a_limit_that_bites(relay: Running) -> None:
    async with RelayClient(relay.url, relay.secret) as client:
        statuses = []
        for _ in range(SETUPS_PER_MINUTE + 1):
            try:
                offer = Caller("publish", ("VP8",)).offer
                answer = await client.publish(SESSION, relay.grant("publish"), offer)
                await client.hang_up(answer.location)
                await eventually_async(lambda: not relay.relay.peers)
            except RelayRefused as refused:
                statuses.append(refused.status)
        assert statuses == [429]
        offer = Caller("publish", ("VP8",)).offer
        await client.publish(SESSION, relay.grant("publish", "another"), offer)


async def test_an_offer_cannot_name_a_victim(relay: Running) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        victim.setblocking(False)
        port = victim.getsockname()[1]
        candidates = "\r\n".join(
            f"a=candidate:{n} 1 udp 2130706431 127.0.0.1 {port} typ host" for n in range(1000)
        )
        offer = Caller("publish", ("VP8",)).offer.rstrip() + "\r\n" + candidates + "\r\n"
        async with RelayClient(relay.url, relay.secret) as client:
            answer = await client.publish(SESSION, relay.grant("publish"), offer)
            assert f"127.0.0.1 {relay.relay.mux.port}" in answer.sdp
        async with publishing(relay, who="ada") as speaker, watching(relay) as (_, got):
            await Camera(speaker).until(lambda: len(got) > 20)
        with pytest.raises(BlockingIOError):
            victim.recv(100)


async def test_hostile_datagrams_are_counted_and_not_answered(relay: Running) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        attacker.connect(("127.0.0.1", relay.relay.mux.port))
        attacker.setblocking(False)
        hello = bytes.fromhex("16feff0000000000000000") + bytes(60)
        check = stun.request(bytes(12), "nobody:me", b"wrong", controlling=True)
        media = b"\x80\x60" + bytes(40)
        for _ in range(200):
            for datagram in (hello, check, media, b"\x00" * 20, check[:-3], b"\xff", b""):
                attacker.send(datagram)
            await asyncio.sleep(0)
        counters = relay.relay.mux.counters
        await eventually_async(lambda: counters.received >= 1400)
        assert counters.unverified == 400
        assert counters.unauthenticated == 200
        assert counters.malformed == 800
        with pytest.raises(BlockingIOError):
            attacker.recv(100)


async def test_set_ups_survive_forged_handshakes(relay: Running) -> None:
    stop = asyncio.Event()

    async def forge() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
            attacker.connect(("127.0.0.1", relay.relay.mux.port))
            hello = bytes.fromhex("16feff0000000000000000") + bytes(60)
            while not stop.is_set():
                attacker.send(hello)
                await asyncio.sleep(0.001)

    async with TaskGroup() as tasks:
        tasks.create_task(forge())
        async with publishing(relay):
            for n in range(5):
                async with watching(relay, f"v{n}"):
                    pass
        stop.set()


async def test_a_stream_moves_only_to_where_its_peer_answers(relay: Running) -> None:
    """A source address can be forged: a replayed check must not point the stream at a victim."""
    async with publishing(relay) as speaker, watching_over_a_wire(relay) as (wire, _, got):
        camera = Camera(speaker)
        await camera.until(lambda: len(payloads(got)) > 3)
        with bound() as victim:
            victim.sendto(wire.checks[-1], wire.relay)
            before = len(payloads(got))
            await camera.until(lambda: len(payloads(got)) > before + 20)
            received = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    received.append(victim.recv(2048))
            assert received
            assert all(datagram[0] < 4 for datagram in received), "checks, no media"


async def test_a_peer_that_moved_is_followed(relay: Running) -> None:
    async with publishing(relay) as speaker, watching_over_a_wire(relay) as (wire, _, got):
        camera = Camera(speaker)
        await camera.until(lambda: len(payloads(got)) > 3)
        wire.move()  # the next check of consent comes from another port
        before = len(payloads(got))
        await camera.until(lambda: len(payloads(got)) > before + 10)


async def test_without_consent_a_peer_is_freed(relay: Running) -> None:
    heard: list[RelayEvent] = []
    async with publishing(relay), RelayClient(relay.url, relay.secret) as client:
        listening = asyncio.create_task(told(client, heard))
        await eventually_async(lambda: "Joined" in kinds(heard))
        for peer in relay.relay.peers.values():
            peer.ice.seen_at -= 40
        await eventually_async(lambda: "Left" in kinds(heard))
        assert relay.relay.peers == {}
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


async def test_who_left_is_freed_without_the_collector(relay: Running) -> None:
    """A connection holds 20 KiB in OpenSSL, which the collector of circles knows nothing of."""
    async with publishing(relay) as speaker:
        camera = Camera(speaker)
        gc.collect()
        gc.disable()
        try:
            async with watching(relay) as (_, got):
                await camera.until(lambda: len(payloads(got)) > 3)
                left = [
                    weakref.ref(peer)
                    for peer in relay.relay.peers.values()
                    if isinstance(peer, Subscriber)
                ]
                assert [ref() is not None for ref in left] == [True]
            await eventually_async(lambda: left[0]() is None)
        finally:
            gc.enable()


async def test_viewers_come_and_go_while_packets_flow(relay: Running) -> None:
    """Raw session pointers live in the fan-out: nothing may outlive its session."""
    async with publishing(relay) as speaker, TaskGroup() as tasks:
        camera = Camera(speaker)
        over = asyncio.Event()

        async def film() -> None:
            while not over.is_set():
                camera.film()
                await asyncio.sleep(0.002)

        tasks.create_task(film())

        async def come_and_go(n: int) -> None:
            for turn in range(4):
                async with watching(relay, f"v{n}-{turn}") as (_, got):
                    await eventually_async(lambda: len(payloads(got)) > 2)

        async with TaskGroup() as viewers:
            for n in range(8):
                viewers.create_task(come_and_go(n))
        over.set()


CHILD = """
import sys, time, pathlib
pathlib.Path(sys.argv[1]).write_text(str(__import__("os").getpid()))
time.sleep(60)
"""


async def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    mark = tmp_path / "pid"

    async def healthy() -> bool:
        return mark.exists() and bool(mark.read_text())

    async with supervised([sys.executable, "-c", CHILD, str(mark)], healthy) as child:
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await eventually_async(lambda: child.starts == 2 and child.pid != first)
        second = child.pid
    assert second is not None
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


async def test_a_frozen_child_is_replaced(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    frozen: list[int] = []

    async def healthy() -> bool:
        return mark.exists() and mark.read_text() not in map(str, frozen)

    async with supervised([sys.executable, "-c", CHILD, str(mark)], healthy) as child:
        assert child.pid is not None
        frozen.append(child.pid)
        os.kill(child.pid, signal.SIGSTOP)
        await eventually_async(lambda: child.starts == 2, within=10)


PARENT = """
import asyncio, sys
from realtime.relay.subscriber import Subscriber
from realtime.relay.supervisor import supervised
async def healthy(): return True
async def main():
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    async with supervised(command, healthy) as child:
        print(child.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_the_child_dies_with_its_parent() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()

    def gone() -> bool:
        try:
            state = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        return state == "Z"

    await eventually_async(gone)
