"""What a stage over HTTPS costs, and how late it is.

    python -m tests.bench.relay.segments [SECONDS]

A real publisher (ICE, DTLS, SRTP; H.264 720p and Opus) at a relay in this process, one follower of
its segments. Printed: the share of a core that the packager's process takes, its memory, and how
old a picture is when the part that holds it has arrived. A player adds what it stays behind.
"""

import asyncio
import sys
import time
from statistics import median, quantiles

import httpx
import psutil

from realtime.relay.caller import call
from realtime.relay.hls.bounds import PART_SECONDS
from realtime.relay.hls.frames import Part, Segment, Splitter, decode_out
from tests.integration.films import FRAME_SECONDS, Film, Studio
from tests.integration.relays import SESSION, Running, running_relay
from tests.servers.waiting import eventually_async

_WARM_SECONDS = 4.0


async def _publish(relay: Running, film: Film) -> None:
    url, bearer = f"{relay.url}/publish/{SESSION}", relay.grant("publish", "speaker")
    async with call(url, bearer, kind="publish", codec="H264") as caller:

        def wanted() -> None:
            film.studio.keyframe_wanted = True

        caller.on_keyframe_wanted = wanted
        while True:
            for kind, payload, timestamp, marker in film.due():
                caller.send(kind, payload, timestamp, marker=marker)  # type: ignore[arg-type]
            await asyncio.sleep(FRAME_SECONDS / 4)


async def _measure(seconds: float) -> None:
    async with running_relay() as relay:
        publishing = asyncio.create_task(_publish(relay, Film(Studio(1280, 720))))
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            stages = relay.relay.stages
            await eventually_async(lambda: any(stage.on_air for stage in stages.values()))
            headers = {"Authorization": f"Bearer {relay.grant('watch', 'server')}"}
            address = f"{relay.url}/segments/{SESSION}"
            async with http.stream("GET", address, headers=headers) as stream:
                await _follow(stream, seconds)
        publishing.cancel()


async def _follow(stream: httpx.Response, seconds: float) -> None:
    splitter, began = Splitter(), time.monotonic()
    worker: psutil.Process | None = None
    spent = since = begins_ms = 0.0
    octets = 0
    ages: list[float] = []
    async for data in stream.aiter_raw():
        now, wall_ms = time.monotonic(), time.time() * 1000
        for body in splitter.feed(data):
            message = decode_out(body)
            if isinstance(message, Segment):
                begins_ms = message.at_ms
            elif isinstance(message, Part):
                octets += len(message.body)
                ages.append((wall_ms - begins_ms) / 1000)
                begins_ms += 1000 * message.seconds
        if worker is None and now - began > _WARM_SECONDS:
            (worker,) = psutil.Process().children()
            spent, since, octets = sum(worker.cpu_times()[:2]), now, 0
            ages.clear()
        elif worker is not None and now - since > seconds:
            share = (sum(worker.cpu_times()[:2]) - spent) / (now - since)
            oldest, late = median(ages), quantiles(ages, n=20)[-1]
            print(f"stream                        {8 * octets / (now - since) / 1e6:.2f} Mbit/s")
            print(f"CPU of the packager           {100 * share:.2f} % of a core")
            print(f"memory of it                  {worker.memory_info().rss / 2**20:.0f} MiB")
            print(f"age of a part's first picture p50 {oldest:.2f} s, p95 {late:.2f} s")
            print(f"a player behind by three parts p50 {oldest + 3 * PART_SECONDS:.2f} s")
            return


if __name__ == "__main__":
    asyncio.run(_measure(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0))
