"""Waiting for a condition with a deadline: the one polling loop of the tests.

It knows nothing about what is awaited. A predicate that raises ends the wait with its exception.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Answer = TypeVar("Answer")

PAUSE_SECONDS = 0.01

PATIENCE_SECONDS = 20.0
"""Where no promise sets a deadline: only a busy machine takes as long."""


class TooLate(AssertionError):
    """The condition did not come true within its deadline."""


def eventually(
    predicate: Callable[[], Answer], within: float = PATIENCE_SECONDS, what: str = ""
) -> Answer:
    """The predicate's first true answer."""
    deadline = time.monotonic() + within
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise TooLate(_complaint(predicate, within, what, answer))
        time.sleep(PAUSE_SECONDS)
    return answer


async def eventually_async(
    predicate: Callable[[], Answer | Awaitable[Answer]],
    within: float = PATIENCE_SECONDS,
    what: str = "",
) -> Answer:
    """The same inside an event loop; the predicate may be a coroutine function."""
    deadline = time.monotonic() + within
    while True:
        asked = predicate()
        answer: Answer = await asked if inspect.isawaitable(asked) else asked
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TooLate(_complaint(predicate, within, what, answer))
        await asyncio.sleep(PAUSE_SECONDS)


def _complaint(predicate: object, within: float, what: str, answer: object) -> str:
    name = what or getattr(predicate, "__qualname__", repr(predicate))
    return f"{name}: not within {within:g} s (last answer: {answer!r})"
