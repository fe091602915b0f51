"""Captions in front of people: somebody types, everybody reads along, as large as they like."""

import os
import re
import sys
from typing import Any

from playwright.sync_api import Locator, Page, expect

from server.rights import Role
from tests.browser.looks import AXE, LOOKS, NARROWEST, RUN_AXE, SETTLED, TOO_WIDE
from tests.browser.test_attendee import FIRST_SEEN
from tests.browser.test_blocked import nowhere, wall_off
from tests.browser.test_speaker import Open, conference, day, grows, on_air, opened
from tests.integration.live_day import Day
from tests.servers.waiting import eventually

__all__ = ["conference", "day", "nowhere", "opened"]

SOON_MS = 2_000
LAST_KEY = """() => addEventListener(
  "keydown", () => { window.pressed = Date.now(); }, { capture: true })"""
LINE = "So for patients above forty percent, the reduction is the same."

WHEN_SHOWN = """text => {
  const player = document.querySelector("stage-player");
  const look = () => {
    const words = player.querySelector("[data-captions='words']").textContent;
    if (words.includes(text)) window.shown ??= { playing: player.playingMs, now: Date.now() };
  };
  const everything = { subtree: true, childList: true, characterData: true };
  new MutationObserver(look).observe(player, everything);
}"""
"""What the picture was at when a line came to stand under it."""

SAME_INK = """() => {
  const [one, other] = [document.body, document.querySelector("#caption-wishes h2")];
  return getComputedStyle(one).color === getComputedStyle(other).color;
}"""
"""What lies in the top layer axe cannot compare with what is under it."""

CUT_OFF = """() => {
  const stage = document.querySelector(".stage").getBoundingClientRect();
  return [...document.querySelectorAll(".stage .controls > *")].filter((each) => {
    const box = each.getBoundingClientRect();
    return box.width > 0 && (box.right > stage.right || box.bottom > stage.bottom);
  }).map(({ outerHTML }) => outerHTML);
}"""

HEIGHT = "() => document.querySelector('live-captions').clientHeight"

NEWEST = "async session => (await (await fetch(`${session}/captions/fragment`)).json()).rows.at(-1)"


