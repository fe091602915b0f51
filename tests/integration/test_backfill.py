"""A database from before the ledger: what is on record enters the chain, and is worth the same."""

from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, text

from server import migrate
from server.attendance import checkpoints, ledger, verifying
from server.credit import claiming
from server.credit.store import Certificate
from server.db import Database, open_database
from server.signing import Signer
from tests.integration.house import SLUG, a_house

SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))


async def test_what_was_on_record_before_the_ledger_enters_it(
    database_url: str, tmp_path: Path
) -> None:
    async with a_house(database_url, tmp_path) as house:
        await house.watched("marta", 0, 20)
        await house.watched("marta", 30, 55)
        await house.watched("jonas", 0, 15)
        for units in ("0.25", "0.5"):
            claimed = await house.post(
                "marta", f"/conferences/{SLUG}/credit/claim",
                units=units, attested="yes", command_id=str(uuid4()),
            )  # fmt: skip
            assert claimed.status_code == 303, claimed.text
        conference_id, persons = house.conference_id, list(house.persons.values())
        before = await _credited(house.database, conference_id, persons)
        assert len(before["printed"]) == 2
    await migrate.downgrade(database_url, "0001")
    await migrate.upgrade(database_url)

    database = open_database(database_url)
    try:
        assert await _credited(database, conference_id, persons) == before
        assert await _kinds(database, conference_id) == {
            "live": 2, "span": 3, "claim": 2, "void": 1, "certificate": 2,
        }  # fmt: skip
        assert await _wrong(database, conference_id) == []
        async with database.begin() as db:
            longer = "UPDATE span SET last_ms = last_ms + 60000 WHERE n = 4"
            assert (await db.execute(text(longer))).rowcount == 1  # type: ignore[attr-defined]
        assert await _wrong(database, conference_id) == [4], "spans are chained as they were"
    finally:
        await database.close()


async def _credited(database: Database, conference_id: UUID, persons: list[UUID]) -> dict[str, Any]:
    async with database.read() as db:
        earned = [await claiming.earned(db, conference_id, person_id) for person_id in persons]
        printed = await db.execute(select(Certificate.number, Certificate.printed))
        return {
            "eligible_ms": [one.explanation.assessment.eligible_ms for one in earned],
            "awards": [one.award for one in earned],
            "printed": sorted(tuple(row) for row in printed),
        }


async def _kinds(database: Database, conference_id: UUID) -> Counter[str]:
    async with database.read() as db:
        rows = [row async for page in ledger.pages(db, conference_id) for row in page]
    return Counter(ledger.Written(*row).kind for row in rows)


async def _wrong(database: Database, conference_id: UUID) -> list[int]:
    """Numbers of the rows that a verifier names, with a checkpoint that lies elsewhere."""
    async with database.begin() as db:
        await checkpoints.make(db, conference_id, SIGNER)
        newest = await ledger.newest_checkpoint(db, conference_id)
    assert newest is not None
    async with database.read() as db:
        found = await verifying.verify(
            db, conference_id, copies=[newest], keys={SIGNER.key_id: SIGNER.public}
        )
    assert found.unknown == []
    return [one.n for one in found.bad]
