"""The officer's office: presence, adjustments by one and by two, outages, other tools' reports.

In this process, on a real database; evidence is written as sealed spans, through the ledger.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from server import clock, importing
from server.attendance import store as attendance
from server.rights import Role
from tests.integration.house import MINUTE, OFFICE, SLUG, House, a_house

REPORT = (
    "\ufeffMeeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants,\r\n"
    "1,Satellite,{starts},{ends},host@example.org,60,3,\r\n\r\n"
    "Name (Original Name),User Email,Total Duration (Minutes),Guest\r\n"
    "Marta Ruiz,marta@example.org,61,\r\n"
    "Marta's iPad (Ruiz),,41,\r\n"
    "Jonas W (Weber),,61,\r\n"
    "Nobody Known,,61,\r\n"
)


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncGenerator[House]:
    async with a_house(database_url, tmp_path) as made:
        yield made


async def test_presence_is_shown_with_its_evidence_and_reading_is_on_record(house: House) -> None:
    await house.watched("marta", 0, 20)
    await house.watched("marta", 5, 20, device="phone")
    await house.watched("jonas", 0, 3)
    table = (await house.get("nuno", f"{OFFICE}/presence")).text
    assert "Marta" in table
    assert "Jonas" in table
    assert "Two at once, 15 min" in table
    two = (await house.get("nuno", f"{OFFICE}/presence?show=two")).text
    assert "Marta" in two
    assert "Jonas" not in two
    assert "Nobody found" in (await house.get("nuno", f"{OFFICE}/presence?q=zzz")).text
    assert await house.acts("presence") == []

    one = await house.get("nuno", f"{OFFICE}/presence/{house.persons['marta']}")
    assert one.status_code == 200
    assert "Raw evidence" in one.text
    assert "2 stretches" in one.text
    facts = await house.get("ines", f"{OFFICE}/presence/{house.persons['marta']}/facts.json")
    assert {each["session"] for each in facts.json()["evidence"]} == {str(house.session_id)}
    told = await house.get("ines", f"{OFFICE}/presence/{house.persons['marta']}/explanation.json")
    assert told.json()["systems"][0]["eligible_ms"] == 20 * MINUTE
    assert await house.acts("presence") == ["presence.read", "presence.export", "presence.export"]
    assert (await house.get("nuno", f"{OFFICE}/presence/{uuid4()}")).status_code == 404
    assert (await house.get("jonas", f"{OFFICE}/presence")).status_code == 403


async def test_a_quarter_counts_at_once_and_the_learner_reads_why(house: House) -> None:
    await house.watched("marta", 0, 20)
    command = str(uuid4())
    for _ in range(2):
        done = await house.adjust("nuno", "marta", 20, 35, command_id=command)
        assert (done.status_code, done.headers["location"][-8:]) == (303, "adjusted")
    assert await house.reasons("marta") == [("present", 1200), ("adjusted", 900)]
    mine = (await house.get("marta", f"/conferences/{SLUG}/credit")).text
    assert "Added: 15 min" in mine
    assert "Seen in the hall" in mine
    assert "Sheet 3" not in mine
    (row,) = await house.ledger("adjustment")
    assert (row["effect"], row["units"], row["second"]) == ("add", "0.25", False)
    assert "Seen" not in json.dumps(row)


async def test_more_waits_for_another_officer(house: House) -> None:
    await house.watched("marta", 0, 10)
    done = await house.adjust("nuno", "marta", 10, 50)
    assert done.headers["location"].endswith("waiting")
    assert await house.minutes("marta") == 10
    listed = (await house.get("nuno", f"{OFFICE}/adjustments")).text
    assert "Approve" not in listed
    (made,) = re.findall(rf"{OFFICE}/adjustments/([0-9a-f-]{{36}})", listed)
    path = f"{OFFICE}/adjustments/{made}"
    own = await house.post("nuno", path, act="approve")
    assert own.status_code == 403
    assert "second officer" in own.text
    assert (await house.post("ines", path, act="approve", note="Saw it too")).status_code == 303
    assert await house.minutes("marta") == 50
    assert (await house.post("ines", path, act="decline")).status_code == 409
    assert (
        await house.post("ines", f"{OFFICE}/adjustments/{uuid4()}", act="decline")
    ).status_code == 404
    assert await house.acts("adjustment") == ["adjustment.add", "adjustment.approve"]
    assert [row.get("approved") for row in await house.ledger("adjustment")] == [None, True]


async def test_steps_below_the_limit_do_not_add_up_past_it(house: House) -> None:
    places = []
    for start in (0, 15, 30):
        done = await house.adjust("nuno", "marta", start, start + 15)
        places.append(done.headers["location"].rpartition("=")[2])
    assert places == ["adjusted", "waiting", "waiting"]
    assert await house.minutes("marta") == 15


async def test_two_at_the_same_moment_do_not_pass_together(house: House) -> None:
    asked = [house.adjust("nuno", "marta", start, start + 15) for start in (0, 15)]
    places = [done.headers["location"].rpartition("=")[2] for done in await asyncio.gather(*asked)]
    assert sorted(places) == ["adjusted", "waiting"]


async def test_nobody_adjusts_their_own_record(house: House) -> None:
    done = await house.adjust("nuno", "nuno", 0, 10)
    assert done.status_code == 403
    assert "Ask another officer" in done.text
    assert await house.acts("adjustment") == []


WRONG_ADJUSTMENTS: list[tuple[dict[str, str], str]] = [
    ({"text": " "}, "Please say it in words."),
    ({"evidence": ""}, "Please say it in words."),
    ({"why": "because"}, "Please choose one."),
    ({"session": "x"}, "Choose a session."),
    ({"session": str(UUID(int=1))}, "This session earns no credit."),
    ({"from": "yesterday"}, "Give date and time."),
    ({"to": "2020-01-01T00:00"}, "It ends after it begins."),
    ({"from": "2020-01-01T00:00", "to": "2020-01-01T00:10"}, "The session was not live then."),
    ({"to": "2999-01-01T00:00"}, "It lies in the future."),
]


async def test_a_wrong_adjustment_is_explained(house: House) -> None:
    for wrong, told in WRONG_ADJUSTMENTS:
        done = await house.adjust("nuno", "marta", 0, 10, **wrong)
        assert (done.status_code, told in done.text) == (422, True), wrong
    assert await house.ledger("adjustment") == []


async def test_a_claim_stays_and_may_be_raised(house: House) -> None:
    await house.watched("marta", 0, 15)
    claim = {"attested": "yes", "units": "0.25"}
    path = f"/conferences/{SLUG}/credit/claim"
    assert (await house.post("marta", path, command_id=str(uuid4()), **claim)).status_code == 303
    await house.adjust("nuno", "marta", 15, 30)
    mine = (await house.get("marta", f"/conferences/{SLUG}/credit")).text
    assert "You claimed 0.25" in mine
    assert 'value="0.50"' in mine


async def test_an_outage_excuses_exactly_those_who_were_there(house: House) -> None:
    """The server was away for 90 s from minute 30 on."""
    await house.watched("marta", 0, 30)
    await house.watched("marta", 31.6, 60)
    await house.watched("jonas", 0, 29, left=True)
    await house.join("olga", Role.LEARNER)
    await house.watched("olga", 0, 29.8)
    await house.join("late", Role.LEARNER)
    await house.watched("late", 32, 60)
    before = {name: await house.minutes(name) for name in ("jonas", "late")}

    page = (await house.get("nuno", f"{OFFICE}/outages")).text
    assert "This looks like an outage" in page
    assert "2 people were there" in page
    fields = dict(
        re.findall(
            r'name="(command_id|sessions|from|to)" value="([^"]+)"',
            page.partition("This looks like")[2].partition("</form>")[0],
        )
    )
    done = await house.post("nuno", f"{OFFICE}/outages", cause="server", text="Power", **fields)
    assert done.status_code == 303
    again = await house.post("nuno", f"{OFFICE}/outages", cause="server", text="Power", **fields)
    assert again.status_code == 303

    assert await house.minutes("marta") == 60
    assert await house.reasons("marta") == [("present", 1800), ("excused", 96), ("present", 1704)]
    assert await house.reasons("olga") == [("present", 1788), ("excused", 108)]
    assert {name: await house.minutes(name) for name in before} == before
    page = (await house.get("nuno", f"{OFFICE}/outages")).text
    assert "This looks like an outage" not in page
    assert "excuses 2 people" in page
    assert "Our outage, excused" in (await house.get("marta", f"/conferences/{SLUG}/credit")).text
    assert len(await house.ledger("outage")) == 1


async def test_an_outage_is_capped_or_refused_for_all_alike(house: House) -> None:
    await house.watched("marta", 0, 30)
    done = await house.post(
        "nuno", f"{OFFICE}/outages", cause="media", text="Relay", sessions=str(house.session_id),
        command_id=str(uuid4()), **{"from": house.moment(30), "to": house.moment(40)},
    )  # fmt: skip
    assert done.status_code == 303
    assert await house.minutes("marta") == 40
    page = (await house.get("nuno", f"{OFFICE}/outages")).text
    (outage,) = re.findall(rf'action="({OFFICE}/outages/[0-9a-f-]{{36}})"', page)
    assert (await house.post("nuno", outage, act="cap", cap="4")).status_code == 303
    assert await house.minutes("marta") == 34
    assert (await house.post("nuno", outage, act="cap", cap="much")).status_code == 422
    assert (await house.post("nuno", outage, act="refuse")).status_code == 422
    assert (
        await house.post("nuno", outage, act="refuse", note="Repeated later")
    ).status_code == 303
    assert await house.minutes("marta") == 30
    assert (await house.post("ines", outage, act="restore")).status_code == 303
    assert await house.minutes("marta") == 40
    assert len(await house.acts("outage")) == 4
    assert (await house.post("nuno", f"{OFFICE}/outages/{uuid4()}", act="cap")).status_code == 404


WRONG_OUTAGES: list[tuple[dict[str, str], str]] = [
    ({"sessions": ""}, "Choose the sessions it hit."),
    ({"sessions": str(UUID(int=1))}, "There is no such session."),
    ({"sessions": "x"}, "There is no such session."),
    ({"text": ""}, "Please say it in words."),
    ({"cause": "x"}, "Please choose one."),
    ({"cap": "x"}, "Whole minutes, from 1 to 720."),
    ({"to": "2020-01-01T00:00"}, "It ends after it begins."),
]


async def test_a_wrong_outage_is_explained(house: House) -> None:
    for wrong, told in WRONG_OUTAGES:
        values = {
            "sessions": str(house.session_id), "cause": "server", "text": "x", "cap": "",
            "from": house.moment(1), "to": house.moment(2), "command_id": str(uuid4()),
        } | wrong  # fmt: skip
        done = await house.post("nuno", f"{OFFICE}/outages", **values)
        assert (done.status_code, told in done.text) == (422, True), wrong


def report(house: House) -> bytes:
    starts, ends = (f"{clock.moment(house.at(at)):%m/%d/%Y %I:%M:%S %p}" for at in (0, 61))
    return REPORT.format(starts=starts, ends=ends).encode()


async def test_another_tools_report_counts_once_a_person_confirmed_it(house: House) -> None:
    files = {"file": ("satellite.csv", report(house), "text/csv")}
    asked = {"session": str(house.session_id)}
    done = await house.post("nuno", f"{OFFICE}/attendance", files=files, **asked)
    assert done.status_code == 303
    path = done.headers["location"]
    again = await house.post("nuno", f"{OFFICE}/attendance", files=files, **asked)
    assert again.headers["location"] == f"{path}?done=known"

    page = (await house.get("nuno", path)).text
    assert "One person on two devices?" in page
    assert "Perhaps Jonas" in page
    early = await house.post("nuno", path, act="confirm")
    assert early.status_code == 409
    assert "First decide" in early.text
    assert await house.minutes("marta") == 0

    (pair,) = set(re.findall(r'name="pair" value="([^"]+)"', page))
    assert (await house.post("nuno", path, act="merge", pair=pair)).status_code == 303
    page = (await house.get("nuno", path)).text
    (jonas,) = re.findall(r'name="(mail-[0-9a-f-]+)"[^>]+for Jonas W', page)
    wrong = await house.post("nuno", path, act="save", **{jonas: "who@example.org"})
    assert wrong.status_code == 422
    assert "Nobody here has this address." in wrong.text
    placed = {jonas: "jonas@example.org", "placing": "as_written"}
    assert (await house.post("nuno", path, act="confirm", **placed)).status_code == 303

    assert await house.minutes("marta") == 59
    assert await house.minutes("jonas") == 59
    shown = (await house.get("ines", f"{OFFICE}/presence/{house.persons['marta']}")).text
    assert "satellite.csv, line 5" in shown
    assert "satellite.csv, line 6" in shown
    assert (await house.post("nuno", path, act="confirm")).status_code == 409
    assert (await house.post("nuno", path, act="apart", pair=pair)).status_code == 409
    assert await house.acts("attendance") == [
        "attendance.upload",
        "attendance.merge",
        "attendance.confirm",
    ]
    assert {row["device"] for row in await house.ledger("span")} == {"imported"}
    (entered,) = await house.ledger("import")
    assert (entered["lines"], entered["merged"]) == (3, 1)


async def test_the_console_brings_a_report_in_once(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(**more: Any) -> list[str]:
        status = await importing.run(
            house.database, "m.csv", report(house), slug=SLUG, session_id=house.session_id, **more
        )
        assert status == 0
        return capsys.readouterr().out.splitlines()

    told = await run(dry_run=True)
    assert told[0] == "added: report of attendance: Satellite, 4 lines"
    assert any(line.startswith("proposed: lines 5 and 6 may be one person") for line in told)
    assert await run() == told
    assert await run() == ["no changes"]
    assert await house.minutes("marta") == 0
    async with house.database.read() as db:
        assert await db.scalar(select(func.count()).select_from(attendance.Span)) == 0


async def test_a_file_that_is_no_report_is_refused_with_its_places(house: House) -> None:
    broken = report(house).replace(b",61,", b",many,")
    files = {"file": ("broken.csv", broken, "text/csv")}
    asked = {"session": str(house.session_id)}
    done = await house.post("nuno", f"{OFFICE}/attendance", files=files, **asked)
    assert done.status_code == 422
    assert "line 5, Total Duration (Minutes)" in done.text
    for missing in ({"session": ""}, asked):
        assert (await house.post("nuno", f"{OFFICE}/attendance", **missing)).status_code == 422
