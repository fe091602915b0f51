"""Handshakes that are forged in a viewer's own name: from the very address that it has proved.

An attacker who sees the viewer's packets sends from its address and port. What is authentic cannot
be forged, so a finished connection notices nothing. Of a handshake under way only what came before
the viewer's own ClientHello does harm, and to this one try alone.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from realtime.relay.caller import Caller, CallLost
from realtime.relay.mux import DTLS_BELOW, DTLS_FROM, STUN_BELOW
from tests.fault import hostile
from tests.fault.conftest import StartRounds
from tests.fault.film import FRAMES, Film, Screen
from tests.fault.test_hostile import AT_ONCE, LAG_MS, LOG_BYTES, SET_UPS, Target, called, target
from tests.integration.wires import Wire, wired
from tests.servers.waiting import eventually_async

A_SECOND = 1000
DATAGRAMS = 20_000
FORGED = 'rounds_relay_datagrams_dropped_total{why="forged"} '
SILENT, PERSONS = 36, 12
"""Set-ups of people who prove an address and say no more: three each, more than have a turn."""

ENTERED_SECONDS = 5.0
"""A turn is over after a second; the rest is for a busy machine."""


def numbered(hello: bytes, number: int) -> bytes:
    """The same ClientHello as the message of that number, in a record that was not seen before."""
    made = bytearray(hello)
    made[5:11], made[17:19] = (1000 + number).to_bytes(6, "big"), number.to_bytes(2, "big")
    return bytes(made)


async def forgeries() -> list[bytes]:
    """Somebody else's ClientHello in every place that a handshake has, and a fatal alert."""
    hello = (await hostile.handshake())[0]
    alert = bytes.fromhex("15fefd 0000 000000001000 0002 0228")
    return [*(numbered(hello, number) for number in range(6)), alert]


Moment = Callable[[bytes], bool]


def own_hello(datagram: bytes) -> bool:
    """The relay answers a handshake: the viewer's own ClientHello was there."""
    return DTLS_FROM <= datagram[0] < DTLS_BELOW


def proof(datagram: bytes) -> bool:
    """The relay answers a check: the address is proved, and nothing else was said."""
    return datagram[0] < STUN_BELOW


