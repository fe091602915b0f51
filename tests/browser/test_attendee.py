"""The attendees' journey: picture, questions, polls and credit, up to the certificate."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pypdfium2
from playwright.sync_api import Page, WebSocket, expect

from tests.browser.looks import complaints, looked_at
from tests.browser.world import (
    AMARA,
    ERIK,
    INES,
    JONAS,
    MARTA,
    NUNO,
    Come,
    World,
    credited,
    designated,
    disclosed,
    grows,
    on_air,
)
from tests.servers.waiting import eventually

TEXT = "Dr Okafor has received research support from Halvorsen Therapeutics."
QUESTION = "Does the benefit hold below an eGFR of 20?"
POLL = "Which agent would you start first?"

FIRST_SEEN = """([selector, text]) => {
  window.seen = {};
  const look = () => {
    for (const { textContent } of document.querySelectorAll(selector)) {
      if (textContent.includes(text)) window.seen[text] ??= Date.now();
    }
  };
  const everything = { subtree: true, childList: true, characterData: true };
  new MutationObserver(look).observe(document.body, everything);
}"""
LAST_PRESS = (
    """() => addEventListener("click", () => { window.pressed = Date.now(); }, { capture: true })"""
)

TRACKS = """() => document.querySelector("video").srcObject.getTracks().map(({ kind }) => kind)"""
HEARD_ON = """() => document.querySelector("video").currentTime > window.before + 0.5"""

HYPHEN_AT_LINE_END = "\ufffe"  # how the extractor gives it back

Record = Callable[[str, object], None]

SOON_MS = 5_000
"""What a machine full of other tests may take; the figure is printed."""


@dataclass
class Heard:
    """Everything that came down this page's sockets."""

    frames: list[str]

    def said(self, text: str) -> bool:
        return any(text in frame for frame in self.frames)


def heard(page: Page) -> Heard:
    """From the next page on."""
    found = Heard([])

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: found.frames.append(str(payload)))

    page.on("websocket", listen)
    return found


def soon(record_property: Record, what: str, ms: int) -> None:
    sys.stdout.write(f"{what} → seen: {ms} ms\n")
    record_property(f"{what} → seen, ms", ms)
    assert ms <= SOON_MS


def took(actor: Page, seer: Page, text: str) -> int:
    """Milliseconds from the actor's press to the seer's page showing it."""
    return int(seer.evaluate("text => window.seen[text]", text)) - int(
        actor.evaluate("() => window.pressed")
    )


def test_a_session_from_the_first_picture_to_the_last_answer(
    world: World, come: Come, record_property: Record
) -> None:
    session = world.session("SGLT2")
    designated(come(INES), session, 45)
    disclosed(come(NUNO), session, TEXT)
    studio = come(AMARA, f"{session}/studio?codec=vp8")
    marta, jonas = come(MARTA), come(JONAS)
    to_jonas = heard(jonas)
    for learner in (marta, jonas):
        learner.goto(session)
        learner.get_by_role("button", name="I have read this").click()
    on_air(studio)
    for learner in (marta, jonas):
        grows(learner)
    without_pictures(jonas)

    desk = come(ERIK, f"{session}/desk")
    speaker = come(AMARA, f"{session}/desk")
    asked_and_answered((marta, jonas), desk, speaker, to_jonas, record_property)
    polled(marta, jonas, desk)
    on_record(marta, session)
    ended(marta, studio)


def without_pictures(jonas: Page) -> None:
    """Sound alone, as long as he likes: no picture is even sent."""
    jonas.get_by_role("button", name="Audio only").click()
    for _ in range(2):
        expect(jonas.locator("stage-player[data-view=audio]")).to_be_visible(timeout=20_000)
        expect(jonas.get_by_text("No picture is sent to you")).to_be_visible()
        eventually(lambda: jonas.evaluate(TRACKS) == ["audio"], what="sound without a picture")
        jonas.locator(".turn-on").click()
        jonas.evaluate("() => { window.before = document.querySelector('video').currentTime; }")
        eventually(lambda: jonas.evaluate(HEARD_ON), what="the sound goes on")
        jonas.reload()
    jonas.get_by_role("button", name="Audio only", pressed=True).click()
    grows(jonas)
    expect(jonas.locator("stage-player[data-view=picture]")).to_be_visible()


def asked_and_answered(
    learners: tuple[Page, Page],
    desk: Page,
    speaker: Page,
    to_jonas: Heard,
    record_property: Record,
) -> None:
    """A question on its way through the session; only what was approved reaches the others."""
    marta, jonas = learners
    marta.get_by_role("textbox", name="Your question").fill(QUESTION)
    marta.get_by_role("button", name="Send question").click()
    expect(marta.get_by_role("list", name="Your questions")).to_contain_text(QUESTION)
    waiting = desk.locator("question-desk li", has_text=QUESTION)
    expect(waiting).to_contain_text("Marta Ruiz")
    assert not to_jonas.said(QUESTION), "nobody but the desk knows it before it is approved"
    expect(jonas.get_by_text(QUESTION)).to_have_count(0)

    jonas.evaluate(FIRST_SEEN, ["question-panel li", QUESTION])
    desk.evaluate(LAST_PRESS)
    waiting.get_by_role("button", name="Approve").click()
    shown = jonas.locator("question-panel li", has_text=QUESTION)
    expect(shown).to_be_visible()
    soon(record_property, "approved", took(desk, jonas, QUESTION))
    assert to_jonas.said(QUESTION)

    shown.get_by_role("button", name="Upvote").click()
    for learner in (marta, jonas):
        votes = learner.locator("question-panel li", has_text=QUESTION).locator(".vote")
        expect(votes).to_have_accessible_name("Upvote, 1 vote")

    speaker.evaluate(LAST_PRESS)
    for page in learners:
        page.evaluate(FIRST_SEEN, ["question-panel li", "Answering now"])
    approved = speaker.locator("question-desk li", has_text=QUESTION)
    approved.get_by_role("button", name="Answer now").click()
    for page in learners:
        expect(page.locator("question-panel li", has_text=QUESTION)).to_contain_text(
            "Answering now"
        )
        soon(record_property, "answering now", took(speaker, page, "Answering now"))
    for run in (desk, speaker):
        expect(run.locator("question-desk .answering")).to_contain_text(QUESTION)


