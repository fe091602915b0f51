"""A stage over HTTPS with its sound as it comes, and as AAC: real packets in, decoded files out."""

import array
import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from fractions import Fraction
from itertools import pairwise

import av
import httpx
import psutil
import pytest

from realtime.relay.caller import call
from realtime.relay.hls.coding import Audio
from realtime.relay.hls.frames import Part, Segment, Splitter, decode_out
from tests.integration.films import FRAME_SECONDS, SOUND_SECONDS, Film, Studio
from tests.integration.relays import SESSION, Running, running_relay
from tests.integration.test_hls import packagers, sending
from tests.servers.waiting import eventually_async

RATE = 48_000
SYNC_SECONDS = 0.02
FILM_SECONDS = 6.0
BRIGHT, LOUD = 128, 6000


class Slate(Studio):
    """Once a second one white picture and, at the same time, a click; black and silence between.

    The sound is `late` by so many seconds.
    """

    def __init__(self, late: float = 0.0) -> None:
        super().__init__()
        self._clicks = late

    def picture(self) -> tuple[list[bytes], int]:
        frame = av.VideoFrame(*self.size, "yuv420p")
        white = self.pictures % round(1 / FRAME_SECONDS) == 0
        for plane, level in zip(frame.planes, (235 if white else 16, 128, 128), strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        return self.encoded(frame)

    def sound(self) -> tuple[list[bytes], int]:
        begins = self.sounds * SOUND_SECONDS - self._clicks
        loud = 0 <= begins % 1 < SOUND_SECONDS / 2
        level = [20_000 * (-1) ** (at // 24) if loud and at < 480 else 0 for at in range(960)]
        return self.voiced(array.array("h", (v for v in level for _ in "lr")).tobytes())


@asynccontextmanager
async def segments(relay: Running) -> AsyncGenerator[list[Segment | Part]]:
    """What the relay makes of the stage, as it comes."""
    came: list[Segment | Part] = []
    headers = {"Authorization": f"Bearer {relay.grant('watch', 'server')}"}

    async def follow() -> None:
        splitter = Splitter()
        async with (
            httpx.AsyncClient(timeout=20, trust_env=False) as http,
            http.stream("GET", f"{relay.url}/segments/{SESSION}", headers=headers) as stream,
        ):
            async for data in stream.aiter_raw():
                for message in map(decode_out, splitter.feed(data)):
                    assert isinstance(message, Segment | Part)
                    came.append(message)

    following = asyncio.create_task(follow())
    try:
        yield came
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def packaged(audio: Audio, late: float = 0.0) -> tuple[bytes, float]:
    """Some seconds of the slate as one file, and how long its parts say that it is."""
    async with running_relay(hls_audio=audio) as relay:
        url, bearer = f"{relay.url}/publish/{SESSION}", relay.grant("publish", "speaker")
        async with (
            call(url, bearer, kind="publish", codec="H264") as speaker,
            sending(Film(Slate(late)), speaker),
        ):
            stages = relay.relay.stages
            await eventually_async(lambda: any(stage.on_air for stage in stages.values()))
            async with segments(relay) as came:

                def seconds() -> float:
                    return sum(each.seconds for each in came if isinstance(each, Part))

                await eventually_async(lambda: seconds() > FILM_SECONDS)
                (packager,) = packagers()
                assert audio in packager.cmdline()
                assert packager.status() != psutil.STATUS_ZOMBIE
    (first,) = {each.init for each in came if isinstance(each, Segment)}
    return first + b"".join(each.body for each in came if isinstance(each, Part)), seconds()


def flashes(data: bytes) -> list[float]:
    """When white pictures are shown."""
    times: list[float] = []
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(video=0):
            if bytes(frame.planes[0])[0] > BRIGHT:
                assert frame.time is not None
                times.append(frame.time)
    return times


def clicks(data: bytes) -> tuple[list[float], float]:
    """When it is loud after it was silent, and how long the sound is; it must have no hole."""
    times: list[float] = []
    due, first, ended = None, 0, -RATE
    with av.open(io.BytesIO(data), "r") as container:
        to_mono = av.AudioResampler("s16", "mono", RATE)
        for frame in container.decode(audio=0):
            assert (frame.sample_rate, frame.time_base) == (RATE, Fraction(1, RATE))
            assert frame.pts is not None
            if due is None:
                due = first = frame.pts
            assert frame.pts == due
            due += frame.samples
            for each in to_mono.resample(frame):
                level = array.array("h", bytes(each.planes[0])[: 2 * each.samples])
                for at, value in enumerate(level, start=frame.pts):
                    if abs(value) > LOUD:
                        times += [at / RATE] * (at - ended > RATE // 2)
                        ended = at
    assert due is not None
    return times, (due - first) / RATE


def apart(data: bytes) -> list[float]:
    """For each click how much later it is than its flash."""
    seen, (heard, _) = flashes(data), clicks(data)
    return [min((click - flash for flash in seen), key=abs) for click in heard]


@pytest.mark.parametrize(("audio", "codec"), [("opus", "opus"), ("aac", "aac")])
async def test_a_click_is_heard_with_its_flash(audio: Audio, codec: str) -> None:
    data, seconds = await packaged(audio)
    with av.open(io.BytesIO(data), "r") as container:
        (stream,) = container.streams.audio
        context = stream.codec_context
        assert (context.name.removeprefix("lib"), context.layout.name) == (codec, "stereo")
        if audio == "aac":
            assert context.profile == "LC"
    off = apart(data)
    print(f"\n{audio}: clicks after their flashes by {[round(1000 * each) for each in off]} ms")  # noqa: T201
    assert len(off) >= FILM_SECONDS - 1
    assert max(map(abs, off)) < SYNC_SECONDS
    heard, length = clicks(data)
    assert abs(length - seconds) < 0.15, "as much sound as there are pictures"
    assert all(abs(b - a - 1) < 0.005 for a, b in pairwise(heard))


async def test_a_sound_that_is_late_is_found_out() -> None:
    """The control: 60 ms off is not taken for sync."""
    data, _ = await packaged("aac", late=0.06)
    assert min(map(abs, apart(data))) > SYNC_SECONDS
