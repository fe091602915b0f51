"""docs/Caddyfile in the real Caddy, before the real pages and the real hub, each on its own.

Pages and hub are two processes here, so that an answer shows which of them was asked.
"""

from collections.abc import Generator
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.servers.caddy import running_caddy
from tests.servers.databases import Templates
from tests.servers.postgres import Postgres
from tests.servers.processes import free_port
from tests.servers.redis import running_redis
from tests.servers.rounds import Rounds, running_rounds

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


class Site:
    """What stands behind one address: Caddy, the pages, the hub."""

    def __init__(self, address: str, web: Rounds, hub: Rounds) -> None:
        self.address = address
        self.web = web
        self.hub = hub
        self.socket = f"{address.replace('http:', 'ws:')}/ws"


@pytest.fixture(scope="module")
def site(
    postgres: Postgres,
    database_templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Site]:
    port = free_port()
    data = tmp_path_factory.mktemp("site")
    with running_redis("valkey-9.1") as redis:
        env = {
            "ROUNDS_URL": f"http://127.0.0.1:{port}",
            "ROUNDS_DATABASE_URL": database_templates.postgresql(postgres),
            "ROUNDS_REDIS_URL": redis.url,
            "ROUNDS_RELAY_URL": f"unix:{data / 'relay.sock'}",
        }
        with (
            running_rounds(data, env, ("web",)) as web,
            running_rounds(data, env, ("hub",)) as hub,
            running_caddy(
                port, web=f"127.0.0.1:{web.port}", hub=f"127.0.0.1:{hub.port}"
            ) as address,
        ):
            yield Site(address, web, hub)


def test_a_page_comes_from_the_pages_with_their_headers(site: Site) -> None:
    through = httpx.get(f"{site.address}/")
    direct = httpx.get(f"http://127.0.0.1:{site.web.port}/", headers={"Host": site.address[7:]})
    assert through.status_code == direct.status_code == 200
    assert "<html" in through.text
    policy = "content-security-policy"
    assert through.headers[policy] == direct.headers[policy]


def test_the_socket_reaches_the_hub_and_says_who_must_sign_in(site: Site) -> None:
    """Without a login the hub, not the proxy, ends the connection."""
    assert _socket(site, origin=site.address) == _socket_at(site.hub, origin=site.address)
    assert "4001" in _socket(site, origin=site.address)


def test_another_origin_is_refused_before_the_upgrade(site: Site) -> None:
    assert _socket(site, origin="http://elsewhere.example") == "HTTP 403"


@pytest.mark.parametrize("kind", ["whip", "whep"])
def test_media_offers_reach_the_pages_which_decide(site: Site, kind: str) -> None:
    path = f"/{kind}/{uuid4()}"
    answers = [
        httpx.post(
            f"{address}{path}",
            content=OFFER,
            headers={"Content-Type": "application/sdp", "Authorization": "Bearer nobody"},
        )
        for address in (site.address, f"http://127.0.0.1:{site.web.port}")
    ]
    through, direct = ((answer.status_code, answer.content) for answer in answers)
    assert through == direct
    assert through[0] in {401, 404}


def test_metrics_stay_behind_the_door(site: Site) -> None:
    assert httpx.get(f"{site.address}/metrics").status_code == 404


def _socket(site: Site, *, origin: str) -> str:
    return _knock(site.socket, origin)


def _socket_at(hub: Rounds, *, origin: str) -> str:
    return _knock(f"ws://127.0.0.1:{hub.port}/ws", origin)


def _knock(address: str, origin: str) -> str:
    """How the server ends a connection that carries no login."""
    try:
        with connect(address, origin=Origin(origin), proxy=None) as connection:
            while True:
                connection.recv(timeout=15)
    except InvalidStatus as refused:
        return f"HTTP {refused.response.status_code}"
    except ConnectionClosed as closed:
        return f"closed {closed.rcvd.code if closed.rcvd else 'without a word'}"
