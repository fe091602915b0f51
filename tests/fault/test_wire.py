"""A bad line between everybody and the relay: 5 % lost, 50 ± 20 ms, some twice, both ways.

The line is a TUN device in a network namespace of this thread (`tun.py`), so that ICE, DTLS, SRTP
and RTCP all go over it; only HTTP goes past it, over a Unix socket.
"""

import asyncio
import itertools
import os
import random
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from realtime.relay.caller import Caller, Kind, call
from tests.fault.film import FRAMES, Film, Screen, filmed
from tests.fault.tun import FAR, FAR_AS_SEEN, Tun, tun
from tests.fault.weather import Weather, rough
from tests.integration.relays import SESSION, Running, running_relay
from tests.servers.waiting import TooLate, eventually_async

FILM_SECONDS = float(os.environ.get("ROUNDS_TEST_WIRE_SECONDS", "12"))
"""How long is filmed; a night may ask for more."""
AUDIO_BOUND = 0.95
VIDEO_BOUND = 0.95
BLACKOUT_SECONDS, BACK_SECONDS = 2.0, 5.0


@pytest.fixture
def dice() -> random.Random:
    number = int(os.environ.get("ROUNDS_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"ROUNDS_TEST_SEED={number}")  # noqa: T201 - shown when the test fails
    return random.Random(number)


@pytest.fixture
def line() -> Generator[Tun]:
    with tun() as made:
        yield made


class Without(httpx.AsyncHTTPTransport):
    """Offers from whom the relay may not ask again, and who does not ask: the control."""

    def __init__(self, path: Path, *, nack: bool) -> None:
        super().__init__(uds=str(path))
        self.offers = 0
        self._nack = nack

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        if request.method == "POST":
            self.offers += 1
            if not self._nack:
                body = b"\r\n".join(each for each in body.split(b"\r\n") if not _says_nack(each))
        headers = {k: v for k, v in request.headers.items() if k != "content-length"}
        sent = httpx.Request(request.method, request.url, headers=headers, content=body)
        return await super().handle_async_request(sent)


def _says_nack(line: bytes) -> bool:
    return line.startswith(b"a=rtcp-fb:") and line.endswith(b" nack")


@dataclass
class Scene:
    film: Film
    screen: Screen
    relay: Running
    transport: Without
    up: Weather
    down: Weather


@asynccontextmanager
async def scene(
    line: Tun, dice: random.Random, path: Path, *, nack: bool = True
) -> AsyncGenerator[Scene]:
    """A speaker and a viewer who are connected over the bad line, and see and hear each other."""
    up, down = rough(random.Random(dice.random())), rough(random.Random(dice.random()))
    line.open()
    try:
        async with AsyncExitStack() as stack:
            running = running_relay(path, host=FAR, advertised=FAR_AS_SEEN)
            relay = await stack.enter_async_context(running)
            transport = Without(path, nack=nack)
            client = httpx.AsyncClient(transport=transport, base_url="http://relay", timeout=20)
            http = await stack.enter_async_context(client)
            line.up, line.down = up.passes, down.passes

            async def called(kind: Kind) -> Caller:
                calling = call(
                    f"http://relay/{kind}/{SESSION}", relay.grant(kind), kind=kind, http=http
                )
                return await stack.enter_async_context(calling)

            film = Film(await called("publish"))
            screen = Screen(await called("watch"))
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            running_tasks = [tasks.create_task(film.run()), tasks.create_task(screen.keep_asking())]
            await eventually_async(lambda: len(screen.whole) > FRAMES and screen.heard, 15)
            yield Scene(film, screen, relay, transport, up, down)
            for task in running_tasks:
                task.cancel()
    finally:
        line.close()


def still_the_same(scene: Scene) -> None:
    """Nobody connected anew, and both streams are the ones that it began with."""
    assert scene.transport.offers == 2
    assert not scene.film.caller.closed.is_set()
    assert not scene.screen.caller.closed.is_set()
    assert len(scene.screen.sources) == 2


def told(scene: Scene, sounds: range, pictures: range) -> str:
    heard = sorted(scene.screen.heard.get(each, 9.0) for each in sounds)
    shown = [at for _, at in scene.screen.shown()]
    gaps = [b - a for a, b in itertools.pairwise(shown)]
    viewer = next(iter(scene.relay.relay.stages[SESSION].subscribers.values()))
    again = sum(track.resent for track in viewer.tracks.values())
    late = heard[int(len(heard) * 0.99)]
    return (
        f"lost {scene.up.lost}/{scene.up.carried} up, {scene.down.lost}/{scene.down.carried} down; "
        f"sent again {scene.film.caller.resent} up, {again} down; "
        f"sound in time {scene.screen.in_time(sounds):.4f}, p99 {late * 1000:.0f} ms; "
        f"pictures {scene.screen.decoded(pictures):.4f}, longest gap {max(gaps) * 1000:.0f} ms, "
        f"{scene.film.keys} keyframes"
    )


async def test_sound_and_pictures_hold_on_a_bad_line(
    line: Tun, dice: random.Random, tmp_path: Path
) -> None:
    async with scene(line, dice, tmp_path / "relay.sock") as made:
        sounds, pictures = await filmed(made.film, FILM_SECONDS)
        print(told(made, sounds, pictures))  # noqa: T201 - the figures of docs/benchmarks.md
        assert made.screen.in_time(sounds) >= AUDIO_BOUND
        assert made.screen.decoded(pictures) >= VIDEO_BOUND
        still_the_same(made)


async def test_without_asking_again_the_bad_line_is_heard_and_seen(
    line: Tun, dice: random.Random, tmp_path: Path
) -> None:
    """The control: what holds above holds because of what is asked for again."""
    async with scene(line, dice, tmp_path / "relay.sock", nack=False) as made:
        sounds, pictures = await filmed(made.film, FILM_SECONDS)
        print(told(made, sounds, pictures))  # noqa: T201
        assert made.screen.in_time(sounds) < AUDIO_BOUND
        assert made.screen.decoded(pictures) < VIDEO_BOUND


async def test_after_a_blackout_it_goes_on(line: Tun, dice: random.Random, tmp_path: Path) -> None:
    async with scene(line, dice, tmp_path / "relay.sock") as made:
        back = await after_a_blackout(made)
        print(f"back after {back[0]:.2f} s of sound, {back[1]:.2f} s of pictures")  # noqa: T201
        assert max(back) <= BACK_SECONDS
        still_the_same(made)


async def test_without_a_keyframe_nothing_is_seen_after_a_blackout(
    line: Tun, dice: random.Random, tmp_path: Path
) -> None:
    """The control: pictures come back because the relay asks for a keyframe until it comes."""
    async with scene(line, dice, tmp_path / "relay.sock") as made:
        made.film.caller.on_keyframe_wanted = None
        sound, picture = await after_a_blackout(made)
        assert sound <= BACK_SECONDS < picture


async def after_a_blackout(scene: Scene) -> tuple[float, float]:
    """Seconds until sound and pictures of afterwards are heard and shown; at most the bound."""
    scene.up.dark = scene.down.dark = True
    await asyncio.sleep(BLACKOUT_SECONDS)
    sounds, pictures = len(scene.film.sounds), len(scene.film.pictures)
    scene.up.dark = scene.down.dark = False
    light = time.monotonic()

    async def seconds(seen: Callable[[], bool]) -> float:
        with suppress(TooLate):
            await eventually_async(seen, light + BACK_SECONDS + 0.5 - time.monotonic())
        return time.monotonic() - light

    return (
        await seconds(lambda: any(n >= sounds for n in scene.screen.heard)),
        await seconds(lambda: any(n >= pictures for n, _ in scene.screen.shown())),
    )
