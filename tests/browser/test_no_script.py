"""Without JavaScript: every act of a learner is a form, and every answer a page."""

from playwright.sync_api import Page, expect

from tests.browser.world import (
    ERIK,
    INES,
    NUNO,
    OLGA,
    Come,
    World,
    credited,
    disclosed,
)

TEXT = "Nobody in this session has anything to disclose."
QUESTION = "Which lipid would you measure first?"
POLL = "Do you measure lipoprotein(a) at least once?"


def test_a_learner_takes_part_by_forms_alone(world: World, come: Come) -> None:
    session = world.session("Lipids")
    disclosed(come(NUNO), session, TEXT)
    learner = come(OLGA, session, java_script_enabled=False)
    expect(learner.get_by_text(TEXT)).to_be_visible()
    learner.get_by_role("button", name="I have read this").click()
    expect(learner.get_by_role("button", name="I have read this")).to_have_count(0)
    expect(learner.get_by_text(TEXT)).to_be_visible()

    desk = come(ERIK, f"{session}/desk", java_script_enabled=False)
    asked_and_voted(learner, desk, session)
    answered(learner, desk, session)


def asked_and_voted(learner: Page, desk: Page, session: str) -> None:
    learner.get_by_role("textbox", name="Your question").fill(QUESTION)
    learner.get_by_role("button", name="Send question").click()
    expect(learner.get_by_role("list", name="Your questions")).to_contain_text(QUESTION)
    desk.reload()
    waiting = desk.get_by_role("list", name="Waiting").get_by_role("listitem")
    waiting.get_by_role("button", name="Approve").click()
    expect(desk.get_by_role("list", name="Approved")).to_contain_text(QUESTION)
    learner.goto(session)
    vote = learner.get_by_role("button", name="Upvote")
    vote.click()
    expect(vote).to_have_accessible_name("Upvote, 1 vote")
    expect(vote).to_have_attribute("aria-pressed", "true")
    vote.click()
    expect(vote).to_have_accessible_name("Upvote, 0 votes")


def answered(learner: Page, desk: Page, session: str) -> None:
    desk.get_by_text("New poll", exact=True).click()
    desk.get_by_label("Question", exact=True).fill(POLL)
    desk.get_by_label("Answers, one a line").fill("Yes\nNo")
    desk.get_by_role("button", name="Save as draft").click()
    poll = desk.get_by_role("region", name=f"Poll: {POLL}")
    poll.get_by_role("button", name="Open poll").click()
    poll.get_by_role("button", name="Show result").click()
    learner.goto(session)
    panel = learner.locator("#polls")
    panel.get_by_role("radio", name="Yes").check()
    panel.get_by_role("button", name="Answer").click()
    panel = learner.locator("#polls")
    expect(panel.locator(".bar", has_text="Yes")).to_have_attribute("data-percent", "100")
    expect(panel.get_by_text("1 answer")).to_be_visible()


def test_a_claim_is_a_form_too(world: World, come: Come) -> None:
    learner = come(OLGA, java_script_enabled=False)
    credited(world, come(INES), OLGA, minutes=25)
    learner.goto("/conferences/spring/credit")
    learner.get_by_role("checkbox").check()
    learner.get_by_role("button", name="Claim").click()
    learner.get_by_role("link", name="Public page").click()
    expect(learner.get_by_role("heading", name="This certificate is genuine")).to_be_visible()
    expect(learner.get_by_text("0.5 AMA PRA Category 1 Credit(s)")).to_be_visible()
