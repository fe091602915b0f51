"""`rounds ledger verify`: what it says of a good conference, and of changed rows."""

import io
import json
import shutil
import sqlite3
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from server import clock, verifying
from server.attendance import store
from server.attendance.spans import Received
from server.credit import store as credit
from server.rights import Role
from server.settings import Settings
from tests.integration.live_day import Day, a_conference, a_day, in_rows
from tests.servers.databases import apart
from tests.servers.rounds import rounds
from tests.servers.waiting import eventually

BEAT_MS = 15_000
PATIENCE_SECONDS = 30

SWAPPED = """
UPDATE claim_facts SET facts = (SELECT other.facts FROM claim_facts AS other
JOIN claim ON claim.id = other.claim_id WHERE claim.voided_at IS NOT NULL)
"""
FORGED = """
INSERT INTO span SELECT conference_id, hex(randomblob(16)), person_id, space_id, booth, connection,
device, visible, playing, first_ms - 900000, last_ms, beats, max_gap_ms, "left", NULL
FROM span LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A data folder whose server has ended, with a claim in it."""

    folder: Path
    person_id: UUID
    conference_id: UUID


async def _attend(db: Any, day: Day, minutes: int) -> None:
    """Beats of the last minutes, as the server would have stamped them."""
    until = clock.now_ms()
    at_ms = until - minutes * 60_000
    connection, echo, n = uuid4(), "first", 0
    place = day.conference_id, day.session_id
    await store.turn_live(db, *place, live=True, at_ms=at_ms)
    while at_ms < until:
        n += 1
        received = Received(
            at_ms=at_ms, n=n, echo=echo, next_echo=f"e{n}", visible=True, playing=True
        )
        beating = store.Beating(
            conference_id=day.conference_id,
            person_id=day.people[Role.LEARNER],
            connection=connection,
            space_id=day.session_id,
            booth=False,
            device="laptop",
            received=received,
            first_echo="first",
        )
        (outcome,) = await store.write_beats(db, [beating])
        echo, at_ms = outcome.echo, at_ms + BEAT_MS


async def _claimed(db: Any, day: Day) -> int:
    return len(await credit.recorded(db, day.conference_id))


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("day")
    with a_conference(folder) as (server, conference_id):
        day = a_day(server, conference_id)
        day.disclose()
        day.acknowledge(Role.LEARNER)
        in_rows(folder, _attend, day, 40)
        for units in ("0.25", "0.5"):
            answer = day.as_(Role.LEARNER).post(
                "/conferences/cardio/credit/claim",
                data={"units": units, "attested": "yes", "command_id": str(uuid4())},
            )
            assert answer.status_code == 303, answer.text
        assert in_rows(folder, _claimed, day) == 2
        running = verify(folder)
        day.close()
        person_id = day.people[Role.LEARNER]
        eventually(lambda: any((folder / "checkpoints").glob("*.json")), PATIENCE_SECONDS)
    assert running["rows"] > 5
    return Kept(folder, person_id, conference_id)


@pytest.fixture
def kept(ended: Kept, tmp_path: Path) -> Kept:
    """A copy that a test may change."""
    folder = tmp_path / "copy"
    shutil.copytree(
        ended.folder, folder, ignore=lambda _folder, names: {n for n in names if "sock" in n}
    )
    return Kept(folder, ended.person_id, ended.conference_id)


def verify(folder: Path, *words: str, status: int | None = None) -> dict[str, Any]:
    """The command without its process: this file asks dozens of times."""
    options = {"conference": "", "checkpoint": "", "learner": ""}
    for name, value in zip(words[::2], words[1::2], strict=True):
        options[name.removeprefix("--")] = value
    said = io.StringIO()
    with redirect_stdout(said):
        answer = apart(
            verifying.verify(
                Settings(data=str(folder)),
                slug=options["conference"],
                checkpoint=options["checkpoint"],
                learner=options["learner"],
                as_json=True,
            )
        )
    if status is not None:
        assert answer == status, said.getvalue()
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


def change(kept: Kept, *statements: str) -> None:
    """As somebody would who owns the file: triggers are no barrier to them."""
    connection = sqlite3.connect(kept.folder / "rounds.db")
    with connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            changed = connection.execute(statement)
            assert changed.rowcount, statement
    connection.close()


def test_an_ended_day_is_good(kept: Kept) -> None:
    found = verify(kept.folder, "--conference", "cardio", status=0)
    assert found["verdict"] == "good"
    assert found["claims"] == 2
    assert found["checkpoint"] == found["rows"], "the last row was vouched for"