def live(day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    assert day.step("stage.go_live").status_code == 303


def words(page: Page) -> Locator:
    return page.locator("[data-captions='words']")


def cc(page: Page) -> Locator:
    return page.get_by_role("button", name="Captions", exact=True)


def captioning(opened: Open) -> tuple[Page, Locator]:
    """A moderator's desk with the captions open, and the field to write in."""
    desk = opened(Role.MODERATOR, "/desk")
    desk.get_by_role("heading", name="Captions").click()
    field = desk.get_by_label("What is said")
    expect(field).to_be_visible()
    return desk, field


def said(day: Day, text: str, language: str = "") -> None:
    form = {"text": text, "language": language}
    answer = day.as_(Role.MODERATOR).post(f"{day.session}/captions", data=form)
    assert answer.status_code == 303, answer.text


def screenshot(page: Page, name: str) -> None:
    if folder := os.environ.get("ROUNDS_LOOKS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_what_somebody_types_everybody_reads_along(opened: Open, day: Day) -> None:
    live(day)
    learner = opened(Role.LEARNER)
    cc(learner).click()
    expect(learner.get_by_text("Nobody writes captions yet.")).to_be_visible()
    desk, field = captioning(opened)
    for page, selector in ((learner, "[data-captions='words']"), (desk, "caption-desk ol")):
        page.evaluate(FIRST_SEEN, [selector, LINE])
    field.press_sequentially(LINE[:26], delay=25)
    expect(words(learner)).to_contain_text(LINE[:26])
    expect(desk.get_by_role("list", name="Last lines")).to_contain_text("…")
    field.press_sequentially(LINE[26:], delay=5)
    desk.evaluate(LAST_KEY)
    field.press("Enter")
    expect(field).to_have_value("")
    eventually(lambda: learner.evaluate("text => window.seen[text]", LINE), 10, "the whole line")
    took = learner.evaluate("text => window.seen[text]", LINE) - desk.evaluate("window.pressed")
    sys.stdout.write(f"Enter → seen: {took} ms\n")
    assert took < SOON_MS
    expect(desk.get_by_role("list", name="Last lines")).not_to_contain_text("…")

    desk.get_by_role("button", name=f"Correct: {LINE}").click()
    correcting = desk.get_by_label("The line as it should be")
    expect(correcting).to_be_focused()
    correcting.fill(LINE.replace("forty", "50"))
    correcting.press("Enter")
    expect(words(learner)).to_contain_text("50 percent")
    expect(field).to_be_focused()

    field.press("ArrowUp")
    expect(correcting).to_be_focused()
    expect(correcting).to_have_value(LINE.replace("forty", "50"))
    correcting.press("Escape")
    expect(correcting).to_be_hidden()
    expect(field).to_be_focused()

    late = opened(Role.LEARNER)
    late.keyboard.press("c")
    expect(words(late)).to_contain_text("50 percent")
    with desk.expect_popup() as opening:
        desk.get_by_role("button", name="Let a program write them").click()
    program = opening.value
    expect(program.get_by_label("Bearer token")).not_to_have_value("")
    program.context.grant_permissions(["clipboard-read", "clipboard-write"])
    program.get_by_role("button", name="Copy").last.click()
    expect(program.get_by_text("Copied.")).to_be_visible()
    assert held(program, "token") == []
    with desk.expect_download() as coming:
        desk.get_by_role("link", name="Transcript (WebVTT)").click()
    text = coming.value.path().read_text()
    assert text.startswith("WEBVTT\n")
    assert text.count(" --> ") == 1
    assert "50 percent" in text


def test_captions_are_off_or_on_as_this_browser_was_told(opened: Open, day: Day) -> None:
    live(day)
    said(day, "Good morning.")
    learner = opened(Role.LEARNER)
    expect(cc(learner)).to_have_attribute("aria-pressed", "false")
    expect(words(learner)).to_be_hidden()
    learner.get_by_role("textbox", name="Your question").press_sequentially("c")
    expect(words(learner)).to_be_hidden()
    cc(learner).focus()
    learner.keyboard.press("c")
    expect(words(learner)).to_have_text("Good morning.")
    expect(cc(learner)).to_have_attribute("aria-pressed", "true")
    learner.reload()
    expect(words(learner)).to_have_text("Good morning.")
    said(day, "Nobody follows who does not look.")
    expect(words(learner)).to_contain_text("Nobody follows")
    learner.keyboard.press("c")
    expect(words(learner)).to_be_hidden()
    said(day, "This came meanwhile.")
    learner.keyboard.press("c")
    expect(words(learner)).to_contain_text("This came meanwhile.")


def test_size_language_and_a_screen_reader_are_chosen(opened: Open, day: Day) -> None:
    live(day)
    said(day, "Good morning.")
    learner = opened(Role.LEARNER, locale="en-GB")
    learner.keyboard.press("c")
    wishes = learner.get_by_role("button", name="How captions are shown")
    wishes.click()
    dialog = learner.get_by_role("dialog", name="Captions")
    expect(dialog.get_by_label("Language")).to_be_hidden()
    sizes = []
    for size in ("Small", "Medium", "Large"):
        dialog.get_by_text(size).click()
        sizes.append(words(learner).evaluate("each => parseFloat(getComputedStyle(each).fontSize)"))
    assert sizes == sorted(set(sizes))
    assert sizes[2] >= 1.5 * sizes[0]

    aloud = learner.locator("[data-captions='aloud']")
    expect(aloud).to_have_attribute("aria-live", "off")
    expect(words(learner)).to_have_attribute("aria-live", "off")
    dialog.get_by_label("Have them read").check()
    expect(aloud).to_have_attribute("aria-live", "polite")
    expect(aloud).to_be_empty()
    dialog.get_by_role("button", name="Done").click()
    said(day, "This is read.")
    expect(aloud).to_have_text("This is read.")

    said(day, "Guten Morgen.", "de")
    wishes.click()
    expect(dialog.get_by_label("Language").get_by_role("option")).to_have_text(
        ["Deutsch", "English"]
    )
    dialog.get_by_label("Language").select_option("Deutsch")
    dialog.get_by_role("button", name="Done").click()
    expect(words(learner)).to_have_text("Guten Morgen.")
    expect(words(learner)).to_have_attribute("lang", "de")
    learner.reload()
    expect(words(learner)).to_have_text("Guten Morgen.")
    expect(learner.locator("live-captions")).to_have_attribute("data-size", "large")


def test_a_line_takes_the_room_of_the_one_before(opened: Open, day: Day) -> None:
    """What stands below does not move while one says more, whichever the size and the width."""
    live(day)
    learner = opened(Role.LEARNER)
    learner.set_viewport_size(NARROWEST)
    learner.keyboard.press("c")
    learner.get_by_role("button", name="How captions are shown").click()
    learner.get_by_text("Large").click()
    learner.get_by_role("button", name="Done").click()
    said(day, "So it is.")
    expect(words(learner)).to_have_text("So it is.")
    height = learner.evaluate(HEIGHT)
    said(day, "And so is this.")
    expect(words(learner)).to_have_text("So it is. And so is this.")
    said(day, LINE)
    expect(words(learner)).to_have_text(LINE)
    assert learner.evaluate(HEIGHT) == height


def test_a_talk_is_not_read_before_its_disclosure(opened: Open, day: Day) -> None:
    day.disclose()
    day.step("stage.go_live")
    said(day, "The first minutes.")
    learner = opened(Role.LEARNER)
    learner.keyboard.press("c")
    expect(cc(learner)).to_have_attribute("aria-pressed", "true")
    expect(words(learner)).to_be_hidden()
    learner.get_by_role("button", name="I have read this").click()
    expect(words(learner)).to_be_visible()


def test_captions_go_along_with_sound_alone(opened: Open, day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    studio = opened(Role.FACULTY, "/studio?codec=vp8")
    learner = opened(Role.LEARNER)
    on_air(studio)
    grows(learner)
    learner.keyboard.press("c")
    learner.get_by_role("button", name="Audio only").click()
    expect(learner.locator("stage-player[data-view=audio]")).to_be_visible()
    studio.get_by_role("heading", name="Captions").click()
    studio.get_by_label("What is said").fill(LINE)
    studio.get_by_label("What is said").press("Enter")
    expect(words(learner)).to_have_text(LINE)
    assert held(studio, "studio") == []
    learner.get_by_role("button", name="Audio only").click()
    expect(learner.locator("stage-player[data-view=picture]")).to_be_visible()
    for width in (1440, 360, 320):
        learner.set_viewport_size({"width": width, "height": 740})
        assert learner.evaluate(CUT_OFF) == [], "every control is within the stage"


def test_over_https_words_wait_for_the_picture(opened: Open, day: Day, nowhere: int) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    studio = opened(Role.FACULTY, "/studio?codec=h264")
    on_air(studio)
    direct, blocked = opened(Role.LEARNER), opened(Role.LEARNER, "/state")
    wall_off(blocked, nowhere)
    blocked.goto(day.server.url + day.session)
    expect(blocked.get_by_text("The picture comes over HTTPS")).to_be_visible(timeout=20_000)
    for page in (direct, blocked):
        grows(page)
        cc(page).click()
        page.evaluate(WHEN_SHOWN, LINE)
    said(day, LINE)
    for page in (direct, blocked):
        eventually(lambda page=page: page.evaluate("window.shown"), 15, "the line")  # type: ignore[misc]
    line: dict[str, Any] = blocked.evaluate(NEWEST, day.session)
    late, soon = blocked.evaluate("window.shown"), direct.evaluate("window.shown")
    sys.stdout.write(f"after it was said: {late['now'] - line['ended_ms']} ms over HTTPS, ")
    sys.stdout.write(f"{soon['now'] - line['ended_ms']} ms directly\n")
    assert 0 <= late["playing"] - line["ended_ms"] < 1_000, "with the picture of the moment"
    assert late["now"] - line["ended_ms"] > 1_000, "which is that late"
    assert soon.get("playing") is None
    assert soon["now"] - line["ended_ms"] < late["now"] - line["ended_ms"]


def test_pages_with_captions_hold(opened: Open, day: Day) -> None:
    live(day)
    for text in ("Good morning, and welcome to this session.", LINE, "Thank you."):
        said(day, text)
    said(day, "Guten Morgen.", "de")
    learner, (desk, field) = opened(Role.LEARNER, locale="en-GB"), captioning_open(opened)
    learner.keyboard.press("c")
    field.press_sequentially("And that is what", delay=20)
    expect(words(learner)).to_contain_text("And that is what")
    wrong = [*held(learner, "session"), *held(desk, "desk")]
    learner.get_by_role("button", name="How captions are shown").click()
    learner.get_by_text("Large").click()
    wrong += held(learner, "wishes")
    assert learner.evaluate(SAME_INK), "the dialog has the page's letters, not the stage's"
    learner.get_by_role("button", name="Done").click()
    wrong += held(learner, "large")
    assert wrong == []


def captioning_open(opened: Open) -> tuple[Page, Locator]:
    """With lines in it the desk's captions are open from the start."""
    desk = opened(Role.MODERATOR, "/desk")
    field = desk.get_by_label("What is said")
    expect(field).to_be_visible()
    return desk, field


def held(page: Page, name: str) -> list[str]:
    """What is wrong with the page as it stands: light and dark, wide and narrow."""
    wrong = []
    page.evaluate(AXE)
    for scheme, size in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        eventually(lambda: page.evaluate(SETTLED), 30, "the page holds still")
        screenshot(page, f"captions-{name}-{size['width']}")
        wrong += [f"{name} {scheme}: {each}" for each in page.evaluate(RUN_AXE)]
    page.set_viewport_size(NARROWEST)
    if (over := page.evaluate(TOO_WIDE)) > 0:
        wrong.append(f"{name}: {over} px wider than {NARROWEST['width']}")
    return wrong


def test_without_scripts_captions_are_written_and_read(opened: Open, day: Day) -> None:
    live(day)
    desk = opened(Role.MODERATOR, "/desk", java_script_enabled=False)
    desk.get_by_role("heading", name="Captions").click()
    desk.get_by_label("What is said").fill("Good morning.")
    desk.get_by_role("button", name="Send").click()
    expect(desk).to_have_url(re.compile("/desk#captions$"))
    expect(desk.get_by_label("A line as it should be")).to_have_value("Good morning.")
    learner = opened(Role.LEARNER, java_script_enabled=False)
    still = learner.locator("noscript .cc")
    expect(still).to_be_visible()
    expect(still).to_have_text("Good morning.")
