"""The ledger on both databases: what enters it, what guards it, and what verifying it finds."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, text

from server import clock, migrate, signing
from server.agenda import store as agenda
from server.attendance import checkpoints, ledger, store
from server.attendance.chain import Entry, Kind, Walk
from server.attendance.rules import SPAN_MS
from server.attendance.spans import Received
from server.db import Database, DatabaseError, may_rewrite, open_database
from server.disclosures import store as disclosures
from server.erasing import store as erasing
from server.errors import Invalid
from server.people import store as people
from server.serving import Forgetful, prepare_database
from server.settings import Settings
from tests.servers.postgres import Postgres

BEAT_MS = 15_000
PATIENCE_MS = 60_000
SIGNER = signing.Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))


@dataclass
class World:
    """One conference with a live session and a learner on one connection."""

    database: Database
    conference_id: UUID
    session_id: UUID
    person_id: UUID
    connection: UUID = field(default_factory=uuid4)
    now_ms: int = 1_790_000_000_000
    n: int = 0
    echo: str = "first"

    async def beat(self, *, after_ms: int = BEAT_MS, leaving: bool = False) -> None:
        self.now_ms += after_ms
        self.n += 1
        beating = store.Beating(
            conference_id=self.conference_id,
            person_id=self.person_id,
            connection=self.connection,
            space_id=self.session_id,
            booth=False,
            device="laptop",
            received=Received(
                at_ms=self.now_ms, n=self.n, echo=self.echo, next_echo=f"e{self.n}",
                visible=True, playing=True, leaving=leaving,
            ),
            first_echo="first",
        )  # fmt: skip
        async with self.database.begin() as db:
            (outcome,) = await store.write_beats(db, [beating])
        assert outcome.refusal is None
        self.echo = outcome.echo
        if leaving:
            self.connection, self.echo, self.n = uuid4(), "first", 0

    async def attend(self, milliseconds: int) -> None:
        for _ in range(milliseconds // BEAT_MS):
            await self.beat()

    async def rows(self) -> list[ledger.Written]:
        async with self.database.read() as db:
            return [
                ledger.Written(*row)
                async for page in ledger.pages(db, self.conference_id)
                for row in page
            ]

    async def kinds(self) -> list[str]:
        return [row.kind for row in await self.rows()]

    async def chain_is_good(self) -> bool:
        walking = Walk(self.conference_id, {})
        for row in await self.rows():
            if walking.step(row.n, row.text, row.h):
                return False
        async with self.database.read() as db:
            head = await ledger.head(db, self.conference_id)
        return head is not None and walking.end(head) is None

    async def count(self, table: type) -> int:
        async with self.database.read() as db:
            return await db.scalar(select(func.count()).select_from(table)) or 0


@asynccontextmanager
async def world(url: str) -> AsyncGenerator[World]:
    database = open_database(url)
    try:
        async with database.begin() as db:
            today = clock.now().date()
            conference_id = await agenda.add_conference(
                db, slug=f"c-{uuid4().hex[:8]}", title="Cardio", zone="Europe/Paris",
                starts_on=today, ends_on=today + timedelta(days=1),
            )  # fmt: skip
            session = agenda.Session(
                conference_id=conference_id,
                title="A talk",
                hall="A",
                starts_at=clock.now(),
                ends_at=clock.now() + timedelta(hours=1),
                designated_ms=3_600_000,
            )
            db.add(session)
            await db.flush()
            person = await people.ensure_person(db, f"{uuid4().hex}@example.org", "Marta Ruiz")
        yield World(database, conference_id, session.id, person.id)
    finally:
        await database.close()


async def test_sealed_spans_enter_the_chain_and_keep_its_number(database_url: str) -> None:
    async with world(database_url) as here:
        await here.attend(SPAN_MS + 4 * BEAT_MS)
        await here.beat(leaving=True)
        assert await here.kinds() == ["span", "span"]
        assert await here.chain_is_good()
        async with here.database.read() as db:
            spans = list(await db.scalars(select(store.Span).order_by(store.Span.n)))
            subject = await ledger.known_subject(db, here.person_id)
        assert [span.n for span in spans] == [1, 2]
        assert subject is not None
        rows = await here.rows()
        assert {row.subject for row in rows} == {subject.hex}
        assert here.person_id.hex not in "".join(row.text for row in rows)


async def test_a_hash_is_the_same_in_python_and_as_the_database_writes_it(
    database_url: str,
) -> None:
    async with world(database_url) as here:
        entries = [
            Entry(kind=Kind.POLICY, command_id=uuid4(), body={"ü": "Ω\n\U0001f600", "n": -5}),
            Entry(kind=Kind.CHECK, subject=uuid4(), body={"empty": "", "yes": True}),
            Entry(kind=Kind.OUTAGE, body={}),
        ]
        async with here.database.begin() as db:
            links = await ledger.append(db, here.conference_id, entries)
        assert [link.n for link in links] == [1, 2, 3]
        assert await here.chain_is_good()
        assert [row.body for row in await here.rows()] == [link.body for link in links]


async def test_many_appends_at_once_make_one_chain_without_gaps(database_url: str) -> None:
    async with world(database_url) as here:

        async def one(number: int) -> None:
            async with here.database.begin() as db:
                entries = [Entry(kind=Kind.CHECK, body={"of": number, "i": i}) for i in range(3)]
                await ledger.append(db, here.conference_id, entries)

        await asyncio.gather(*(one(number) for number in range(20)))
        assert [row.n for row in await here.rows()] == list(range(1, 61))
        assert await here.chain_is_good()


async def test_a_refused_transaction_leaves_no_row(database_url: str) -> None:
    async with world(database_url) as here:

        async def fail() -> None:
            async with here.database.begin() as db:
                await ledger.append(db, here.conference_id, [Entry(kind=Kind.POLICY, body={})])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        assert await here.rows() == []


async def test_a_command_enters_once(database_url: str) -> None:
    async with world(database_url) as here:
        once = Entry(kind=Kind.CLAIM, command_id=uuid4(), body={})
        async with here.database.begin() as db:
            await ledger.append(db, here.conference_id, [once])
        with pytest.raises(DatabaseError):
            async with here.database.begin() as db:
                await ledger.append(db, here.conference_id, [once])
        assert await here.chain_is_good()


@pytest.mark.parametrize("table", ["ledger", "checkpoint"])
@pytest.mark.parametrize("act", ["UPDATE {} SET n = n + 7", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_database_refuses_to_change_what_is_kept(
    database_url: str, table: str, act: str
) -> None:
    async with world(database_url) as here:
        await here.beat(leaving=True)
        async with here.database.begin() as db:
            await db.execute(
                text(
                    "INSERT INTO checkpoint (conference_id, n, h, at_ms, prev, key_id, sig) "
                    "SELECT conference_id, n, h, 1, h, 'k', h FROM ledger"
                )
            )
        with pytest.raises(DatabaseError):
            async with here.database.begin() as db:
                await db.execute(text(act.format(table)))


async def test_sqlite_refuses_to_replace_a_row(sqlite_url: str) -> None:
    async with world(sqlite_url) as here:
        await here.beat(leaving=True)
        with pytest.raises(DatabaseError, match="only added to"):
            async with here.database.begin() as db:
                await db.execute(text("INSERT OR REPLACE INTO ledger SELECT * FROM ledger"))


async def test_what_a_dead_process_left_open_enters_the_chain(database_url: str) -> None:
    async with world(database_url) as here:
        await here.attend(2 * BEAT_MS)
        async with here.database.begin() as db:
            assert await store.seal_stale(db, here.now_ms + store.FORGOTTEN_MS) == 0
            assert await store.seal_stale(db, here.now_ms + store.FORGOTTEN_MS + 1) == 1
        assert await here.kinds() == ["span"]
        assert await here.count(store.OpenSpan) == 0


async def test_sealing_in_the_middle_changes_no_coverage_and_loses_no_beat(
    database_url: str,
) -> None:
    async with world(database_url) as here:
        await here.attend(4 * BEAT_MS)
        began = here.now_ms - 3 * BEAT_MS
        async with here.database.begin() as db:
            await agenda.open_live(db, here.conference_id, here.session_id, began)
        async with here.database.begin() as db:
            await store.seal_now(db, here.conference_id, here.person_id)
        await here.attend(4 * BEAT_MS)
        async with here.database.read() as db:
            counted = await store.live_ms(db, here.conference_id, here.person_id, here.session_id)
        assert counted == here.now_ms - began
        assert await here.kinds() == ["span"]


async def test_of_many_each_is_counted_as_if_alone(database_url: str) -> None:
    async with world(database_url) as here:
        await here.attend(4 * BEAT_MS)
        async with here.database.begin() as db:
            began = here.now_ms - 3 * BEAT_MS
            await agenda.open_live(db, here.conference_id, here.session_id, began)
        present = store.Attending(here.conference_id, here.session_id, here.person_id)
        others = [
            present._replace(person_id=uuid4()),
            present._replace(session_id=uuid4()),
            present._replace(conference_id=uuid4()),
        ]
        async with here.database.read() as db:
            counted = await store.live_ms_of(db, [*others, present])
        assert counted == {present: here.now_ms - began, **dict.fromkeys(others, 0)}


async def test_on_and_off_air_are_rows(database_url: str) -> None:
    async with world(database_url) as here:
        place = here.conference_id, here.session_id
        async with here.database.begin() as db:
            assert await store.turn_live(db, *place, live=True, at_ms=1_000)
            assert not await store.turn_live(db, *place, live=True, at_ms=2_000)
            assert await store.turn_live(db, *place, live=False, at_ms=3_000)
        assert await here.kinds() == ["live", "live"]


async def test_a_disclosure_enters_once(database_url: str) -> None:
    async with world(database_url) as here:
        for new in (True, False):
            async with here.database.begin() as db:
                assert new is await disclosures.acknowledge(
                    db, here.conference_id, here.session_id,
                    person_id=here.person_id, sha256="ab" * 32,
                )  # fmt: skip
        assert await here.kinds() == ["disclosure"]


async def test_an_erased_person_is_gone_and_the_chain_is_good(database_url: str) -> None:
    async with world(database_url) as here:
        await here.beat(leaving=True)
        async with here.database.begin() as db:
            await erasing.erase(db, here.person_id)
        assert await here.kinds() == ["span", "erased"]
        assert await here.chain_is_good()
        assert await here.count(ledger.Subject) == 0
        assert await here.count(store.Span) == 0


async def test_a_checkpoint_is_made_once_and_follows_the_one_before(
    database_url: str, tmp_path: Path
) -> None:
    async with world(database_url) as here:
        made = []
        for _ in range(2):
            await here.beat(leaving=True)
            for new in (True, False):
                async with here.database.begin() as db:
                    signed = await checkpoints.make(db, here.conference_id, SIGNER)
                assert (signed is not None) is new
                made += [signed] if signed else []
        first, second = made
        assert (first.checkpoint.n, second.checkpoint.n) == (1, 2)
        assert first.checkpoint.before == b""
        assert second.checkpoint.before == first.checkpoint.digest()
        async with here.database.read() as db:
            assert await ledger.checkpoints(db, here.conference_id) == made
        path = checkpoints.save(tmp_path / "else", first, SIGNER.public)
        assert checkpoints.load(path) == (first, SIGNER.public)
        checkpoints.save(tmp_path / "else", second, SIGNER.public)
        kept = checkpoints.files(tmp_path / "else", here.conference_id)
        assert [checkpoints.load(one)[0] for one in kept] == made
        path.write_bytes(path.read_bytes().replace(b'"n": 1', b'"n": 3'))
        with pytest.raises(checkpoints.BadFile, match="signature"):
            checkpoints.load(path)


def test_a_signing_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    made = signing.load(path, bytes(range(32)))
    assert path.stat().st_mode & 0o777 == 0o600
    assert signing.load(path, bytes(32)).key_id == made.key_id, "the file counts from then on"
    assert signing.verifies(made.public, made.sign(b"words"), b"words")
    assert not signing.verifies(made.public, made.sign(b"words"), b"swords")
    path.chmod(0o640)
    with pytest.raises(Invalid, match="others can read"):
        signing.load(path, bytes(32))


def test_setting_the_wall_clock_moves_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock.now_ms()
    real = time.time_ns
    for hours in (2, -2):
        monkeypatch.setattr(time, "time_ns", lambda by=hours: real() + by * 3_600 * 10**9)
        assert 0 <= clock.now_ms() - before < PATIENCE_MS
        assert abs(clock.drift_ms() - hours * 3_600_000) < PATIENCE_MS


async def test_the_running_role_may_add_to_the_ledger_and_no_more(postgres: Postgres) -> None:
    owner = postgres.create_database()
    role = f"app_{uuid4().hex[:8]}"
    postgres.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'app'")
    parts = urlsplit(owner)
    place = parts.netloc.rpartition("@")[2]
    running = urlunsplit(parts._replace(netloc=f"{role}:app@{place}"))
    try:
        await migrate.upgrade(owner)
        await migrate.let_run(owner, running)
        async with world(running) as here:
            await here.beat(leaving=True)
            assert await here.chain_is_good()
            assert not await may_rewrite(here.database, "ledger")
            assert not await migrate.behind(running)
            for act in (
                "UPDATE ledger SET n = 7",
                "DELETE FROM ledger",
                "TRUNCATE ledger",
                "UPDATE checkpoint SET n = 7",
                "DELETE FROM checkpoint",
                "DROP TRIGGER ledger_is_kept ON ledger",
                "ALTER TABLE ledger DISABLE TRIGGER ALL",
                "DROP TABLE ledger",
                "UPDATE alembic_version SET version_num = '0001'",
            ):
                with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
                    async with here.database.begin() as db:
                        await db.execute(text(act))
    finally:
        postgres.drop_database(owner)
        postgres.execute(f"DROP ROLE {role}")


async def test_postgresql_that_may_forget_is_refused(postgres: Postgres) -> None:
    url = postgres.create_database()
    name = urlsplit(url).path.lstrip("/")
    try:
        await migrate.upgrade(url)
        settings = Settings(database_url=url)
        await prepare_database(settings)
        postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        with pytest.raises(Forgetful, match="synchronous_commit = off"):
            await prepare_database(settings)
    finally:
        postgres.drop_database(url)


async def test_sqlite_syncs_at_every_commit(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    async with database.begin() as db:
        assert await db.scalar(text("PRAGMA synchronous")) == 2, "FULL"
    await database.close()
