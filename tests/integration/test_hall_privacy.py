"""Everything that an exhibitor can be sent, while learners walk through the hall: no name in it.

A running server, real sockets, every page and every topic that exhibitors may try. A learner's
name, address, hospital and ids are canaries: they are searched in every frame and every body.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.routing import Route
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from server.access import Table
from server.agenda import store as agenda
from server.app import routes
from server.commands import commands
from server.db import Rows
from server.exhibits.rules import CONSENT_VERSION
from server.exhibits.talks import store as talks
from server.people import store as people
from server.rights import Act, Role
from tests.integration.seeds import SLUG, Seat, Seeded, in_rows, seed
from tests.servers.rounds import Rounds, running_rounds
from tests.servers.waiting import eventually_async

NAME = "Quetzalina Canary"
HOSPITAL = "Hospital of the Quokka"


@dataclass
class Browser:
    """Somebody with a socket: everything that came down, and every body that was fetched."""

    http: httpx.AsyncClient
    socket: ClientConnection
    heard: list[str] = field(default_factory=list)
    bodies: dict[str, str] = field(default_factory=dict)
    _ref: int = 0

    async def listen(self) -> None:
        async for frame in self.socket:
            self.heard.append(str(frame))

    async def send(self, type_: str, **fields: Any) -> dict[str, Any]:
        """Send a command or a follow; the frame that answers it."""
        self._ref += 1
        frame = {"type": type_, "ref": self._ref, **fields}
        if not type_.startswith("topic."):
            frame.setdefault("command_id", str(uuid4()))
        before = len(self.heard)
        await self.socket.send(json.dumps(frame))
        wanted = fields.get("topic")

        def answer() -> dict[str, Any] | None:
            for text in self.heard[before:]:
                told = json.loads(text)
                if told.get("ref") == frame["ref"]:
                    return dict(told)
                if told["type"] in ("followed", "resync") and told["topic"] == wanted:
                    return dict(told)
            return None

        found = await eventually_async(answer, within=10, what=f"an answer to {type_}")
        assert found is not None
        return found

    async def get(self, path: str) -> str:
        answer = await self.http.get(path)
        self.bodies[path] = f"{answer.headers}{answer.text}"
        return answer.text

    def everything(self) -> str:
        return "\n".join((*self.heard, *self.bodies.values()))


@asynccontextmanager
async def browser(server: Rounds, seat: Seat) -> AsyncGenerator[Browser]:
    headers = {"cookie": seat.cookie, "origin": server.url}
    address = server.url.replace("http", "ws") + "/ws"
    async with (
        httpx.AsyncClient(
            base_url=server.url, headers=headers, timeout=30, trust_env=False
        ) as http,
        connect(
            address, origin=Origin(server.url), additional_headers={"cookie": seat.cookie},
            proxy=None,
        ) as socket,
    ):  # fmt: skip
        opened = Browser(http, socket)
        listening = asyncio.create_task(opened.listen())
        try:
            yield opened
        finally:
            await socket.close()
            await listening


async def _canaries(db: Rows, seat: Seat, conference_id: UUID, booth_id: UUID) -> str:
    await people.save_profile(db, seat.id, name=NAME, affiliation=HOSPITAL)
    return str(await talks.enter(db, conference_id, booth_id, seat.id))


async def _another_booth(db: Rows, conference_id: UUID) -> UUID:
    from server.exhibits.hall.store import add_booth  # noqa: PLC0415 - rows of this test alone

    assert (await agenda.conference(db, conference_id)).slug == SLUG
    return await add_booth(db, conference_id, {"name": "Northlight"})


def _paths(made: Seeded, booths: tuple[UUID, UUID]) -> list[str]:
    """Every page and every answer that may be asked for, at both booths."""
    found: set[str] = set()
    for route in routes:
        if not isinstance(route, Route) or "GET" not in (route.methods or set()):
            continue
        for booth_id in booths:
            values = {"slug": SLUG, "session_id": made.session_id, "booth_id": booth_id}
            path = route.path
            for name, convertor in route.param_convertors.items():
                value = values.get(name, uuid4() if "UUID" in type(convertor).__name__ else "x")
                path = path.replace(f"{{{name}:uuid}}", str(value))
                path = path.replace(f"{{{name}}}", str(value))
            found.add(path)
    return sorted(path for path in found if "sign-out" not in path)


def _topics(made: Seeded, booths: tuple[UUID, UUID], learner: Seat, visit: str) -> dict[str, bool]:
    """Topics, and whether an exhibitor may follow them."""
    own, other = booths
    return {
        f"hall/{made.conference_id}": True,
        f"booth/{own}": True,
        f"booth/{other}": True,
        f"booth/{own}/desk": True,
        f"booth/{other}/desk": False,
        f"session/{made.session_id}": False,
        f"session/{made.session_id}/desk": False,
        f"person/{learner.id}": False,
        f"visit/{visit}": False,
        "hub/persons": False,
    }


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Any:
    made = seed(database_url, learners=2, published=1, opened=1)
    with running_rounds(tmp_path / "data", {"ROUNDS_DATABASE_URL": database_url}) as running:
        yield running, made, database_url


@pytest.mark.timeout(180)
async def test_no_frame_and_no_body_names_a_learner_before_consent(
    server: tuple[Rounds, Seeded, str],
) -> None:
    running, made, url = server
    learner, exhibitor = made.learners[0], made.staff[Role.EXHIBITOR]
    own = made.booth_id
    other = in_rows(url, _another_booth, made.conference_id)
    visit = in_rows(url, _canaries, learner, made.conference_id, own)
    canaries = {NAME, *NAME.split(), learner.mail, HOSPITAL, str(learner.id), learner.id.hex}
    async with browser(running, learner) as visitor, browser(running, exhibitor) as staff:
        for topic, allowed in _topics(made, (own, other), learner, visit).items():
            told = await staff.send("topic.follow", topic=topic)
            assert (told["type"] != "error") is allowed, (topic, told)

        # The scripted hall: a learner walks in, asks, writes, waits, talks.
        await visitor.http.get(f"/conferences/{SLUG}/hall")
        await visitor.http.get(f"/booths/{own}")
        await visitor.send("topic.follow", topic=f"visit/{visit}")
        talk = await visitor.send("booth.ask", booth_id=str(own), about="ECG in flutter")
        await visitor.send("booth.say", booth_id=str(own), text="Good day")
        await staff.send("booth.present", booth_id=str(own))
        await staff.send("booth.take", booth_id=str(own), talk_id=talk["id"])
        await staff.send("booth.say", booth_id=str(own), visit_id=visit, text="Hello")
        await eventually_async(lambda: any("Hello" in text for text in visitor.heard))
        await _every_command(staff, made, own, talk["id"], visit)
        for path in _paths(made, (own, other)):
            await staff.get(path)
        await staff.get(f"/booths/{own}/desk?visit={visit}")
        await eventually_async(lambda: any("Good day" in text for text in staff.heard))
        assert "ECG in flutter" in staff.everything(), "the search sees what there is to see"
        found = [canary for canary in canaries if canary.lower() in staff.everything().lower()]
        assert found == []

        # Consent to the name, and to nothing else.
        receipt = await visitor.send(
            "badge.hand_over", booth_id=str(own), fields=["name"], purpose="demo", months=12,
            text_version=CONSENT_VERSION,
        )  # fmt: skip
        assert receipt["type"] == "done", receipt
        await eventually_async(lambda: any('"lead"' in text for text in staff.heard))
        assert NAME in await staff.get(f"/booths/{own}/desk")
        assert NAME in await staff.get(f"/booths/{own}/desk/leads.csv")
        for path in _paths(made, (own, other)):
            await staff.get(path)
        assert not any(NAME in text for text in staff.heard), "topics remember: no name on them"
        rest = {learner.mail, HOSPITAL, str(learner.id), learner.id.hex}
        assert [canary for canary in rest if canary in staff.everything()] == []

        # Withdrawn, it is gone from every page.
        staff.bodies.clear()
        await visitor.send("badge.withdraw", booth_id=str(own), receipt_id=receipt["id"])
        await eventually_async(lambda: any('"holds":false' in text for text in staff.heard))
        for path in _paths(made, (own, other)):
            await staff.get(path)
        assert not any(canary in staff.everything() for canary in canaries)


async def _every_command(
    staff: Browser, made: Seeded, booth_id: UUID, talk_id: str, visit: str
) -> None:
    """Whatever an exhibitor may send, with ids that exist."""
    table: Table = commands
    known = {
        "booth_id": str(booth_id),
        "session_id": str(made.session_id),
        "talk_id": talk_id,
        "visit_id": visit,
        "receipt_id": str(uuid4()),
        "text": "Anything?",
        "note": "noted",
        "interest": 1,
    }
    allowed = 0
    for command_type, act in table.acts.items():
        info = command_type.__struct_config__
        fields = {name: known[name] for name in command_type.__struct_fields__ if name in known}
        if (
            act not in (Act.VISIT_HALL, Act.STAFF_BOOTH)
            or "ref" not in command_type.__struct_fields__
        ):
            continue
        allowed += 1
        await staff.send(str(info.tag), **fields)
    assert allowed >= 10
    await staff.send("booth.present", booth_id=str(booth_id))
