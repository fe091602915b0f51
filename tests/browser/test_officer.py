"""The officer's journey: what must be read before the picture, and again when it changes."""

from playwright.sync_api import Page, expect

from tests.browser.world import JONAS, NUNO, Come, World, disclosed

FIRST = "Dr Okafor has received research support from Halvorsen Therapeutics."
SECOND = "Dr Okafor has received research support and fees from Halvorsen Therapeutics."


def ticket(page: Page, session: str) -> tuple[int, str]:
    """What the server answers to this person's wish to watch."""
    answer = page.request.post(f"{session}/ticket", headers={"Origin": page.url.split("/ses")[0]})
    return answer.status, str(answer.json().get("code", ""))


def test_no_picture_before_the_disclosure_and_none_after_a_change(world: World, come: Come) -> None:
    session = world.session("Fluid balance")
    learner = come(JONAS, session)
    expect(learner.get_by_text("Nothing has been entered for this session yet")).to_be_visible()
    assert ticket(learner, session)[0] == 409

    officer = come(NUNO)
    disclosed(officer, session, FIRST)
    panel = learner.locator("disclosure-panel")
    expect(panel.get_by_text(FIRST)).to_be_visible()
    assert ticket(learner, session) == (409, "disclosure.required")
    learner.evaluate("window.same = true")
    panel.get_by_role("button", name="I have read this").click()
    expect(panel.get_by_role("button")).to_have_count(0)
    assert ticket(learner, session) == (409, "session.not_live")

    disclosed(officer, session, SECOND)
    expect(panel.get_by_text(SECOND)).to_be_visible()
    expect(panel.get_by_role("button", name="I have read this")).to_be_visible()
    assert ticket(learner, session) == (409, "disclosure.required")
    assert learner.evaluate("window.same"), "the page was not loaded again"
