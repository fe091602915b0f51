"""After every command a page that followed shows what a page that is fetched anew shows.

The snapshot before a command, with everything that the command told laid upon it by the pages' own
reducers, is the snapshot after it; and laying it on twice changes nothing.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.commands import commands
from server.db import Rows
from server.disclosures import rules as disclosures
from server.disclosures import store as disclosing
from server.exhibits.rules import CONSENT_VERSION
from server.rights import Role
from tests.integration.pages import Frame, SocketPage, socket_page
from tests.integration.seeds import SLUG, Seat, Seeded, in_rows, seed
from tests.servers.node import node
from tests.servers.rounds import Rounds, running_rounds
from tests.servers.waiting import TooLate, eventually_async

PANELS = Path(__file__).with_name("panels.js")

TOLD_SECONDS = 10
"""States come at most 250 ms late; a busy machine takes its time besides."""

NOT_FOLDED = {
    "beat": "its page asks for the ring anew when it is kept; nobody else is told",
    "beat.booth": "nobody is told",
    "check.answer": "the ring is asked for anew upon the event `check`",
    "check.extend": "the ring is asked for anew upon the event `check`",
}
"""Commands that change no panel by what is told, and why that is so."""


@dataclass(frozen=True)
class Row:
    """A command, who sends it, its fields; `@name` stands for the id that a row before it made."""

    command: str
    who: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    makes: str = ""


def question(verb: str, who: str, of: str, **fields: Any) -> Row:
    return Row(f"question.{verb}", who, {"question_id": of, **fields})


def poll(verb: str, of: str, who: str = "desk", **fields: Any) -> Row:
    return Row(f"poll.{verb}", who, {"poll_id": of, **fields})


def create(text: str) -> Row:
    return Row("poll.create", "desk", {"text": text, "options": ["Yes", "No"]}, makes=text)


ROWS = [
    Row("question.ask", "ann", {"text": "First?"}, makes="first"),
    Row("question.ask", "ann", {"text": "Second?", "anonymous": True}, makes="second"),
    Row("question.ask", "ben", {"text": "Third?"}, makes="third"),
    question("approve", "desk", "@first"),
    question("upvote", "ann", "@first"),
    question("upvote", "ben", "@first"),
    question("unvote", "ann", "@first"),
    question("answering", "desk", "@published"),
    question("answering", "desk", "@first"),
    question("answered", "desk", "@first"),
    question("restore", "desk", "@first", status="live"),
    question("restore", "desk", "@first", status="pending"),
    question("dismiss", "desk", "@first", reason="Off topic"),
    question("restore", "desk", "@first", status="live"),
    question("withdraw", "ann", "@second"),
    question("answering", "desk", "@third"),
    question("dismiss", "desk", "@third"),
    create("Earlier"),
    create("Later"),
    create("Never"),
    poll("open", "@Later"),
    poll("open", "@Earlier"),
    poll("answer", "@Earlier", "ann", choices=[0]),
    poll("reveal", "@Earlier"),
    poll("answer", "@Earlier", "ben", choices=[1]),
    poll("answer", "@Earlier", "ann", choices=[1]),
    poll("hide", "@Earlier"),
    poll("answer", "@Earlier", "ben", choices=[0]),
    poll("reveal", "@Earlier"),
    poll("close", "@Earlier"),
    poll("close", "@Later"),
    poll("open", "@Later"),
    poll("delete", "@Never"),
    Row("caption.say", "desk", {"text": "Good", "final": False}, makes="greeting"),
    Row("caption.change", "desk", {"line_id": "@greeting", "text": "Good morn", "final": False}),
    Row("caption.change", "desk", {"line_id": "@greeting", "text": "Good morning."}),
    Row("caption.say", "desk", {"text": "Guten Morgen.", "language": "de"}),
    Row("caption.say", "desk", {"text": "Welcome to Lyon."}, makes="welcome"),
    Row("caption.change", "desk", {"line_id": "@greeting", "text": "Good morning!"}),
    Row("caption.say", "desk", {"text": "We begin."}),
    Row("caption.change", "desk", {"line_id": "@welcome", "text": ""}),
    Row("caption.say", "desk", {"text": "The first slide."}),
    Row("stage.pause", "desk"),
    Row("stage.resume", "desk"),
    Row("stage.end", "desk"),
    Row("stage.go_live", "desk"),
    Row("session.enter", "ann"),
    Row("booth.stay", "staff"),
    Row("booth.present", "staff", {"called": "Daniel", "line": "Ask me about ECG"}),
    Row("booth.ask", "ann", {"about": "Prices"}, makes="talk"),
    Row("booth.ask", "ben", makes="other talk"),
    Row("booth.take", "staff", {"talk_id": "@talk"}),
    Row("booth.say", "ann", {"text": "Good morning"}),
    Row("booth.say", "ben", {"text": "Is anybody there?"}),
    Row("booth.say", "staff", {"text": "Good morning!", "visit_id": "@visit"}),
    Row("badge.hand_over", "ann", {
        "fields": ["name"], "purpose": "demo", "months": 12, "text_version": CONSENT_VERSION,
    }, makes="receipt"),
    Row("lead.note", "staff", {"receipt_id": "@receipt", "interest": 2, "note": "Call"}),
    Row("badge.withdraw", "ann", {"receipt_id": "@receipt"}),
    Row("booth.end", "staff", {"talk_id": "@talk"}),
    Row("booth.leave_queue", "ben"),
    Row("booth.away", "staff"),
    Row("booth.present", "staff"),
    Row("booth.stay", "staff", {"leaving": True}),
    Row("booth.say", "staff", {"text": "One more thing", "visit_id": "@visit"}),
]  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """A part of somebody's page: how it folds, and where its snapshot is."""

    kind: str
    who: str
    path: str


