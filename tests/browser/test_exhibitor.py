"""The exhibitor's journey: a visitor waits, talks and hands over a badge; until then, no name."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Download, Locator, Page, Request, WebSocket, expect

from tests.browser.world import SLUG, Come, Person, World

PETRA = Person(name="Petra Novak", role="learner")
DANIEL = Person(name="Daniel Mensah", role="exhibitor", degree="", profession="other")
STANDS = {
    "content/stands/cardivue.md": {
        "front_matter": {
            "title": "Cardivue",
            "description": "Twelve-lead ECG that reads itself.",
            "themes": ["Devices"],
        }
    },
    "content/stands/pulmora.md": {"front_matter": {"title": "Pulmora", "themes": ["Imaging"]}},
}


def founded(world: World, folder: Path) -> None:
    """A hall from a file of stands, and a visitor to it."""
    file = folder / "stands.json"
    file.write_text(json.dumps(STANDS))
    world.console.say(["import", str(file), "--conference", SLUG])
    world.console.say(["grant", PETRA.mail, "learner", "--conference", SLUG])


def everything_sent_to(page: Page) -> Callable[[], str]:
    """All frames and all bodies that this page was sent, from now on."""
    frames: list[str] = []
    requests: list[Request] = []

    def opened(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: frames.append(str(payload)))

    def answered(request: Request) -> None:
        if "/assets/" not in request.url:
            requests.append(request)

    page.on("websocket", opened)
    page.on("requestfinished", answered)

    def collected() -> str:
        responses = [request.response() for request in requests]
        bodies = [each.text() for each in responses if each and each.status == 200]
        return "\n".join(frames + bodies)

    return collected


def exported(desk: Page) -> list[dict[str, str]]:
    with desk.expect_download() as waiting:
        desk.get_by_role("link", name="Export").click()
    download: Download = waiting.value
    raw = Path(download.path()).read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(raw, newline="")))


def test_a_visitor_has_no_name_until_they_hand_over_their_badge(
    world: World, come: Come, tmp_path: Path
) -> None:
    founded(world, tmp_path)
    visitor = come(PETRA, f"/conferences/{SLUG}/hall")
    card = found_in_the_hall(visitor)
    booth = str(card.get_attribute("data-booth"))
    world.console.say(["grant", DANIEL.mail, "exhibitor", "--conference", SLUG, "--booth", booth])

    # Opening the desk is being there: the hall says so without a reload.
    staff = come(DANIEL)
    sent = everything_sent_to(staff)
    staff.goto(f"/booths/{booth}/desk")
    expect(staff.get_by_text("Nobody is waiting.")).to_be_visible()
    expect(card.get_by_text("1 at booth, no wait")).to_be_visible()

    visitor.get_by_role("link", name="Cardivue").click()
    expect(visitor.get_by_text("Daniel", exact=True)).to_be_visible()
    talk(visitor, staff)
    told = sent()
    assert "ECG in atrial flutter" in told, "the search sees what there is to see"
    for canary in ("Petra", "Novak", PETRA.mail):
        assert canary not in told

    number = hand_over(visitor)
    receipt = staff.get_by_role("status", name="New consent receipt")
    expect(receipt.get_by_text("Petra Novak, MD")).to_be_visible()
    expect(receipt.get_by_text(number)).to_be_visible()
    (row,) = exported(staff)
    assert (row["Name"], row["E-mail address"]) == ("Petra Novak, MD", "")
    assert row["Receipt"] == number
    assert PETRA.mail not in sent()

    # Withdrawn, it is gone from the desk and from the file.
    visitor.get_by_role("button", name="Withdraw").click()
    expect(visitor.locator("#receipts").get_by_text("Withdrawn", exact=True)).to_be_visible()
    expect(staff.get_by_text("Details removed")).to_be_visible()
    expect(staff.get_by_text("Petra")).to_have_count(0)
    assert exported(staff) == []

    # The talk ends for both; who steps away is seen to be away.
    staff.get_by_role("button", name="End the talk").click()
    expect(visitor.get_by_role("button", name="Talk to someone")).to_be_visible()
    staff.get_by_role("button", name="Step away").click()
    expect(visitor.get_by_text("Nobody right now.")).to_be_visible()


def found_in_the_hall(visitor: Page) -> Locator:
    """Searched, filtered, and nobody there yet; the booth's card."""
    expect(visitor.get_by_text("Kept apart from accredited education.")).to_be_visible()
    visitor.get_by_label("Find an exhibitor").fill("pulm")
    expect(visitor.get_by_role("heading", name="Cardivue")).to_be_hidden()
    visitor.get_by_label("Find an exhibitor").fill("")
    visitor.get_by_role("link", name=re.compile("^Devices")).click()
    expect(visitor.get_by_role("heading", name="Pulmora")).to_be_hidden()
    card = visitor.locator("[data-booth]").filter(has_text="Cardivue")
    expect(card.get_by_text("Leave a message")).to_be_visible()
    return card


def talk(visitor: Page, staff: Page) -> None:
    """Out of the queue, and a line from each side."""
    visitor.get_by_label("What about").fill("ECG in atrial flutter")
    visitor.get_by_role("button", name="Talk to someone").click()
    expect(visitor.get_by_text("You are number 1")).to_be_visible()
    waiting = staff.locator("desk-queue li").filter(has_text="ECG in atrial flutter")
    expect(waiting.get_by_text("A visitor")).to_be_visible()
    waiting.get_by_role("button", name="Take", exact=True).click()
    expect(visitor.get_by_text("Daniel is with you.")).to_be_visible()
    visitor.get_by_label("Write to Cardivue").fill("Does it read with gloves on?")
    visitor.get_by_label("Write to Cardivue").press("Enter")
    expect(staff.locator("desk-talk").get_by_text("gloves on?")).to_be_visible()
    staff.get_by_label("Write to this visitor").fill("It does.")
    staff.get_by_label("Write to this visitor").press("Enter")
    expect(visitor.get_by_text("It does.")).to_be_visible()


def hand_over(visitor: Page) -> str:
    """Nothing is ticked; only the name is handed over. The receipt's number."""
    badge = visitor.locator("#badge")
    expect(badge.locator("input:checked")).to_have_count(0)
    badge.get_by_label("Name").check()
    badge.get_by_label("For").select_option("demo")
    badge.get_by_role("button", name="Hand over my badge").click()
    expect(visitor.get_by_role("heading", name="My receipts")).to_be_visible()
    return visitor.locator("#receipts code").first.inner_text()


def test_an_exhibitor_sees_no_session_and_no_other_desk(
    world: World, come: Come, tmp_path: Path
) -> None:
    founded(world, tmp_path)
    hall = come(PETRA, f"/conferences/{SLUG}/hall")
    cards = hall.locator("[data-booth]")
    expect(cards).to_have_count(len(STANDS))
    own, other = (str(cards.nth(at).get_attribute("data-booth")) for at in (0, 1))
    world.console.say(["grant", DANIEL.mail, "exhibitor", "--conference", SLUG, "--booth", own])
    staff = come(DANIEL)
    allowed = {f"/booths/{own}/desk", f"/booths/{own}", f"/booths/{other}"}
    refused = {f"/booths/{other}/desk", world.session("Imaging"), f"/conferences/{SLUG}/office"}
    for path in allowed | refused:
        answer = staff.request.get(path, headers={"accept": "text/html"}, max_redirects=0)
        assert (answer.status == 200) is (path in allowed), (path, answer.status)
