"""Stages that are packaged now: a process each, fed from the stage's feeds, while somebody follows.

The packet path only puts packets on a list; ten times a second they go to the process in one write.
A process that dies, or answers no more, is replaced, and segments are numbered on; a stage whose
stream kills each one is given up. What comes out is held, so that whoever follows begins at once.
"""

import asyncio
import contextlib
import os
import sys
import time
from asyncio import TaskGroup
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial

import msgspec

from realtime.relay.cache import Packet
from realtime.relay.hls.bounds import (
    AGAIN_SECONDS,
    BACKLOG_BYTES,
    BATCH_SECONDS,
    FAILURES,
    FOLLOWERS,
    FRAMES_WAITING,
    IDLE_SECONDS,
    SEGMENT_SECONDS,
    SILENT_BATCHES,
    STAGES_AT_ONCE,
    STARTING_BATCHES,
)
from realtime.relay.hls.frames import (
    Clocked,
    Now,
    Part,
    Segment,
    Source,
    Splitter,
    Took,
    TooLong,
    Wanted,
    decode_out,
    encode,
)
from realtime.relay.hls.window import Window
from realtime.relay.layers import Layers
from realtime.relay.stage import Stage

WORKER = (sys.executable, "-P", "-m", "realtime.relay.hls.worker")
"""Told in which format sound is put out, and where to number on."""

_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG")
"""What the process is told of ours; secrets are not among it."""

_READ_BYTES = 1 << 16
_GOODBYE_SECONDS = 1.0

Queue = asyncio.Queue[bytes | None]


class Unpackable(Exception):
    """The publisher's pictures are in a format that no segment holds."""


class Crowded(Exception):
    """As many stages, or followers of one, as there can be."""


def packable(streams: Mapping[str, Layers]) -> bool:
    video = streams.get("video")
    return bool(streams) and (video is None or video.codec == "h264")


class Packagings:
    """All stages' of one relay. `clock` is the one that packets are stamped by."""

    def __init__(
        self, tasks: TaskGroup, clock: Callable[[], float], command: tuple[str, ...]
    ) -> None:
        self._tasks, self._clock, self._command = tasks, clock, command
        self._packaged: dict[str, Packaging] = {}

    def __contains__(self, session: str) -> bool:
        return session in self._packaged

    def __len__(self) -> int:
        return len(self._packaged)

    def of(self, stage: Stage) -> "Packaging":
        """The stage's, begun if need be; it ends when nobody follows."""
        if not packable(stage.streams):
            raise Unpackable
        packaging = self._packaged.get(stage.session)
        if packaging is None:
            if len(self._packaged) >= STAGES_AT_ONCE:
                raise Crowded
            packaging = Packaging(stage, self._clock, self._command)
            self._packaged[stage.session] = packaging
            self._tasks.create_task(self._run(packaging, stage.session))
        if packaging.crowded:
            raise Crowded
        return packaging

    def piece(self, session: str, name: str) -> bytes | None:
        """A file of what is packaged now; asking keeps nothing alive."""
        packaging = self._packaged.get(session)
        return packaging.window.body(name) if packaging is not None else None

    def close(self) -> None:
        for packaging in self._packaged.values():
            packaging.stop()

    async def _run(self, packaging: "Packaging", session: str) -> None:
        try:
            await packaging.run()
        finally:
            del self._packaged[session]