PLACES = {
    "session": [
        Panel("questions", "ann", "/sessions/{session}/questions/fragment"),
        Panel("questions", "ben", "/sessions/{session}/questions/fragment"),
        Panel("question_desk", "desk", "/sessions/{session}/questions/desk"),
        Panel("polls", "ann", "/sessions/{session}/polls/fragment"),
        Panel("poll_desk", "desk", "/sessions/{session}/polls/desk"),
        Panel("captions", "ann", "/sessions/{session}/captions/fragment"),
        Panel("caption_desk", "desk", "/sessions/{session}/captions/desk"),
        Panel("stage", "ann", "/sessions/{session}/state"),
    ],
    "booth": [
        Panel("booth", "ann", "/booths/{booth}/now"),
        Panel("booth", "ben", "/booths/{booth}/now"),
        Panel("booth_desk", "staff", "/booths/{booth}/desk/now?visit={visit}"),
        Panel("hall", "ben", f"/conferences/{SLUG}/hall/now"),
    ],
}
AT_A_BOOTH = {"booth", "badge", "lead"}


class Person:
    """Somebody with a socket that is read all the time, and with a browser's requests."""

    def __init__(self, socket: SocketPage, http: httpx.AsyncClient) -> None:
        self.socket, self.http = socket, http

    async def send(self, row: Row, fields: Frame) -> Frame:
        """The answer; to `booth.stay`, which has none, what it made the server tell."""
        if row.command == "booth.stay":
            seen = len(self.socket.frames)
            await self.socket.socket.send(json.dumps({"type": row.command, **fields}))
            await eventually_async(
                lambda: [f for f in self.socket.frames[seen:] if f["type"] == "queue"], TOLD_SECONDS
            )
            return {}
        ref = await self.socket.send(row.command, **fields)
        answer = await self.heard(lambda frame: frame.get("ref") == ref)
        assert answer["type"] == "done", (row, answer)
        return answer

    async def follow(self, at: Frame) -> None:
        words = {name: at[name] for name in ("topic", "epoch", "seq")}
        await self.socket.socket.send(json.dumps({"type": "topic.follow", "ref": 0, **words}))
        await self.heard(lambda f: (f["type"], f.get("topic")) == ("followed", at["topic"]))

    async def heard(self, wanted: Any) -> Frame:
        def found() -> Frame | None:
            return next((frame for frame in self.socket.frames if wanted(frame)), None)

        frame = await eventually_async(found, TOLD_SECONDS)
        assert isinstance(frame, dict)
        return frame


