"""A learner asks for a second look, the office answers, and both are on record."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, update

from server import clock
from server.agenda.store import Conference
from server.credit.reviews import rules
from server.credit.reviews.store import ReviewRow
from server.rights import Role
from tests.integration.house import OFFICE, SLUG, House, a_house

CREDIT = f"/conferences/{SLUG}/credit"
SAID = "I was there from the start: the ward's computer lost the network."


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncGenerator[House]:
    async with a_house(database_url, tmp_path) as made:
        await made.watched("marta", 20, 50)
        yield made


async def ask(house: House, who: str = "marta", **more: str) -> httpx.Response:
    values = {"session": str(house.session_id), "review": SAID, "command_id": str(uuid4())} | more
    return await house.post(who, f"{CREDIT}/reviews", **values)


async def answer(house: House, who: str, outcome: str = "changed", text: str = "Seen.") -> int:
    async with house.database.read() as db:
        asked = await db.scalar(select(ReviewRow.id).order_by(ReviewRow.asked_at.desc()))
    path = f"{OFFICE}/reviews/{asked}"
    return (await house.post(who, path, outcome=outcome, answer=text)).status_code


async def test_what_a_learner_asks_reaches_the_office_and_comes_back_answered(house: House) -> None:
    assert (await ask(house)).status_code == 303
    mine = (await house.get("marta", CREDIT)).text
    assert "Waits for an answer" in mine
    office = (await house.get("nuno", f"{OFFICE}/reviews")).text
    assert SAID.replace("'", "&#39;") in office
    assert f"{OFFICE}/presence/{house.persons['marta']}" in office
    assert (await answer(house, "nuno", text="The switch was down; ten minutes added.")) == 303
    mine = (await house.get("marta", CREDIT)).text
    assert "Put right" in mine
    assert "The switch was down; ten minutes added." in mine
    assert "Nuno" not in mine, "who answered is the office's affair"
    assert await house.acts("review") == ["review.ask", "review.answer"]


async def test_one_of_a_session_at_a_time_and_the_same_command_once(house: House) -> None:
    command = str(uuid4())
    for _ in range(2):
        assert (await ask(house, command_id=command)).status_code == 303
    refused = await ask(house, review="And another thing")
    assert refused.status_code == 409
    assert "You asked for a review of this session already" in refused.text
    assert "And another thing" in refused.text, "what was typed is not lost"
    assert await answer(house, "nuno", outcome="unchanged") == 303
    assert (await ask(house)).status_code == 303, "after the answer one may ask again"


async def test_reviews_end_thirty_days_after_the_conference(house: House) -> None:
    today = clock.now().date()
    for days, status in ((rules.OPEN_DAYS, 303), (rules.OPEN_DAYS + 1, 409)):
        async with house.database.begin() as db:
            await db.execute(update(Conference).values(ends_on=today - timedelta(days=days)))
        assert (await ask(house)).status_code == status
        assert await answer(house, "nuno") == (303 if status == 303 else 409)
    assert "Reviews of this conference are over." in (await house.get("marta", CREDIT)).text


@pytest.mark.parametrize(
    ("field", "written", "said"),
    [
        ("review", "  ", "Please say it in a sentence."),
        ("review", "x" * 1_001, "At most 1000 characters"),
        ("session", "none", "Please choose a session."),
    ],
)
async def test_what_cannot_be_asked_is_told_beside_its_field(
    house: House, field: str, written: str, said: str
) -> None:
    refused = await ask(house, **{field: written})
    assert refused.status_code == 422
    assert said in refused.text
    async with house.database.read() as db:
        assert await db.scalar(select(ReviewRow.id)) is None


async def test_nobody_answers_twice_in_silence_or_in_their_own_cause(house: House) -> None:
    await house.watched("nuno", 0, 60)
    assert (await ask(house, "nuno")).status_code == 303
    assert await answer(house, "nuno") == 403
    assert await answer(house, "ines", text=" ") == 422
    assert await answer(house, "ines", outcome="perhaps") == 422
    assert await answer(house, "marta") == 403
    assert await answer(house, "ines") == 303
    await house.join("ada", Role.OFFICER)
    assert await answer(house, "ada") == 409
