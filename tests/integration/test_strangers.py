"""Who has not signed in is limited by address, as a proxy that we trust tells it."""

from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from realtime.addresses import read_networks
from realtime.hub import reception
from realtime.wire import Close
from server import identity
from server.cookies import cookie_name
from server.rights import Role
from tests.integration.apps import an_app
from tests.integration.house import a_house
from tests.integration.sockets import Process, process

HOSPITAL, ELSEWHERE = "203.0.113.7", "198.51.100.9"
PROXIES = read_networks("127.0.0.1")


async def closed(here: Process, address: str, cookie: str = "") -> int | None:
    """How a socket ends that came through the proxy from an address."""
    headers = {"X-Forwarded-For": f"6.6.6.6, {address}"} | ({"Cookie": cookie} if cookie else {})
    async with here.socket("", additional_headers=headers) as socket:
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


async def test_sockets_without_a_login_are_limited_by_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reception, "STRANGER_SOCKET_BURST", 3.0)
    monkeypatch.setattr(reception, "STRANGER_SOCKETS_A_SECOND", 0.001)
    async with process(proxies=PROXIES) as here:
        ends = [await closed(here, HOSPITAL) for _ in range(5)]
        assert ends == [Close.SIGN_IN] * 3 + [Close.OVERLOADED] * 2
        assert await closed(here, ELSEWHERE) == Close.SIGN_IN
        assert here.reception.strangers.refused == 2


async def test_who_is_signed_in_takes_nothing_from_the_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reception, "STRANGER_SOCKET_BURST", 2.0)
    monkeypatch.setattr(reception, "STRANGER_SOCKETS_A_SECOND", 0.001)
    headers = {"X-Forwarded-For": HOSPITAL}
    async with process(proxies=PROXIES) as here:
        for number in range(12):
            async with here.peer(additional_headers=headers | {"Cookie": f"learner{number}"}):
                (peer,) = here.reception.peers
                assert peer.address == HOSPITAL


async def test_who_came_before_comes_back_while_a_neighbour_uses_the_address_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reception, "STRANGER_SOCKET_BURST", 3.0)
    monkeypatch.setattr(reception, "STRANGER_SOCKETS_A_SECOND", 0.001)
    ann = {"X-Forwarded-For": HOSPITAL, "Cookie": "ann"}
    async with process(proxies=PROXIES) as here:
        async with here.peer(additional_headers=ann):
            pass
        ends = [await closed(here, HOSPITAL) for _ in range(4)]
        assert ends == [Close.SIGN_IN] * 3 + [Close.OVERLOADED]
        async with here.peer(additional_headers=ann):
            asked = len(here.conference.asked)
        assert await closed(here, HOSPITAL, "invented") == Close.OVERLOADED
        assert len(here.conference.asked) == asked


async def test_nobody_but_a_proxy_says_where_somebody_is() -> None:
    async with process() as here:
        headers = {"X-Forwarded-For": HOSPITAL, "Cookie": "ann"}
        async with here.peer(additional_headers=headers):
            (peer,) = here.reception.peers
            assert peer.address == "127.0.0.1"


async def test_pages_of_strangers_are_limited_and_of_nobody_else(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "STRANGER_PAGE_BURST", 20.0)
    monkeypatch.setattr(identity, "STRANGER_PAGES_A_SECOND", 0.001)
    async with an_app(sqlite_url, tmp_path, client=(HOSPITAL, 9)) as http:
        async with a_house(sqlite_url, tmp_path) as house:
            await house.join("late", Role.LEARNER)
        name, login = cookie_name(secure=False), house.logins["late"]
        assert (await http.get("/profile", headers={"Cookie": f"{name}={login}"})).is_success
        forged = {"X-Forwarded-For": ELSEWHERE}
        asked = [await http.get("/sign-in", headers=forged) for _ in range(22)]
        assert [one.status_code for one in asked] == [200] * 20 + [429] * 2
        invented = await http.get("/profile", headers={"Cookie": f"{name}=invented"})
        assert invented.status_code == 429
        refused = await http.get("/")
        assert refused.headers["retry-after"] == "60"
        assert "from your network" in refused.text
        assert (await http.get("/healthz")).status_code == 200
        http.cookies.set(name, login)
        assert [(await http.get("/profile")).status_code for _ in range(5)] == [200] * 5


async def test_six_hundred_of_one_address_are_served_at_once(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with an_app(sqlite_url, tmp_path, client=(HOSPITAL, 9)) as http:
        statuses = {(await http.get("/sign-in")).status_code for _ in range(600)}
    assert statuses == {200}


async def test_a_proxy_that_does_not_say_for_whom_it_asks_is_not_limited(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "STRANGER_PAGE_BURST", 1.0)
    async with an_app(sqlite_url, tmp_path, client=("127.0.0.1", 9)) as http:
        assert [(await http.get("/sign-in")).status_code for _ in range(4)] == [200] * 4


async def test_pages_refused_to_strangers_are_counted(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "STRANGER_PAGE_BURST", 2.0)
    monkeypatch.setattr(identity, "STRANGER_PAGES_A_SECOND", 0.001)
    async with an_app(sqlite_url, tmp_path, client=("127.0.0.1", 9)) as http:
        assert (
            'rounds_strangers_refused_total{what="page"} 0.0' in (await http.get("/metrics")).text
        )
        through = {"X-Forwarded-For": HOSPITAL}
        asked = [await http.get("/sign-in", headers=through) for _ in range(5)]
        assert [one.status_code for one in asked] == [200] * 2 + [429] * 3
        text = (await http.get("/metrics")).text
        assert 'rounds_strangers_refused_total{what="page"} 3.0' in text
        assert HOSPITAL not in text
