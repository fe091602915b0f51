"""A learner is asked whether they are still there: the card, by keyboard, without taking focus."""

import re
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.attendance import checks, ledger
from server.attendance import store as attendance
from server.attendance.rules import Counts
from server.credit.checks import store
from server.credit.policies import store as policies
from server.credit.policies.rules import Rule
from server.db import Rows
from server.rights import Role
from tests.integration.live_day import Day, a_conference, a_day, in_rows

SOON_MS = 12_000
"""Until the first check: long enough for a page to open and to give evidence."""

SEED = bytes(range(32))


@pytest.fixture
def day(tmp_path: Path) -> Generator[Day]:
    with a_conference(tmp_path) as running:
        made = a_day(*running)
        made.disclose()
        made.acknowledge(Role.LEARNER)
        yield made
        made.close()


async def _asks_soon(db: Rows, day: Day) -> None:
    """A live session whose first check for the learner is due in a moment."""
    await policies.publish(
        db, day.conference_id, after=0, effective_at=clock.now(), note="",
        rule=Rule(counts=Counts.ANY, checks_an_hour=3), person_id=day.people[Role.OFFICER],
    )  # fmt: skip
    subject = (await ledger.pseudonym(db, day.people[Role.LEARNER])).subject
    first_ms = checks.schedule(SEED, subject, an_hour=3, until_ms=checks.HOUR_MS)[0]
    from_ms = clock.now_ms() + SOON_MS - first_ms
    await agenda.set_phase(db, day.conference_id, day.session_id, Phase.LIVE)
    await attendance.turn_live(db, day.conference_id, day.session_id, live=True, at_ms=from_ms)
    await store.commit_seed(
        db, day.conference_id, day.session_id, seed=SEED, an_hour=3, at_ms=from_ms
    )


async def _later(db: Rows, day: Day) -> str:
    (put,) = (await store.of_persons(db, day.conference_id, (day.people[Role.LEARNER],))).values()
    return put[0].state.value


def test_a_check_is_announced_answered_by_keyboard_and_told(
    day: Day, new_context: Callable[..., BrowserContext]
) -> None:
    context = new_context(base_url=day.server.url)
    name, value, url = day.cookie(Role.LEARNER)
    context.add_cookies([{"name": name, "value": value, "url": url}])
    page: Page = context.new_page()
    in_rows(day.server.data, _asks_soon, day)
    page.goto(day.session)
    card = page.locator("credit-ring")
    question = page.get_by_role("textbox", name="Your question")
    question.fill("Half a sen")
    expect(card).not_to_contain_text("Still with us?")

    expect(card.locator("section.stillhere")).to_contain_text("Still with us?", timeout=45_000)
    expect(card.locator("[data-part='announce']")).to_contain_text("I am here")
    expect(question).to_be_focused()
    expect(card).to_contain_text("Up to 2 minutes left.")

    more = card.get_by_role("button", name="I need more time")
    more.focus()
    page.keyboard.press("Enter")
    expect(card).to_contain_text(re.compile("Up to [34] minutes left."))
    expect(more).to_have_count(0)

    card.get_by_role("button", name="I am here").focus()
    page.keyboard.press("Enter")
    expect(card).to_contain_text("1 of 1 check-ins done")
    expect(card.locator("section.stillhere")).to_have_count(0)
    expect(card.get_by_role("heading")).to_be_focused()
    assert in_rows(day.server.data, _later, day) == "answered"
