"""Learners on real sockets that note every acknowledgement after it came, and what they then claim.

Each sends one thing at a time, as a page with its outbox does: what was not acknowledged is sent
again after a reconnection, under the same `command_id`. `compare` holds the notes against the
database: an acknowledged fact must be there, and nothing may be there that was never sent.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID, uuid4

from sqlalchemy import select
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.typing import Origin

from server.attendance.store import OpenSpan, Span
from server.db import Rows
from server.exhibits.rules import CONSENT_VERSION
from server.exhibits.store import Receipt
from server.polls.store import PollAnswer
from server.questions.store import Question, Upvote
from tests.integration.seeds import Seat, Seeded, in_rows

PASSING = frozenset({"internal", "busy", "unavailable"})
"""Errors upon which a page sends the same again."""

ANSWER_SECONDS = 45.0
"""A socket that answers nothing for so long is given up."""

WEIGHTS = {"beat": 5, "vote": 5, "answer": 4, "ask": 1, "badge": 1}

Frame = dict[str, Any]


@dataclass
class Notes:
    """What one learner was told is on record, and what they said last without an answer yet."""

    beats: Counter[str] = field(default_factory=Counter)  # connection -> number acknowledged
    beats_sent: Counter[str] = field(default_factory=Counter)
    votes: dict[UUID, bool] = field(default_factory=dict)
    answers: dict[UUID, list[int]] = field(default_factory=dict)
    questions: dict[UUID, UUID] = field(default_factory=dict)  # command -> question
    leads: dict[UUID, UUID] = field(default_factory=dict)  # command -> receipt
    sent: set[UUID] = field(default_factory=set)
    open: Frame | None = None

    def keep(self, frame: Frame, answer: Frame) -> None:
        """A command was acknowledged."""
        match frame["type"]:
            case "question.upvote" | "question.unvote":
                self.votes[UUID(frame["question_id"])] = frame["type"] == "question.upvote"
            case "poll.answer":
                self.answers[UUID(frame["poll_id"])] = frame["choices"]
            case "question.ask":
                self.questions[UUID(frame["command_id"])] = UUID(answer["id"])
            case "badge.hand_over":
                self.leads[UUID(frame["command_id"])] = UUID(answer["id"])


class Noted(Protocol):
    """Somebody with notes: a learner of a crowd, or a page."""

    @property
    def seat(self) -> Seat: ...

    @property
    def notes(self) -> Notes: ...


class Learner:
    """One page. Runs until it is told to stop; every acknowledgement is also given to `heard`."""

    def __init__(
        self, url: str, seat: Seat, seeded: Seeded, dice: random.Random, heard: Callable[[], None]
    ) -> None:
        self.seat, self.notes = seat, Notes()
        self.refused: Counter[str] = Counter()
        self._url, self._seeded, self._dice, self._heard = url, seeded, dice, heard
        self._connection, self._echo, self._n, self._visible = "", "", 0, True
        self._asked = 0
        self._stopping = False

    def stop(self) -> None:
        """Finish what is open, then end."""
        self._stopping = True

    async def run(self) -> None:
        while not (self._stopping and self.notes.open is None):
            try:
                async with self._opened() as socket:
                    await self._speak(socket)
            except (OSError, WebSocketException, TimeoutError):
                await asyncio.sleep(self._dice.uniform(0.05, 0.5))  # as pages do, in the small

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[ClientConnection]:
        address = self._url.replace("http", "ws", 1) + "/ws"
        headers = {"Cookie": self.seat.cookie}
        opening = connect(
            address,
            origin=Origin(self._url),
            additional_headers=headers,
            proxy=None,
            open_timeout=ANSWER_SECONDS,
            close_timeout=1,
        )
        async with opening as socket:
            welcome = await self._next(socket)
            if welcome["type"] != "welcome":
                raise InvalidHandshake(f"{welcome}")
            self._connection, self._echo = welcome["connection"], welcome["echo"]
            self._n = 0
            yield socket

    async def _speak(self, socket: ClientConnection) -> None:
        while self.notes.open is not None or not self._stopping:
            if self.notes.open is None:
                self.notes.open = self._thought_up()
            frame = self.notes.open
            if frame["type"] == "beat":
                self.notes.open = frame = self._beat()
                self.notes.beats_sent[self._connection] = max(
                    self._n + 1, self.notes.beats_sent[self._connection]
                )
            else:
                self.notes.sent.add(UUID(frame["command_id"]))
            await socket.send(json.dumps(frame))
            answer = await self._answer(socket)
            if answer["type"] == "error" and answer["code"] in PASSING:
                await asyncio.sleep(self._dice.uniform(0.05, 0.3))
                continue
            self.notes.open = None
            if answer["type"] == "error":
                self.refused[answer["code"]] += 1
            else:
                self._note(frame, answer)
                self._heard()

    async def _answer(self, socket: ClientConnection) -> Frame:
        while (frame := await self._next(socket))["type"] not in {"done", "kept", "error"}:
            pass
        return frame

    async def _next(self, socket: ClientConnection) -> Frame:
        async with asyncio.timeout(ANSWER_SECONDS):
            frame: Frame = json.loads(await socket.recv())
        return frame

    def _note(self, frame: Frame, answer: Frame) -> None:
        if frame["type"] != "beat":
            self.notes.keep(frame, answer)
            return
        assert answer["n"] == frame["n"]
        self._n, self._echo = answer["n"], answer["echo"]
        self._visible = not self._visible
        self.notes.beats[self._connection] = self._n

    def _beat(self) -> Frame:
        """Each says something new (visible or not), so that each begins a span of its own."""
        return {
            "type": "beat", "n": self._n + 1, "echo": self._echo,
            "session_id": str(self._seeded.session_id), "visible": self._visible, "playing": True,
        }  # fmt: skip

    def _thought_up(self) -> Frame:
        choices = WEIGHTS if self._asked < 2 else WEIGHTS | {"ask": 0}
        act = self._dice.choices(list(choices), list(choices.values()))[0]
        session = {"session_id": str(self._seeded.session_id)}
        common = {"ref": 1, "command_id": str(uuid4())}
        match act:
            case "beat":
                return {"type": "beat"}
            case "vote":
                question = self._dice.choice(self._seeded.questions)
                verb = "unvote" if self.notes.votes.get(question) else "upvote"
                about = {"question_id": str(question)}
                return {"type": f"question.{verb}", **common, **session, **about}
            case "answer":
                poll = str(self._dice.choice(self._seeded.polls))
                chosen = {"poll_id": poll, "choices": [self._dice.randrange(3)]}
                return {"type": "poll.answer", **common, **session, **chosen}
            case "ask":
                self._asked += 1
                return {"type": "question.ask", **common, **session, "text": f"Why {uuid4()}?"}
        return {
            "type": "badge.hand_over", **common, "booth_id": str(self._seeded.booth_id),
            "fields": ["name"], "purpose": "information", "months": 12,
            "text_version": CONSENT_VERSION,
        }  # fmt: skip


class Crowd:
    """All learners, and when the last acknowledgement came."""

    def __init__(self, url: str, seeded: Seeded, *, dice: random.Random) -> None:
        self.acknowledged = 0
        self.last_at = time.monotonic()
        self._seeded = seeded
        self.learners = [
            Learner(url, seat, seeded, random.Random(dice.random()), self._heard)
            for seat in seeded.learners
        ]

    def _heard(self) -> None:
        self.acknowledged += 1
        self.last_at = time.monotonic()

    @asynccontextmanager
    async def busy(self) -> AsyncGenerator[None]:
        """Everybody at work; afterwards each finishes what is open."""
        async with asyncio.TaskGroup() as tasks:
            for learner in self.learners:
                tasks.create_task(learner.run())
            yield
            for learner in self.learners:
                learner.stop()

    def refusals(self) -> Counter[str]:
        return sum((learner.refused for learner in self.learners), Counter[str]())

    def compare(self, url: str) -> list[str]:
        return compare(url, self._seeded, self.learners)


def compare(url: str, seeded: Seeded, learners: Sequence[Noted]) -> list[str]:
    """Everything that the notes and the database disagree about."""
    return in_rows(url, _compare, seeded, learners)


async def _compare(db: Rows, seeded: Seeded, learners: Sequence[Noted]) -> list[str]:
    wrong: list[str] = []
    for learner in learners:
        name = learner.seat.name
        wrong += [f"{name}: {text}" for text in await _beats(db, learner)]
        wrong += [f"{name}: {text}" for text in await _choices(db, learner)]
        wrong += [f"{name}: {text}" for text in await _made(db, seeded, learner)]
    return wrong


async def _beats(db: Rows, learner: Noted) -> list[str]:
    kept: Counter[str] = Counter()
    kinds: tuple[type[Span | OpenSpan], ...] = (Span, OpenSpan)
    for kind in kinds:
        wanted = select(kind.connection).where(kind.person_id == learner.seat.id)
        kept.update(str(connection) for connection in await db.scalars(wanted))
    notes, wrong = learner.notes, []
    for connection in kept.keys() | notes.beats.keys():
        least, most = notes.beats[connection], notes.beats_sent[connection]
        if not least <= kept[connection] <= most:
            wrong.append(f"beats {least} acknowledged, {kept[connection]} kept, {most} sent")
    return wrong


async def _choices(db: Rows, learner: Noted) -> list[str]:
    """Votes and poll answers: the last acknowledged word stands."""
    mine = learner.seat.id
    voted = set(await db.scalars(select(Upvote.question_id).where(Upvote.person_id == mine)))
    said = {question for question, up in learner.notes.votes.items() if up}
    wrong = [f"vote {question}" for question in voted ^ said]
    rows = await db.execute(
        select(PollAnswer.poll_id, PollAnswer.choices).where(PollAnswer.person_id == mine)
    )
    answers = {poll_id: list(choices) for poll_id, choices in rows}
    for poll_id in answers.keys() | learner.notes.answers.keys():
        told, found = learner.notes.answers.get(poll_id), answers.get(poll_id)
        if told != found:
            wrong.append(f"answer {told} acknowledged, {found} kept")
    return wrong


async def _made(db: Rows, seeded: Seeded, learner: Noted) -> list[str]:
    """Questions and leads: one row for each command, the one that was told."""
    wrong = []
    for what, row, owner, told in (
        ("question", Question, Question.author_id, learner.notes.questions),
        ("lead", Receipt, Receipt.person_id, learner.notes.leads),
    ):
        rows = list(
            await db.execute(
                select(row.command_id, row.id).where(
                    row.conference_id == seeded.conference_id, owner == learner.seat.id
                )
            )
        )
        found: dict[UUID, UUID] = {command: id_ for command, id_ in rows}  # noqa: C416 - typed
        if len(found) != len(rows):
            wrong.append(f"{what}: {len(rows) - len(found)} twice")
        wrong += [
            f"{what} {id_} lost" for command, id_ in told.items() if found.get(command) != id_
        ]
        wrong += [f"{what} of an unknown command" for key in found if key not in learner.notes.sent]
    return wrong
