"""Which part of the net evidence came from: kept under a name, shown to officers as a hint."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import select
from websockets.asyncio.client import connect
from websockets.typing import Origin

from server.attendance.store import ConnectionNetwork
from server.db import Rows, insert
from tests.integration.house import OFFICE, House, a_house
from tests.integration.seeds import in_rows, seed
from tests.servers.rounds import running_rounds
from tests.servers.waiting import PATIENCE_SECONDS


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncGenerator[House]:
    async with a_house(database_url, tmp_path) as made:
        yield made


async def from_network(house: House, name: str, start: float, end: float, network: str) -> None:
    connection = await house.watched(name, start, end)
    async with house.database.begin() as db:
        row = {
            "conference_id": house.conference_id, "connection": connection,
            "person_id": house.persons[name], "network": network,
        }  # fmt: skip
        await db.execute(insert(db, ConnectionNetwork).values(**row))


async def test_two_parts_of_the_net_at_once_are_a_hint_and_cost_nothing(house: House) -> None:
    await from_network(house, "marta", 0, 20, "here")
    await from_network(house, "marta", 10, 30, "there")
    await from_network(house, "jonas", 0, 20, "here")
    await from_network(house, "jonas", 10, 30, "here")
    table = (await house.get("nuno", f"{OFFICE}/presence?show=apart")).text
    assert "Far apart at once, 10 min" in table
    assert "Jonas" not in table
    one = (await house.get("nuno", f"{OFFICE}/presence/{house.persons['marta']}")).text
    assert "Far apart at once, 10 min" in one
    assert await house.minutes("marta") == 30


async def test_one_after_the_other_is_no_hint(house: House) -> None:
    await from_network(house, "marta", 0, 20, "here")
    await from_network(house, "marta", 21, 40, "there")
    page = (await house.get("nuno", f"{OFFICE}/presence/{house.persons['marta']}")).text
    assert "Far apart at once," not in page


async def beat(port: int, site: str, cookie: str, session_id: str, address: str) -> None:
    """One beat on a socket of its own, which a proxy brought from an address."""
    headers = {"Cookie": cookie, "X-Forwarded-For": address}
    async with connect(
        f"ws://127.0.0.1:{port}/ws", origin=Origin(site), additional_headers=headers, proxy=None
    ) as socket:
        echo = json.loads(await socket.recv())["echo"]
        said = {"type": "beat", "n": 1, "echo": echo, "session_id": session_id}
        await socket.send(json.dumps({**said, "visible": True, "playing": True}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while json.loads(await socket.recv())["type"] != "kept":
                pass


def test_a_beat_leaves_a_name_of_its_network_and_no_address(tmp_path: Path) -> None:
    with running_rounds(tmp_path / "data") as server:
        url = f"sqlite+aiosqlite:///{server.data / 'rounds.db'}"
        seeded = seed(url)
        for address in ("8.8.8.8", "8.8.4.4", "9.9.9.9", "10.1.2.3"):
            asyncio.run(
                beat(
                    server.port,
                    server.url,
                    seeded.learners[0].cookie,
                    str(seeded.session_id),
                    address,
                )
            )
        rows = in_rows(url, networks)
    assert len(rows) == 3, "a private address tells nothing"
    assert len(set(rows)) == 2, "two of them are in one part of the net"
    assert not [name for name in rows if "." in name]


async def networks(db: Rows) -> list[str]:
    return list(await db.scalars(select(ConnectionNetwork.network)))
