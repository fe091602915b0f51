"""What a stage over HTTPS costs, with its sound as it comes and as AAC, and how late it is.

    python -m tests.bench.relay.segments [SECONDS] [--busy PROCESSES]

A real publisher (ICE, DTLS, SRTP; H.264 720p and Opus) in a process of its own, encoded before;
a relay and one follower of its segments in this one. Of each part it is printed how long after its
first picture was sent it had arrived, and after its last; and how late the publisher was itself.
`--busy` has so many other processes compute meanwhile, to see whose such delays are.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median, quantiles

import httpx
import psutil

from realtime.relay.hls.bounds import PART_SECONDS
from realtime.relay.hls.coding import Audio
from realtime.relay.hls.frames import Part, Segment, Splitter, decode_out
from tests.bench.relay.marked import numbers
from tests.bench.relay.processes import child, cpu_seconds
from tests.integration.relays import SESSION, running_relay
from tests.integration.test_hls import packagers
from tests.servers.waiting import eventually_async

_WARM_SECONDS = 4.0
_STARTING_SECONDS = 60.0
_SPIN = "while True: pass"


class Sent:
    """What the publisher said of its pictures: by number, when each was due and when it left."""

    def __init__(self) -> None:
        self.due: dict[int, float] = {}
        self.left: dict[int, float] = {}

    async def read(self, speaker: Process) -> None:
        assert speaker.stdout is not None
        while line := await speaker.stdout.readline():
            number, due, left = line.split()
            self.due[int(number)], self.left[int(number)] = float(due), float(left)


class Came:
    """Parts, and when each arrived."""

    def __init__(self) -> None:
        self.parts: list[tuple[float, Part]] = []
        self.breaks: set[int] = set()

    async def read(self, address: str, grant: str) -> None:
        splitter = Splitter()
        headers = {"Authorization": f"Bearer {grant}"}
        async with (
            httpx.AsyncClient(timeout=20, trust_env=False) as http,
            http.stream("GET", address, headers=headers) as stream,
        ):
            async for data in stream.aiter_raw():
                now = time.monotonic()
                for message in map(decode_out, splitter.feed(data)):
                    if isinstance(message, Part):
                        self.parts.append((now, message))
                    elif isinstance(message, Segment):
                        self.breaks.add(message.breaks)


@asynccontextmanager
async def _busy(processes: int) -> AsyncGenerator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(processes):
            spinning = await asyncio.create_subprocess_exec(sys.executable, "-c", _SPIN)
            stack.callback(spinning.kill)
        yield


async def _measure(audio: Audio, seconds: float, busy: int) -> None:
    sent, came = Sent(), Came()
    async with running_relay(hls_audio=audio) as relay:
        url, bearer = f"{relay.url}/publish/{SESSION}", relay.grant("publish", "speaker")
        async with child("speaker", url, bearer) as speaker:
            reading = asyncio.create_task(sent.read(speaker))
            stages = relay.relay.stages
            await eventually_async(
                lambda: any(each.on_air for each in stages.values()), _STARTING_SECONDS
            )
            address = f"{relay.url}/segments/{SESSION}"
            following = asyncio.create_task(came.read(address, relay.grant("watch", "server")))
            await eventually_async(lambda: came.parts, _STARTING_SECONDS, "a part")
            (packager,) = packagers()
            async with _busy(busy):
                await asyncio.sleep(_WARM_SECONDS)
                before, since = cpu_seconds(packager.pid), time.monotonic()
                await asyncio.sleep(seconds)
                spent, until = cpu_seconds(packager.pid) - before, time.monotonic()
            memory = psutil.Process(packager.pid).memory_info().rss
            for task in (following, reading):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
    parts = [(at, part) for at, part in came.parts if since <= at < until]
    octets = sum(len(part.body) for _, part in parts)
    print(f"\n{audio}, {seconds:.0f} s, {busy} other processes busy")
    print(f"stream                        {8 * octets / (until - since) / 1e6:.2f} Mbit/s")
    print(f"CPU of the packager           {100 * spent / (until - since):.2f} % of a core")
    print(f"memory of it                  {memory / 2**20:.0f} MiB")
    _tell_ages(parts, sent, len(came.breaks) - 1)


def _tell_ages(parts: Sequence[tuple[float, Part]], sent: Sent, breaks: int) -> None:
    first, last, late, due = [], [], [], []
    held: list[int] = []
    for at, part in parts:
        pictures = numbers(part.body)
        if not pictures:
            continue
        held += pictures
        first.append(at - sent.left[pictures[0]])
        last.append(at - sent.left[pictures[-1]])
        due.append(at - sent.due[pictures[0]])
        late += [sent.left[each] - sent.due[each] for each in pictures]
    lengths = [part.seconds for _, part in parts]
    missing = held[-1] - held[0] + 1 - len(set(held))
    print(f"parts                         {len(parts)}, of {_spread(lengths)}")
    print(f"pictures                      {len(held)}, {missing} missing; {breaks} breaks")
    print(f"a part's first picture        was sent {_spread(first)} ago")
    print(f"its last one                  was sent {_spread(last)} ago")
    print(f"the publisher itself was late {_spread(late)}")
    print(f"both together, of the first   {_spread(due)}")
    print(f"a player behind by three parts p50 {median(due) + 3 * PART_SECONDS:.2f} s")


def _spread(values: Sequence[float]) -> str:
    return (
        f"p50 {median(values):.3f} s, p95 {quantiles(values, n=20)[-1]:.3f} s, "
        f"at most {max(values):.3f} s"
    )


async def main(seconds: float, busy: int) -> None:
    for audio in ("opus", "aac"):
        await _measure(audio, seconds, busy)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float, nargs="?", default=20.0)
    parser.add_argument("--busy", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(main(given.seconds, given.busy))
