"""What is done to a relay: a few watch beside the floor, many watch, many join at once, all go."""

import asyncio
import json
import secrets
import socket
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from realtime.relay.caller import Caller, call
from tests.bench.relay.janus import janus
from tests.bench.relay.processes import child, cpu_seconds, resident_kb
from tests.bench.relay.sinks import Drain, Sink
from tests.bench.relay.viewers import (
    SESSION,
    Audience,
    Camera,
    Ours,
    Probe,
    Shown,
    Viewer,
    bearer,
)

SOCKETS = 400
"""HTTP connections of a storm, which every viewer of one makes for itself."""
BETWEEN_JOINS_SECONDS = 0.6
"""Longer than the relay waits between two keyframes: nobody finds one that others asked for."""
WARMERS = 500
FOREVER = 1e9


@dataclass(slots=True)
class Turn:
    """CPU for each packet that arrived, and for how large a part of a core."""

    us: float
    share: float
    shown: Shown


@dataclass(slots=True, kw_only=True)
class Compared:
    """Relay, floor and peer by turns."""

    relay: list[Turn] = field(default_factory=list)
    floor_us: list[float] = field(default_factory=list)
    janus: list[Turn] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)
    profile: str = ""


@dataclass(slots=True, kw_only=True)
class Scene:
    """A relay with a camera on its stage."""

    pid: int
    at: Ours
    camera: Camera
    audience: Audience

    @asynccontextmanager
    async def filming(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.camera.film(FOREVER))
        try:
            async with self.audience.attending():
                yield
        finally:
            task.cancel()

    async def turn(self, seconds: float) -> Turn:
        return await taken([self.pid], self.audience, self.camera, seconds)


async def taken(pids: Sequence[int], audience: Audience, camera: Camera, seconds: float) -> Turn:
    """CPU of these processes together."""
    before = sum(map(cpu_seconds, pids))
    shown = await audience.watch(camera, seconds)
    used = sum(map(cpu_seconds, pids)) - before
    return Turn(us=used / max(1, shown.received) * 1e6, share=used / seconds, shown=shown)


@asynccontextmanager
async def scene(core: int) -> AsyncGenerator[Scene]:
    secret = secrets.token_bytes(32)
    async with AsyncExitStack() as stack:
        pid, at = await stack.enter_async_context(served(core, secret))
        publishing = call(
            f"/publish/{SESSION}", bearer(secret, "publish", "p"), kind="publish", http=at.http
        )
        camera = Camera(await stack.enter_async_context(publishing))
        await camera.film(0.5)
        audience = Audience(at)
        stack.callback(audience.close)
        yield Scene(pid=pid, at=at, camera=camera, audience=audience)


@asynccontextmanager
async def served(core: int, secret: bytes, origin: str = "") -> AsyncGenerator[tuple[int, Ours]]:
    """A relay on a core of its own, and the way to it."""
    async with child("serve", str(core), secret.hex()) as relay:
        assert relay.stdout is not None
        url = f"http://127.0.0.1:{int(await relay.stdout.readline())}"
        limits = httpx.Limits(max_connections=SOCKETS)
        made = httpx.AsyncClient(base_url=url, trust_env=False, limits=limits, timeout=30)
        async with made as http:
            yield relay.pid, Ours(http, secret, origin)


async def joined(on: Scene, count: int) -> float:
    """So many join, eight at a time; milliseconds of CPU for each."""
    async with on.filming():
        await asyncio.sleep(0.5)
        before = cpu_seconds(on.pid)
        await on.audience.join(count)
        used = cpu_seconds(on.pid) - before
    return used / count * 1000


async def compared(
    on: Scene, core: int, *, seconds: float, repetitions: int, with_janus: bool
) -> Compared:
    """By turns, on one core, at the same pace towards the same sinks."""
    found = Compared()
    async with AsyncExitStack() as stack:
        floor = await stack.enter_async_context(child("floor", str(core)))
        probe = Probe()
        async with on.filming():
            await on.audience.admit([probe])
        peer = None
        if with_janus:
            async with on.audience.attending():
                peer = await stack.enter_async_context(_peer(core, len(on.audience.viewers)))
        found.profile = probe.profile
        await on.turn(1.0)
        probe.delays_ms.clear()
        for _ in range(repetitions):
            found.relay.append(await on.turn(seconds))
            async with _kept(peer):
                found.floor_us.append(await _floored(floor, on.audience, seconds))
            if peer is not None:
                async with on.audience.attending():
                    found.janus.append(await taken([peer.pid], peer.audience, peer.camera, seconds))
        found.delays_ms = sorted(probe.delays_ms)
    return found


