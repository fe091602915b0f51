"""The load on the relay: one publisher and many viewers, each with its own handshake and keys.

Viewers count datagrams and gaps without decrypting; one of them decrypts and reads the time that
the publisher wrote into the payload.
"""

import asyncio
import json
import os
import secrets
import socket
import struct
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path as FilePath

import httpx

from realtime.relay import rtcp
from realtime.relay.caller import Caller, call
from realtime.relay.dial import MediaKind, read_answer, write_offer
from realtime.relay.dtls import Dtls, new_certificate, own_fingerprint
from realtime.relay.grant import Deed, Grant, sign
from realtime.relay.path import Path
from tests.bench.relay.pace import AUDIO_BYTES, FRAME_PACKETS, VIDEO_BYTES, Pace

SESSION = "bench"
JOINS_AT_ONCE = 8
SETTLE_SECONDS = 0.5
REPORT_SECONDS = 1.0
VP8_KEY, VP8_DELTA = b"\x10\x00\x9d\x01\x2a", b"\x10\x01\x00\x00\x00"
CERTIFICATE = new_certificate()
SO_TIMESTAMPNS = 35
"""Linux, `asm-generic/socket.h`; Python has no name for it."""


@dataclass(slots=True, kw_only=True)
class Round:
    """One turn of relay and floor."""

    relay_us: float
    relay_share: float
    """Of a core."""
    floor_us: float
    delivered: int
    expected: int
    delays_ms: list[float]


@dataclass(slots=True, kw_only=True)
class Measured:
    join_ms: float
    rounds: list[Round] = field(default_factory=list)


class Viewer:
    """Counts what comes, by payload type; never decrypts."""

    def __init__(self) -> None:
        self.packets = 0
        self._path = Path(self._take)

    async def join(self, http: httpx.AsyncClient, bearer: str) -> None:
        offer = write_offer(
            self._path.login, own_fingerprint(CERTIFICATE), codecs=("VP8",), ssrcs=None
        )
        response = await http.post(
            f"/watch/{SESSION}",
            content=offer,
            headers={"Authorization": f"Bearer {bearer}", "Content-Type": "application/sdp"},
        )
        assert response.status_code == httpx.codes.CREATED, response.text
        answer = read_answer(response.text)
        assert await self._path.open(answer.login, answer.addresses)
        dtls = Dtls(self._path, CERTIFICATE, server=answer.active)
        self._keys = await dtls.handshake(answer.fingerprints)

    def report(self, now: float) -> None:
        self._path.alive(now)
        self._path.send(self._keys.outbound.protect_rtcp(rtcp.receiver_report([])))

    def close(self) -> None:
        self._path.close()

    def _take(self, datagram: bytes, now: float) -> None:
        del now
        if not 192 <= datagram[1] < 224:
            self.packets += 1


class Probe(Viewer):
    """Decrypts, and compares the publisher's clock with the kernel's time of arrival.

    What this process takes to read a hundred sockets is not the relay's delay.
    """

    def __init__(self) -> None:
        super().__init__()
        self.delays_ms: list[float] = []

    async def join(self, http: httpx.AsyncClient, bearer: str) -> None:
        await super().join(http, bearer)
        taken = self._path._socket
        assert taken is not None
        taken.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        asyncio.get_running_loop().add_reader(taken, self._drain_stamped, taken)

    def _drain_stamped(self, taken: socket.socket) -> None:
        while True:
            try:
                datagram, stamps, _, _ = taken.recvmsg(2048, 64)
            except BlockingIOError:
                return
            if datagram[0] < 4:
                self._path._take(datagram, time.monotonic())
            elif not 192 <= datagram[1] < 224 and stamps:
                self.packets += 1
                seconds, nanoseconds = struct.unpack("=qq", stamps[0][2])
                arrived = seconds + nanoseconds / 1e9
                sent = struct.unpack("!d", self._keys.inbound.unprotect(datagram)[-8:])[0]
                self.delays_ms.append((arrived - sent) * 1000)


class Camera:
    """Publishes at the pace of the floor, with the time at the end of every payload."""

    def __init__(self, caller: Caller) -> None:
        self.sent = 0
        self._caller = caller
        self._key = True
        caller.on_keyframe_wanted = self._wanted

    def _wanted(self) -> None:
        self._key = True

    async def film(self, seconds: float) -> None:
        pace = Pace(time.monotonic())
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            frames, sounds = pace.due(now)
            for _ in range(frames):
                self._picture(now)
            for _ in range(sounds):
                self._send("audio", bytes(AUDIO_BYTES - 8), now, 48_000)
            await asyncio.sleep(pace.pause(time.monotonic()))

    def _picture(self, now: float) -> None:
        head, self._key = (VP8_KEY if self._key else VP8_DELTA), False
        for part in range(FRAME_PACKETS):
            body = (head if part == 0 else b"\x00\x01").ljust(VIDEO_BYTES - 8, b"\0")
            self._send("video", body, now, 90_000, marker=part == FRAME_PACKETS - 1)

    def _send(
        self, kind: MediaKind, body: bytes, now: float, rate: int, *, marker: bool = False
    ) -> None:
        stamped = body + struct.pack("!d", time.time())
        self._caller.send(kind, stamped, int(now * rate) & 0xFFFFFFFF, marker=marker)
        self.sent += 1