class Folding:
    """The pages' reducers, in a process of their own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def shown(self, panel: Panel, snapshot: Frame, frames: list[Frame]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"panel": panel.kind, "snapshot": snapshot, "frames": frames}
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        line = await self._process.stdout.readline()
        assert line, "the reducers fell over"
        return json.loads(line)


@dataclass
class Followed:
    """Every panel with its snapshot, and what its topics told since."""

    people: dict[str, Person]
    folding: Folding
    names: dict[str, str]
    snapshots: dict[Panel, Frame] = field(default_factory=dict)

    async def read(self, panel: Panel) -> Frame:
        path = panel.path.format_map(self.names)
        answer = await self.people[panel.who].http.get(path)
        assert answer.is_success, (path, answer.text)
        snapshot: Frame = answer.json()
        return snapshot

    async def begin(self) -> None:
        for panel in chain(*PLACES.values()):
            self.snapshots[panel] = await self.read(panel)
            for at in positions(self.snapshots[panel]):
                await self.people[panel.who].follow(at)

    async def take(self, row: Row) -> None:
        for person in self.people.values():
            person.socket.frames.clear()
        place = "booth" if row.command.partition(".")[0] in AT_A_BOOTH else "session"
        fields = {f"{place}_id": self.names[place], **row.fields}
        named = {name: self._named(value) for name, value in fields.items()}
        answer = await self.people[row.who].send(row, named)
        if row.makes:
            self.names[row.makes] = answer["id"]
        own = {"command": row.command, "fields": named, "answer": answer}
        for panel in PLACES[place]:
            old, new = self.snapshots[panel], await self.read(panel)
            await self._same(row, panel, old, new, [own] if panel.who == row.who else [])
            self.snapshots[panel] = new

    def _named(self, value: Any) -> Any:
        named = isinstance(value, str) and value.startswith("@")
        return self.names[value[1:]] if named else value

    async def _same(self, row: Row, panel: Panel, old: Frame, new: Frame, own: list[Frame]) -> None:
        """Laid upon the old snapshot, once and twice, what was told makes the new one."""
        wanted = await self.folding.shown(panel, new, [])
        topics = {at["topic"] for at in positions(old)}
        once: Any = None
        twice: Any = None

        async def arrived() -> bool:
            nonlocal once, twice
            heard = self.people[panel.who].socket.frames
            told = [frame for frame in heard if frame.get("topic") in topics] + own
            once = await self.folding.shown(panel, old, told)
            twice = await self.folding.shown(panel, old, [*told, *told])
            if panel.kind == "booth_desk" and reads_again(told):
                once |= {name: wanted[name] for name in READ_AGAIN}
                twice |= {name: wanted[name] for name in READ_AGAIN}
            return bool(once == wanted and twice == wanted)

        all_told: Callable[[], Any] = arrived
        with suppress(TooLate):
            await eventually_async(all_told, TOLD_SECONDS)
        assert once == wanted, f"{row} leaves {panel} behind"
        assert twice == wanted, f"{row} told twice changes {panel} twice"


READ_AGAIN = ("leads", "figures", "me")
"""Visitors have names in no event: a desk that is told of a lead or its queue fetches these."""


def reads_again(told: list[Frame]) -> bool:
    return any(frame.get("type") in {"lead", "queue"} for frame in told)


def positions(snapshot: Frame) -> list[Frame]:
    at: list[Frame] = snapshot.get("follows") or snapshot.get("positions") or [snapshot]
    return at


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Rounds, Seeded]]:
    with running_rounds(tmp_path_factory.mktemp("follow")) as server:
        url = f"sqlite+aiosqlite:///{server.data / 'rounds.db'}"
        seeded = seed(url, learners=2, published=3, opened=2)
        in_rows(url, disclose, seeded)
        yield server, seeded


async def disclose(db: Rows, seeded: Seeded) -> None:
    text = disclosures.text("The speaker has nothing to disclose.")
    officer = seeded.staff[Role.OFFICER].id
    await disclosing.enter(
        db, seeded.conference_id, seeded.session_id, text=text, person_id=officer
    )


@asynccontextmanager
async def a_person(server: Rounds, seat: Seat) -> AsyncGenerator[Person]:
    headers = {"Cookie": seat.cookie, "Accept": "application/json"}
    async with (
        httpx.AsyncClient(
            base_url=server.url, headers=headers, trust_env=False, timeout=20
        ) as http,
        socket_page(server.port, seat.cookie, server.url) as socket,
    ):
        reading = asyncio.create_task(socket.closed(within=300))
        try:
            yield Person(socket, http)
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading


@asynccontextmanager
async def the_reducers() -> AsyncGenerator[Folding]:
    process = await asyncio.create_subprocess_exec(
        str(node()), str(PANELS), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        limit=2**22,
    )  # fmt: skip
    try:
        yield Folding(process)
    finally:
        process.terminate()
        await process.wait()


async def test_a_page_that_follows_shows_what_a_page_fetched_anew_shows(
    served: tuple[Rounds, Seeded],
) -> None:
    server, seeded = served
    ann, ben = seeded.learners
    seats = {
        "ann": ann,
        "ben": ben,
        "desk": seeded.staff[Role.ORGANISER],
        "staff": seeded.staff[Role.EXHIBITOR],
    }
    async with AsyncExitStack() as stack:
        people = {
            name: await stack.enter_async_context(a_person(server, seat))
            for name, seat in seats.items()
        }
        names = {
            "session": str(seeded.session_id),
            "booth": str(seeded.booth_id),
            "published": str(seeded.questions[0]),
        }
        followed = Followed(people, await stack.enter_async_context(the_reducers()), names)
        visit = await people["ann"].http.get(f"/booths/{seeded.booth_id}/now")
        names["visit"] = visit.json()["visit"]
        await followed.begin()
        for row in ROWS:
            await followed.take(row)


def test_every_command_is_tried_or_has_a_reason_not_to_be() -> None:
    known = {str(each.__struct_config__.tag) for each in commands.types()}
    assert {row.command for row in ROWS} | set(NOT_FOLDED) == known
