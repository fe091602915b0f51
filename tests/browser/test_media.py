"""Real browsers on both sides of the relay: what one films, the other shows."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from realtime.relay.relay import Relay
from tests.integration.relays import SESSION, grant, relay_in_thread
from tests.servers.waiting import eventually

PAGE = (Path(__file__).parent / "media.html").read_text()
OFFER = Path(__file__).parents[2] / "web" / "stages" / "offer.js"
"""As pages make theirs."""


def with_page(app: ASGIApp) -> ASGIApp:
    """The relay's application, and a page of the same origin to use it from."""
    return Starlette(routes=[Route("/", page), Route("/offer.js", offer), Mount("/", app)])


async def page(request: Request) -> Response:
    del request
    return HTMLResponse(PAGE)


async def offer(request: Request) -> Response:
    del request
    return FileResponse(OFFER)


@pytest.fixture
def relay() -> Generator[tuple[str, bytes]]:
    with relay_in_thread(with_page) as running:
        yield running


def opened(browser: Browser, url: str) -> Page:
    # A context each: of two tabs in one, the hidden one is throttled.
    tab = browser.new_context(permissions=["camera", "microphone"]).new_page()
    tab.goto(url)
    return tab


def publish(tab: Page, secret: bytes, codec: str) -> None:
    arguments = [f"/publish/{SESSION}", grant(secret, "publish", "speaker"), codec]
    assert tab.evaluate("([path, grant, codec]) => publish(path, grant, codec)", arguments) == (
        "answered"
    )


def watch(tab: Page, secret: bytes, who: str) -> str:
    arguments = [f"/watch/{SESSION}", grant(secret, "watch", who)]
    return str(tab.evaluate("([path, grant]) => watch(path, grant)", arguments))


def figures(tab: Page) -> dict[str, Any]:
    found = tab.evaluate("figures()")
    assert isinstance(found, dict)
    return found


def frames(tab: Page) -> int:
    return int(figures(tab).get("video", {}).get("frames", 0))


def grows(tab: Page, by: int = 20) -> None:
    """Pictures keep coming."""
    before = frames(tab)
    eventually(lambda: frames(tab) >= before + by, within=15, what=f"{by} more pictures")


def packets(tab: Page, kind: str) -> int:
    return int(figures(tab)[kind]["packets"])


def sounds(tab: Page, by: int = 40) -> None:
    """The sound goes on."""
    before = packets(tab, "audio")
    eventually(lambda: packets(tab, "audio") >= before + by, within=15, what=f"{by} more sounds")


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_viewer_sees_and_hears_the_speaker(
    browser: Browser, relay: tuple[str, bytes], codec: str
) -> None:
    url, secret = relay
    speaker, viewer = opened(browser, url), opened(browser, url)
    assert watch(viewer, secret, "early").startswith("409")

    publish(speaker, secret, codec)
    assert watch(viewer, secret, "grace") == "answered"
    grows(viewer)
    seen = figures(viewer)
    assert seen["audio"]["heard"] > 0
    assert seen["video"]["lost"] == 0
    assert seen["transport"]["state"] == "connected"
    for tab in (speaker, viewer):
        agreed = str(tab.evaluate("connection.currentRemoteDescription.sdp"))
        assert "a=rtcp-fb:111 nack\r\n" in agreed, "lost sound is sent again too"

    late = opened(browser, url)
    assert watch(late, secret, "late") == "answered"
    grows(late)


def test_a_speaker_who_comes_back_keeps_the_viewers(
    browser: Browser, relay: tuple[str, bytes]
) -> None:
    url, secret = relay
    speaker, viewer = opened(browser, url), opened(browser, url)
    publish(speaker, secret, "vp8")
    assert watch(viewer, secret, "grace") == "answered"
    grows(viewer)

    speaker.reload()
    publish(speaker, secret, "vp8")
    grows(viewer, by=40)
    assert viewer.evaluate("connection.connectionState") == "connected"


def test_pictures_that_were_paused_come_back(browser: Browser) -> None:
    """On the same connection, with the numbers that follow: nothing is missed or asked for."""
    relays: list[Relay] = []

    async def turn(request: Request) -> Response:
        for each in relays[0].stages[SESSION].subscribers.values():
            for track in each.tracks.values():
                if track.feed.kind == "video":
                    track.pause() if request.path_params["word"] == "off" else track.resume()
        return Response(status_code=204)

    def around(app: ASGIApp) -> ASGIApp:
        return Starlette(routes=[Route("/pictures/{word}", turn), Mount("/", with_page(app))])

    with relay_in_thread(around, tell=relays.append) as (url, secret):
        speaker, viewer = opened(browser, url), opened(browser, url)
        publish(speaker, secret, "vp8")
        assert watch(viewer, secret, "grace") == "answered"
        grows(viewer)
        for _ in range(2):
            viewer.request.get(f"{url}/pictures/off")
            sounds(viewer)
            still = packets(viewer, "video")
            sounds(viewer)
            assert packets(viewer, "video") == still
            viewer.request.get(f"{url}/pictures/on")
            grows(viewer)
        assert figures(viewer)["video"]["lost"] == 0
        assert figures(viewer)["video"]["nacks"] == 0


def test_another_codec_asks_the_viewers_to_come_again(
    browser: Browser, relay: tuple[str, bytes]
) -> None:
    url, secret = relay
    speaker, viewer = opened(browser, url), opened(browser, url)
    publish(speaker, secret, "vp8")
    assert watch(viewer, secret, "grace") == "answered"
    grows(viewer)

    publish(speaker, secret, "h264")
    # The connection's own state only follows when its checks stay unanswered, seconds later.
    goodbye = "connection.getReceivers()[0].transport.state === 'closed'"
    eventually(lambda: viewer.evaluate(goodbye), what="a goodbye to the viewer")
    assert watch(viewer, secret, "grace") == "answered"
    grows(viewer)