def polled(marta: Page, jonas: Page, desk: Page) -> None:
    """A poll is written, opened, answered by both; its bars move in front of everybody."""
    desk.get_by_text("New poll", exact=True).click()
    desk.get_by_label("Question", exact=True).fill(POLL)
    desk.get_by_label("Answers, one a line").fill("Empagliflozin\nDapagliflozin\nNeither")
    desk.get_by_role("button", name="Save as draft").click()
    written = desk.get_by_role("region", name=f"Poll: {POLL}")
    written.get_by_role("button", name="Open poll").click()
    expect(written).to_contain_text("Poll is open")
    written.get_by_role("button", name="Show result").click()
    for learner, choice in ((marta, "Empagliflozin"), (jonas, "Dapagliflozin")):
        poll = learner.get_by_role("tabpanel").get_by_role("region", name="Live poll")
        poll.get_by_role("radio", name=choice).check()
        poll.get_by_role("button", name="Answer").click()
    for page in (marta, jonas):
        poll = page.get_by_role("tabpanel").get_by_role("region", name="Live poll")
        for choice in ("Empagliflozin", "Dapagliflozin"):
            expect(poll.locator(".bar", has_text=choice)).to_have_attribute("data-percent", "50")
    expect(written).to_contain_text("2 answers")


def on_record(marta: Page, session: str) -> None:
    """The ring follows what is on record."""
    ring = marta.locator("credit-ring")
    expect(ring.get_by_text(re.compile(r"On record until \d\d:\d\d:\d\d"))).to_be_visible()

    def until() -> int:
        standing = marta.request.get(f"{session}/standing").json()
        return int(standing["recorded_until_ms"] or 0)

    before, shown = until(), ring.get_by_text("On record until").inner_text()
    eventually(lambda: until() > before, 40, "more time on record")
    expect(ring.get_by_text("On record until")).not_to_have_text(shown)


def ended(marta: Page, studio: Page) -> None:
    studio.get_by_role("button", name="End the session").click()
    studio.get_by_role("dialog").get_by_role("button", name="End the session").click()
    expect(marta.get_by_text("This session is over")).to_be_visible()


def printed(page: Page) -> str:
    """The words of the certificate that this page offers, on one line."""
    with page.expect_download() as coming:
        page.get_by_role("link", name=re.compile("Download certificate")).click()
    with pypdfium2.PdfDocument(coming.value.path()) as document:
        text = document[0].get_textpage().get_text_range()
    return " ".join(text.replace(HYPHEN_AT_LINE_END, "-").split())


def claimed(page: Page) -> None:
    page.goto("/conferences/spring/credit")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_role("link", name="Public page")).to_be_visible()


def verified(page: Page) -> dict[str, str]:
    """What the public page says, read by a stranger."""
    page.goto("/conferences/spring/credit")
    page.get_by_role("link", name="Public page").click()
    expect(page.get_by_role("heading", name="This certificate is genuine")).to_be_visible()
    terms = page.locator("dl.dl dt").all_inner_texts()
    return dict(zip(terms, page.locator("dl.dl dd").all_inner_texts(), strict=True))


def test_a_claim_makes_a_certificate_that_anybody_can_verify(world: World, come: Come) -> None:
    credited(world, come(INES), MARTA, minutes=40)
    marta = come(MARTA)
    claimed(marta)
    paper = printed(marta)
    public = verified(marta)
    assert public["Name"] == "Marta Ruiz, MD"
    assert public["Awarded"] == "0.75 AMA PRA Category 1 Credit(s)™"
    for said in (public["Number"], public["Name"], public["Activity"], public["Awarded"]):
        assert said in paper
    assert marta.url.removeprefix("http://").replace("/", "") in paper.replace(" ", "").replace(
        "/", ""
    )
    stranger = come(None)
    assert looked_at(stranger, marta.url, complaints(stranger)) == []
    expect(stranger.get_by_text(public["Number"])).to_be_visible()


def test_a_nurse_is_certified_participation_and_no_physicians_credit(
    world: World, come: Come
) -> None:
    credited(world, come(INES), JONAS, minutes=40)
    jonas = come(JONAS)
    claimed(jonas)
    paper = printed(jonas)
    public = verified(jonas)
    assert "Certificate of participation" in paper
    assert "is awarded" not in paper
    assert "Awarded" not in public
    assert public["Participation"] == "0.75 hours"
    assert public["Name"] == "Jonas Weber, RN"
    assert public["Name"] in paper
