"""The organiser's journey: a session over a change of the clocks, an import, a guest, the log."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from tests.browser.world import INES, Come, World

OFFICE = "/conferences/spring/office"
TITLE = "Night shift: the hour that is missing"
GUEST = "greta.holm@example.org"


def test_a_session_is_made_and_moved_over_the_change_of_the_clocks(come: Come) -> None:
    """In the night to 28 March 2027 Paris has no hour from two to three."""
    organiser = come(INES, f"{OFFICE}/programme")
    organiser.get_by_role("link", name="New session").click()
    for label, value in {
        "Title": TITLE,
        "Starts": "2027-03-28T00:30",
        "Ends": "2027-03-28T01:30",
        "Hall": "Hall N",
        "Designated minutes": "60",
    }.items():
        organiser.get_by_label(re.compile(f"^{label}( optional)?$")).fill(value)
    organiser.get_by_role("button", name="Add session").click()
    expect(organiser.get_by_text("The session is in the programme.")).to_be_visible()

    organiser.get_by_label("Ends").fill("2027-03-28T02:30")
    organiser.get_by_label("Ends").press("Enter")
    expect(organiser.get_by_text("Not saved yet.")).to_be_visible()
    expect(organiser.get_by_label("Ends")).to_have_attribute("aria-invalid", "true")
    expect(organiser.get_by_role("textbox", name="Title", exact=True)).to_have_value(TITLE)
    organiser.get_by_label("Ends").fill("2027-03-28T03:30")
    organiser.get_by_label("Ends").press("Enter")
    expect(organiser.get_by_text("Open pages follow at once.")).to_be_visible()

    organiser.get_by_role("link", name="Session page").click()
    line = organiser.locator(".lede .meta")
    expect(line).to_contain_text("00:30–03:30 CEST")
    starts, ends = (
        datetime.fromisoformat(each.get_attribute("datetime") or "")
        for each in line.locator("time:not([data-shape=day])").all()
    )
    assert (ends - starts).total_seconds() == 2 * 3600, "three hours on the wall, two that pass"

    far = come(None, timezone_id="America/New_York")
    far.goto("/conferences/spring?day=2027-03-27")  # a night belongs to the day before it
    talk = far.locator(".slot", has_text=TITLE)
    expect(talk).to_contain_text("00:30–03:30")
    far.locator("time-zone").get_by_role("button").click()
    here = [each.astimezone(ZoneInfo("America/New_York")) for each in (starts, ends)]
    expect(talk).to_contain_text(f"{here[0]:%H:%M}–{here[1]:%H:%M}")


def previewed(organiser: Page, path: object) -> None:
    organiser.goto(f"{OFFICE}/import")
    organiser.get_by_label("File").set_input_files(str(path))
    organiser.get_by_role("button", name="Show what would change").click()


def test_a_file_is_imported_once_and_changes_nothing_the_second_time(
    world: World, come: Come
) -> None:
    """The second time on the page and on the console."""
    path = world.server.data / "programme.json"
    organiser = come(INES)
    previewed(organiser, path)
    expect(organiser.get_by_text("Nothing: the programme is already as the file")).to_be_visible()
    expect(organiser.get_by_role("button", name="Import these changes")).to_have_count(0)
    assert world.console.say(["import", str(path), "--conference", "spring"]) == ["no changes"]

    changed = world.server.data / "changed.json"
    changed.write_text(path.read_text().replace("Exercise after", "Sport after"))
    previewed(organiser, changed)
    expect(organiser.get_by_role("list", name="Changes")).to_contain_text("Sport after")
    organiser.get_by_role("button", name="Import these changes").click()
    expect(organiser.get_by_text("The programme is as the file has it.")).to_be_visible()
    previewed(organiser, changed)
    expect(organiser.get_by_text("Nothing: the programme is already as the file")).to_be_visible()


def test_a_guest_is_invited_and_everything_is_in_the_log(world: World, come: Come) -> None:
    organiser = come(INES, f"{OFFICE}/people")
    organiser.get_by_label("E-mail address").fill(GUEST)
    organiser.get_by_label("Role").select_option("officer")
    organiser.get_by_role("button", name="Invite").click()
    expect(organiser.get_by_role("table")).to_contain_text(GUEST)

    guest = come(None, world.mailed(GUEST))
    guest.get_by_role("button", name="Enter").click()
    guest.get_by_role("textbox", name="Name", exact=True).fill("Greta Holm")
    guest.get_by_label("Profession").select_option("other")
    guest.get_by_role("button", name="Save").click()
    guest.get_by_role("navigation", name="Conference").get_by_role("link", name="Office").click()
    expect(guest.get_by_role("heading", level=1)).to_be_visible()
    assert guest.request.get(f"{OFFICE}/people").status == 403, "an officer manages nobody"

    organiser.get_by_role("navigation", name="Office").get_by_role("link", name="Audit").click()
    log = organiser.get_by_role("table")
    granted = log.get_by_role("row").filter(has_text="Granted a role").filter(has_text="Greta Holm")
    expect(granted).to_contain_text("Ines Moreau")
    expect(granted).to_contain_text("role: officer")
