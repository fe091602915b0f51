"""`/metrics` counts answers by route pattern and tells nothing of anybody."""

import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin

from realtime.hub.mount import health, hub_server
from realtime.hub.peer import Peer
from realtime.limits import STRANGER_SOCKET_BURST
from realtime.wire import Close
from server.metrics import beside
from tests.integration.desks import a_session
from tests.servers.rounds import Rounds, running_rounds

BURST = int(STRANGER_SOCKET_BURST)
FAR_AWAY = "203.0.113.7"


def test_answers_are_counted_by_pattern(tmp_path: Path) -> None:
    with running_rounds(tmp_path) as rounds:
        secret = uuid4()
        assert rounds.get(f"/sessions/{secret}", {"host": f"127.0.0.1:{rounds.port}"})[0] == 404
        text = rounds.get("/metrics")[1].decode()
    assert 'rounds_http_answers_total{method="GET",route="/sessions/{session_id:uuid}"' in text
    assert str(secret) not in text
    assert re.search(r"^rounds_writes_waiting 0", text, re.MULTILINE)
    assert "rounds_hub_topics" in text


async def test_sockets_refused_to_strangers_are_counted(tmp_path: Path) -> None:
    with running_rounds(tmp_path) as rounds:
        closes = [await _turned_away(rounds) for _ in range(BURST + 20)]
        text = rounds.get("/metrics")[1].decode()
    refused = closes.count(Close.OVERLOADED)
    assert refused > 0
    assert closes.count(Close.SIGN_IN) == len(closes) - refused
    assert f'rounds_strangers_refused_total{{what="socket"}} {refused}.0' in text
    assert FAR_AWAY not in text


async def test_a_hub_of_its_own_tells_its_figures_to_this_machine_alone(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody is the trusted proxies say, whatever uvicorn is told to believe."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    async with a_session(sqlite_url, tmp_path) as world:
        server = hub_server([], _nobody, beside(health, world.services))
        server.config.load()
        for far_end, forwarded, status in (
            ("127.0.0.1", "", 200),
            ("::1", "", 200),
            ("127.0.0.1", FAR_AWAY, 403),
            ("::1", f"127.0.0.1, {FAR_AWAY}", 403),
            (FAR_AWAY, "", 403),
            (FAR_AWAY, "127.0.0.1", 403),
        ):
            transport = httpx.ASGITransport(app=server.config.loaded_app, client=(far_end, 9))
            headers = {"X-Forwarded-For": forwarded} if forwarded else {}
            async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
                answer = await http.get("/metrics", headers=headers)
                assert (await http.get("/healthz", headers=headers)).text == "ok\n"
            assert answer.status_code == status, (far_end, forwarded)
            assert ("rounds_strangers_refused_total" in answer.text) is (status == 200)


def _nobody(*_: object, **__: object) -> Peer:
    raise AssertionError("no socket is opened here")


async def _turned_away(rounds: Rounds) -> int | None:
    """How a socket without a login ends, of somebody behind the proxy."""
    address = f"ws://127.0.0.1:{rounds.port}/ws"
    headers = {"X-Forwarded-For": FAR_AWAY}
    opening = connect(address, origin=Origin(rounds.url), additional_headers=headers, proxy=None)
    async with opening as socket:
        await socket.wait_closed()
        return socket.close_code
