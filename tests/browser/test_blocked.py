"""A learner behind a network that lets no UDP through: the picture comes over HTTPS, by itself."""

import os
import re
import socket
from collections.abc import Generator

import pytest
from playwright.sync_api import Page, Route, expect

from server.rights import Role
from tests.browser.test_speaker import Open, conference, day, grows, on_air, opened
from tests.integration.live_day import Day

__all__ = ["conference", "day", "opened"]

SOURCE = """() => {
  const video = document.querySelector("stage-player video");
  return [video.srcObject === null, video.src.startsWith("blob:")];
}"""


@pytest.fixture
def nowhere() -> Generator[int]:
    """A port that swallows every datagram and answers none, as a firewall does."""
    with socket.socket(type=socket.SOCK_DGRAM) as swallowing:
        swallowing.bind(("127.0.0.1", 0))
        yield swallowing.getsockname()[1]


def wall_off(page: Page, port: int) -> None:
    """From now on all that this page sends to the relay goes nowhere."""

    def answer(route: Route) -> None:
        response = route.fetch()
        sdp = re.sub(r"(a=candidate:\S+ 1 udp \d+ \S+) \d+", rf"\1 {port}", response.text())
        route.fulfill(response=response, body=sdp)

    page.route("**/whep/*", answer)


def enter(opened: Open, day: Day, port: int) -> Page:
    """A learner's page behind the wall."""
    page = opened(Role.LEARNER, "/state")
    wall_off(page, port)
    page.goto(day.server.url + day.session)
    return page


def test_without_udp_the_picture_comes_over_https(opened: Open, day: Day, nowhere: int) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    studio = opened(Role.FACULTY, "/studio?codec=h264")
    on_air(studio)
    learner = enter(opened, day, nowhere)
    wrong: list[str] = []
    learner.on("console", lambda message: wrong.append(message.text))
    notice = learner.get_by_text("The picture comes over HTTPS")
    expect(notice).to_be_visible(timeout=20_000)
    grows(learner, by=40, within=20)
    assert learner.evaluate(SOURCE) == [True, True]
    ring = learner.get_by_role("listitem").filter(has_text="Laptop, picture playing")
    expect(ring).to_be_attached(timeout=30_000)
    assert [each for each in wrong if "Content Security" in each] == []
    if folder := os.environ.get("ROUNDS_LOOKS"):
        learner.screenshot(path=f"{folder}/blocked.png")

    learner.get_by_role("button", name="Try the faster way again").click()
    expect(notice).to_be_hidden()
    expect(notice).to_be_visible(timeout=20_000)
    grows(learner, by=20, within=20)


@pytest.mark.night
def test_a_speaker_in_vp8_is_told_and_so_is_the_learner(
    opened: Open, day: Day, nowhere: int
) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    studio = opened(Role.FACULTY, "/studio?codec=vp8")
    expect(studio.get_by_text("sees no picture")).to_be_visible(timeout=15_000)
    on_air(studio)
    learner = enter(opened, day, nowhere)
    expect(learner.get_by_text("The picture does not reach you.")).to_be_visible(timeout=20_000)
