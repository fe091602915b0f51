"""Forgetting somebody: what goes, what stays, and that no row is forgotten about."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

import server.app  # noqa: F401 - every table there is
from server import clock
from server.agenda import store as agenda
from server.attendance import checkpoints, verifying
from server.attendance import store as attendance
from server.attendance.checks import State
from server.attendance.spans import Received
from server.credit.checks import store as checks
from server.credit.corrections import store as corrections
from server.credit.corrections.rules import Effect, Why
from server.credit.imports import store as imports
from server.credit.reviews import store as reviews
from server.credit.store import Certificate, Claim, ClaimFacts
from server.db import Base, Database, open_database
from server.disclosures.store import DisclosureShown
from server.erasing import store as erasing
from server.exhibits import store as exhibits
from server.people import store as people
from server.polls import store as polls
from server.questions import store as questions
from server.questions.rules import Status
from server.rights import Role
from server.signing import Signer
from server.stages import store as stages
from server.stages.rules import TokenKind, Watching
from tests.servers.rounds import rounds

SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))
NAME, MAIL = "Marta Quintanilla", "marta.quintanilla@example.org"

STAY = {
    "adjustment.made_by": "who decided, without a name",
    "adjustment_decision.person_id": "who decided",
    "attendance_pair.decided_by": "who decided",
    "attendance_report.confirmed_by": "who decided",
    "attendance_report.uploaded_by": "who decided",
    "audit_entry.person_id": "who did what in the office",
    "booth_staff.person_id": "emptied",
    "caption_line.said_by": "who wrote down what others said",
    "disclosure.entered_by": "who decided",
    "exclusion.made_by": "who decided",
    "exclusion_end.person_id": "who decided",
    "faculty.person_id": "cut off: a programme that was printed stays",
    "attendance_line.person_id": "emptied and cut off",
    "outage.made_by": "who decided",
    "outage_ruling.person_id": "who decided",
    "policy.published_by": "who decided",
    "poll.created_by": "who decided",
    "review_answer.person_id": "who decided",
    "subject.person_id": "destroyed with the salt by the ledger",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    database: Database
    conference_id: UUID
    person_id: UUID


def test_every_column_that_names_a_person_is_dealt_with() -> None:
    dealt = {f"{one.class_.__tablename__}.{one.key}" for one in erasing.AT_ONCE}
    dealt |= {f"{one.class_.__tablename__}.{one.key}" for one in erasing.WITH_CREDIT}
    naming = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name == "person_id"
        or column.name.endswith("_by")
        or any(key.column.table.name == "person" for key in column.foreign_keys)
    }
    assert naming == dealt | STAY.keys()


@asynccontextmanager
async def world(url: str, *, ends_on: date) -> AsyncGenerator[World]:
    """A learner with a row of every kind, under a name that stands nowhere else."""
    database = open_database(url)
    try:
        async with database.begin() as db:
            conference_id = await agenda.add_conference(
                db, slug=f"c-{uuid4().hex[:8]}", title="Cardio", zone="Europe/Paris",
                starts_on=ends_on, ends_on=ends_on,
            )  # fmt: skip
            person = await people.ensure_person(db, MAIL, NAME)
            await people.save_profile(db, person.id, degree="MD", affiliation=f"{NAME} Clinic")
            officer = await people.ensure_person(db, "officer@example.org", "Ada Officer")
        here = World(database=database, conference_id=conference_id, person_id=person.id)
        async with database.begin() as db:
            for row in _places(here, officer.id):
                db.add(row)
                await db.flush()
            await people.give(db, conference_id, person_id=person.id, role=Role.LEARNER)
            await people.new_login(db, person.id, staff=False)
            await people.new_link(db, person.id)
        yield here
    finally:
        async with database.begin() as db:
            await erasing.erase(db, here.person_id)
        await database.close()


def _places(here: World, officer_id: UUID) -> list[Any]:
    of: dict[str, Any] = {"conference_id": here.conference_id}
    who = here.person_id
    now, hour = clock.now(), timedelta(hours=1)
    session = agenda.Session(
        **of, id=uuid4(), title="A talk", starts_at=now, ends_at=now + hour, designated_ms=3_600_000
    )
    booth = exhibits.Booth(**of, id=uuid4(), name="Cardivue")
    visit = exhibits.Visit(**of, id=uuid4(), booth_id=booth.id, person_id=who)
    poll = polls.Poll(
        **of, id=uuid4(), session_id=session.id, text="?", options=["a", "b"], created_by=officer_id
    )
    question = questions.Question(
        **of, id=uuid4(), session_id=session.id, author_id=who, command_id=uuid4(),
        text=f"{NAME} asks", status=Status.LIVE,
    )  # fmt: skip
    other = questions.Question(
        **of,
        id=uuid4(),
        session_id=session.id,
        author_id=officer_id,
        command_id=uuid4(),
        text="!",
        status=Status.LIVE,
    )
    claim = Claim(
        **of, id=uuid4(), person_id=who, system="ama", units="1", award="1.0", eligible_ms=1,
        inputs_digest="", attestation=NAME, command_id=uuid4(),
    )  # fmt: skip
    seed = checks.CheckSeed(**of, session_id=session.id, number=1, seed=b"", an_hour=3, from_ms=0)
    report = imports.Report(
        **of, id=uuid4(), session_id=session.id, sha256="", file="zoom.csv", topic=""
    )
    at: dict[str, Any] = {**of, "session_id": session.id, "person_id": who}
    secret: dict[str, Any] = {"token_hash": uuid4().bytes, "expires_at": now}
    return [
        session, booth, visit, poll, question, other, claim, seed, report,
        exhibits.BoothLine(**of, visit_id=visit.id, text=f"I am {NAME}", command_id=uuid4()),
        exhibits.Talk(**of, booth_id=booth.id, visit_id=visit.id, about=NAME, command_id=uuid4()),
        exhibits.Receipt(
            **of, number=uuid4().hex, booth_id=booth.id, visit_id=visit.id, person_id=who,
            fields=["name"], purpose="", text=f"{NAME} agrees", text_version="1",
            command_id=uuid4(), until=now,
        ),
        exhibits.BoothStaff(**of, booth_id=booth.id, person_id=who, called=NAME, line="Hello"),
        agenda.Faculty(**of, session_id=session.id, person_id=who, name="A speaker", position=0),
        questions.Upvote(**of, question_id=other.id, person_id=who),
        polls.PollAnswer(**of, poll_id=poll.id, person_id=who, choices=[0]),
        Certificate(
            **of, secret=uuid4().hex, claim_id=claim.id, person_id=who, number=uuid4().hex,
            printed={"name": NAME},
        ),
        ClaimFacts(**of, claim_id=claim.id, facts=NAME.encode()),
        DisclosureShown(**at, sha256=""),
        checks.PresenceCheck(
            **at, seed_number=1, number=1, due_ms=0, asked_ms=0, closes_ms=0,
            state=State.OPEN, extended=False,
        ),
        corrections.Adjustment(
            **at, effect=Effect.ADD, from_ms=0, to_ms=1, why=Why.ACCESS, text=f"for {NAME}",
            evidence=MAIL, units="1", second=False, made_by=officer_id, command_id=uuid4(),
        ),
        reviews.ReviewRow(**at, text=f"{NAME} was there", command_id=uuid4()),
        imports.ReportLine(
            **of, report_id=report.id, number=1, name=NAME, original=NAME, mail=MAIL.upper(),
            least_ms=1,
        ),
        stages.StageToken(**secret, **at, kind=TokenKind.STUDIO),
        stages.WatchTicket(**secret, **at, watching=Watching.AUDIENCE),
        stages.MediaAnswer(
            **at, secret_hash=b"", token_hash=b"", location="", kind="watch"
        ),
    ]  # fmt: skip


async def _attend(here: World) -> None:
    """One beat and a leave: a span of this learner in the ledger."""
    async with here.database.begin() as db:
        session_id = await db.scalar(
            select(agenda.Session.id).where(agenda.Session.conference_id == here.conference_id)
        )
        assert session_id is not None
        beat = attendance.Beating(
            conference_id=here.conference_id, person_id=here.person_id, connection=uuid4(),
            space_id=session_id, booth=False, device="laptop",
            first_echo="first", network="a name",
            received=Received(
                at_ms=clock.now_ms(), n=1, echo="first", next_echo="next",
                visible=True, playing=True, leaving=True,
            ),
        )  # fmt: skip
        await attendance.write_beats(db, [beat])


async def _traces(here: World) -> dict[str, int]:
    """Cells that hold the person's name, address or number, by column."""
    found: dict[str, int] = {}
    marks = [NAME.lower(), MAIL, str(here.person_id), here.person_id.hex]
    async with here.database.read() as db:
        for table in Base.metadata.sorted_tables:
            for row in (await db.execute(select(table))).mappings():
                for name, value in row.items():
                    shown = value.decode(errors="replace") if isinstance(value, bytes) else value
                    if any(mark in str(shown).lower() for mark in marks):
                        key = f"{table.name}.{name}"
                        found[key] = found.get(key, 0) + 1
    return found


