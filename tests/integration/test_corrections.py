"""Rows of corrections and the ledger that told of them: whoever changes the one is found out."""

import contextlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select, update

from server.attendance import ledger
from server.attendance.chain import Broken, Kind
from server.credit.corrections import auditing
from server.credit.corrections.store import (
    Adjustment,
    Decision,
    Outage,
    OutageSession,
    Ruling,
)
from server.credit.exclusions.store import ExclusionEnd, ExclusionRow
from server.credit.imports.store import Report
from server.db import Rows
from server.erasing import store as erasing
from server.ids import new_id
from tests.integration.house import OFFICE, House, a_house
from tests.integration.test_officer import report


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncGenerator[House]:
    async with a_house(database_url, tmp_path) as made:
        yield made


async def corrected(house: House) -> None:
    """One adjustment at once, one by two officers, an outage that was capped, a report."""
    await house.watched("marta", 0, 20)
    await house.adjust("nuno", "marta", 20, 30)
    await house.adjust("nuno", "marta", 30, 60)
    listed = (await house.get("ines", f"{OFFICE}/adjustments")).text
    (waiting,) = re.findall(rf'action="({OFFICE}/adjustments/[0-9a-f-]{{36}})"', listed)[:1]
    assert (await house.post("ines", waiting, act="approve")).status_code == 303
    done = await house.post(
        "nuno", f"{OFFICE}/outages", cause="media", text="Relay", sessions=str(house.session_id),
        cap="9", command_id=str(uuid4()), **{"from": house.moment(30), "to": house.moment(40)},
    )  # fmt: skip
    assert done.status_code == 303
    page = (await house.get("nuno", f"{OFFICE}/outages")).text
    (outage,) = re.findall(rf'action="({OFFICE}/outages/[0-9a-f-]{{36}})"', page)
    assert (await house.post("nuno", outage, act="cap", cap="4")).status_code == 303
    files = {"file": ("satellite.csv", report(house), "text/csv")}
    done = await house.post(
        "nuno", f"{OFFICE}/attendance", files=files, session=str(house.session_id)
    )
    path = done.headers["location"]
    (pair,) = set(re.findall(r'name="pair" value="([^"]+)"', (await house.get("nuno", path)).text))
    await house.post("nuno", path, act="merge", pair=pair)
    assert (await house.post("nuno", path, act="confirm", placing="as_written")).status_code == 303
    for start in (5, 12):
        marked = await house.exclude("nuno", start, start + 5)
        assert marked.status_code == 303
    page = (await house.get("ines", f"{OFFICE}/exclusions")).text
    end = re.findall(rf'action="({OFFICE}/exclusions/[0-9a-f-]{{36}})"', page)[0]
    assert (await house.post("ines", end, note="They taught")).status_code == 303


async def unlike(house: House, person_id: UUID | None = None) -> list[str]:
    async with house.database.read() as db:
        erased = {row.subject for row in await ledger.bodies(db, house.conference_id, Kind.ERASED)}
        found = await auditing.unlike_ledger(
            db, house.conference_id, erased=erased, person_id=person_id
        )
    return [one.why for one in found]


Change = Callable[[Rows, House], Awaitable[Any]]


def set_(row: type[Any], *, first: bool = True, **values: Any) -> Change:
    async def change(db: Rows, _house: House) -> None:
        chosen = select(row.id).order_by(row.id.asc() if first else row.id.desc()).limit(1)
        await db.execute(update(row).where(row.id.in_(chosen)).values(**values))

    return change


def gone(row: type[Any]) -> Change:
    async def change(db: Rows, _house: House) -> None:
        await db.execute(delete(row))

    return change


async def another_officer(db: Rows, house: House) -> None:
    await db.execute(update(Adjustment).values(made_by=house.persons["ines"]))


async def another_learner(db: Rows, house: House) -> None:
    await db.execute(update(Adjustment).values(person_id=house.persons["jonas"]))


async def a_stray(db: Rows, house: House) -> None:
    row = (await db.execute(select(Adjustment).limit(1))).scalar_one()
    values = {name.key: getattr(row, name.key) for name in Adjustment.__table__.columns}
    values |= {"id": new_id(), "command_id": uuid4(), "person_id": house.persons["jonas"]}
    await db.execute(insert(Adjustment).values(**values))


