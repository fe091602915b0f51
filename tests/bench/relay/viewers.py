"""The load on the relay: one publisher and many viewers, each with its own handshake and keys.

Viewers are sinks once they play: they count datagrams and gaps and decrypt nothing. One of them,
the probe, decrypts and reads the time that the publisher wrote into the payload.
"""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import httpx

from realtime.relay import rtcp
from realtime.relay.caller import Caller
from realtime.relay.dial import Answer, MediaKind, read_answer, write_offer
from realtime.relay.dtls import Dtls, new_certificate, own_fingerprint
from realtime.relay.grant import Deed, Grant, sign
from realtime.relay.path import Path
from tests.bench.relay.pace import AUDIO_BYTES, FRAME_PACKETS, VIDEO_BYTES, Pace
from tests.bench.relay.sinks import Drain, Sink

SESSION = "bench"
JOINS_AT_ONCE = 8
REPORT_SECONDS = 1.0
REPORTS_IN_A_ROW = 8
PATIENCE = 3
"""Times three seconds for an address to answer: a busy machine takes long."""
QUIET_SECONDS = 0.3
"""After the last packet was published: what has not come by then is lost."""
VP8_KEY, VP8_DELTA = b"\x10\x00\x9d\x01\x2a", b"\x10\x01\x00\x00\x00"
CERTIFICATE = new_certificate()
SO_TIMESTAMPNS = 35
"""Linux, `asm-generic/socket.h`; Python has no name for it."""


class Offered(Protocol):
    """Where viewers come from: our relay, or a program we compare it with."""

    async def watch(self, viewer: "Viewer") -> Answer:
        """Negotiate; what the far side says."""


class Ours:
    """Our relay, over HTTP. Where `origin` is given it shows what is published there."""

    def __init__(self, http: httpx.AsyncClient, secret: bytes, origin: str = "") -> None:
        self.http, self.secret, self.origin = http, secret, origin
        self._count = 0

    async def watch(self, viewer: "Viewer") -> Answer:
        self._count += 1
        offer = write_offer(
            viewer.path.login, own_fingerprint(CERTIFICATE), codecs=("VP8",), ssrcs=None
        )
        told = bearer(self.secret, "watch", f"v{self._count}", self.origin)
        viewer.headers = {"Authorization": f"Bearer {told}"}
        response = await self.http.post(
            f"/watch/{SESSION}",
            content=offer,
            headers={**viewer.headers, "Content-Type": "application/sdp"},
        )
        assert response.status_code == httpx.codes.CREATED, response.text
        viewer.place = response.headers["Location"]
        return read_answer(response.text)


class Viewer:
    """Joins, waits for its first picture, and is read as a sink from then on."""

    def __init__(self) -> None:
        self.path = Path(self._take)
        self.playing = asyncio.Event()
        """Set with the first packet of pictures."""
        self.played = asyncio.Event()
        """Set with the end of the first picture; the relay begins with a keyframe."""
        self.place, self.headers = "", dict[str, str]()
        self._video = -1

    async def join(self, at: Offered) -> None:
        answer = await at.watch(self)
        types = {
            each.kind: each.payload_type
            for each in answer.media
            if each.codec.lower() in ("vp8", "opus")
        }
        self._video = types["video"]
        assert await self.path.open(answer.login, answer.addresses * PATIENCE), "no answer"
        taken = self.path._socket
        assert taken is not None
        self.sink = Sink(taken, tuple(types.values()))
        dtls = Dtls(self.path, CERTIFICATE, server=answer.active)
        self.keys = await dtls.handshake(answer.fingerprints)
        self.profile = self.keys.profile

    async def play(self) -> None:
        """Wait for the first picture; then nothing here waits for its packets any more."""
        await self.playing.wait()
        asyncio.get_running_loop().remove_reader(self.sink.socket)

    def report(self, now: float) -> None:
        self.path.alive(now)
        self.path.send(self.keys.outbound.protect_rtcp(rtcp.receiver_report([])))

    async def leave(self, at: Ours) -> None:
        response = await at.http.delete(self.place, headers=self.headers)
        assert response.is_success, response.text
        self.path.close()

    def _take(self, datagram: bytes, now: float) -> None:
        del now
        if datagram[1] & 0x7F == self._video and not 192 <= datagram[1] < 224:
            self.playing.set()
            if datagram[1] & 0x80:
                self.played.set()


