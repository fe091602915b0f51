"""An encoder hands over a whole keyframe at once, and a viewer's line queues but half of it."""

import asyncio
import itertools
import time

import pytest

from realtime.relay import pace
from realtime.relay.caller import Caller, call
from realtime.relay.flow import Packet
from tests.fault.test_thin_line import DELTA, KEY, Bucket
from tests.integration.relays import SESSION, running_relay
from tests.integration.wires import wired
from tests.servers.waiting import eventually_async

KEYFRAME_PACKETS, PACKET_BYTES = 80, 1000
PICTURE_SECONDS, KEYFRAME_EACH = 1 / 30, 15
LINE_BITS, QUEUE_SECONDS = 7_000_000, 0.04
"""Eight times the rate of the pictures; 35 KB of queue beside keyframes of 80 KB."""
KEYFRAMES = 8


async def film(caller: Caller) -> None:
    """Two keyframes a second, each in one go, as OBS sends them; little in between."""
    began = time.monotonic()
    for number in itertools.count():
        due = number * PICTURE_SECONDS
        await asyncio.sleep(max(0.0, began + due - time.monotonic()))
        whole = number % KEYFRAME_EACH == 0
        packets = KEYFRAME_PACKETS if whole else 2
        for part in range(packets):
            head = (KEY if whole else DELTA) if part == 0 else b"\x00"
            body = head.ljust(PACKET_BYTES, b"x")
            caller.send("video", body, int(due * 90_000), marker=part == packets - 1)


async def lost_on_a_line() -> tuple[int, list[Packet]]:
    """Datagrams that the line's queue had no room for, while so many keyframes came."""
    async with running_relay() as relay:
        url, bearer = f"{relay.url}/publish/{SESSION}", relay.grant("publish", "speaker")
        async with call(url, bearer, kind="publish") as speaker:
            filming = asyncio.create_task(film(speaker))
            try:
                async with wired(relay.relay.mux.port) as (wire, http):
                    wire.drops = Bucket(LINE_BITS, burst_seconds=QUEUE_SECONDS).drops
                    url, bearer = f"{relay.url}/watch/{SESSION}", relay.grant("watch", "grace")
                    async with call(url, bearer, kind="watch", http=http) as viewer:
                        seen: list[Packet] = []
                        viewer.on_rtp = seen.append
                        await eventually_async(lambda: _keyframes(seen) >= KEYFRAMES, within=20)
                        return wire.dropped, seen
            finally:
                filming.cancel()
                await asyncio.gather(filming, return_exceptions=True)


def _keyframes(seen: list[Packet]) -> int:
    return sum(packet.payload.startswith(KEY) for packet in seen)


@pytest.mark.ci
async def test_a_keyframe_at_once_fits_a_line_that_it_would_overflow() -> None:
    dropped, seen = await lost_on_a_line()
    numbers = [packet.seq for packet in seen]
    assert dropped == 0
    assert numbers == [(numbers[0] + at) & 0xFFFF for at in range(len(numbers))]
    assert len(seen) > KEYFRAMES * KEYFRAME_PACKETS / 2


@pytest.mark.ci
async def test_without_pacing_the_same_line_loses_of_every_keyframe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "BURST_OCTETS", 10_000_000)
    dropped, _ = await lost_on_a_line()
    assert dropped > KEYFRAMES
