"""By keyboard alone: join, ask, vote, claim. Nothing here touches a mouse."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.world import (
    ERIK,
    INES,
    MARTA,
    PIERRE,
    Come,
    World,
    credited,
)

MOST_TABS = 80
SHOWN = """each => {
  if (!each.matches(":focus-visible")) return false;
  for (let up = each; up !== document.body; up = up.parentElement) {
    const { outlineStyle, boxShadow } = getComputedStyle(up);
    if (outlineStyle !== "none" || boxShadow !== "none") return true;
  }
  return false;
}"""
"""By an outline or a shadow, the element's own or that of a box around it."""

QUESTION = "Does a normal troponin rule it out?"


def reached(page: Page, target: Locator) -> None:
    """Tab until it has the focus, which must be seen."""
    expect(target).to_be_visible()
    for _ in range(MOST_TABS):
        if target.evaluate("each => each === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(target).to_be_focused()
    assert target.evaluate(SHOWN), "the focus is seen"


def pressed(page: Page, target: Locator, key: str = "Enter") -> None:
    reached(page, target)
    page.keyboard.press(key)


def signed_up(world: World, page: Page) -> None:
    """A stranger asks for a link; without a mail server it is on the operator's console."""
    pressed(page, page.get_by_role("link", name="Sign in to join"))
    mail = page.get_by_label("Your e-mail address")
    reached(page, mail)
    page.keyboard.type(PIERRE.mail)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.goto(world.mailed(PIERRE.mail))
    pressed(page, page.get_by_role("button", name="Enter"))
    reached(page, page.get_by_role("textbox", name="Name", exact=True))
    page.keyboard.type(PIERRE.name)
    reached(page, page.get_by_label("Degree"))
    page.keyboard.type(PIERRE.degree)
    reached(page, page.get_by_label("Profession"))
    page.keyboard.type("Physician")
    expect(page.get_by_label("Profession")).to_have_value("physician")
    pressed(page, page.get_by_role("button", name="Save"))
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_count(0)


def test_join_ask_vote_and_claim(world: World, come: Come) -> None:
    session = world.session("Pulmonary embolism")
    pierre = come(None, "/conferences/spring")
    signed_up(world, pierre)
    pierre.goto("/conferences/spring")
    pierre.keyboard.press("Tab")
    expect(pierre.get_by_role("link", name="Skip to content")).to_be_focused()
    pressed(pierre, pierre.get_by_role("button", name="Join this conference"))
    talk = pierre.get_by_role("link", name="Pulmonary embolism")
    expect(pierre.get_by_role("button", name="Join this conference")).to_have_count(0)
    pressed(pierre, talk)
    expect(pierre.get_by_role("heading", name="Pulmonary embolism")).to_be_visible()

    reached(pierre, pierre.get_by_role("textbox", name="Your question"))
    pierre.keyboard.type(QUESTION)
    pierre.keyboard.press("Enter")
    expect(pierre.get_by_role("list", name="Your questions")).to_contain_text(QUESTION)
    desk = come(ERIK, f"{session}/desk")
    pressed(desk, desk.get_by_role("button", name="Approve"))

    marta = come(MARTA, session)
    vote = marta.get_by_role("button", name="Upvote")
    pressed(marta, vote, "Space")
    expect(vote).to_have_accessible_name("Upvote, 1 vote")
    expect(vote).to_be_focused()

    credited(world, come(INES), PIERRE, minutes=20)
    pierre.goto("/conferences/spring/credit")
    pressed(pierre, pierre.get_by_role("checkbox"), "Space")
    pressed(pierre, pierre.get_by_role("button", name="Claim"))
    pressed(pierre, pierre.get_by_role("link", name="Public page"))
    expect(pierre.get_by_role("heading", name="This certificate is genuine")).to_be_visible()
