"""Stretches that are no education: marked by an officer, seen by learners, taken back."""

import re
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.integration.house import OFFICE, SLUG, House, a_house

PAGE = f"{OFFICE}/exclusions"


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncGenerator[House]:
    async with a_house(database_url, tmp_path) as made:
        yield made


async def test_a_break_counts_for_nobody_until_it_is_taken_back(house: House) -> None:
    await house.watched("marta", 0, 60)
    await house.watched("jonas", 0, 25)
    assert "Nothing is marked" in (await house.get("nuno", PAGE)).text

    tried = await house.exclude("nuno", 20, 30, act="try")
    assert tried.status_code == 200
    assert "It would take 10 min of the session." in tried.text
    assert "2 people were there, each for up to 10 min" in tried.text
    assert await house.minutes("marta") == 60
    assert await house.ledger("exclusion") == []

    command = str(uuid4())
    for _ in range(2):
        done = await house.exclude("nuno", 20, 30, command_id=command)
        assert (done.status_code, done.headers["location"][-5:]) == (303, "added")
    assert (await house.minutes("marta"), await house.minutes("jonas")) == (50, 20)
    mine = (await house.get("marta", f"/conferences/{SLUG}/credit")).text
    assert "No education" in mine
    told = await house.get("ines", f"{OFFICE}/presence/{house.persons['marta']}/explanation.json")
    kinds = [segment["kind"] for segment in told.json()["segments"]]
    assert kinds == ["counted", "excluded", "counted"]

    page = (await house.get("ines", PAGE)).text
    (mark,) = re.findall(rf'action="({PAGE}/[0-9a-f-]{{36}})"', page)
    silent = await house.post("ines", mark, note=" ")
    assert (silent.status_code, "Please say it in words." in silent.text) == (422, True)
    assert (await house.post("ines", mark, note="It was a lecture")).status_code == 303
    assert (await house.minutes("marta"), await house.minutes("jonas")) == (60, 25)
    again = await house.post("ines", mark, note="Twice")
    assert (again.status_code, "taken this back already" in again.text) == (409, True)
    assert "Taken back by Ines: It was a lecture" in (await house.get("nuno", PAGE)).text
    assert [entry.get("ended") for entry in await house.ledger("exclusion")] == [None, True]
    assert await house.acts("exclusion") == ["exclusion.add", "exclusion.end"]


WRONG: list[tuple[dict[str, str], str]] = [
    ({"session": ""}, "Choose a session."),
    ({"session": str(UUID(int=1))}, "This session earns no credit."),
    ({"what": ""}, "Please choose one."),
    ({"what": "other"}, "Please say it in words."),
    ({"from": "yesterday"}, "Give date and time."),
    ({"to": "2020-01-01T00:00"}, "It ends after it begins."),
    ({"to": "2999-01-01T00:00"}, "It lies in the future."),
    ({"from": "2020-01-01T00:00", "to": "2020-01-01T00:10"}, "The session was not live then."),
]


async def test_a_wrong_mark_is_explained_and_what_was_typed_stays(house: House) -> None:
    for wrong, told in WRONG:
        done = await house.exclude("nuno", 20, 30, **({"text": "Coffee"} | wrong | {
            "text": "" if wrong.get("what") == "other" else "Coffee"
        }))  # fmt: skip
        assert (done.status_code, told in done.text) == (422, True), wrong
        assert "Coffee" in done.text or wrong.get("what") == "other"
    assert await house.ledger("exclusion") == []


async def test_what_is_excluded_already_is_not_marked_again(house: House) -> None:
    assert (await house.exclude("nuno", 20, 30)).status_code == 303
    inside = await house.exclude("nuno", 22, 28)
    assert (inside.status_code, "excluded already" in inside.text) == (422, True)
    wider = await house.exclude("nuno", 25, 35, act="try")
    assert "It would take 5 min of the session." in wider.text


async def test_a_claim_that_was_made_stays(house: House) -> None:
    await house.watched("marta", 0, 60)
    path = f"/conferences/{SLUG}/credit/claim"
    claim = {"attested": "yes", "units": "1.00", "command_id": str(uuid4())}
    assert (await house.post("marta", path, **claim)).status_code == 303
    assert (await house.exclude("nuno", 0, 30)).status_code == 303
    assert await house.minutes("marta") == 30
    assert "You claimed 1" in (await house.get("marta", f"/conferences/{SLUG}/credit")).text


async def test_learners_and_moderators_mark_nothing(house: House) -> None:
    assert (await house.get("jonas", PAGE)).status_code == 403
    assert (await house.exclude("jonas", 20, 30)).status_code == 403
    assert (await house.post("nuno", f"{PAGE}/{uuid4()}", note="x")).status_code == 404
    assert await house.ledger("exclusion") == []
