"""The speaker's journey with real browsers: studio, on air, what the audience sees of it."""

from collections.abc import Generator
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from server.rights import Role
from tests.integration.live_day import Day, a_conference, a_day
from tests.servers.rounds import Rounds
from tests.servers.waiting import eventually

FRAMES = """async () => {
  const video = document.querySelector("stage-player video");
  return video ? (video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0) : 0;
}"""


@pytest.fixture(scope="module")
def conference(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Rounds, UUID]]:
    with a_conference(tmp_path_factory.mktemp("speaker")) as running:
        yield running


@pytest.fixture
def day(conference: tuple[Rounds, UUID]) -> Generator[Day]:
    made = a_day(*conference)
    yield made
    made.close()


def opened(browser: Browser, day: Day, role: Role, path: str = "", **context: object) -> Page:
    """A context each: of two tabs in one, the hidden one is throttled."""
    made = browser.new_context(**context)  # type: ignore[arg-type]
    if path.startswith("/studio"):
        made.grant_permissions(["camera", "microphone"], origin=day.server.url)
    made.add_cookies([day.cookie(role)])  # type: ignore[list-item]
    page = made.new_page()
    page.goto(day.server.url + day.session + path)
    return page


def frames(page: Page) -> int:
    return int(page.evaluate(FRAMES))


def grows(page: Page, by: int = 20, within: float = 15) -> None:
    """Pictures keep coming."""
    before = frames(page)
    eventually(lambda: frames(page) >= before + by, within=within, what=f"{by} more pictures")


def on_air(studio: Page) -> None:
    """From a studio that has just been opened to live, over the countdown."""
    go = studio.get_by_role("button", name="Go on air")
    expect(go).to_be_enabled(timeout=15_000)
    go.click()
    expect(studio.get_by_role("alertdialog", name="Going on air")).to_be_visible()
    expect(studio.get_by_role("heading", name="You are live")).to_be_visible(timeout=15_000)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_what_a_speaker_films_a_learner_sees(browser: Browser, day: Day, codec: str) -> None:
    day.disclose()
    studio = opened(browser, day, Role.FACULTY, f"/studio?codec={codec}")
    learner = opened(browser, day, Role.LEARNER)
    expect(learner.get_by_text("First, the disclosure")).to_be_visible()
    learner.get_by_role("button", name="I have read this").click()
    expect(learner.get_by_text("This session has not begun")).to_be_visible()

    on_air(studio)
    grows(learner)
    media = day.as_(Role.LEARNER).get(f"{day.session}/state").json()["stage"]["media"]
    assert media["video"].lower().endswith(codec)
    expect(learner.locator("stage-player .chip.live")).to_be_visible()


def test_a_break_and_the_end_appear_without_a_reload(browser: Browser, day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    studio = opened(browser, day, Role.FACULTY, "/studio?codec=vp8")
    learner = opened(browser, day, Role.LEARNER)
    learner.evaluate("window.same = true")
    on_air(studio)
    grows(learner)

    studio.get_by_role("button", name="Take a break").click()
    expect(learner.get_by_text("A short break")).to_be_visible()
    expect(studio.get_by_text("Break: nobody sees or hears you")).to_be_visible()
    studio.get_by_role("button", name="Go on", exact=True).click()
    grows(learner)

    studio.get_by_role("button", name="End the session").click()
    studio.get_by_role("dialog").get_by_role("button", name="End the session").click()
    expect(learner.get_by_text("This session is over")).to_be_visible()
    assert learner.evaluate("window.same")
