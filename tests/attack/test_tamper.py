"""An insider changes the ledger at random: every change is found against the newest checkpoint.

The insider owns the database and knows the code, so that some changes come with a chain that was
recomputed well. Those pass a verifier who has the chain alone; the tests show that, too. Nobody can
find what was changed after the newest checkpoint: that is why there is one a minute.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from server import clock
from server.agenda import store as agenda
from server.attendance import checkpoints, ledger, store, verifying
from server.attendance.chain import Entry, Kind, Stamp, Walk, extend, genesis
from server.db import Database, Rows, open_database
from server.people import store as people
from server.signing import Signer

TAMPERINGS = 10_000
ROWS = 40
CONFERENCE, SESSION = UUID(int=1), UUID(int=2)
STAMP = Stamp(committed_ms=1_790_000_000_000, boot_id=UUID(int=3), mono_ms=1_000)

SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))

Dice = random.Random


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the database holds it."""

    n: int
    entry: Entry
    stamp: Stamp
    body: str
    h: bytes

    def text(self) -> str:
        subject = self.entry.subject.hex if self.entry.subject else ""
        stamp = self.stamp
        return (
            f"{self.n}\n{self.entry.kind}\n{subject}\n\n{stamp.committed_ms}\n"
            f"{stamp.boot_id.hex}\n{stamp.mono_ms}\n{self.body}"
        )


Table = list[Row]


def chained(entries: list[Entry], *, after: Sequence[Row] = ()) -> Table:
    """Rows as the product would write them: what an insider with its code can make."""
    n, h = (after[-1].n, after[-1].h) if after else (0, genesis(CONFERENCE))
    links = extend(CONFERENCE, n, h, entries, STAMP)
    return [*after, *(Row(one.n, one.entry, STAMP, one.body, one.h) for one in links)]


def span(dice: Dice) -> Entry:
    first = dice.randrange(10**12)
    body = {"beats": dice.randrange(1, 20), "first_ms": first, "last_ms": first + 300_000}
    return Entry(kind=Kind.SPAN, subject=UUID(int=dice.getrandbits(128)), body=body)


def edit(table: Table, dice: Dice) -> Table:
    """One value of one row becomes another."""
    at = dice.randrange(len(table))
    row = table[at]
    other = span(dice)
    changes: tuple[Callable[[], Row], ...] = (
        lambda: replace(row, body=flipped(row.body, dice)),
        lambda: replace(row, body=next(iter(chained([other]))).body),
        lambda: replace(row, entry=replace(row.entry, subject=other.subject)),
        lambda: replace(row, entry=replace(row.entry, kind=Kind.CLAIM)),
        lambda: replace(row, stamp=replace(STAMP, committed_ms=dice.randrange(10**12))),
        lambda: replace(row, stamp=replace(STAMP, mono_ms=dice.randrange(900))),
        lambda: replace(row, h=dice.randbytes(32)),
        lambda: replace(row, n=row.n + dice.choice((-1, 1, 1000))),
    )
    return [*table[:at], dice.choice(changes)(), *table[at + 1 :]]


def flipped(body: str, dice: Dice) -> str:
    at = dice.randrange(len(body))
    return body[:at] + chr(ord(body[at]) ^ (1 << dice.randrange(7))) + body[at + 1 :]


def delete(table: Table, dice: Dice) -> Table:
    at = dice.randrange(len(table))
    return [*table[:at], *table[at + 1 :]]


def swap(table: Table, dice: Dice) -> Table:
    first, second = sorted(dice.sample(range(len(table)), 2))
    rows = list(table)
    rows[first], rows[second] = rows[second], rows[first]
    return rows


def insert(table: Table, dice: Dice) -> Table:
    at = dice.randrange(len(table) + 1)
    return [*table[:at], *chained([span(dice)]), *table[at:]]


def cut(table: Table, dice: Dice) -> Table:
    """The end is gone, and the head says so."""
    return table[: dice.randrange(len(table))]


def rewrite(table: Table, dice: Dice) -> Table:
    """One row becomes another, or goes, or comes; everything after it is chained anew."""
    at = dice.randrange(len(table))
    rest = [row.entry for row in table[at:]]
    instead = dice.choice(([span(dice)], [], [span(dice), rest[0]]))
    return chained([*instead, *rest[1:]], after=table[:at])


def replace_all(_table: Table, dice: Dice) -> Table:
    """Another chain altogether, as good as any."""
    return chained([span(dice) for _ in range(dice.choice((ROWS, ROWS + 5)))])


WELL_MADE = (cut, rewrite, replace_all)
CLUMSY = (edit, delete, swap, insert)


def found(table: Table, pinned: dict[int, bytes]) -> bool:
    """Whether a walk along what the insider left says that something is wrong."""
    walking = Walk(CONFERENCE, pinned)
    if any(walking.step(row.n, row.text(), row.h) for row in table):
        return True
    head = (table[-1].n, table[-1].h) if table else (0, genesis(CONFERENCE))
    return walking.end(head) is not None