class Packaging:
    """One stage's process, what came out of it, and who follows."""

    def __init__(self, stage: Stage, clock: Callable[[], float], command: tuple[str, ...]) -> None:
        self.window = Window()
        self._stage, self._clock, self._command = stage, clock, command
        self._followers: set[Queue] = set()
        self._idle_since: float | None = clock()
        self._over = asyncio.Event()
        self._streams: dict[str, Layers] = {}
        self._batch: list[bytes] = []
        self._keyframe_at = clock()
        self._keyframes = 0
        self._marks: dict[str, object] = {}
        self._failures = 0
        self._unanswered = 0
        """Batches since the process was last heard."""
        self._patience = STARTING_BATCHES

    @property
    def crowded(self) -> bool:
        return len(self._followers) >= FOLLOWERS

    @contextmanager
    def follow(self) -> Generator[Queue]:
        """Messages from the oldest segment on; `None` when they end."""
        queue: Queue = asyncio.Queue()
        for message in self.window.messages():
            queue.put_nowait(encode(message))
        self._followers.add(queue)
        self._idle_since = None
        try:
            yield queue
        finally:
            self._followers.discard(queue)
            if not self._followers:
                self._idle_since = self._clock()

    def stop(self) -> None:
        self._over.set()

    async def run(self) -> None:
        """Until nobody follows, the format changes to one that cannot be packaged, or it fails."""
        try:
            while self._wanted() and packable(self._stage.streams) and self._failures < FAILURES:
                try:
                    await self._package()
                except OSError:  # no process, or no pipe, is left on this machine
                    self._failures += 1
                    await self._wait(AGAIN_SECONDS)
        finally:
            for queue in self._followers:
                queue.put_nowait(None)
            self._followers.clear()

    def _wanted(self) -> bool:
        idle = self._idle_since is not None and self._clock() - self._idle_since > IDLE_SECONDS
        return not idle and not self._over.is_set()

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    async def _package(self) -> None:
        """One process, until it ends or is no longer the right one."""
        # Seconds since 1970: numbers go on, never back, even after a relay that was restarted.
        number, breaks = self.window.next(int(time.time()))
        process = await asyncio.create_subprocess_exec(
            *self._command,
            str(number),
            str(breaks),
            stdin=PIPE,
            stdout=PIPE,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,
        )
        reading = asyncio.create_task(self._read(process))
        self._tap()
        try:
            await self._feed(process, reading)
        finally:
            self._untap()
            await _end(process, 0.0 if self._hangs else _GOODBYE_SECONDS)
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    @property
    def _hangs(self) -> bool:
        return self._unanswered > self._patience

    async def _feed(self, process: Process, reading: "asyncio.Task[None]") -> None:
        assert process.stdin is not None
        self._unanswered, self._patience = 0, STARTING_BATCHES
        while self._wanted() and self._stage.streams == self._streams:
            await self._wait(BATCH_SECONDS)
            self._ask(self._clock())
            self._tell_marks()
            self._batch.append(encode(Now(self._clock())))
            batch, self._batch = self._batch, []
            self._unanswered += 1
            behind = process.stdin.transport.get_write_buffer_size() > BACKLOG_BYTES
            if reading.done() or behind or self._hangs:
                self._failures += 1
                return
            process.stdin.write(b"".join(batch))

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        splitter = Splitter()
        with contextlib.suppress(TooLong, msgspec.DecodeError):
            while data := await process.stdout.read(_READ_BYTES):
                self._unanswered, self._patience = 0, SILENT_BATCHES
                for body in splitter.feed(data):
                    self._came(decode_out(body))

    def _came(self, message: Segment | Part | Wanted) -> None:
        if isinstance(message, Wanted):
            self._wish()
            return
        self.window.add(message)
        self._failures = 0
        framed = encode(message)
        for queue in list(self._followers):
            if queue.qsize() >= FRAMES_WAITING:
                self._followers.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(framed)

    # What goes in.

    def _tap(self) -> None:
        self._streams = dict(self._stage.streams)
        self._batch.clear()
        self._marks.clear()
        for kind, stream in self._streams.items():
            stream.tap = partial(self._took, kind)
        self._wish()

    def _untap(self) -> None:
        for stream in self._streams.values():
            stream.tap = None

    def _took(self, kind: str, packet: Packet | None, now: float) -> None:
        """On the packet path: nothing here waits, and nothing is looked at."""
        if packet is None:
            self._batch.append(encode(Source(kind, now)))
            return
        marker, seq, timestamp, payload, _ = packet
        self._batch.append(encode(Took(kind, marker, seq, timestamp, now, payload)))

    def _tell_marks(self) -> None:
        """Which timestamp was when, each time a sender says it."""
        publisher = self._stage.publisher
        for track in publisher.tracks if publisher is not None else ():
            kind, mark = track.feed.kind, track.mark
            stream = self._streams.get(kind)
            if stream is None or track.feed is not stream.tapped or track.feed.resuming:
                continue
            if mark is None or mark is self._marks.get(kind):
                continue
            self._marks[kind] = mark
            timestamp = track.feed.continuity.timestamp(mark.timestamp)
            self._batch.append(encode(Clocked(kind, mark.ntp, timestamp)))

    def _wish(self) -> None:
        if "video" in self._streams:
            self._streams["video"].tapped.keyframes.wish()

    def _ask(self, now: float) -> None:
        """For a keyframe, when the last one is nearly a segment ago."""
        if "video" not in self._streams:
            return
        video = self._streams["video"].tapped
        if video.keyframes_seen != self._keyframes:
            self._keyframes, self._keyframe_at = video.keyframes_seen, now
        elif now - self._keyframe_at >= SEGMENT_SECONDS - 2 * BATCH_SECONDS:
            self._keyframe_at = now
            video.keyframes.wish()


async def _end(process: Process, patience: float) -> None:
    """It ends with its input; one that does not is made to."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(patience):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
