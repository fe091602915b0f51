"""The process that packages a stage killed and frozen: who notices, and how soon it goes on.

Figures are printed: `./run test tests/fault/test_packager.py -s`.
"""

import asyncio
import itertools
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
import psutil
import pytest

from realtime.relay.caller import Caller, call
from realtime.relay.hls import packaging
from realtime.relay.hls.frames import Part, Segment, Splitter, decode_out
from realtime.relay.hls.packaging import Packagings
from realtime.relay.hls.window import Window
from tests.fault.playlists import Confused, Told
from tests.fault.test_relay_away import relay_of
from tests.integration.films import Film, Studio
from tests.integration.live_day import Day
from tests.integration.relays import SESSION, running_relay
from tests.integration.test_hls import (
    a_viewer,
    conference,
    day,
    decoded,
    fetched,
    filming,
    let_in,
    packagers,
    sending,
)
from tests.integration.test_stages import ticket, whep
from tests.servers.waiting import TooLate, eventually_async

__all__ = ["conference", "day"]

AGAIN_SECONDS = 10.0
"""From the blow to the first part of another process."""

WHOLE_SECONDS = AGAIN_SECONDS + 2.5
"""To its first whole segment."""

GROWN_BYTES = 16 * 1024 * 1024
"""Of the relay: four megabytes may wait in the pipe, and segments are held anyway."""

UNNOTICED_SECONDS = 1.0
"""The longest time in which a viewer by WebRTC gets nothing: publisher, viewer and the tests' own
work share a loop here."""

SAYS = (sys.executable, "-c", "import os, sys; os.write(1, eval(sys.argv[1]).encode('latin-1'))")

BLOWS = pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])


@dataclass
class Watcher:
    """A viewer by WebRTC, who notices when nothing comes."""

    caller: Caller
    came: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.caller.on_rtp = lambda _packet: self.came.append(time.monotonic())

    def longest_wait(self, since: float) -> float:
        moments = [since, *(each for each in self.came if each > since), time.monotonic()]
        return max(b - a for a, b in itertools.pairwise(moments))

    @property
    def lost(self) -> int:
        return sum(each.lost for each in self.caller.received.values())


@asynccontextmanager
async def watching(day: Day) -> AsyncGenerator[Watcher]:
    async with call(whep(day), await asyncio.to_thread(ticket, day), kind="watch") as caller:
        watcher = Watcher(caller)
        await eventually_async(lambda: len(watcher.came) > 50, what="pictures by WebRTC")
        yield watcher


async def told_until(
    viewer: httpx.AsyncClient, playlist: str, told: Told, breaks: int, within: float
) -> tuple[float, float]:
    """Read on as players do; seconds until there is a part, then a whole segment, after a break."""
    began, first = time.monotonic(), 0.0
    while True:
        asked = {"_HLS_msn": told.newest + 1, "_HLS_part": told.parts}
        told.take((await viewer.get(playlist, params=asked)).raise_for_status().text)
        passed = time.monotonic() - began
        if not first and max(told.breaks.values()) >= breaks:
            first = passed
        if told.breaks[told.newest] >= breaks:
            return first, passed
        if passed > within:
            raise TooLate(f"no segment after {within} s")


@BLOWS
async def test_segments_come_again_and_nobody_else_notices(day: Day, blow: signal.Signals) -> None:
    async with (
        filming(day, Film(Studio())),
        a_viewer(day) as viewer,
        watching(day) as watcher,
    ):
        relay, told = relay_of(day.server), Told()
        assert relay is not None
        others = packagers(relay)
        playlist = await let_in(viewer, day)
        told.take((await viewer.get(playlist)).raise_for_status().text)
        (packager,) = set(packagers(relay)) - set(others)
        before, grown = relay.memory_info().rss, 0
        breaks, struck = told.breaks[told.newest] + 1, time.monotonic()
        packager.send_signal(blow)
        first, whole = await told_until(viewer, playlist, told, breaks, within=60)
        wait, grown = watcher.longest_wait(struck), relay.memory_info().rss - before
        print(  # noqa: T201 - figures for the documents
            f"\n{blow.name}: a part again after {first:.1f} s, a segment after {whole:.1f} s; by "
            f"WebRTC {watcher.lost} lost, longest wait {1000 * wait:.0f} ms; "
            f"the relay grew by {grown / 1e6:.1f} MB"
        )
        assert (first <= AGAIN_SECONDS, whole <= WHOLE_SECONDS) == (True, True)
        assert watcher.lost == 0
        assert wait < UNNOTICED_SECONDS
        assert grown < GROWN_BYTES
        assert relay_of(day.server) == relay
        with suppress(psutil.NoSuchProcess):
            packager.wait(5)
        assert not packager.is_running(), "what froze is gone"

        data = await fetched(viewer, playlist, told.begins[told.newest])
        seen = decoded(data + await fetched(viewer, playlist, told.names[told.newest]))
        assert seen["video"] > 20
        assert seen["audio"] > 40


async def test_a_relay_that_freezes_is_noticed(day: Day) -> None:
    """The control: what finds nothing in the test above finds this."""
    async with filming(day, Film(Studio())), watching(day) as watcher:
        relay = relay_of(day.server)
        assert relay is not None
        struck = time.monotonic()
        relay.suspend()
        try:
            await eventually_async(lambda: watcher.longest_wait(struck) > 2 * UNNOTICED_SECONDS)
        finally:
            relay.resume()