def test_the_command_says_so_and_ends_with_its_verdict(kept: Kept) -> None:
    good = rounds("ledger", "verify", data=kept.folder)
    assert (good.returncode, good.stdout.splitlines()[0]) == (0, "cardio: good")
    change(kept, "DELETE FROM ledger WHERE n = 3")
    bad = rounds("ledger", "verify", "--conference", "cardio", data=kept.folder)
    assert bad.returncode == 1
    assert bad.stdout.splitlines()[:2] == ["cardio: bad", "  row 3: missing: row 4 follows row 2"]
    undecided = rounds("ledger", "verify", "--json", "--conference", "x", data=kept.folder)
    assert undecided.returncode == 2
    assert json.loads(undecided.stdout)["verdict"] == "incomplete"


def test_one_learner_is_good(kept: Kept) -> None:
    assert verify(kept.folder, "--learner", str(kept.person_id), status=0)["claims"] == 2


def test_a_certificate_names_a_checkpoint_over_its_claim(kept: Kept) -> None:
    connection = sqlite3.connect(kept.folder / "rounds.db")
    printed = [json.loads(row[0]) for row in connection.execute("SELECT printed FROM certificate")]
    claims = {n for (n,) in connection.execute("SELECT n FROM ledger WHERE kind = 'claim'")}
    for words in (one["checkpoint"] for one in printed):
        n, digits = words.removeprefix("ledger row ").split(", ")
        assert int(n) in claims
        (h,) = connection.execute("SELECT h FROM checkpoint WHERE n = ?", (n,)).fetchone()
        assert h.hex().startswith(digits)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE ledger SET body = replace(body, 'laptop', 'phone') WHERE n = 5", "changed"),
        ("UPDATE ledger SET committed_ms = committed_ms + 1 WHERE n = 2", "changed"),
        ("DELETE FROM ledger WHERE n = 3", "missing"),
        ("DELETE FROM ledger WHERE n > 4", "missing: a checkpoint"),
        ("UPDATE span SET last_ms = last_ms + 60000 WHERE n = 5", "the span it tells of"),
        ("UPDATE span SET person_id = (SELECT id FROM person WHERE id <> person_id LIMIT 1)",
         "the span it tells of"),
        ("DELETE FROM span WHERE n = (SELECT max(n) FROM span)", "the span it tells of"),
        ("UPDATE span SET n = NULL WHERE n = (SELECT max(n) FROM span)", "the span it tells of"),
        (FORGED, "is in no row"),
        ("UPDATE live_interval SET from_ms = from_ms - 1", "on air at other times"),
        ("UPDATE claim SET units = '2.5'", "was changed since"),
        ("UPDATE claim SET voided_at = NULL, system = system || id", "was changed since"),
        ("DELETE FROM disclosure_shown", "acknowledgement it tells of"),
        ("UPDATE certificate SET printed = replace(printed, 'Marta', 'Maria')", "certificate"),
        (SWAPPED, "its facts were changed since"),
        ("UPDATE checkpoint SET sig = zeroblob(64) WHERE n = (SELECT min(n) FROM checkpoint)",
         "signature is wrong"),
    ],
)  # fmt: skip
def test_a_change_is_named(kept: Kept, statement: str, why: str) -> None:
    change(kept, statement)
    found = verify(kept.folder, status=1)
    assert found["verdict"] == "bad"
    assert why in found["first_bad"]["why"], found["bad"]


def test_without_a_copy_outside_nothing_is_decided(kept: Kept) -> None:
    shutil.rmtree(kept.folder / "checkpoints")
    assert verify(kept.folder, status=2)["verdict"] == "incomplete"


def test_an_auditors_copy_decides(kept: Kept, tmp_path: Path) -> None:
    newest = max((kept.folder / "checkpoints").iterdir())
    mine = shutil.copy(newest, tmp_path / "mine.json")
    shutil.rmtree(kept.folder / "checkpoints")
    (kept.folder / "signing.key").unlink()
    verify(kept.folder, "--checkpoint", str(mine), status=0)
    change(kept, "DELETE FROM ledger WHERE n = (SELECT max(n) FROM ledger)")
    assert "missing" in verify(kept.folder, "--checkpoint", str(mine), status=1)["first_bad"]["why"]


@pytest.mark.parametrize(
    "words",
    [
        ("--conference", "elsewhere"),
        ("--checkpoint", "nowhere.json"),
        ("--learner", "Marta"),
    ],
)
def test_what_is_not_there_is_undecided(kept: Kept, words: tuple[str, str]) -> None:
    assert verify(kept.folder, *words, status=2)["verdict"] == "incomplete"


def test_no_database_is_undecided_and_none_is_made(tmp_path: Path) -> None:
    verify(tmp_path, status=2)
    assert not (tmp_path / "rounds.db").exists()


def test_a_file_that_is_no_checkpoint_is_undecided(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    verify(kept.folder, "--checkpoint", str(tmp_path / "x.json"), status=2)
