"""Real browsers over the bad line: what Chromium makes of what is sent again.

The same line as in `test_wire.py`, which Chromium is started behind: its sockets are in the
namespace of this thread, and so are the relay's.
"""

import asyncio
import os
import random
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.test_media import figures, frames, opened, publish, watch, with_page
from tests.fault.tun import FAR, FAR_AS_SEEN, Tun, tun
from tests.fault.weather import Weather, rough
from tests.integration.relays import relay_in_thread
from tests.servers.chromium import FLAGS, chromium
from tests.servers.waiting import eventually

FILM_SECONDS = float(os.environ.get("ROUNDS_TEST_WIRE_SECONDS", "12"))
DECODED_BOUND, CONCEALED_BOUND = 0.9, 0.05
BLACKOUT_SECONDS, BACK_SECONDS = 2.0, 5.0


@contextmanager
def carried(line: Tun) -> Generator[None]:
    """The line runs in a thread, since this one waits for the browser."""
    ready, over = threading.Event(), threading.Event()

    async def carry() -> None:
        line.open()
        ready.set()
        await asyncio.to_thread(over.wait)
        line.close()

    thread = threading.Thread(target=asyncio.run, args=(carry(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        over.set()
        thread.join(10)


@dataclass
class Room:
    speaker: Page
    viewer: Page
    up: Weather
    down: Weather


@pytest.fixture
def room() -> Generator[Room]:
    """A speaker and a viewer, connected over the bad line."""
    number = int(os.environ.get("ROUNDS_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"ROUNDS_TEST_SEED={number}")  # noqa: T201 - shown when the test fails
    dice, found = random.Random(number), chromium()
    up, down = rough(random.Random(dice.random())), rough(random.Random(dice.random()))
    with ExitStack() as stack:
        line = stack.enter_context(tun())
        stack.enter_context(carried(line))
        running = relay_in_thread(with_page, host=FAR, advertised=FAR_AS_SEEN)
        url, secret = stack.enter_context(running)
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=found.executable,
            env={**os.environ, **found.environment},
            args=list(FLAGS),
        )
        stack.callback(browser.close)
        line.up, line.down = up.passes, down.passes
        speaker, viewer = opened(browser, url), opened(browser, url)
        publish(speaker, secret, "vp8")
        eventually(lambda: watch(viewer, secret, "grace") == "answered", 10)
        eventually(lambda: frames(viewer) > 20, 20, "pictures")
        yield Room(speaker, viewer, up, down)


def measured(room: Room) -> dict[str, Any]:
    return {**figures(room.speaker), **figures(room.viewer)}


def test_a_browser_hears_and_sees_over_the_bad_line(room: Room) -> None:
    before = measured(room)
    time.sleep(FILM_SECONDS)
    after = measured(room)

    def grown(kind: str, name: str) -> float:
        return float(after[kind][name] - before[kind][name])

    decoded = grown("video", "frames") / grown("sent", "frames")
    concealed = grown("audio", "concealed") / grown("audio", "heard")
    print(  # noqa: T201 - the figures of docs/benchmarks.md
        f"decoded {decoded:.3f} of {grown('sent', 'frames'):.0f} pictures, freezes "
        f"{grown('video', 'freezes'):.0f}, concealed {concealed:.4f} of the sound, asked again "
        f"{grown('audio', 'nacks'):.0f} + {grown('video', 'nacks'):.0f} times; "
        f"sound lost for good {grown('audio', 'lost'):.0f} of {grown('audio', 'packets'):.0f}"
    )
    assert decoded >= DECODED_BOUND
    assert concealed <= CONCEALED_BOUND
    assert grown("audio", "nacks") > 0, "the sound that is lost is asked for too"
    assert room.viewer.evaluate("connection.connectionState") == "connected"


def test_a_browser_is_back_after_a_blackout(room: Room) -> None:
    room.up.dark = room.down.dark = True
    time.sleep(BLACKOUT_SECONDS)
    seen = frames(room.viewer)
    room.up.dark = room.down.dark = False
    light = time.monotonic()
    eventually(lambda: frames(room.viewer) > seen + 5, BACK_SECONDS, "pictures after the blackout")
    print(f"back after {time.monotonic() - light:.2f} s")  # noqa: T201
    for tab in (room.speaker, room.viewer):
        assert tab.evaluate("connection.connectionState") == "connected"
