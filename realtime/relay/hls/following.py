"""Stages that this process shows over HTTPS: it follows the relay's segments while viewers ask.

One stream from the relay serves all of them. Of viewers it remembers for how long each was let in,
under whatever key it is given; who may be, others decide.
"""

import asyncio
import contextlib
import time
from asyncio import TaskGroup
from collections.abc import Callable

import msgspec

from realtime.relay.client import RelayAway, RelayRefused
from realtime.relay.grant import Grant
from realtime.relay.hls.bounds import PARTS_VIEWERS, SEGMENT_SECONDS, UNASKED_SECONDS
from realtime.relay.hls.frames import Part, Segment, Splitter, TooLong, decode_out
from realtime.relay.hls.window import Window
from realtime.relay.relays import Relays

PATIENCE_SECONDS = 3 * SEGMENT_SECONDS
"""For what a playlist was asked for that is not there yet (RFC 8216bis §6.2.5.2)."""

LOOK_SECONDS = 1.0
"""How often it is looked whether anybody still asks."""


class Following:
    """One stage, as far as this process knows it."""

    def __init__(self) -> None:
        self.window = Window()
        self.refused: RelayRefused | RelayAway | None = None
        """Why there are no segments, or no more."""
        self.asked_at = time.monotonic()
        self.many = False
        """Whether there were ever too many to wait for each part: from then on, for segments."""
        self._guests: dict[bytes, float] = {}
        self._news = asyncio.Event()

    def admit(self, guest: bytes, seconds: float) -> None:
        """Let somebody in again for a while without another look."""
        now = time.monotonic()
        if len(self._guests) > PARTS_VIEWERS:
            self._guests = {each: until for each, until in self._guests.items() if until > now}
            self.many = self.many or len(self._guests) > PARTS_VIEWERS
        self._guests[guest] = now + seconds

    def admitted(self, guest: bytes) -> bool:
        return self._guests.get(guest, 0.0) > time.monotonic()

    def add(self, message: Segment | Part) -> None:
        self.window.add(message)
        self.stir()

    def stir(self) -> None:
        """Wake everybody who waits."""
        self._news.set()
        self._news = asyncio.Event()

    async def until(self, there: Callable[[Window], bool], seconds: float) -> bool:
        """Wait for something of the window; `False` when it did not come, or will not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not there(self.window) and self.refused is None:
                    await self._news.wait()
        return there(self.window)


class Followings:
    """All that are shown by this process."""

    def __init__(self, relay: Relays, tasks: TaskGroup) -> None:
        self._relay, self._tasks = relay, tasks
        self._followed: dict[str, Following] = {}

    def known(self, session: str) -> Following | None:
        return self._followed.get(session)

    def follow(self, session: str, grant: Callable[[], Grant]) -> Following:
        """Follow from now on, until nobody asks any more."""
        following = self._followed.get(session)
        if following is None or following.refused is not None:
            following = Following()
            self._followed[session] = following
            self._tasks.create_task(self._run(session, grant(), following))
        following.asked_at = time.monotonic()
        return following

    async def _run(self, session: str, grant: Grant, following: Following) -> None:
        reading = asyncio.create_task(self._read(grant, following))
        try:
            while time.monotonic() - following.asked_at < UNASKED_SECONDS and not reading.done():
                await asyncio.wait((reading,), timeout=LOOK_SECONDS)
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
            following.refused = following.refused or RelayAway("nobody asked any more")
            following.stir()
            if self._followed.get(session) is following:
                del self._followed[session]

    async def _read(self, grant: Grant, following: Following) -> None:
        splitter = Splitter()
        try:
            async with self._relay.segments(grant) as stream:
                async for data in stream:
                    for body in splitter.feed(data):
                        message = decode_out(body)
                        if isinstance(message, Segment | Part):
                            following.add(message)
            following.refused = RelayAway("the segments have ended")
        except (RelayAway, RelayRefused) as refused:
            following.refused = refused
        except (TooLong, msgspec.DecodeError):
            following.refused = RelayAway("the relay speaks otherwise")