@asynccontextmanager
async def packaged(film: Film) -> AsyncGenerator[tuple[Window, list[float]]]:
    """A stage at a relay in this process: its segments, and when each part came."""
    window, came = Window(), []
    async with running_relay() as relay, httpx.AsyncClient(timeout=20, trust_env=False) as http:
        url, bearer = f"{relay.url}/publish/{SESSION}", relay.grant("publish", "speaker")
        async with call(url, bearer, kind="publish", codec="H264") as speaker:

            async def follow() -> None:
                headers = {"Authorization": f"Bearer {relay.grant('watch', 'server')}"}
                address = f"{relay.url}/segments/{SESSION}"
                async with http.stream("GET", address, headers=headers) as stream:
                    splitter = Splitter()
                    async for data in stream.aiter_raw():
                        for message in map(decode_out, splitter.feed(data)):
                            assert isinstance(message, Segment | Part)
                            window.add(message)
                            came.append(time.monotonic())

            async with sending(film, speaker):
                following = asyncio.create_task(follow())
                try:
                    await eventually_async(lambda: window.playable, what="a segment")
                    yield window, came
                finally:
                    following.cancel()
                    with suppress(asyncio.CancelledError):
                        await following


async def test_without_the_watch_a_frozen_packager_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: it is its silence that gives it away, since little waits in the pipe yet."""
    monkeypatch.setattr(packaging, "SILENT_BATCHES", 10_000)
    async with packaged(Film(Studio())) as (_, came):
        (packager,) = packagers()
        packager.suspend()
        frozen = time.monotonic()
        await eventually_async(lambda: time.monotonic() - frozen > AGAIN_SECONDS + 2)
        assert came[-1] - frozen < 1
        assert [each.pid for each in packagers()] == [packager.pid]


async def test_one_that_is_only_slow_is_left_alone() -> None:
    async with packaged(Film(Studio())) as (window, came):
        (packager,) = packagers()
        packager.suspend()
        frozen = time.monotonic()
        await eventually_async(lambda: time.monotonic() - frozen > 2)
        packager.resume()
        thawed = time.monotonic()
        await eventually_async(lambda: came[-1] > thawed + 1, what="parts again")
        assert [each.pid for each in packagers()] == [packager.pid]
        assert "#EXT-X-DISCONTINUITY\n" not in window.playlist(parts=True)


@pytest.mark.parametrize(
    "command",
    [("/nowhere/packager",), (*SAYS, "'\\0\\0\\0\\1\\xc1'"), (*SAYS, "'\\xff' * 9")],
    ids=["none", "nonsense", "too-long"],
)
async def test_one_that_is_broken_ends_its_own_stage_alone(command: tuple[str, ...]) -> None:
    async with (
        running_relay() as relay,
        asyncio.TaskGroup() as tasks,
        httpx.AsyncClient(timeout=20, trust_env=False) as http,
        call(
            f"{relay.url}/publish/{SESSION}",
            relay.grant("publish", "speaker"),
            kind="publish",
            codec="H264",
        ) as speaker,
        sending(Film(Studio()), speaker),
    ):
        relay.relay.packagings = Packagings(tasks, relay.relay.mux.clock, command)
        headers = {"Authorization": f"Bearer {relay.grant('watch', 'server')}"}
        answer = await http.get(f"{relay.url}/segments/{SESSION}", headers=headers)
        assert (answer.status_code, answer.content) == (200, b""), "followers are sent away"
        await eventually_async(lambda: len(relay.relay.packagings) == 0, what="it is given up")
        assert (await http.get(f"{relay.url}/healthz")).status_code == 200
        assert not speaker.closed.is_set()


def test_playlists_that_contradict_each_other_are_found_out() -> None:
    """The control for what is said of playlists above."""

    def text(number: int, *names: str, breaks: int = 0, seconds: float = 2.0) -> str:
        segments = "".join(f"#EXTINF:{seconds:.5f},\n{name}\n" for name in names)
        return (
            f"#EXT-X-MEDIA-SEQUENCE:{number}\n#EXT-X-DISCONTINUITY-SEQUENCE:{breaks}\n"
            f'#EXT-X-MAP:URI="m"\n{segments}'
        )

    told = Told()
    told.take(text(7, "a", "b"))
    told.take(text(8, "b", "c"))
    for wrong in (
        text(8, "c", "d"),  # renumbered
        text(12, "e"),  # a gap
        text(8, "b", "c", breaks=1),
        text(10, "d", seconds=0.0),
    ):
        with pytest.raises(Confused):
            told.take(wrong)


def test_numbers_go_on_after_a_segment_that_never_had_a_part() -> None:
    def begun(number: int, breaks: int) -> Segment:
        name = f"s{number}-{breaks}"
        return Segment(number, breaks, name, 1_700_000_000_000, f"i{breaks}", b"")

    window = Window()
    assert window.next(99) == (99, 0)
    part = Part("p", 0.5, independent=True, body=b"p", next="q")
    for message in (begun(99, 0), part, begun(100, 0)):
        window.add(message)
    assert window.next(1) == (100, 1)
    for message in (begun(100, 1), part, begun(101, 1), part):
        window.add(message)
    assert window.next(1) == (102, 2)
    told = Told()
    told.take(window.playlist(parts=True))
    assert told.names == {99: "s99-0.m4s", 100: "s100-1.m4s"}
    assert told.breaks == {99: 0, 100: 1, 101: 1}
