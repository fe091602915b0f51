"""A viewer's line becomes too thin for the picture: the sound goes on, and the picture returns."""

import asyncio
import contextlib
import itertools
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from realtime.relay.bounds import PAUSE_SECONDS
from realtime.relay.caller import Caller, call
from realtime.relay.flow import Packet
from tests.integration.relays import SESSION, Running, running_relay
from tests.integration.sizes import speaking, taken
from tests.integration.wires import wired
from tests.servers.waiting import eventually_async

KEY, DELTA = b"\x10\x00\x9d\x01\x2a", b"\x10\x01"
PACKETS_A_PICTURE, PICTURES_A_SECOND, PACKET_BYTES = 6, 30, 1000
SOUND_SECONDS = 0.02
THIN_BITS = 300_000
MIDDLE_BITS = 800_000
"""Enough for 600 kbit/s with sound, not for the 1.6 Mbit/s of the largest."""
DOWN_SECONDS, GAP_SECONDS = 5.0, 0.2


class Bucket:
    """A line of so many bits a second, which drops what does not fit (a policer)."""

    def __init__(self, bits: float, *, burst_seconds: float = 0.05) -> None:
        self._rate, self._most = bits / 8, bits / 8 * burst_seconds
        self._left, self._at = self._most, time.monotonic()

    def drops(self, datagram: bytes) -> bool:
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if len(datagram) > self._left:
            return True
        self._left -= len(datagram)
        return False


