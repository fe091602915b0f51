"""A session's page without a browser: it does what web/live/ does with a socket, and folds alike.

It follows the session's topic, resumes after a loss from where it was, fetches its snapshot upon
`resync`, and sends its commands again until they are answered. What it saw and was told it keeps,
for a test to judge. With `forgetful` it is a page with a fault of ours, which a control needs: it
comes back without its position, and takes what happens to arrive for everything.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from tests.fault import line
from tests.fault.crowd import PASSING, Notes
from tests.fault.line import Frame, Line
from tests.integration.seeds import Seat
from tests.servers.waiting import TooLate, eventually_async

FIRST_SECONDS, LONGEST_SECONDS = 0.5, 8.0
"""web/live/backoff.js"""

OPENING_SECONDS, FETCHING_SECONDS = 20.0, 20.0
FRAGMENTS = ("questions/fragment", "polls/fragment", "captions/fragment", "state")
"""What the panels of a session's page fetch anew; the last two are not looked at here."""

HIDDEN = frozenset({"pending", "dismissed", "withdrawn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is to be seen of a session, by id: of a question its text, status and votes."""

    questions: dict[str, tuple[str, str, int]]
    polls: dict[str, tuple[str, bool]]
    tallies: dict[str, tuple[list[int], int]]

    def unlike(self, other: "Shown") -> list[str]:
        """What the two disagree about, shortly."""
        pairs = (
            (self.questions, other.questions),
            (self.polls, other.polls),
            (self.tallies, other.tallies),
        )
        return [
            f"{id_}: {one.get(id_)} for {two.get(id_)}"
            for one, two in pairs
            for id_ in one.keys() | two.keys()
            if one.get(id_) != two.get(id_)
        ]


@dataclass(slots=True, kw_only=True)
class Story:
    """What happened to a page."""

    doubled: int = 0
    gaps: int = 0
    resyncs: int = 0
    losses: list[tuple[int | None, bool]] = field(default_factory=list)
    """The code of each close, and whether a goodbye came before."""
    away_seconds: list[float] = field(default_factory=list)
    answers: list[tuple[float, float]] = field(default_factory=list)
    """When a command was first sent, and how long until it was acknowledged."""


class Page:
    """One learner's, on one of the addresses that it is given, any of them at each attempt."""

    def __init__(
        self,
        seat: Seat,
        session_id: UUID,
        *,
        web: str,
        ports: Sequence[int],
        dice: random.Random,
        forgetful: bool = False,
    ) -> None:
        self.seat, self.notes, self.story = seat, Notes(), Story()
        self.refused: list[Frame] = []
        self.online, self.busy = False, False
        self._session_id, self._web, self._ports = session_id, web, ports
        self._dice, self._forgetful = dice, forgetful
        self._topic = f"session/{session_id}"
        self._epoch: str | None = None
        self._seq = 0
        self._questions: dict[str, Frame] = {}
        self._polls: dict[str, Frame] = {}
        self._tallies: dict[str, Frame] = {}
        self._since: list[Frame] | None = None
        self._again = False
        self._line: Line | None = None
        self._outbox: dict[int, tuple[str, asyncio.Future[Frame]]] = {}
        self._ref = 0
        self._attempt = 0
        self._goodbye: list[int] | None = None
        self._lost_at: float | None = None

    # What a test asks of it.

    async def run(self) -> None:
        """Be open, for ever; whatever closes the socket, come back."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                try:
                    await self._visit()
                except (OSError, TimeoutError):
                    self._attempt += 1
                self._line, self.online = None, False
                await asyncio.sleep(self._wait())

    async def say(self, type_: str, **fields: Any) -> Frame:
        """Carry out a command of the session, however often it must be sent; its answer."""
        command_id = uuid4()
        frame = {"type": type_, "command_id": str(command_id)} | fields
        frame = {"session_id": str(self._session_id)} | frame
        self.notes.sent.add(command_id)
        self.busy, began = True, time.monotonic()
        answer = await self._answered(frame)
        while answer.get("code") in PASSING:
            await asyncio.sleep(self._dice.uniform(0.05, 0.3))
            answer = await self._answered(frame)
        if answer["type"] == "done":
            self.story.answers.append((began, time.monotonic() - began))
            self.notes.keep(frame, answer)
        else:
            self.refused.append(answer)
        self.busy = False
        return answer

    def shown(self) -> Shown:
        visible = {id_: q for id_, q in self._questions.items() if q["status"] not in HIDDEN}
        polls = {
            id_: (poll["status"], poll["revealed"])
            for id_, poll in self._polls.items()
            if poll["status"] != "deleted"
        }
        return Shown(
            questions={id_: (q["text"], q["status"], q["votes"]) for id_, q in visible.items()},
            polls=polls,
            tallies={
                id_: (told["counts"], told["voters"])
                for id_, told in self._tallies.items()
                if id_ in polls and polls[id_][1]
            },
        )

    # The socket, as web/live/socket.js.

    async def _visit(self) -> None:
        port = self._dice.choice(self._ports)
        calling = line.opened(port, self._web, self.seat.cookie, self._heard, OPENING_SECONDS)
        async with calling as self._line:
            self._follow()
            for text, _ in list(self._outbox.values()):
                self._line.say(text)
            code = await self._line.closed
        self.story.losses.append((code, self._goodbye is not None))
        self._attempt += 1
        if self.online:
            self._lost_at = time.monotonic()

    def _follow(self) -> None:
        if self._forgetful and self._lost_at is not None:
            self._epoch, self._seq = None, 0
        words = {"type": "topic.follow", "ref": self._next_ref(), "topic": self._topic}
        self._write(json.dumps(words | {"epoch": self._epoch, "seq": self._seq}))

    def _wait(self) -> float:
        goodbye, self._goodbye = self._goodbye, None
        if goodbye is not None:
            return self._dice.uniform(*goodbye) / 1000
        longest = FIRST_SECONDS * 2 ** min(self._attempt - 1, 10)
        return self._dice.uniform(0, min(LONGEST_SECONDS, longest))

    def _heard(self, frame: Frame) -> None:
        match frame["type"]:
            case "welcome":
                self._attempt = 0
            case "goodbye":
                self._goodbye = frame["after_ms"]
            case "done" | "error":
                self._answer(frame)
            case "followed" | "resync":
                self._placed(frame)
            case _ if frame.get("topic") == self._topic:
                self._arrived(frame)

    def _placed(self, frame: Frame) -> None:
        resync = frame["type"] == "resync"
        if not resync and frame["seq"] != self._seq:
            self.story.gaps += 1  # all that was missed had just been sent, it said
        self._epoch, self._seq = frame["epoch"], frame["seq"]
        forgotten = self._forgetful and self._lost_at is not None
        if resync and not forgotten:
            self.story.resyncs += 1
            self._lose()
        else:
            self._arrive()

    def _arrive(self) -> None:
        """Here again, with all that was missed."""
        if self._line is None:
            return  # lost once more, while the snapshot was fetched
        if self._lost_at is not None and not self.online:
            self.story.away_seconds.append(time.monotonic() - self._lost_at)
        self.online = True

    def _arrived(self, frame: Frame) -> None:
        seq = frame.get("seq")
        if seq is not None and self._epoch is not None:
            if seq <= self._seq:
                self.story.doubled += 1
                return
            if seq > self._seq + 1:
                self.story.gaps += 1
            self._seq = seq
        if self._since is not None:
            self._since.append(frame)
        self._fold(frame)

    # Commands, as web/live/outbox.js.

    async def _answered(self, frame: Frame) -> Frame:
        ref = self._next_ref()
        text = json.dumps(frame | {"ref": ref}, default=str)
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._outbox[ref] = text, answer
        self._write(text)
        return await answer

    def _answer(self, frame: Frame) -> None:
        _, future = self._outbox.pop(frame["ref"], (None, None))
        if future is not None and not future.done():
            future.set_result(frame)

    def _write(self, text: str) -> None:
        if self._line is not None:
            self._line.say(text)  # what nobody heard is said again on opening

    def _next_ref(self) -> int:
        self._ref += 1
        return self._ref

    # The panels, as web/live/feed.js and the reduce.js of questions and polls.

    def _fold(self, frame: Frame) -> None:
        id_ = frame.get("id", "")
        match frame["type"]:
            case "question":
                _put(self._questions, frame)
            case "poll":
                _put(self._polls, frame)
            case "votes" if id_ in self._questions:
                self._questions[id_] = self._questions[id_] | {"votes": frame["votes"]}
            case "tally" if frame["counts"] is None:
                self._tallies.pop(id_, None)
            case "tally":
                self._tallies[id_] = frame

    def _lose(self) -> None:
        if self._since is None:
            self._since = []
            self._tasks.create_task(self._refetch())
        else:
            self._again = True

    async def _refetch(self) -> None:
        attempt = 0
        while self._since is not None:
            self._again, self._since = False, []
            try:
                asked, held, *_ = [await self._fragment(name) for name in FRAGMENTS]
            except (OSError, TimeoutError):
                longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2**attempt)
                await asyncio.sleep(self._dice.uniform(0, longest))
                attempt += 1
                continue
            self._questions = {row["id"]: row for row in asked["rows"]}
            self._polls = {row["poll"]["id"]: row["poll"] for row in held["rows"]}
            told = [row for row in held["rows"] if row["counts"] is not None]
            self._tallies = {row["poll"]["id"]: row for row in told}
            for frame in self._since:
                self._fold(frame)
            if not self._again:
                self._since = None
        self._arrive()

    async def _fragment(self, name: str) -> Frame:
        address = f"{self._web}/sessions/{self._session_id}/{name}"
        return await line.fetched(address, self.seat.cookie, FETCHING_SECONDS)


def _put(things: dict[str, Frame], thing: Frame) -> None:
    known = things.get(thing["id"])
    if known is None or known["revision"] <= thing["revision"]:
        things[thing["id"]] = thing


@asynccontextmanager
async def opened(pages: Sequence[Page], within: float = 60) -> AsyncGenerator[None]:
    """All pages open, each with its snapshot."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(page.run()) for page in pages]
        await all_online(pages, within)
        yield
        for task in running:
            task.cancel()


async def all_online(pages: Sequence[Page], within: float) -> None:
    await eventually_async(lambda: all(page.online for page in pages), within, "all pages online")


@asynccontextmanager
async def busy(
    pages: Sequence[Page],
    act: Callable[[Page], Coroutine[Any, Any, object]],
    *,
    a_second: float,
    dice: random.Random,
) -> AsyncGenerator[None]:
    """So many times a second somebody does something; afterwards each finishes what is open."""

    async def conduct() -> None:
        while True:
            if idle := [page for page in pages if not page.busy]:
                page = dice.choice(idle)
                page.busy = True
                tasks.create_task(act(page))
            await asyncio.sleep(1 / a_second)  # the load, which is part of the fault

    async with asyncio.TaskGroup() as tasks:
        conducting = tasks.create_task(conduct())
        yield
        conducting.cancel()


async def agreed(pages: Sequence[Page], wanted: Shown, within: float) -> float:
    """Seconds until every page shows this."""
    began, unlike = time.monotonic(), list(pages)

    def all_show_it() -> bool:
        while unlike and unlike[-1].shown() == wanted:
            unlike.pop()
        if not unlike:  # each did once: all at the same time is what counts
            unlike.extend(page for page in pages if page.shown() != wanted)
        return not unlike

    try:
        await eventually_async(all_show_it, within)
    except TooLate:
        shown = {page.seat.name: page.shown().unlike(wanted)[:3] for page in pages}
        wrong = {name: what for name, what in shown.items() if what}
        raise TooLate(f"{len(wrong)} pages do not show what the rows say: {wrong}"[:2000]) from None
    return time.monotonic() - began
