"""Carries commands out and answers each once, whoever sends it again. Knows no topic."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import msgspec
import structlog

from realtime.hub.answers import Answer, Answers, Entry
from realtime.hub.commands import Commands
from realtime.hub.peer import Peer
from realtime.limits import MAX_UNFINISHED, MAX_UNFINISHED_IN_ALL
from realtime.wire import Code, Command, Done, Error, Message

log = structlog.get_logger()


class Terms(Protocol):
    """The part of the gate that concerns commands."""

    def call(self, guest: Any, peer: Peer) -> object: ...

    def refusal(self, error: Exception) -> tuple[str, str] | None: ...


@dataclass(frozen=True, slots=True)
class Work:
    """A message that is being carried out; a command has an entry, a beat has none."""

    peer: Peer
    message: Message
    entry: Entry | None


class Clerk:
    """The table of commands at work in one process."""

    def __init__(self, commands: Commands, terms: Terms, tasks: asyncio.TaskGroup) -> None:
        self._commands, self._terms, self._tasks = commands, terms, tasks
        self._answers = Answers()
        self._unfinished = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def carry_out(self, peer: Peer, message: Message) -> None:
        """Begin a message's work; its reply follows when that is done."""
        entry: Entry | None = None
        if isinstance(message, Command):
            entry = self._answers.find(peer.guest.person_id, message)
            if entry is not None:
                entry.ask_again(peer, message)
                return
        if peer.unfinished >= MAX_UNFINISHED or self._unfinished >= MAX_UNFINISHED_IN_ALL:
            ref = message.ref if isinstance(message, Command) else 0
            peer.reply(Error(ref=ref, code=Code.BUSY))
            return
        if isinstance(message, Command):
            entry = self._answers.begin(peer.guest.person_id, message)
            entry.waiting.append((peer, message.ref))
        peer.unfinished += 1
        self._unfinished += 1
        self._idle.clear()
        self._start(Work(peer, message, entry))

    async def finish(self, within: float) -> None:
        """Wait until everything that was begun is done, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._idle.wait()

    def _start(self, work: Work) -> None:
        try:
            call = self._terms.call(work.peer.guest, work.peer)
            result = self._commands.call(work.message, call)
        except Exception as error:  # noqa: BLE001 - a handler's accident ends at this edge
            self._fail(work, error)
            return
        if result is None:
            self._finish(work, None)
        elif isinstance(result, asyncio.Future):
            result.add_done_callback(self._settler(work))
        else:
            self._tasks.create_task(self._complete(work, result))

    async def _complete(self, work: Work, result: Awaitable[object]) -> None:
        try:
            value = await result
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(work, error)
        else:
            self._finish(work, value)

    def _settler(self, work: Work) -> "Callable[[asyncio.Future[Any]], None]":
        """For a handler that answered with a future: no task waits for it."""

        def settle(future: "asyncio.Future[Any]") -> None:
            error = None if future.cancelled() else future.exception()
            if future.cancelled():
                self._close(work, Error(ref=0, code=Code.BUSY), again=True)
            elif isinstance(error, Exception):
                self._fail(work, error)
            else:
                self._finish(work, future.result())

        return settle

    def _finish(self, work: Work, value: object) -> None:
        if value is None:
            self._close(work, Done(ref=0))
        elif isinstance(value, UUID):
            self._close(work, Done(ref=0, id=value))
        else:
            try:
                encoded = msgspec.Raw(msgspec.json.encode(value))
            except TypeError as error:
                self._fail(work, error)
            else:
                self._close(work, Done(ref=0, value=encoded))

    def _fail(self, work: Work, error: Exception) -> None:
        refusal = self._terms.refusal(error)
        if refusal is None:
            log.error("hub.command", command=type(work.message).__name__, exc_info=error)
            self._close(work, Error(ref=0, code=Code.INTERNAL), again=True)
        else:
            code, where = refusal
            self._close(work, Error(ref=0, code=code, where=where), again=code == Code.BUSY)

    def _close(self, work: Work, answer: Answer, *, again: bool = False) -> None:
        """Answer; `again` lets the same command be tried anew, since nothing came of it."""
        self._unfinished -= 1
        if not self._unfinished:
            self._idle.set()
        work.peer.unfinished -= 1
        if work.entry is not None:
            if again:
                self._answers.forget(work.peer.guest.person_id, work.entry.command)
            work.entry.close(answer)
        elif isinstance(answer, Error):
            work.peer.reply(answer)