@dataclass(slots=True)
class Peer:
    pid: int
    camera: Camera
    audience: Audience


@asynccontextmanager
async def _peer(core: int, viewers: int) -> AsyncGenerator[Peer]:
    async with janus(core) as there:
        caller = Caller("publish", ("VP8",))
        await there.publish(caller)
        camera, audience = Camera(caller), Audience(there)
        try:
            task = asyncio.create_task(camera.film(FOREVER))
            async with audience.attending():
                await audience.join(viewers)
            task.cancel()
            yield Peer(there.pid, camera, audience)
        finally:
            audience.close()
            await caller.close()


@asynccontextmanager
async def _kept(peer: Peer | None) -> AsyncGenerator[None]:
    """Consent of a peer's viewers, while others have their turn."""
    if peer is None:
        yield
        return
    async with peer.audience.attending():
        yield


async def _floored(floor: Process, audience: Audience, seconds: float) -> float:
    """The floor's microseconds a packet, towards as many sinks."""
    sinks = [_sink() for _ in audience.viewers]
    draining = asyncio.create_task(Drain().run(lambda: sinks))
    try:
        async with audience.attending():
            assert floor.stdin is not None
            assert floor.stdout is not None
            ports = [each.socket.getsockname()[1] for each in sinks]
            floor.stdin.write(json.dumps({"ports": ports, "seconds": seconds}).encode() + b"\n")
            told = json.loads(await floor.stdout.readline())
        return float(told["cpu"] / told["sent"] * 1e6)
    finally:
        draining.cancel()
        for each in sinks:
            each.socket.close()


def _sink() -> Sink:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind(("127.0.0.1", 0))
    return Sink(made, (96, 111))


async def first_frames(on: Scene, count: int) -> list[float]:
    """Milliseconds from POST to the first whole keyframe, one viewer after the other."""
    found = []
    async with on.filming():
        for _ in range(count):
            await asyncio.sleep(BETWEEN_JOINS_SECONDS)
            viewer = Viewer()
            began = time.monotonic()
            await viewer.join(on.at)
            await viewer.played.wait()
            found.append((time.monotonic() - began) * 1000)
            await viewer.leave(on.at)
    return found


async def storm(on: Scene, count: int) -> float:
    """Seconds until as many as come at once are all playing."""
    async with on.filming():
        began = time.monotonic()
        await on.audience.join(count, at_once=count)
        return time.monotonic() - began


async def grown(on: Scene, cycles: int) -> float:
    """Kilobytes for each viewer who came and went, after those who warmed it.

    The first fill what is bounded: the memory of packets, of who connected within a minute.
    """
    async with on.filming():
        await _come_and_go(on, WARMERS)
        before = resident_kb(on.pid)
        await _come_and_go(on, cycles)
        return (resident_kb(on.pid) - before) / cycles


async def _come_and_go(on: Scene, count: int) -> None:
    turns = asyncio.Semaphore(8)

    async def cycle() -> None:
        async with turns:
            viewer = Viewer()
            await viewer.join(on.at)
            await viewer.play()
            await viewer.leave(on.at)

    await asyncio.gather(*(cycle() for _ in range(count)))


def slope(points: list[tuple[int, float]]) -> float:
    """Of a straight line through them."""
    viewers, kilobytes = zip(*points, strict=True)
    return statistics.linear_regression(viewers, kilobytes).slope


@dataclass(frozen=True, slots=True)
class Seen:
    ages_ms: list[float]
    first_frames_ms: list[float]


async def seen(affinity: set[int]) -> Seen:
    """From the studio's glass to a viewer's, with browsers on all cores."""
    cores = ",".join(map(str, sorted(affinity)))
    process = await create_subprocess_exec(
        *("taskset", "-c", cores, sys.executable, "-m", "tests.bench.relay.glass"), stdout=PIPE
    )
    assert process.stdout is not None
    told = json.loads(await process.stdout.readline())
    await process.wait()
    return Seen(**told)
