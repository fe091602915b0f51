"""The demo as a newcomer meets it: live at once, moving by itself, still there after a restart."""

import json
import stat
from collections.abc import Callable, Generator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.looks import complaints, looked_at
from tests.browser.world import PATIENCE_MS, WATCHED, grows
from tests.servers.rounds import Rounds, running_rounds
from tests.servers.waiting import eventually

DEMO = ("demo", "--port", "{port}", "--data", "{data}")
LANDS = {
    "learner": "/sessions/{live}",
    "learner2": "/sessions/{live}",
    "faculty": "/sessions/{open}/studio",
    "moderator": "/sessions/{live}/desk",
    "exhibitor": "/booths/",
    "officer": "/office/credit",
    "organiser": "/office",
}
QUESTION = "Will this question be here after the restart?"
VOTES = """() => [...document.querySelectorAll("question-panel .vote")]
  .reduce((sum, each) => sum + Number(each.textContent.trim()), 0)"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Rounds]:
    with running_rounds(tmp_path_factory.mktemp("demo"), command=DEMO) as server:
        yield server


def links(demo: Rounds) -> dict[str, Any]:
    found = json.loads((demo.data / "links.json").read_text())
    assert isinstance(found, dict)
    return found


def entered(new_context: Callable[..., BrowserContext], link: str) -> Page:
    context = new_context()
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(WATCHED)
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Enter").click()
    return page


def test_every_link_leads_to_its_page(
    demo: Rounds, new_context: Callable[..., BrowserContext]
) -> None:
    written = links(demo)
    assert set(written) == {"url", "links", "whip", "live_session"}
    assert set(written["whip"]) == {"url", "token", "session"}
    assert written["url"] == demo.url
    assert written["whip"]["url"] == f"{demo.url}/whip/{written['whip']['session']}"
    assert set(written["links"]) == set(LANDS)
    assert stat.S_IMODE((demo.data / "links.json").stat().st_mode) == 0o600
    places = {"live": written["live_session"], "open": written["whip"]["session"]}
    for key, link in written["links"].items():
        page = entered(new_context, link)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert LANDS[key].format(**places) in page.url, key
        page.context.close()


@pytest.mark.parametrize("key", ["learner", "exhibitor"])
def test_full_pages_hold_too(
    demo: Rounds, new_context: Callable[..., BrowserContext], key: str
) -> None:
    """With a picture, questions, an open poll, booths and their staff."""
    page = entered(new_context, links(demo)["links"][key])
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    landed = page.url
    page.goto(f"{demo.url}/conferences/cardioforum/hall")
    booth = page.locator("a[href^='/booths/']").first.get_attribute("href")
    said = complaints(page)
    wrong: list[str] = []
    for path in (landed, f"{demo.url}/conferences/cardioforum/hall", f"{demo.url}{booth}"):
        wrong += looked_at(page, path, said)
    assert wrong == []


def test_it_is_live_and_moves_by_itself_and_survives_a_restart(
    demo: Rounds, new_context: Callable[..., BrowserContext]
) -> None:
    written = links(demo)
    page = entered(new_context, written["links"]["learner2"])
    page.get_by_role("button", name="I have read this").click()
    grows(page)
    before = page.evaluate(VOTES)
    eventually(lambda: page.evaluate(VOTES) != before, 90, "the crowd asks and votes")
    page.keyboard.press("c")
    said = page.locator("[data-captions='newest']")
    expect(said).not_to_be_empty()
    first = said.inner_text()
    expect(said).not_to_have_text(first)
    page.get_by_role("textbox", name="Your question").fill(QUESTION)
    page.get_by_role("button", name="Send question").click()
    own = page.locator("question-panel li", has_text=QUESTION)
    expect(own).to_be_visible()

    demo.end()
    demo.start()
    assert links(demo)["live_session"] == written["live_session"]
    # By the link of before the restart, a second time; and the old page comes back by itself.
    again = entered(new_context, written["links"]["learner2"])
    expect(again.locator("question-panel li", has_text=QUESTION)).to_be_visible()
    expect(again.get_by_role("button", name="I have read this")).to_have_count(0)
    grows(again)
    entered(new_context, links(demo)["links"]["learner2"])
