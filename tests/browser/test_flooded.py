"""Somebody who comes for the first time from an address that is being flooded: told, and let in.

Nobody reloads anything here: the pages and their sockets try again by themselves.
"""

import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from realtime.wire import Close
from tests.browser.looks import AXE, NARROWEST, RUN_AXE, TOO_WIDE
from tests.browser.narrow import PAGES, SOCKETS
from tests.browser.world import PATIENCE_MS
from tests.integration.seeds import Seeded, seed
from tests.servers.databases import Templates
from tests.servers.rounds import Rounds, running_rounds

HOSPITAL = {"X-Forwarded-For": "203.0.113.7"}
"""As the proxy on this machine says."""
NARROW = (sys.executable, "-m", "tests.browser.narrow")
WAIT = "Please wait a moment"


@pytest.fixture
def site(tmp_path: Path) -> Generator[tuple[Rounds, Seeded]]:
    data = tmp_path / "data"
    data.mkdir()
    seeded = seed(Templates(tmp_path).sqlite(data), learners=1)
    with running_rounds(data, before=NARROW) as server:
        yield server, seeded


@pytest.fixture
def far(new_context: Callable[..., BrowserContext]) -> Page:
    """A browser behind the flooded address."""
    context = new_context(extra_http_headers=HOSPITAL, viewport=NARROWEST)
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def flood_pages(server: Rounds) -> None:
    with httpx.Client(headers=HOSPITAL, trust_env=False) as http:
        asked = [http.get(f"{server.url}/sign-in").status_code for _ in range(int(PAGES) + 3)]
    assert asked[-1] == 429


def flood_sockets(server: Rounds) -> None:
    closes = []
    for _ in range(int(SOCKETS) + 3):
        address = server.url.replace("http", "ws", 1) + "/ws"
        headers = HOSPITAL | {"Cookie": "login=invented"}
        opening = connect(address, origin=Origin(server.url), additional_headers=headers)
        with opening as socket, suppress(ConnectionClosed):
            while True:
                socket.recv()
        closes.append(socket.protocol.close_code)
    assert closes[-1] == Close.OVERLOADED


def test_a_page_waits_says_so_and_opens_by_itself(site: tuple[Rounds, Seeded], far: Page) -> None:
    server, _ = site
    flood_pages(server)
    answer = far.goto(f"{server.url}/sign-in")
    assert answer is not None
    assert answer.status == 429
    expect(far.get_by_role("heading", name=WAIT)).to_be_visible()
    expect(far.locator("try-again [role=status]")).to_contain_text("tries again by itself")
    expect(far.get_by_label("Your e-mail address")).to_be_visible()
    expect(far.get_by_role("heading", name=WAIT)).to_have_count(0)


def test_who_stops_it_is_left_in_peace(site: tuple[Rounds, Seeded], far: Page) -> None:
    server, _ = site
    flood_pages(server)
    far.clock.install()
    far.goto(f"{server.url}/sign-in")
    far.evaluate(AXE)
    assert far.evaluate(RUN_AXE) == []
    assert far.evaluate(TOO_WIDE) <= 0
    far.get_by_role("button", name="Stop trying").click()
    expect(far.locator("try-again [role=status]")).to_contain_text("has stopped trying")
    expect(far.get_by_role("button", name="Stop trying")).to_be_hidden()
    again = far.get_by_role("button", name="Try again")
    expect(again).to_be_focused()
    far.clock.run_for(60_000)
    expect(far.locator("try-again [role=status]")).to_contain_text("has stopped trying")
    again.click()
    expect(far.get_by_label("Your e-mail address")).to_be_visible()


def test_what_was_sent_and_not_taken_is_said(site: tuple[Rounds, Seeded], far: Page) -> None:
    server, _ = site
    far.goto(f"{server.url}/sign-in")
    far.get_by_label("Your e-mail address").fill("ann@example.org")
    flood_pages(server)
    far.get_by_role("button", name="Send me a link").click()
    expect(far.get_by_role("heading", name="This was not taken")).to_be_visible()
    expect(far.get_by_text("go back in a minute and send it again")).to_be_visible()


def test_a_socket_tries_again_says_why_and_is_let_in(
    site: tuple[Rounds, Seeded], far: Page
) -> None:
    server, seeded = site
    (ann,) = seeded.learners
    name, _, value = ann.cookie.partition("=")
    far.context.add_cookies([{"name": name, "value": value, "url": server.url}])
    flood_sockets(server)
    far.goto(f"{server.url}/sessions/{seeded.session_id}")
    banner = far.locator("live-banner")
    expect(banner).to_contain_text("cannot let this page in at the moment. Trying again…")
    expect(banner).to_contain_text("Back.")
