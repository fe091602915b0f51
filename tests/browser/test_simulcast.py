"""A studio that sends its picture in three sizes, and a learner whose line becomes thin."""

import os
import re
import sys
import time
from collections.abc import Generator

import pytest
from playwright.sync_api import Page, expect

from server.rights import Role
from tests.browser.test_blocked import wall_off
from tests.browser.test_speaker import Open, conference, day, frames, grows, on_air, opened
from tests.browser.thin import Line, thin_line
from tests.integration.live_day import Day
from tests.servers.waiting import eventually

__all__ = ["conference", "day", "opened"]

WIDTH = "document.querySelector('stage-player video').videoWidth"
THIN_BITS = 330_000
"""Between the smallest picture with sound, and the middle one."""
DOWN_SECONDS, UP_SECONDS = 12, 60


def media_port(day: Day) -> int:
    return int(day.server.url.rpartition(":")[2])


@pytest.fixture
def line(day: Day) -> Generator[Line]:
    with thin_line(media_port(day)) as made:
        yield made


def width(page: Page) -> int:
    return int(page.evaluate(WIDTH))


def becomes(page: Page, wanted: range, within: float) -> float:
    """Wait until the picture is of such a width; how long that took."""
    began = time.monotonic()
    eventually(lambda: width(page) in wanted, within=within, what=f"a picture in {wanted}")
    return time.monotonic() - began


@pytest.mark.night
@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_thin_line_gets_a_smaller_picture_and_a_wide_one_the_large(
    opened: Open, day: Day, line: Line, codec: str
) -> None:
    thins_and_widens(opened, day, line, codec)


def thins_and_widens(opened: Open, day: Day, line: Line, codec: str) -> None:
    """The film: a learner behind the line, and somebody else who notices nothing of it."""
    day.disclose()
    for role in (Role.LEARNER, Role.MODERATOR):
        day.acknowledge(role)
    studio = opened(Role.FACULTY, f"/studio?codec={codec}")
    on_air(studio)
    expect(studio.get_by_text(re.compile("sent as 720p, 360p and 180p"))).to_be_visible(
        timeout=30_000
    )
    learner, other = opened(Role.LEARNER, "/state"), opened(Role.MODERATOR)
    wall_off(learner, line.port)
    learner.goto(day.server.url + day.session)
    for page in (learner, other):
        becomes(page, range(1280, 1281), within=30)
    grows(learner)

    before = frames(learner)
    line.bits = THIN_BITS
    down = becomes(learner, range(300, 700), within=DOWN_SECONDS)
    grows(learner, by=60, within=10)
    assert width(learner) < 700
    assert width(other) == 1280, "nobody else notices"
    expect(learner.locator("stage-player[data-view=picture]")).to_be_visible()

    line.bits = 1e9
    up = becomes(learner, range(1280, 1281), within=UP_SECONDS)
    grows(learner, by=60, within=10)
    sys.stdout.write(
        f"{codec}, {THIN_BITS // 1000} kbit/s: smaller after {down:.1f} s, "
        f"whole again {up:.1f} s after the line, {frames(learner) - before} frames\n"
    )
    if folder := os.environ.get("ROUNDS_LOOKS"):
        studio.screenshot(path=f"{folder}/simulcast-{codec}.png")