@pytest.mark.ci
def test_ten_thousand_tamperings_are_found_against_the_newest_checkpoint() -> None:
    dice = Dice(20261125)
    table = chained([span(dice) for _ in range(ROWS)])
    newest = {ROWS: table[-1].h}
    assert not found(table, newest), "left alone, it is good"
    passed_chain = dict.fromkeys((act.__name__ for act in (*CLUMSY, *WELL_MADE)), 0)
    tried = 0
    while tried < TAMPERINGS:
        act = dice.choice((*CLUMSY, *WELL_MADE))
        tampered = act(table, dice)
        if tampered == table:
            continue
        tried += 1
        assert found(tampered, newest), (tried, act.__name__)
        passed_chain[act.__name__] += not found(tampered, {})
    assert passed_chain["delete"] < TAMPERINGS // 100, "but for the last row, a gap is seen"
    for act in WELL_MADE:
        assert passed_chain[act.__name__] > TAMPERINGS // 20, "the chain alone lets these pass"


@pytest.mark.ci
def test_an_older_checkpoint_vouches_for_what_was_before_it_alone() -> None:
    dice = Dice(4)
    table = chained([span(dice) for _ in range(ROWS)])
    older = {ROWS // 2: table[ROWS // 2 - 1].h}
    before = chained([span(dice) for _ in range(ROWS)], after=table[: ROWS // 2 - 1])
    after = chained([span(dice)], after=table[: ROWS // 2])
    assert found(before, older)
    assert not found(after, older), "the window that a checkpoint a minute keeps short"


STATEMENTS = (
    "UPDATE ledger SET {column} = {value} WHERE n = {n}",
    "DELETE FROM ledger WHERE n = {n}",
    "DELETE FROM ledger WHERE n >= {n}",
    "UPDATE ledger SET n = -n WHERE n = {n}",
    "UPDATE span SET {number} = {number} + {n} WHERE n = {n}",
    "UPDATE span SET {flag} = NOT {flag} WHERE n = {n}",
    "UPDATE span SET device = 'phone' WHERE n = {n}",
    "DELETE FROM span WHERE n = {n}",
    "UPDATE span SET n = NULL WHERE n = {n}",
    "UPDATE ledger_head SET n = n + {n}",
)
CUT = """
DELETE FROM checkpoint WHERE n > 0; DELETE FROM ledger WHERE n >= {n};
UPDATE ledger_head SET n = {n} - 1, h = (SELECT h FROM ledger WHERE n = {n} - 1)
"""
COLUMNS = {
    "kind": "'claim'",
    "subject": "'" + "0" * 32 + "'",
    "command_id": "'" + "0" * 32 + "'",
    "committed_ms": "committed_ms + 1",
    "boot_id": "'" + "0" * 32 + "'",
    "mono_ms": "mono_ms - 1",
    "body": "replace(body, '1', '2')",
    "h": "zeroblob(32)",
}


@pytest.mark.ci
async def test_three_hundred_changes_of_a_real_database_are_found(sqlite_url: str) -> None:
    dice = Dice(7)
    database = open_database(sqlite_url)
    try:
        conference_id, signer = await _attended(database, dice), SIGNER
        async with database.begin() as db:
            newest = await checkpoints.make(db, conference_id, signer)
        assert newest is not None
        keys = {signer.key_id: signer.public}
        async with database.begin() as db:
            good = await verifying.verify(db, conference_id, copies=[newest], keys=keys)
        assert not good.bad
        for tried in range(300):
            statement = _statement(dice)
            async with database.begin() as db:
                await _drop_triggers(db)
                for part in statement.split(";"):
                    await db.execute(text(part))
                seen = await verifying.verify(db, conference_id, copies=[newest], keys=keys)
                assert seen.bad, (tried, statement)
                await db.rollback()
    finally:
        await database.close()


def _statement(dice: Dice) -> str:
    column = dice.choice(list(COLUMNS))
    return dice.choice((*STATEMENTS, CUT)).format(
        n=dice.randrange(2, ROWS), column=column, value=COLUMNS[column],
        number=dice.choice(("first_ms", "last_ms", "beats", "max_gap_ms")),
        flag=dice.choice(("visible", "playing", "booth", '"left"')),
    )  # fmt: skip


async def _drop_triggers(db: Rows) -> None:
    """Whoever owns the file is stopped by no trigger."""
    names = await db.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    for name in names.all():
        await db.execute(text(f"DROP TRIGGER {name}"))


async def _attended(database: Database, dice: Dice) -> UUID:
    """One learner's sealed spans, as a day leaves them."""
    async with database.begin() as db:
        today = clock.now().date()
        conference_id = await agenda.add_conference(
            db, slug="cardio", title="Cardio", zone="Europe/Paris",
            starts_on=today, ends_on=today + timedelta(days=1),
        )  # fmt: skip
        person = await people.ensure_person(db, "marta@example.org", "Marta Ruiz")
        spans = []
        for number in range(ROWS):
            first = 1_790_000_000_000 + number * 400_000 + dice.randrange(1000)
            spans.append(
                {
                    "conference_id": conference_id, "person_id": person.id, "space_id": SESSION,
                    "booth": False, "connection": uuid4(), "device": "laptop", "visible": True,
                    "playing": True, "first_ms": first, "last_ms": first + 300_000, "beats": 21,
                    "max_gap_ms": 15_000, "id": uuid4(), "left": False,
                }
            )  # fmt: skip
        await store.keep(db, spans)
        assert await ledger.head(db, conference_id) is not None
    return conference_id
