"""What can be claimed: never more than was earned and designated, whatever arrives in any order."""

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal
from pathlib import Path
from random import Random
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update

from server.agenda.store import Conference
from server.credit import claiming
from server.credit.rules import Facts
from server.credit.store import Claim
from tests.integration.house import SLUG, House, a_house

CLAIM = f"/conferences/{SLUG}/credit/claim"


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncGenerator[House]:
    async with a_house(database_url, tmp_path) as made:
        yield made


async def _facts(house: House, learner: str) -> Facts:
    async with house.database.read() as db:
        return (await claiming.earned(db, house.conference_id, house.persons[learner])).facts


async def _living(house: House) -> list[Decimal]:
    async with house.database.read() as db:
        rows = await db.scalars(select(Claim.units).where(Claim.voided_at.is_(None)))
        return [Decimal(units) for units in rows]


async def test_p16_what_is_claimed_is_never_more_than_was_earned_and_designated(
    house: House,
) -> None:
    dice = Random(16)
    async with house.database.begin() as db:
        await db.execute(update(Conference).values(designated_max="0.75"))
    seen = []
    for start in range(0, 60, 12):
        await house.watched("marta", start, start + 12)
        async with house.database.read() as db:
            now = await claiming.earned(db, house.conference_id, house.persons["marta"])
        house.as_("marta")
        answers = await asyncio.gather(*(_claim(house, dice) for _ in range(6)))
        assert {answer.status_code for answer in answers} <= {303, 409, 422}
        living = await _living(house)
        assert len(living) <= 1, "a larger claim replaces the one before"
        assert sum(living) <= min(now.award, Decimal("0.75"))
        seen += living
    assert max(seen) == Decimal("0.75"), "all of it was claimed in the end"
    assert sorted(seen) == seen, "and never less than before"


async def _claim(house: House, dice: Random) -> httpx.Response:
    """Of any size; sometimes a command that came before comes again."""
    units = dice.choice(["0.25", "0.5", "0.75", "1", "5", "0.3"])
    command = UUID(int=dice.randrange(12))
    return await house.http.post(
        CLAIM,
        data={"units": units, "attested": "yes", "command_id": str(command)},
        headers={"origin": "http://127.0.0.1:8000", "accept": "text/html"},
    )


async def test_p11_what_others_do_changes_nothing(house: House) -> None:
    await house.watched("marta", 0, 30)
    before = await _facts(house, "marta")
    await house.watched("jonas", 0, 60)
    await house.adjust("nuno", "jonas", 0, 10, effect="take")
    assert await _facts(house, "marta") == before
    assert await house.minutes("jonas") == 50
