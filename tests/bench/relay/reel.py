"""The load on aiortc's own relay: an encoded film, and viewers who count pictures."""

import asyncio
import json
import time
from asyncio.subprocess import Process
from contextlib import AsyncExitStack, suppress
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from tests.bench.relay.processes import child

WIDTH, HEIGHT, RATE, BITS = 1280, 720, 30, 1_200_000
FILM_FRAMES = 60
SETTLE_SECONDS, SECONDS = 3.0, 4.0
MOST = 6
"""Viewers; it never came near."""
WHOLE = 0.98
"""Of the pictures in a window whose ends cut one or two."""


async def viewers(core: int) -> tuple[int, list[float]]:
    """How many it serves with every picture, and what it delivered to one, two, three …"""
    film, shares = encoded(), list[float]()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(child("stock", str(core)))
        reel = Reel(film)
        stack.push_async_callback((await _connected(server, reel)).close)
        watching: list[Watching] = []
        while len(watching) < MOST:
            watching.append(Watching())
            stack.push_async_callback((await _connected(server, None, watching[-1])).close)
            await asyncio.sleep(SETTLE_SECONDS)
            shown, seen = reel.shown, sum(each.pictures for each in watching)
            await asyncio.sleep(SECONDS)
            expected = (reel.shown - shown) * len(watching)
            shares.append((sum(each.pictures for each in watching) - seen) / expected)
            if shares[-1] < WHOLE:
                break
    return sum(share >= WHOLE for share in shares), shares


def encoded() -> list[bytes]:
    """Two seconds of film in VP8, the first picture a keyframe."""
    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.time_base, codec.bit_rate = Fraction(1, RATE), BITS
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    packets = []
    for number in range(FILM_FRAMES):
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane in frame.planes:
            row = bytes((column * 3 + number * 5) & 0xFF for column in range(plane.line_size))
            plane.update(row * plane.height)
        frame.pts = number
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets


class Reel(MediaStreamTrack):
    """Plays packets over and over; aiortc sends them as they are."""

    kind = "video"

    def __init__(self, film: list[bytes]) -> None:
        super().__init__()
        self.shown = 0
        self._film = film
        self._began = time.monotonic()

    async def recv(self) -> Any:
        due = self._began + self.shown / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        packet = av.Packet(self._film[self.shown % len(self._film)])
        packet.pts, packet.time_base = self.shown, Fraction(1, RATE)
        self.shown += 1
        return packet


class Watching:
    """Counts the pictures of one track."""

    def __init__(self) -> None:
        self.pictures = 0

    async def watch(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                await track.recv()
                self.pictures += 1


async def _connected(
    server: Process, reel: Reel | None, watching: Watching | None = None
) -> RTCPeerConnection:
    made = RTCPeerConnection()
    if reel is not None:
        made.addTrack(reel)
    if watching is not None:
        made.addTransceiver("video", direction="recvonly")
        tasks: list[asyncio.Task[None]] = []
        made.on("track", lambda track: tasks.append(asyncio.create_task(watching.watch(track))))
    await made.setLocalDescription(await made.createOffer())
    assert server.stdin is not None
    assert server.stdout is not None
    offer = {"sdp": made.localDescription.sdp, "publishes": reel is not None}
    server.stdin.write(json.dumps(offer).encode() + b"\n")
    answer = json.loads(await server.stdout.readline())
    await made.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    return made
