"""A live session with as many learners as are wanted, each with a login: rows written in bulk."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from server import clock, secrets
from server.cookies import cookie_name
from server.db import Rows, insert
from server.ids import new_id
from server.people.rules import LOGIN_IDLE, Profession
from server.people.store import Login, Person, RoleGrant
from server.questions.store import FloorRow
from server.rights import Role
from tests.integration.seeds import Seat, in_rows, seed

CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The session, who moderates it, and everybody's cookie."""

    conference_id: UUID
    session_id: UUID
    moderator: Seat
    learners: list[Seat]


def furnish(url: str, learners: int) -> House:
    """A conference in the database at `url`; questions are published without a moderator."""
    seeded = seed(url, learners=0, published=0, opened=0)
    seats = [
        Seat(
            id=new_id(),
            name=f"Learner {number}",
            mail=f"crowd{number}@example.org",
            login=secrets.new_token(),
        )
        for number in range(learners)
    ]
    in_rows(url, _sit, seeded.conference_id, seeded.session_id, seats)
    return House(
        conference_id=seeded.conference_id,
        session_id=seeded.session_id,
        moderator=seeded.staff[Role.MODERATOR],
        learners=seats,
    )


def cookie(seat: Seat) -> str:
    return f"{cookie_name(secure=False)}={seat.login}"


async def _sit(db: Rows, conference_id: UUID, session_id: UUID, seats: list[Seat]) -> None:
    now = clock.now()
    for some in _chunks(seats):
        people = [
            {"id": seat.id, "mail": seat.mail, "name": seat.name, "degree": "MD",
             "profession": Profession.PHYSICIAN, "affiliation": "", "zone": "", "created_at": now}
            for seat in some
        ]  # fmt: skip
        grants = [
            {"id": new_id(), "conference_id": conference_id, "person_id": seat.id,
             "role": Role.LEARNER, "session_id": None, "booth_id": None, "granted_at": now}
            for seat in some
        ]  # fmt: skip
        logins = [
            {"token_hash": secrets.fingerprint(seat.login), "person_id": seat.id,
             "created_at": now, "seen_at": now, "expires_at": now + LOGIN_IDLE}
            for seat in some
        ]  # fmt: skip
        await db.execute(insert(db, Person), people)
        await db.execute(insert(db, RoleGrant), grants)
        await db.execute(insert(db, Login), logins)
    db.add(FloorRow(conference_id=conference_id, session_id=session_id, open=True, moderated=False))


def _chunks(seats: list[Seat]) -> Iterator[list[Seat]]:
    for first in range(0, len(seats), CHUNK):
        yield seats[first : first + CHUNK]