@asynccontextmanager
async def forged(wire: Wire, moment: Moment) -> AsyncGenerator[None]:
    """From that moment on, without end, from the wire's own address."""
    begun, made = asyncio.Event(), await forgeries()

    def look(datagram: bytes) -> bool:
        if moment(datagram) and not begun.is_set():
            begun.set()
            wire.far.sendto(made[0], wire.relay)  # at once: no viewer is quicker
        return False

    async def forge() -> None:
        await begun.wait()
        turn = 0
        while True:
            for _ in range(A_SECOND // 100):
                turn += 1
                wire.far.sendto(made[turn % len(made)], wire.relay)
            await asyncio.sleep(0.01)

    wire.drops = look
    forging = asyncio.create_task(forge())
    try:
        yield
    finally:
        forging.cancel()


async def set_up(relay: Target, who: str, moment: Moment) -> float | None:
    """Seconds until a viewer is connected, in whose name is forged; `None` if it never was."""
    began = time.monotonic()
    async with wired(relay.port) as (wire, http), forged(wire, moment):
        try:
            async with called(relay, "watch", who, http=http):
                return time.monotonic() - began
        except CallLost:
            return None


async def set_ups(relay: Target, count: int, moment: Moment) -> list[float | None]:
    took: list[float | None] = []
    for first in range(0, count, AT_ONCE):
        whos = [f"viewer {number}" for number in range(first, first + AT_ONCE)]
        took += await asyncio.gather(*(set_up(relay, who, moment) for who in whos))
    return took


async def test_set_ups_succeed_though_handshakes_are_forged_in_their_name(
    start_rounds: StartRounds, tmp_path: Path
) -> None:
    async with target(start_rounds, tmp_path) as relay, called(relay, "publish", "ada"):
        took = await set_ups(relay, SET_UPS, own_hello)
        longest = sorted(each for each in took if each is not None)
        print(  # noqa: T201 - the figures of docs/benchmarks.md
            f"{len(longest)} of {len(took)} set-ups, {await relay.counted(FORGED)} forged in "
            f"their name, longest {longest[-1] * 1000:.0f} ms"
        )
        assert None not in took
        assert await relay.counted(FORGED) > SET_UPS


async def test_a_relay_that_hands_everything_on_loses_them(
    start_rounds: StartRounds, tmp_path: Path
) -> None:
    """The control."""
    async with (
        target(start_rounds, tmp_path, "credulous") as relay,
        called(relay, "publish", "ada"),
    ):
        assert None in await set_ups(relay, AT_ONCE, own_hello)


async def test_whoever_was_forestalled_comes_again_and_nobody_else_notices(
    start_rounds: StartRounds, tmp_path: Path
) -> None:
    async with target(start_rounds, tmp_path) as relay, called(relay, "publish", "ada"):
        for _ in range(3):  # more would be more than three at once, if any were left behind
            assert await set_up(relay, "grace", proof) is None
            async with called(relay, "watch", "other"):
                pass
        async with called(relay, "watch", "grace"):
            pass
        assert "Traceback" not in relay.server.log_text()


async def test_a_finished_connection_is_not_touched(
    start_rounds: StartRounds, tmp_path: Path
) -> None:
    async with (
        target(start_rounds, tmp_path) as relay,
        called(relay, "publish", "ada") as speaker,
        wired(relay.port) as (wire, http),
        called(relay, "watch", "grace", http=http) as viewer,
        asyncio.TaskGroup() as tasks,
    ):
        film, screen, made = Film(speaker), Screen(viewer), await forgeries()
        filming = tasks.create_task(film.run())
        await eventually_async(lambda: len(screen.whole) > FRAMES and screen.heard)
        first = len(film.sounds), len(film.pictures)
        for turn in range(DATAGRAMS):
            wire.far.sendto(made[turn % len(made)], wire.relay)
            if turn % 25 == 0:
                await asyncio.sleep(0.01)
        last = len(film.sounds), len(film.pictures)
        await eventually_async(
            lambda: max(screen.heard) >= last[0] and max(screen.whole) >= last[1], 10
        )
        filming.cancel()
        assert set(range(first[0], last[0])) <= screen.heard.keys()
        assert set(range(first[1], last[1])) <= screen.whole.keys()
        assert await relay.counted(FORGED) >= 0.95 * DATAGRAMS
        assert not viewer.closed.is_set()
        assert relay.lag_ms() <= LAG_MS
        assert len(relay.server.log_text()) <= LOG_BYTES


@asynccontextmanager
async def silent(relay: Target, who: str) -> AsyncGenerator[None]:
    """Somebody with a ticket who proves an address, and then says nothing of a handshake."""
    async with wired(relay.port) as (wire, http):
        proved = asyncio.Event()

        def drop(datagram: bytes) -> bool:
            proved.set()
            return own_hello(datagram)

        wire.drops = drop
        wire.passes = lambda datagram: not own_hello(datagram)

        async def wait() -> Caller | None:
            try:
                async with called(relay, "watch", who, http=http) as caller:
                    return caller
            except CallLost:
                return None

        calling = asyncio.create_task(wait())
        await proved.wait()
        yield
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)


async def test_those_who_say_nothing_do_not_keep_others_out(
    start_rounds: StartRounds, tmp_path: Path
) -> None:
    async with (
        target(start_rounds, tmp_path) as relay,
        called(relay, "publish", "ada"),
        AsyncExitStack() as stack,
    ):
        await asyncio.gather(
            *(
                stack.enter_async_context(silent(relay, f"mallory {number % PERSONS}"))
                for number in range(SILENT)
            )
        )
        began = time.monotonic()
        async with called(relay, "watch", "grace"):
            took = time.monotonic() - began
        print(f"in after {took:.2f} s, beside {SILENT} who say nothing")  # noqa: T201
        assert took <= ENTERED_SECONDS
