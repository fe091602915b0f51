"""The moderator's journey: the desk by keyboard, an undo, a second moderator beside it."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.world import ERIK, JONAS, LENA, MARTA, Come, World

QUESTIONS = (
    "How soon after the procedure may anticoagulation stop?",
    "Is a device leak of 3 mm a reason to go on?",
    "My uncle had one in May, what should he take?",
)


def asked(learner: Page, session: str, text: str) -> None:
    learner.goto(session)
    learner.get_by_role("textbox", name="Your question").fill(text)
    learner.get_by_role("textbox", name="Your question").press("Enter")
    expect(learner.get_by_role("list", name="Your questions")).to_contain_text(text)


def listed(desk: Page, name: str) -> Locator:
    return desk.get_by_role("list", name=f"{name} questions").get_by_role("listitem")


def tab(desk: Page, name: str) -> Locator:
    return desk.get_by_role("tablist", name="Lists of questions").get_by_role("tab", name=name)


def test_the_desk_by_keyboard_alone(world: World, come: Come) -> None:
    session = world.session("Anticoagulation")
    marta, jonas = come(MARTA), come(JONAS)
    asked(marta, session, QUESTIONS[0])
    asked(marta, session, QUESTIONS[1])
    asked(jonas, session, QUESTIONS[2])
    desk, other = come(ERIK, f"{session}/desk"), come(LENA, f"{session}/desk")
    for page in (desk, other):
        expect(listed(page, "Waiting")).to_have_count(3)
    order = [row.locator("p").inner_text() for row in listed(desk, "Waiting").all()]
    press = desk.keyboard.press

    press("ArrowDown")
    expect(listed(desk, "Waiting").nth(1)).to_be_focused()
    press("ArrowUp")
    expect(listed(desk, "Waiting").nth(0)).to_be_focused()
    press("a")
    expect(listed(desk, "Waiting")).to_have_count(2)
    expect(listed(other, "Waiting")).to_have_count(2)
    expect(tab(other, "Approved")).to_contain_text("1")
    expect(jonas.locator("question-panel")).to_contain_text(order[0])

    press("u")
    expect(listed(desk, "Waiting")).to_have_count(3)
    expect(listed(other, "Waiting")).to_have_count(3)
    expect(jonas.get_by_role("list", name="Questions", exact=True)).to_have_count(0)

    dismissed(desk, other, jonas)
    answered(desk, other, marta)


def chosen(desk: Page, text: str) -> None:
    """The arrows lead to a row."""
    row = desk.locator("question-desk li", has_text=text)
    for _ in range(3):
        desk.keyboard.press("ArrowUp")
    for _ in range(3):
        if row.get_attribute("aria-current") == "true":
            break
        desk.keyboard.press("ArrowDown")
    expect(row).to_be_focused()


def dismissed(desk: Page, other: Page, jonas: Page) -> None:
    chosen(desk, QUESTIONS[2])
    desk.keyboard.press("d")
    reasons = desk.get_by_role("group", name="Dismiss: the author is told why")
    expect(reasons.get_by_role("button", name="Off topic")).to_be_focused()
    for _ in range(3):
        desk.keyboard.press("Tab")
    expect(reasons.get_by_role("button", name="Not a question")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(listed(other, "Waiting")).to_have_count(2)
    expect(tab(other, "Dismissed")).to_contain_text("1")
    own = jonas.get_by_role("list", name="Your questions")
    expect(own).to_contain_text("Not taken")
    expect(own).to_contain_text("Not a question")


def answered(desk: Page, other: Page, marta: Page) -> None:
    chosen(desk, QUESTIONS[1])
    desk.keyboard.press("Enter")
    for page in (desk, other):
        expect(page.locator("question-desk .answering")).to_contain_text(QUESTIONS[1])
    row = marta.locator("question-panel li", has_text=QUESTIONS[1])
    expect(row).to_contain_text("Answering now")
    # Done by the second moderator: neither desk owns what it began.
    other.get_by_role("button", name="Done").click()
    expect(desk.locator("question-desk .answering")).to_have_count(0)
    expect(tab(desk, "Answered")).to_contain_text("1")
    expect(row).to_contain_text("Answered")
