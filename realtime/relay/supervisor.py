"""Keeps a child process running and answering: restarted when it dies or freezes, ended with us.

It knows neither the relay nor HTTP: what to run and how to ask for its health are given.
"""

import asyncio
import ctypes
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

FROZEN_SECONDS = 5.0
"""Without an answer for this long, it is killed: media are back within ten seconds."""

STARTING_SECONDS = 20.0
"""Until the first answer: a cold start on a busy machine imports for several seconds."""

ASK_SECONDS = 0.5
GOODBYE_SECONDS = 5.0
BACK_OFF_SECONDS = (0.2, 5.0)
"""Between restarts of a child that never answered; one that did is restarted at once."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

Healthy = Callable[[], Awaitable[bool]]


class NeverHealthy(Exception):
    """The child did not answer in the time it was given to start."""


@dataclass(slots=True, kw_only=True)
class Supervised:
    """What became of the child so far."""

    process: Process | None = None
    starts: int = 0
    ready: asyncio.Event

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None


@asynccontextmanager
async def supervised(
    command: Sequence[str],
    healthy: Healthy,
    *,
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[Supervised]:
    """Run the child for the length of the block, which begins when it first answers."""
    child = Supervised(ready=asyncio.Event())
    keeper = asyncio.create_task(_keep(child, command, healthy, environment))
    ready = asyncio.create_task(child.ready.wait())
    try:
        await asyncio.wait(
            (keeper, ready), timeout=STARTING_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if keeper.done():
            await keeper  # the command cannot be started at all
        if not child.ready.is_set():
            raise NeverHealthy(f"{command[0]} did not answer within {STARTING_SECONDS:.0f} s")
        yield child
    finally:
        ready.cancel()
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def _keep(
    child: Supervised,
    command: Sequence[str],
    healthy: Healthy,
    environment: Mapping[str, str] | None,
) -> None:
    least, most = BACK_OFF_SECONDS
    pause = least
    while True:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            preexec_fn=_die_with(os.getpid()),
            start_new_session=True,  # an interrupt at the terminal is for us; we end the child
        )
        child.process, child.starts = process, child.starts + 1
        try:
            answered = await _until_gone(process, healthy, child.ready)
            if process.returncode is None:
                process.kill()  # frozen: it would not hear a request to stop
                await process.wait()
        finally:
            await _end(process)
        pause = least if answered else min(most, pause * 2)
        await asyncio.sleep(pause)


async def _until_gone(process: Process, healthy: Healthy, ready: asyncio.Event) -> bool:
    """Return when the child died or stopped answering; whether it ever answered."""
    gone = asyncio.create_task(process.wait())
    answered = False
    deadline = time.monotonic() + STARTING_SECONDS
    try:
        while time.monotonic() < deadline:
            if await _answers(healthy, gone, deadline - time.monotonic()):
                answered = True
                ready.set()
                deadline = time.monotonic() + FROZEN_SECONDS
            if gone.done():
                break
            await asyncio.wait((gone,), timeout=ASK_SECONDS)
        return answered
    finally:
        gone.cancel()


async def _answers(healthy: Healthy, gone: asyncio.Task[int], within: float) -> bool:
    """Ask once, and wait no longer than the child has left: it may have been frozen since."""
    asking = asyncio.ensure_future(healthy())
    try:
        await asyncio.wait(
            (asking, gone),
            timeout=min(within, FROZEN_SECONDS),
            return_when=asyncio.FIRST_COMPLETED,
        )
        return asking.done() and asking.result() and not gone.done()
    finally:
        asking.cancel()


async def _end(process: Process) -> None:
    """Ask it to stop, and make it when it does not."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _die_with(parent: int) -> Callable[[], None] | None:
    """In the child, before it runs: be killed when the parent dies, however it dies."""
    if _libc is None:
        return None
    prctl, end = _libc.prctl, signal.SIGTERM.value

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, end, 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return arrange
