"""Simulated attendees: they ask, vote, answer and wander, through the same door as everybody.

Each speaks the protocol: its commands are decoded, checked and carried out as if a socket had
brought them. Nobody earns credit here, and no beat is sent.
"""

import asyncio
import random
from collections.abc import Sequence
from uuid import UUID, uuid4

import msgspec
import structlog

from realtime.hub.commands import Malformed
from server.access import Asking, Places
from server.commands import commands
from server.demo import cast, content
from server.demo.captioner import Captioner
from server.demo.founding import Congress
from server.errors import Refused
from server.people import store as people
from server.polls import store as polls
from server.polls.rules import Status as PollStatus
from server.questions import store as questions
from server.questions.rules import Status as QuestionStatus
from server.rights import Who
from server.services import Services

STEP_SECONDS = (1.5, 5.0)
"""How long nothing happens between two acts of the crowd."""

WATCHING = 0.8
"""The share of the crowd that has the session's page open; the others are in the hall."""

FIRST_QUESTIONS = 5
"""How many are there when the first visitor comes."""

LIKELY = (8, 6, 3, 1, 1)
"""How often the crowd votes, answers, walks, asks, and the speaker takes a question up."""

log = structlog.get_logger()


class Crowd:
    """Who is here, what has been asked, and what they do next."""

    def __init__(self, services: Services, places: Places, congress: Congress) -> None:
        self._services = services
        self._places = places
        self._congress = congress
        self._dice = random.Random(7)  # noqa: S311 - the same lively demo every time
        self._decode = commands.decoder()
        self._who: dict[str, Who] = {}
        self._connections = {person.key: uuid4() for person in cast.CROWD}
        self._unasked: list[str] = list(content.QUESTIONS)
        self._asked: list[UUID] = []
        self._poll: UUID | None = None
        self._answering: UUID | None = None
        self._answered: set[str] = set()

    async def run(self) -> None:
        """Arrive, then be lively for ever."""
        await self._arrive()
        await self._remember()
        if self._poll is None:
            await self._open_poll()
        while len(self._asked) < FIRST_QUESTIONS:
            await self._ask(approve=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Captioner(self._services, self._congress, self._send).run())
            await self._be_lively()

    async def _be_lively(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(*STEP_SECONDS))
            acts = (self._vote, self._answer, self._wander, self._ask_one, self._take_up)
            act = self._dice.choices(acts, LIKELY)[0]
            try:
                await act()
            except Refused as refusal:
                log.info("demo.refused", code=refusal.code)

    async def _arrive(self) -> None:
        keys = [person.key for person in cast.CROWD]
        keys += [cast.MODERATOR.key, cast.FACULTY.key]
        keys += [person.key for _, person in cast.STAFF]
        async with self._services.db.read() as db:
            for key in keys:
                who = await people.who(db, self._congress.persons[key])
                assert who is not None, "the cast was founded"
                self._who[key] = who
        for number, person in enumerate(cast.CROWD):
            if number < WATCHING * len(cast.CROWD):
                await self._enter(person.key, f"session/{self._congress.live_session}")
            else:
                await self._wander_to(person.key)
        for name, person in cast.STAFF:
            await self._send(person.key, "booth.present", booth_id=self._congress.booths[name])

    async def _remember(self) -> None:
        """What the crowd of an earlier start left behind goes on."""
        congress = self._congress
        place = (congress.conference_id, congress.live_session)
        async with self._services.db.read() as db:
            shown = (QuestionStatus.LIVE, QuestionStatus.ANSWERING)
            asked = await questions.questions(db, *place, list(QuestionStatus))
            live = await questions.questions(db, *place, shown)
            opened = await polls.polls(db, *place, (PollStatus.OPEN,))
        known = {question.text for question in asked}
        self._unasked = [text for text in self._unasked if text not in known]
        self._asked = [question.id for question in live]
        self._poll = opened[0].id if opened else None

    async def _take_up(self) -> None:
        """The speaker takes a question up or, having one, is done with it."""
        if self._answering is not None:
            await self._send(cast.FACULTY.key, "question.answered", question_id=self._answering)
            self._asked = [question for question in self._asked if question != self._answering]
            self._answering = None
        elif len(self._asked) > FIRST_QUESTIONS:
            self._answering = self._asked[0]
            await self._send(cast.FACULTY.key, "question.answering", question_id=self._answering)

    async def _enter(self, key: str, place: str) -> None:
        connection = self._connections[key]
        await self._services.presence.leave(connection)
        person = str(self._congress.persons[key])
        await self._services.presence.enter(place, person, connection)

    async def _wander(self) -> None:
        strolling = cast.CROWD[int(WATCHING * len(cast.CROWD)) :]
        await self._wander_to(self._dice.choice(strolling).key)

    async def _wander_to(self, key: str) -> None:
        booth = self._dice.choice(list(self._congress.booths.values()))
        await self._enter(key, f"booth/{booth}")

    async def _ask_one(self) -> None:
        await self._ask(approve=self._dice.random() < 0.5)  # noqa: PLR2004 - some stay waiting

    async def _ask(self, *, approve: bool) -> None:
        if not self._unasked:
            return
        asked = await self._send(
            self._somebody(),
            "question.ask",
            text=self._unasked.pop(0),
            anonymous=self._dice.random() < 0.25,  # noqa: PLR2004 - one in four
        )
        if approve and isinstance(asked, UUID):
            await self._send(cast.MODERATOR.key, "question.approve", question_id=asked)
            self._asked.append(asked)

    async def _vote(self) -> None:
        if self._asked:
            question = self._dice.choice(self._asked[:4] * 3 + self._asked)
            await self._send(self._somebody(), "question.upvote", question_id=question)

    async def _open_poll(self) -> None:
        await self._create_poll(content.NEXT_POLL)
        self._poll = await self._create_poll(content.POLL)
        if self._poll is not None:
            await self._send(cast.MODERATOR.key, "poll.open", poll_id=self._poll)
            await self._send(cast.MODERATOR.key, "poll.reveal", poll_id=self._poll)

    async def _create_poll(self, poll: tuple[str, Sequence[str]]) -> UUID | None:
        text, options = poll
        made = await self._send(
            cast.MODERATOR.key, "poll.create", text=text, kind="single", options=list(options)
        )
        return made if isinstance(made, UUID) else None

    async def _answer(self) -> None:
        waiting = [person.key for person in cast.CROWD if person.key not in self._answered]
        if self._poll is None or not waiting:
            return
        key = self._dice.choice(waiting)
        self._answered.add(key)
        choice = self._dice.choices(range(len(content.WEIGHTS)), content.WEIGHTS)[0]
        await self._send(key, "poll.answer", poll_id=self._poll, choices=[choice])

    def _somebody(self) -> str:
        return self._dice.choice(cast.CROWD).key

    async def _send(self, key: str, kind: str, /, **fields: object) -> object:
        """One command of one person, decoded and checked like any other."""
        who = self._who[key]
        values: dict[str, object] = {"type": kind, "ref": 0, "command_id": uuid4()}
        if "booth_id" not in fields:
            values["session_id"] = self._congress.live_session
        values |= fields

        async def identify(_recently: bool) -> Who | None:  # noqa: FBT001 - see Asking
            return who

        asking = Asking(identify=identify, services=self._services, places=self._places, peer=None)
        try:
            command = self._decode(msgspec.json.encode(values))
        except Malformed as malformed:
            raise AssertionError(f"the demo misspells {kind}: {malformed.where}") from malformed
        result = commands.call(command, asking)
        return None if result is None else await result