async def a_stray_outage(db: Rows, house: House) -> None:
    row = (await db.execute(select(Outage).limit(1))).scalar_one()
    values = {name.key: getattr(row, name.key) for name in Outage.__table__.columns}
    values |= {"id": new_id(), "command_id": uuid4()}
    await db.execute(insert(Outage).values(**values))
    await db.execute(
        insert(OutageSession).values(
            conference_id=house.conference_id, outage_id=values["id"], session_id=house.session_id
        )
    )


async def the_other(db: Rows, _house: House) -> None:
    (ended,) = await db.scalars(select(ExclusionEnd.exclusion_id))
    other = select(ExclusionRow.id).where(ExclusionRow.id != ended).scalar_subquery()
    await db.execute(update(ExclusionEnd).values(exclusion_id=other))


TAMPERINGS: dict[str, tuple[Change, str]] = {
    "an adjustment is longer": (set_(Adjustment, to_ms=1 << 41), "adjustment"),
    "an adjustment takes away": (set_(Adjustment, effect="take"), "adjustment"),
    "its reason is another": (set_(Adjustment, why="other"), "adjustment"),
    "its words are others": (set_(Adjustment, text="Never seen"), "adjustment"),
    "its worth is another": (set_(Adjustment, units="9"), "adjustment"),
    "it needs no second officer": (set_(Adjustment, first=False, second=False), "adjustment"),
    "another officer made it": (another_officer, "adjustment"),
    "it is somebody else's": (another_learner, "adjustment"),
    "nobody told of it": (a_stray, "adjustment"),
    "the second officer said nothing": (gone(Decision), "adjustment"),
    "an outage is longer": (set_(Outage, to_ms=1 << 41), "outage"),
    "its cause is another": (set_(Outage, cause="server"), "outage"),
    "it hit no session": (gone(OutageSession), "outage"),
    "nobody told of the outage": (a_stray_outage, "outage"),
    "it was not capped": (gone(Ruling), "outage"),
    "it was capped less": (set_(Ruling, first=False, cap_ms=540_000), "outage"),
    "it was refused": (set_(Ruling, first=False, refused=True), "outage"),
    "a break is shorter": (set_(ExclusionRow, to_ms=1), "excluded"),
    "a break was something else": (set_(ExclusionRow, what="other"), "excluded"),
    "a break counts": (gone(ExclusionRow), "excluded"),
    "a break was not taken back": (gone(ExclusionEnd), "excluded"),
    "another one was taken back": (the_other, "excluded"),
    "the report is another file": (set_(Report, sha256="0" * 64), "report"),
    "the report was not confirmed": (
        set_(Report, confirmed_at=None, confirmed_by=None), "report",
    ),
}  # fmt: skip


class Undo(Exception):
    """Nothing of it is kept."""


async def after(house: House, change: Change) -> list[Broken]:
    """What is found of a change; it is taken back."""
    found: list[Broken] = []
    with contextlib.suppress(Undo):
        async with house.database.begin() as db:
            await change(db, house)
            found = await auditing.unlike_ledger(db, house.conference_id, erased=set())
            raise Undo
    return found


async def test_what_only_rows_or_only_the_ledger_know_is_named(house: House) -> None:
    await corrected(house)
    assert await unlike(house) == []
    assert await unlike(house, house.persons["marta"]) == []
    for name, (change, told) in TAMPERINGS.items():
        found = await after(house, change)
        assert found, name
        assert all(told in one.why for one in found), (name, found)
    assert await unlike(house) == []


async def test_of_one_person_their_own_adjustments_count(house: House) -> None:
    await corrected(house)
    async with house.database.begin() as db:
        await db.execute(update(Adjustment).values(units="9"))
    assert len(await unlike(house, house.persons["marta"])) == 2
    assert await unlike(house, house.persons["jonas"]) == []


@pytest.mark.parametrize("name", ["marta", "nuno"])
async def test_who_is_forgotten_makes_nothing_wrong(house: House, name: str) -> None:
    """A learner whose adjustments are gone, and an officer who made them."""
    await corrected(house)
    async with house.database.begin() as db:
        await erasing.erase(db, house.persons[name])
    assert await unlike(house) == []
