"""Plays a packetised clip into a WHIP endpoint, over and over, in real time.

    python -m realtime.relay.player CLIP URL        (the bearer token on standard input)

Nothing is encoded and nothing is parsed: a clip holds finished RTP payloads with their times, so
playing costs about a hundredth of a core. It knows neither codecs nor who may publish. The layout
of a clip, all numbers in network order:

    4s "RTPC" · B version 1 · B streams · H 0 · I duration in ms
    per stream   B kind (0 sound, 1 pictures) · 7s codec, padded with zeros · I clock rate
    per payload  I time in ms · B stream · B flags (1 marker, 2 starts a keyframe) · H size · bytes
"""

import argparse
import asyncio
import logging
import random
import secrets
import signal
import struct
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from realtime.relay.caller import Caller, CallLost, CallRefused, call
from realtime.relay.dial import VIDEO, CodecName, MediaKind

MAGIC, VERSION = b"RTPC", 1
MARKER, KEY = 1, 2
KINDS: tuple[MediaKind, ...] = ("audio", "video")
BURST_PACKETS = 12
"""A keyframe leaves in bursts with a pause between: no buffer on the way holds all of it."""
BURST_SECONDS = 0.004
LATE_SECONDS = 0.5
"""A process that was held up for longer goes on from there, rather than sending it all at once."""
RETRY_SECONDS = (0.5, 8.0)
"""Full jitter between nothing and a bound that doubles from the first to the second."""
STEADY_SECONDS = 10.0
"""A call that lasted this long starts the bounds anew."""

_HEAD, _STREAM, _RECORD = struct.Struct("!4sBBHI"), struct.Struct("!B7sI"), struct.Struct("!IBBH")

log = logging.getLogger(__name__)


class BadClip(ValueError):
    """The file is no clip, or it is cut short."""


class Payload(NamedTuple):
    time_ms: int
    stream: int
    marker: bool
    key: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    kind: MediaKind
    codec: str
    rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    duration_ms: int
    streams: tuple[Stream, ...]
    payloads: tuple[Payload, ...]
    """In order of time; the first picture is a keyframe, so that the end may meet the beginning."""

    @property
    def video_codec(self) -> CodecName | None:
        named = [codec for codec in VIDEO if any(s.codec == codec for s in self.streams)]
        return named[0] if named else None


def read_clip(path: Path) -> Clip:
    data = path.read_bytes()
    try:
        magic, version, count, _, duration_ms = _HEAD.unpack_from(data)
        if magic != MAGIC or version != VERSION:
            raise BadClip(f"{path} is no clip of version {VERSION}")
        heads = [_STREAM.unpack_from(data, _HEAD.size + n * _STREAM.size) for n in range(count)]
        streams = tuple(
            Stream(kind=KINDS[kind], codec=codec.rstrip(b"\0").decode(), rate=rate)
            for kind, codec, rate in heads
        )
        payloads = tuple(_payloads(data, _HEAD.size + count * _STREAM.size, count))
    except (struct.error, IndexError, UnicodeDecodeError) as failure:
        raise BadClip(f"{path} is cut short or damaged") from failure
    if not payloads or payloads[-1].time_ms >= duration_ms:
        raise BadClip(f"{path} is empty, or longer than it says")
    return Clip(duration_ms=duration_ms, streams=streams, payloads=payloads)


def _payloads(data: bytes, at: int, streams: int) -> Iterator[Payload]:
    before = 0
    while at < len(data):
        time_ms, stream, flags, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size + size
        if at > len(data) or stream >= streams or time_ms < before:
            raise struct.error
        before = time_ms
        yield Payload(
            time_ms, stream, bool(flags & MARKER), bool(flags & KEY), data[at - size : at]
        )


def from_keyframe(payloads: Sequence[Payload], since_ms: int) -> Sequence[Payload]:
    """What is left of a loop, from the moment of the newest keyframe not after `since_ms`."""
    starts = [each.time_ms for each in payloads if each.key and each.time_ms <= since_ms]
    begin = starts[-1] if starts else 0
    return [each for each in payloads if each.time_ms >= begin]