class Film:
    """1.5 Mbit/s of pictures, sound in between, keyframes when they are asked for."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._wanted = True
        self.keyframes = 0
        caller.on_keyframe_wanted = self._want

    def _want(self) -> None:
        self._wanted = True

    async def run(self) -> None:
        began = time.monotonic()
        due_picture = 0.0
        for number in itertools.count():
            due = number * SOUND_SECONDS
            await asyncio.sleep(max(0.0, began + due - time.monotonic()))
            self._caller.send("audio", b"sound%8d" % number + bytes(60), int(due * 48_000))
            if due >= due_picture:
                self._picture(due_picture)
                due_picture += 1 / PICTURES_A_SECOND

    def _picture(self, at: float) -> None:
        self.keyframes += self._wanted
        for part in range(PACKETS_A_PICTURE):
            head = (KEY if self._wanted else DELTA) if part == 0 else b"\x00"
            last = part == PACKETS_A_PICTURE - 1
            body = head.ljust(PACKET_BYTES, b"x")
            self._caller.send("video", body, int(at * 90_000), marker=last)
        self._wanted = False


@asynccontextmanager
async def filming(relay: Running) -> AsyncGenerator[Film]:
    url, bearer = f"{relay.url}/publish/{SESSION}", relay.grant("publish", "speaker")
    async with call(url, bearer, kind="publish") as caller:
        film = Film(caller)
        running = asyncio.create_task(film.run())
        try:
            yield film
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


class Seen:
    """What came to a viewer, and when."""

    def __init__(self) -> None:
        self.sound: list[float] = []
        self.pictures: list[tuple[float, Packet]] = []

    def take(self, packet: Packet) -> None:
        now = time.monotonic()
        if packet.payload.startswith(b"sound"):
            self.sound.append(now)
        elif packet.payload_type == 96:
            self.pictures.append((now, packet))

    def since(self, then: float) -> list[Packet]:
        return [packet for at, packet in self.pictures if at >= then]

    def gap(self, since: float) -> float:
        heard = [since, *(at for at in self.sound if at >= since), time.monotonic()]
        return max(after - before for before, after in itertools.pairwise(heard))


def quiet(seen: Seen, seconds: float = 1.0) -> Callable[[], bool]:
    """Whether no picture came for a moment."""
    return lambda: time.monotonic() - seen.pictures[-1][0] > seconds


async def test_sound_goes_on_over_a_line_too_thin_for_the_picture() -> None:
    async with running_relay() as relay, filming(relay) as film:
        url, bearer = f"{relay.url}/watch/{SESSION}", relay.grant("watch", "grace")
        async with (
            wired(relay.relay.mux.port) as (wire, http),
            call(url, bearer, kind="watch", http=http) as caller,
        ):
            seen = Seen()
            caller.on_rtp = seen.take
            await eventually_async(lambda: len(seen.pictures) > 200)

            thin_at = time.monotonic()
            wire.drops = Bucket(THIN_BITS).drops
            await eventually_async(quiet(seen), within=10)
            down = seen.pictures[-1][0] - thin_at
            gap = seen.gap(thin_at)
            sys.stdout.write(
                f"300 kbit/s: pictures stop after {down:.1f} s, "
                f"longest gap in the sound {1000 * gap:.0f} ms\n"
            )
            assert down < DOWN_SECONDS
            assert gap < GAP_SECONDS

            stage, asked = relay.relay.stages[SESSION], film.keyframes
            assert stage.without_pictures == 1
            caller.ask_keyframe()
            wire.drops = lambda _datagram: False
            dry_at, last = time.monotonic(), seen.pictures[-1][1]
            within = PAUSE_SECONDS[0] + DOWN_SECONDS
            await eventually_async(lambda: len(seen.since(dry_at)) > 200, within=within)
            assert film.keyframes == asked + 1, (
                "one for the return, none while pictures stood still"
            )
            again = seen.since(dry_at)
            assert again[0].payload.startswith(KEY)
            numbers = [packet.seq for packet in again]
            assert numbers == [(numbers[0] + at) & 0xFFFF for at in range(len(numbers))]
            ahead = (numbers[0] - last.seq) & 0xFFFF
            assert 0 < ahead < 1000, "the numbers go on after the last one that was sent"
            assert not caller.closed.is_set()
            assert stage.without_pictures == 0


@asynccontextmanager
async def relay_of(behind: str) -> AsyncGenerator[tuple[Running, Running]]:
    """Where the speaker is, and where the viewers are: the same, or one that pulls from it."""
    async with running_relay() as origin, AsyncExitStack() as stack:
        if behind == "origin":
            yield origin, origin
        else:
            yield origin, await stack.enter_async_context(running_relay(secret=origin.secret))


@pytest.mark.parametrize("behind", ["origin", "edge"])
async def test_a_line_too_thin_for_the_largest_picture_gets_the_next(behind: str) -> None:
    """Of three sizes; this viewer estimates nothing, so that losses alone say it."""
    async with relay_of(behind) as (origin, relay), speaking(origin):
        there = origin.url if behind == "edge" else ""
        url, bearer = f"{relay.url}/watch/{SESSION}", relay.grant("watch", "grace", origin=there)
        async with (
            wired(relay.relay.mux.port) as (wire, http),
            call(url, bearer, kind="watch", http=http) as caller,
        ):
            seen = Seen()
            caller.on_rtp = seen.take
            await eventually_async(lambda: sizes(seen) == {"h"})
            stage = relay.relay.stages[SESSION]
            assert stage.viewers_of_less == 0

            thin_at = time.monotonic()
            wire.drops = Bucket(MIDDLE_BITS).drops
            await eventually_async(lambda: sizes(seen) == {"m"}, within=10)
            down, gap = time.monotonic() - thin_at, seen.gap(thin_at)
            assert gap < GAP_SECONDS
            assert stage.viewers_of_less == 1

            again_at = time.monotonic()
            wire.drops = lambda _datagram: False
            within = PAUSE_SECONDS[0] + DOWN_SECONDS
            await eventually_async(lambda: sizes(seen) == {"h"}, within=within)
            sys.stdout.write(
                f"{MIDDLE_BITS // 1000} kbit/s at the {behind}: smaller after {down:.1f} s, "
                f"longest gap in the sound {1000 * gap:.0f} ms, "
                f"the largest again {time.monotonic() - again_at:.1f} s after the line\n"
            )
            assert stage.without_pictures == stage.viewers_of_less == 0


def sizes(seen: Seen, newest: int = 50) -> set[str]:
    """Which sizes the newest packets of the picture were of."""
    return {taken(packet.payload)[3] for _, packet in seen.pictures[-newest:]}