class Probe(Viewer):
    """Decrypts, and compares the publisher's clock with the kernel's time of arrival.

    What this process takes to read a hundred sockets is not the relay's delay.
    """

    def __init__(self) -> None:
        super().__init__()
        self.delays_ms: list[float] = []

    async def play(self) -> None:
        await super().play()
        self.sink.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        asyncio.get_running_loop().add_reader(self.sink.socket, self._drain_stamped)

    def _drain_stamped(self) -> None:
        while True:
            try:
                datagram, stamps, _, _ = self.sink.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            stream = self.sink.streams.get(datagram[1] & 0x7F)
            if datagram[0] < 128 or 192 <= datagram[1] < 224 or stream is None or not stamps:
                continue
            stream.count(int.from_bytes(datagram[2:4], "big"))
            seconds, nanoseconds = struct.unpack("=qq", stamps[0][2])
            sent = struct.unpack("!d", self.keys.inbound.unprotect(datagram)[-8:])[0]
            self.delays_ms.append((seconds + nanoseconds / 1e9 - sent) * 1000)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One window of publishing."""

    sent: int
    received: int
    lost: int
    """Numbers that viewers missed between others."""


class Audience:
    """Viewers of one place, their reports, and what they count."""

    def __init__(self, at: Offered) -> None:
        self.at = at
        self.viewers: list[Viewer] = []
        self._drain = Drain()

    async def join(self, count: int, at_once: int = JOINS_AT_ONCE) -> None:
        await self.admit([Viewer() for _ in range(count)], at_once)

    async def admit(self, viewers: Sequence[Viewer], at_once: int = JOINS_AT_ONCE) -> None:
        turns = asyncio.Semaphore(at_once)

        async def enter(viewer: Viewer) -> None:
            async with turns:
                await viewer.join(self.at)
            await viewer.play()
            self.viewers.append(viewer)

        await asyncio.gather(*map(enter, viewers))

    async def watch(self, camera: Camera, seconds: float) -> Shown:
        """Everybody watches so long a film, from its first packet to its last."""
        async with self.attending():
            await asyncio.sleep(QUIET_SECONDS)  # what was published before is read by then
            for each in self.viewers:
                each.sink.reset()
            sent = camera.sent
            await camera.film(seconds)
            published = camera.sent - sent
            await self._settled(published * len(self.viewers))
        return Shown(
            sent=published,
            received=sum(each.sink.packets for each in self.viewers),
            lost=sum(each.sink.lost for each in self.viewers),
        )

    @asynccontextmanager
    async def attending(self) -> AsyncGenerator[None]:
        """Read what comes, report, and keep consent alive."""
        tasks = [
            asyncio.create_task(self._drain.run(self._sinks)),
            asyncio.create_task(_report(self.viewers)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    def _sinks(self) -> list[Sink]:
        return [each.sink for each in self.viewers if not isinstance(each, Probe)]

    async def _settled(self, expected: int) -> None:
        received, before = -1, -2
        while before < received < expected or received < 0:
            before = received
            await asyncio.sleep(QUIET_SECONDS)
            received = sum(each.sink.packets for each in self.viewers)

    def close(self) -> None:
        for each in self.viewers:
            each.path.close()
        self.viewers.clear()


async def _report(watching: Sequence[Viewer]) -> None:
    """A report a second from everybody, spread over the second; others may join meanwhile."""
    while True:
        began, kept = time.monotonic(), list(watching)
        for at in range(0, len(kept), REPORTS_IN_A_ROW):
            for each in kept[at : at + REPORTS_IN_A_ROW]:
                each.report(time.monotonic())
            due = began + REPORT_SECONDS * (at + REPORTS_IN_A_ROW) / len(kept)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        if not kept:
            await asyncio.sleep(REPORT_SECONDS)


def bearer(secret: bytes, may: Deed, who: str, origin: str = "") -> str:
    exp = int(time.time()) + 60
    return sign(Grant(who=who, session=SESSION, may=may, exp=exp, origin=origin), secret)