async def measure(viewers: int, seconds: float, repetitions: int) -> Measured:
    secret = secrets.token_bytes(32)
    here, there = _cores()
    os.sched_setaffinity(0, {here})
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(child("serve", str(there), secret.hex()))
        floor = await stack.enter_async_context(child("floor", str(there)))
        assert relay.stdout is not None
        url = f"http://127.0.0.1:{int(await relay.stdout.readline())}"
        limits = httpx.Limits(max_connections=JOINS_AT_ONCE)
        http = httpx.AsyncClient(base_url=url, trust_env=False, limits=limits)
        await stack.enter_async_context(http)
        publishing = call(
            f"/publish/{SESSION}", bearer(secret, "publish", "p"), kind="publish", http=http
        )
        camera = Camera(await stack.enter_async_context(publishing))
        await camera.film(SETTLE_SECONDS)
        before = cpu_seconds(relay.pid)
        watching = await join_all(http, secret, viewers - 1)
        join_ms = (cpu_seconds(relay.pid) - before) / max(1, len(watching)) * 1000
        probe = Probe()
        await probe.join(http, bearer(secret, "watch", "probe"))
        watching.append(probe)
        for each in watching:
            stack.callback(each.close)
        measured = Measured(join_ms=join_ms)
        await _relayed(camera, watching, relay.pid, SETTLE_SECONDS * 2)
        for _ in range(repetitions):
            probe.delays_ms.clear()
            cpu, received, sent = await _relayed(camera, watching, relay.pid, seconds)
            measured.rounds.append(
                Round(
                    relay_us=cpu / max(1, received) * 1e6,
                    relay_share=cpu / seconds,
                    floor_us=await _floored(floor, watching, viewers, seconds),
                    delivered=received,
                    expected=sent * viewers,
                    delays_ms=list(probe.delays_ms),
                )
            )
        return measured


async def _relayed(
    camera: Camera, watching: Sequence[Viewer], pid: int, seconds: float
) -> tuple[float, int, int]:
    """CPU, packets received, packets published."""
    reporting = asyncio.create_task(_report(watching))
    for each in watching:
        each.packets = 0
    sent, cpu = camera.sent, cpu_seconds(pid)
    await camera.film(seconds)
    received = await _settled(watching, (camera.sent - sent) * len(watching))
    reporting.cancel()
    used = cpu_seconds(pid) - cpu
    return used, received, camera.sent - sent


async def _settled(watching: Sequence[Viewer], expected: int) -> int:
    """What everybody received, once nothing more comes."""
    received, before = 0, -1
    while before < received < expected or before < 0:
        before = received
        await asyncio.sleep(SETTLE_SECONDS)
        received = sum(each.packets for each in watching)
    return received


async def _report(watching: Sequence[Viewer]) -> None:
    """A report a second from everybody, spread over the second."""
    while True:
        for each in watching:
            each.report(time.monotonic())
            await asyncio.sleep(REPORT_SECONDS / len(watching))


async def _floored(
    floor: Process, watching: Sequence[Viewer], viewers: int, seconds: float
) -> float:
    """The floor's microseconds a packet, towards as many sinks, drained as the viewers are."""
    sinks = [Sink() for _ in range(viewers)]
    keeping = asyncio.create_task(_report(watching))  # consent, while the relay waits its turn
    try:
        assert floor.stdin is not None
        assert floor.stdout is not None
        asked = {"ports": [each.port for each in sinks], "seconds": seconds}
        floor.stdin.write(json.dumps(asked).encode() + b"\n")
        told = json.loads(await floor.stdout.readline())
        return float(told["cpu"] / told["sent"] * 1e6)
    finally:
        keeping.cancel()
        for each in sinks:
            each.close()


class Sink:
    """A port that is drained."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._socket, self._drain)

    def _drain(self) -> None:
        try:
            while self._socket.recv(2048):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


async def join_all(http: httpx.AsyncClient, secret: bytes, count: int) -> list[Viewer]:
    turns = asyncio.Semaphore(JOINS_AT_ONCE)

    async def join(number: int) -> Viewer:
        viewer = Viewer()
        async with turns:
            await viewer.join(http, bearer(secret, "watch", f"v{number}"))
        return viewer

    return list(await asyncio.gather(*[join(number) for number in range(count)]))


def bearer(secret: bytes, may: Deed, who: str) -> str:
    return sign(Grant(who=who, session=SESSION, may=may, exp=int(time.time()) + 60), secret)


def cpu_seconds(pid: int) -> float:
    """What a process has used, to the nanosecond."""
    spent = [
        int((task / "schedstat").read_text().split()[0])
        for task in FilePath(f"/proc/{pid}/task").iterdir()
    ]
    return sum(spent) / 1e9


@asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncGenerator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.bench.relay.{module}", *arguments, stdin=PIPE, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _cores() -> tuple[int, int]:
    """One core for the load, another for what is measured, if there are two."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[-1], cores[0]
