"""The socket as docs/protocol.md tells it: where to begin for a client of one's own.

It knows the transport, positions, beats and how to come back. What an event means, whoever folds
it knows; how a topic's page is fetched again, whoever reloads it.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any, Self
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Origin

from tests.reference.following import Following, Frame, Position

Reload = Callable[[str], Awaitable[Position]]
"""Shows a topic's snapshot anew, however often it must try; returns the position in it."""

NOT_SIGNED_IN, PATIENCE = 4001, {1013, 4008, 4029}
WRONG_ADDRESS = {403, 404}
FIRST_SECONDS, MOST_SECONDS, UNANSWERED_SECONDS = 0.5, 8.0, 10.0


class SignedOut(Exception):
    """The cookie is nobody's: coming back would not help."""


class Client:
    """`async with Client(…)` stays connected until it is left; `ended` then says why, or raises."""

    def __init__(self, url: str, *, cookie: str, origin: str, reload: Reload) -> None:
        self.url, self.reload = url, reload
        self.opening: Frame = {"origin": Origin(origin), "additional_headers": {"Cookie": cookie}}
        self.topics: dict[str, Following] = {}
        self.frames: list[Frame] = []  # welcome, kept, goodbye, and what was refused to no command
        self.closes: list[int] = []
        self._socket: ClientConnection | None = None
        self._pending: dict[str, tuple[Frame, asyncio.Future[Frame]]] = {}
        self._refs: dict[int, str] = {}
        self._ref = count(1)
        self._presence: Frame = {}
        self._changed = asyncio.Event()
        self._after_ms: list[int] | None = None
        self._reloading: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.ended = asyncio.create_task(self._stay_connected())
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = (self.ended, *self._reloading)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def follow(self, topic: str, at: Position, fold: Callable[[Frame], None]) -> Following:
        following = self.topics[topic] = Following(at, fold)
        await self._follow(topic)
        return following

    async def ask(self, type_: str, **fields: Any) -> Frame:
        """The answer, `done` or `error`, over as many sockets as it takes."""
        command_id, answer = str(uuid4()), asyncio.Future[Frame]()
        self._pending[command_id] = {"type": type_, "command_id": command_id, **fields}, answer
        await self._say(self._pending[command_id][0], command_id)
        either: list[asyncio.Future[Any]] = [answer, self.ended]
        while not answer.done():
            socket = self._socket
            await asyncio.wait(either, timeout=UNANSWERED_SECONDS, return_when="FIRST_COMPLETED")
            if self.ended.done():
                self.ended.result()
            if socket is not None and socket is self._socket and not answer.done():
                socket.transport.abort()  # for so long, only a dead one says nothing
        return await answer

    def attend(self, type_: str, **presence: Any) -> None:
        """Beats say this from now on, and the first one at once."""
        self._presence = {"type": type_, **presence}
        self._changed.set()

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            code, known = 1006, len(self.frames)
            try:
                async with connect(
                    self.url, compression=None, proxy=None, **self.opening
                ) as socket:
                    await self._converse(socket)
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else code
            except (OSError, InvalidHandshake, TimeoutError) as failed:
                status = failed.response.status_code if isinstance(failed, InvalidStatus) else 0
                if status in WRONG_ADDRESS:
                    raise
            self.closes.append(code)
            if code == NOT_SIGNED_IN:
                raise SignedOut
            welcome = any(frame["type"] == "welcome" for frame in self.frames[known:])
            failures = 0 if welcome else failures + 1
            most = MOST_SECONDS if code in PATIENCE else FIRST_SECONDS * 2 ** min(failures, 4)
            first, last = self._after_ms or (0, 1000 * most)
            self._after_ms = None
            await asyncio.sleep(random.uniform(first, last) / 1000)

    async def _converse(self, socket: ClientConnection) -> None:
        self._socket, self._refs, echoes = socket, {}, asyncio.Queue[Frame]()
        beating = asyncio.create_task(self._keep_beating(socket, echoes))
        try:
            for topic in list(self.topics):
                await self._follow(topic)
            for command_id, (words, _) in list(self._pending.items()):
                await self._say(words, command_id)
            while True:
                await self._hear(json.loads(await socket.recv()), echoes)
        finally:
            self._socket = None
            beating.cancel()

    async def _hear(self, frame: Frame, echoes: asyncio.Queue[Frame]) -> None:
        following = self.topics.get(frame.get("topic", ""))
        match frame:
            case {"type": "done" | "error", "ref": ref}:
                await self._answered(frame, self._refs.pop(ref, ""))
            case {"type": "welcome" | "kept"}:
                self.frames.append(frame)
                echoes.put_nowait(frame)
            case {"type": "goodbye", "after_ms": after_ms}:
                self.frames.append(frame)
                self._after_ms = after_ms
            case {"type": "followed" | "resync" as type_} if following:
                following.at, following.asked = (frame["epoch"], frame["seq"]), False
                if type_ == "resync":
                    self._resync(frame["topic"], following)
            case {"seq": _} if following:
                if not following.hear(frame) and not following.asked:
                    await self._follow(frame["topic"])
            case {"key": key} if following:
                following.states[key] = frame

    async def _answered(self, frame: Frame, about: str) -> None:
        if about in self._pending:
            self._pending.pop(about)[1].set_result(frame)
        elif frame["type"] == "error":
            self.frames.append(frame)
            if frame["code"].startswith("topic."):
                self.topics.pop(about, None)
            elif self._socket and (about or frame["code"] == "beat.echo"):
                await self._socket.close()  # and begin anew on another one

    def _resync(self, topic: str, following: Following) -> None:
        following.states.clear()
        following.again = True
        if following.held is None:
            following.held = []
            task = asyncio.create_task(self._reload(topic, following))
            self._reloading.add(task)
            task.add_done_callback(self._reloading.discard)

    async def _reload(self, topic: str, following: Following) -> None:
        while following.again:
            following.again = False
            at = await self.reload(topic)
        if not following.reloaded(at):
            await self._follow(topic)

    async def _keep_beating(self, socket: ClientConnection, echoes: asyncio.Queue[Frame]) -> None:
        """One beat after the other; one that nothing answers is sent again as it was."""
        carried = await echoes.get()
        every = carried["beat_ms"] / 1000
        self._changed.set() if self._presence else self._changed.clear()
        with suppress(ConnectionClosed):
            for n in count(1):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), every if self._presence else None)
                self._changed.clear()
                beat = json.dumps({**self._presence, "n": n, "echo": carried["echo"]})
                while carried.get("n") != n:
                    await socket.send(beat)
                    with suppress(TimeoutError):
                        carried = await asyncio.wait_for(echoes.get(), every)

    async def _follow(self, topic: str) -> None:
        (epoch, seq), self.topics[topic].asked = self.topics[topic].at, True
        words = {"type": "topic.follow", "topic": topic, "epoch": epoch, "seq": seq}
        await self._say(words, topic)

    async def _say(self, words: Frame, about: str) -> None:
        """Now, if there is a socket; the next one says all of it again."""
        if self._socket is not None:
            ref = next(self._ref)
            self._refs[ref] = about
            with suppress(ConnectionClosed):
                await self._socket.send(json.dumps({**words, "ref": ref}))