async def test_who_is_erased_stands_in_no_row_and_the_ledger_is_good(database_url: str) -> None:
    async with world(database_url, ends_on=clock.now().date()) as here:
        await _attend(here)
        before = await _traces(here)
        assert before.keys() >= {
            f"{one.class_.__tablename__}.{one.key}" for one in erasing.WITH_CREDIT[1:]
        }
        async with here.database.begin() as db:
            await erasing.erase(db, here.person_id)
            newest = await checkpoints.make(db, here.conference_id, SIGNER)
        assert newest is not None
        after = await _traces(here)
        assert after == {"person.id": 1, "person.mail": 1, "booth_staff.person_id": 1}
        async with here.database.read() as db:
            good = await verifying.verify(
                db, here.conference_id, copies=[newest], keys={SIGNER.key_id: SIGNER.public}
            )
            assert (good.bad, good.unknown) == ([], [])
            assert len(good.erased) == 1


async def test_evidence_of_credit_stays_for_seven_years(database_url: str) -> None:
    today = clock.now().date()
    seven = today.replace(year=today.year - erasing.KEPT_YEARS, day=min(today.day, 28))
    for ends_on, held in ((seven + timedelta(days=40), True), (seven, False)):
        async with world(database_url, ends_on=ends_on) as here:
            async with here.database.read() as db:
                kept = await erasing.held(db, here.person_id)
            assert (kept is not None) is held
            if kept is not None:
                assert kept.claims == 1
                assert kept.until.year == ends_on.year + erasing.KEPT_YEARS
            async with here.database.begin() as db:
                await erasing.withdraw(db, here.person_id)
                assert await db.scalar(select(func.count()).select_from(Claim)) == 1
                assert await db.scalar(select(func.count()).select_from(exhibits.Receipt)) == 0


@pytest.mark.parametrize("words", [(), ("--even-credit",)])
def test_the_command_says_what_went_and_what_stays(words: tuple[str, ...], tmp_path: Path) -> None:
    made = rounds(
        "conference", "create", "spring", "--title", "Spring", "--zone", "Europe/Paris",
        "--from", "2026-03-12", "--to", "2026-03-14", data=tmp_path,
    )  # fmt: skip
    assert made.returncode == 0
    assert rounds("grant", MAIL, "learner", "--conference", "spring", data=tmp_path).returncode == 0
    done = rounds("erase", MAIL, *words, data=tmp_path)
    assert (done.returncode, done.stdout) == (
        0,
        f"{MAIL}: erased. The ledger still verifies, and tells of nobody.\n",
    )
    again = rounds("erase", MAIL, data=tmp_path)
    assert again.returncode == 1
    assert again.stderr == f"MAIL: {MAIL}: nobody here has this address\n"
