"""A publisher of the marked film in a process of its own. On stdout, for each picture: its number,
when it was due and when it was sent, in seconds of the machine's monotonic clock.

    python -m tests.bench.relay.speaker URL BEARER
"""

import asyncio
import sys
import time

from realtime.relay.caller import call
from tests.bench.relay.marked import FRAME_TICKS, SOUND_TICKS, Marked
from tests.integration.films import FRAME_SECONDS, SOUND_SECONDS


async def speak(url: str, bearer: str) -> None:
    film = Marked()
    async with call(url, bearer, kind="publish", codec="H264") as caller:
        caller.on_keyframe_wanted = film.wanted
        began, pictures, sounds = time.monotonic(), 0, 0
        while True:
            now = time.monotonic()
            while began + sounds * SOUND_SECONDS <= now:
                caller.send("audio", film.sound(sounds), sounds * SOUND_TICKS)
                sounds += 1
            while began + pictures * FRAME_SECONDS <= now:
                payloads = film.picture(pictures)
                for at, payload in enumerate(payloads):
                    last = at == len(payloads) - 1
                    caller.send("video", payload, pictures * FRAME_TICKS, marker=last)
                print(pictures, began + pictures * FRAME_SECONDS, time.monotonic(), flush=True)
                pictures += 1
            due = began + min(pictures * FRAME_SECONDS, sounds * SOUND_SECONDS)
            await asyncio.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    asyncio.run(speak(*sys.argv[1:]))