class Cue(NamedTuple):
    """One payload as it goes out: its stream's number, and a timestamp that never starts anew."""

    stream: int
    timestamp: int
    marker: bool
    data: bytes


def cues(clip: Clip, since_ms: int, bases: Sequence[int]) -> Iterator[tuple[int, list[Cue]]]:
    """What to send at which millisecond, without end: the clip over and over, times going on.

    It begins with the newest keyframe that is not after `since_ms`; times count from the start of
    the loop that this keyframe is in.
    """
    payloads, loop_ms = from_keyframe(clip.payloads, since_ms), 0
    while True:
        for time_ms, together in groupby(payloads, key=lambda each: each.time_ms):
            at = loop_ms + time_ms
            yield (
                at,
                [
                    Cue(
                        each.stream,
                        bases[each.stream] + at * clip.streams[each.stream].rate // 1000,
                        each.marker,
                        each.data,
                    )
                    for each in together
                ],
            )
        payloads, loop_ms = clip.payloads, loop_ms + clip.duration_ms


class Playback:
    """Where the clip is: outlives the connection, so that a new one goes on where it stopped."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.position_ms = 0

    async def run(self, caller: Caller) -> None:
        """Send until the call ends."""
        accepted = {media.kind for media in caller.media}
        kinds = [stream.kind for stream in self.clip.streams]
        bases = [secrets.randbelow(1 << 31) for _ in kinds]
        origin: float | None = None
        for at_ms, together in cues(self.clip, self.position_ms, bases):
            now = time.monotonic()
            if origin is None or now - origin - at_ms / 1000 > LATE_SECONDS:
                origin = now - at_ms / 1000
            due = origin + at_ms / 1000
            await asyncio.sleep(max(0.0, due - now))
            self.position_ms = at_ms % self.clip.duration_ms
            for n, cue in enumerate(together, 1):
                if kinds[cue.stream] in accepted:
                    caller.send(
                        kinds[cue.stream], cue.data, cue.timestamp, marker=cue.marker, at=due
                    )
                if n % BURST_PACKETS == 0:
                    await asyncio.sleep(BURST_SECONDS)


async def play(clip: Path, url: str, bearer: str, *, stop: asyncio.Event) -> None:
    """Publish the clip until `stop` is set, through restarts of the relay.

    A keyframe comes every two seconds by itself, so requests for one are left to it; what a viewer
    lost is sent again. A refusal is retried like an outage: a session may open later.
    """
    playback = Playback(await asyncio.to_thread(read_clip, clip))
    bound = RETRY_SECONDS[0]
    while not stop.is_set():
        began = time.monotonic()
        try:
            async with call(url, bearer, kind="publish", codec=playback.clip.video_codec) as caller:
                log.info("clip on air", extra={"profile": caller.profile})
                await _until(stop, playback.run(caller))
        except (CallLost, CallRefused, httpx.TransportError) as failure:
            log.warning("clip off air", extra={"reason": str(failure)})
        if time.monotonic() - began > STEADY_SECONDS:
            bound = RETRY_SECONDS[0]
        await _until(stop, asyncio.sleep(random.uniform(0, bound)))  # noqa: S311 - only jitter
        bound = min(2 * bound, RETRY_SECONDS[1])


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, or leave it when `stop` is set."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcome, _ = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(outcome, Exception):
        raise outcome


async def _main(clip: Path, url: str, bearer: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await play(clip, url, bearer, stop=stop)


def main() -> None:
    parser = argparse.ArgumentParser(description="Play a clip into a WHIP endpoint.")
    parser.add_argument("clip", type=Path)
    parser.add_argument("url")
    options = parser.parse_args()
    # Not an argument: every process of the machine may read those.
    bearer = sys.stdin.readline().strip()
    try:
        asyncio.run(_main(options.clip, options.url, bearer))
    except (BadClip, FileNotFoundError) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
