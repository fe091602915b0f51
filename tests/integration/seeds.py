"""A conference in full swing, written straight into a database: for tests of running servers.

One live session with published questions and open polls, one booth, and people with logins. It
knows rows; what is then done with them over HTTP and sockets, a test knows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.cookies import cookie_name
from server.db import Rows, open_database
from server.exhibits import store as exhibits
from server.ids import new_id
from server.people import store as people
from server.people.rules import Profession
from server.polls import store as polls
from server.polls.rules import Status as PollStatus
from server.questions import store as questions
from server.questions.rules import Status as QuestionStatus
from server.rights import Place, Role

Answer = TypeVar("Answer")

SLUG = "cardio"
STAFF = (Role.MODERATOR, Role.ORGANISER, Role.OFFICER, Role.FACULTY, Role.EXHIBITOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Somebody with a role and a login."""

    id: UUID
    name: str
    mail: str
    login: str

    @property
    def cookie(self) -> str:
        return f"{cookie_name(secure=False)}={self.login}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What there is, by id."""

    conference_id: UUID
    session_id: UUID
    booth_id: UUID
    questions: list[UUID]
    polls: list[UUID]
    learners: list[Seat]
    staff: dict[Role, Seat]


def in_rows(url: str, act: Callable[..., Awaitable[Answer]], *arguments: Any) -> Answer:
    """Run `act(db, …)` in a transaction beside the server, whatever loop is running here."""

    async def run() -> Answer:
        database = open_database(url)
        try:
            async with database.begin() as db:
                return await act(db, *arguments)
        finally:
            await database.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(run())).result()


def seed(url: str, *, learners: int = 2, published: int = 12, opened: int = 6) -> Seeded:
    return in_rows(url, _seed, learners, published, opened)


async def _seed(db: Rows, learners: int, published: int, opened: int) -> Seeded:
    conference_id = await agenda.add_conference(
        db,
        slug=SLUG,
        title="CardioForum",
        zone="Europe/Paris",
        starts_on=clock.now().date(),
        ends_on=clock.now().date() + timedelta(days=2),
    )
    session_id, booth_id = await _places(db, conference_id)
    place = Place(conference_id=conference_id, session_id=session_id, booth_id=booth_id)
    staff = {role: await _sit(db, place, role, role.value) for role in STAFF}
    seats = [await _sit(db, place, Role.LEARNER, f"learner{n}") for n in range(learners)]
    moderator = staff[Role.MODERATOR].id
    asked = [
        questions.Question(
            conference_id=conference_id, id=new_id(), session_id=session_id, author_id=moderator,
            command_id=uuid4(), text=f"Question {number}?", status=QuestionStatus.LIVE,
        )
        for number in range(published)
    ]  # fmt: skip
    made = [
        polls.Poll(
            conference_id=conference_id, id=new_id(), session_id=session_id, text=f"Poll {number}",
            options=["Yes", "No", "Perhaps"], status=PollStatus.OPEN, created_by=moderator,
            opened_at=clock.now(),
        )
        for number in range(opened)
    ]  # fmt: skip
    db.add_all([*asked, *made])
    await db.flush()
    return Seeded(
        conference_id=conference_id,
        session_id=session_id,
        booth_id=booth_id,
        questions=[each.id for each in asked],
        polls=[each.id for each in made],
        learners=seats,
        staff=staff,
    )


async def _places(db: Rows, conference_id: UUID) -> tuple[UUID, UUID]:
    now = clock.now()
    session = agenda.Session(
        conference_id=conference_id,
        id=new_id(),
        title="SGLT2 inhibition",
        starts_at=now - timedelta(minutes=5),
        ends_at=now + timedelta(hours=2),
        phase=Phase.LIVE,
    )
    booth = exhibits.Booth(conference_id=conference_id, id=new_id(), name="Cardivue")
    db.add_all([session, booth])
    await db.flush()
    await agenda.open_live(db, conference_id, session.id, clock.now_ms() - 60_000)
    return session.id, booth.id


async def _sit(db: Rows, place: Place, role: Role, name: str) -> Seat:
    person = await people.ensure_person(db, f"{name}@example.org", name.capitalize())
    await people.save_profile(db, person.id, profession=Profession.PHYSICIAN, degree="MD")
    await people.give(
        db,
        place.conference_id,
        person_id=person.id,
        role=role,
        session_id=place.session_id if role is Role.FACULTY else None,
        booth_id=place.booth_id if role is Role.EXHIBITOR else None,
    )
    login, _ = await people.new_login(db, person.id, staff=False)
    return Seat(id=person.id, name=name.capitalize(), mail=person.mail, login=login)
