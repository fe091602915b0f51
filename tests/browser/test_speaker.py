"""The speaker's journey with real browsers: studio, on air, what the audience sees of it."""

from collections.abc import Callable, Generator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from server.rights import Role
from tests.integration.live_day import Day, a_conference, a_day
from tests.servers.rounds import Rounds
from tests.servers.waiting import eventually

FRAMES = """async () => {
  const video = document.querySelector("stage-player video");
  return video ? (video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0) : 0;
}"""

# A fast machine shows the interruption for less than one look: the page keeps what it went through.
VIEWS = """() => {
  const player = document.querySelector("stage-player");
  window.views = [];
  const keep = () => window.views.push(player.dataset.view);
  new MutationObserver(keep).observe(player, { attributeFilter: ["data-view"] });
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


Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, day: Day) -> Generator[Open]:
    """A context each: of two tabs in one, the hidden one is throttled."""
    made: list[BrowserContext] = []

    def open_page(role: Role, path: str = "", **options: Any) -> Page:
        context = browser.new_context(**options)
        made.append(context)
        if path.startswith("/studio"):
            context.grant_permissions(["camera", "microphone"], origin=day.server.url)
        name, value, url = day.cookie(role)
        context.add_cookies([{"name": name, "value": value, "url": url}])
        page = context.new_page()
        page.goto(day.server.url + day.session + path)
        return page

    yield open_page
    for context in made:  # cameras and players of the last test would slow the next one down
        context.close()


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


@pytest.mark.parametrize("codec", [pytest.param("vp8", marks=pytest.mark.night), "h264"])
def test_what_a_speaker_films_a_learner_sees(opened: Open, day: Day, codec: str) -> None:
    day.disclose()
    studio = opened(Role.FACULTY, f"/studio?codec={codec}")
    learner = opened(Role.LEARNER)
    expect(learner.get_by_text("First, the disclosure")).to_be_visible()
    learner.get_by_role("button", name="I have read this").click()
    expect(learner.get_by_text("This session has not begun")).to_be_visible()

    on_air(studio)
    grows(learner)
    media = day.as_(Role.LEARNER).get(f"{day.session}/state").json()["stage"]["media"]
    assert media["video"].lower().endswith(codec)
    expect(learner.locator("stage-player .chip.live")).to_be_visible()
    expect(learner.get_by_text("1 watching")).to_be_visible()
    expect(studio.get_by_text("1 person here").filter(visible=True)).to_be_visible()


def test_a_break_and_the_end_appear_without_a_reload(opened: Open, day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    studio = opened(Role.FACULTY, "/studio?codec=vp8")
    learner = opened(Role.LEARNER)
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


def test_a_changed_disclosure_stops_the_picture_until_it_is_read(opened: Open, day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    studio = opened(Role.FACULTY, "/studio?codec=vp8")
    learner = opened(Role.LEARNER)
    on_air(studio)
    grows(learner)
    changed = "Dr Silva, who speaks now, is employed by Halvorsen Therapeutics."
    day.as_(Role.OFFICER).post(f"{day.session}/disclosure", data={"text": changed})
    expect(learner.get_by_text("First, the disclosure")).to_be_visible()
    expect(learner.get_by_text(changed)).to_be_visible()
    learner.get_by_role("button", name="I have read this").click()
    expect(learner.get_by_text("First, the disclosure")).to_be_hidden()
    grows(learner)


def test_a_speaker_who_steps_back_stays_backstage(opened: Open, day: Day) -> None:
    day.disclose()
    studio = opened(Role.FACULTY, "/studio?codec=vp8")
    go = studio.get_by_role("button", name="Go on air")
    expect(go).to_be_enabled(timeout=15_000)
    go.click()
    expect(studio.get_by_role("alertdialog", name="Going on air")).to_be_visible()
    studio.keyboard.press("Escape")
    expect(studio.get_by_text("Only backstage sees and hears you")).to_be_visible()
    expect(go).to_be_focused()
    assert day.as_(Role.LEARNER).get(f"{day.session}/state").json()["stage"]["phase"] == "scheduled"


@pytest.mark.night
def test_the_picture_comes_back_after_the_relay_died(opened: Open, day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    studio = opened(Role.FACULTY, "/studio?codec=vp8")
    learner = opened(Role.LEARNER)
    on_air(studio)
    grows(learner)
    learner.evaluate(VIEWS)
    day.kill_relay()
    eventually(
        lambda: "reconnecting" in learner.evaluate("views"), within=30, what="an interruption shown"
    )
    day.relay_is_back()
    expect(learner.locator("stage-player[data-view=picture]")).to_be_visible(timeout=20_000)
    grows(learner)
    assert day.as_(Role.LEARNER).get(f"{day.session}/state").json()["stage"]["phase"] == "live"


def test_the_desk_looks_backstage_and_takes_the_session_live(opened: Open, day: Day) -> None:
    day.disclose()
    studio = opened(Role.FACULTY, "/studio?codec=vp8")
    desk = opened(Role.MODERATOR, "/desk")
    expect(studio.get_by_role("button", name="Go on air")).to_be_enabled(timeout=15_000)
    grows(desk)
    desk.get_by_role("button", name="Go live").click()
    expect(studio.get_by_role("heading", name="You are live")).to_be_visible()
    expect(desk.get_by_role("banner").get_by_text("LIVE")).to_be_visible()
    desk.get_by_role("button", name="End session").click()
    desk.get_by_role("dialog").get_by_role("button", name="End the session").click()
    expect(studio.get_by_text("The session is over")).to_be_visible()


def test_a_session_page_is_whole_without_scripts(opened: Open, day: Day) -> None:
    day.disclose()
    page = opened(Role.LEARNER, java_script_enabled=False)
    page.get_by_role("button", name="I have read this").click()
    expect(page.get_by_role("button", name="I have read this")).to_have_count(0)
    expect(page.get_by_text("This session has not begun").filter(visible=True)).to_be_visible()
    day.step("stage.go_live")
    page.reload()
    expect(page.get_by_text("The picture needs JavaScript.")).to_be_visible()
    runs = opened(Role.MODERATOR, "/desk", java_script_enabled=False)
    runs.get_by_role("button", name="Break", exact=True).click()
    expect(runs.get_by_role("button", name="Go on", exact=True)).to_be_visible()
