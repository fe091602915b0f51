"""The strip follows a learner: a tab closed, a phone, a booth visit, a missed check, an outage.

The beats of the last moments are sent by real browsers. What takes minutes is put into rows, as the
server would have written it; so is the moment at which a check was asked, and the server itself
finds that nobody answered in time. The rule in force counts every beat, so no picture is needed.
"""

import re
from collections.abc import Callable, Generator
from itertools import pairwise
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.attendance import checks, ledger
from server.attendance import store as attendance
from server.attendance.rules import Counts
from server.attendance.store import Evidence
from server.credit.checks import store
from server.credit.corrections import store as corrections
from server.credit.corrections.rules import Cause, Incident
from server.credit.policies import store as policies
from server.credit.policies.rules import Rule
from server.db import Rows
from server.exhibits.store import Booth
from server.ids import new_id
from server.rights import Role
from tests.browser.looks import complaints, looked_at
from tests.integration.live_day import Day, a_conference, a_day, in_rows
from tests.servers.waiting import eventually

SEED = bytes(range(32))
MINUTE = 60_000
MISSED_AGO_MS = 126_000
"""Longer than anybody has to answer: the server lets it lapse as soon as it looks."""

LAST_ROW_AGO_MS = 100_000
DRAWN_MS = 1_500
"""A stretch under a second is not drawn."""

SECONDS = 180
"""Half a minute of silence is waited for in it, and other tests share the machine."""

CREDIT = "/conferences/cardio/credit"


@pytest.fixture
def day(tmp_path: Path) -> Generator[Day]:
    with a_conference(tmp_path) as running:
        made = a_day(*running)
        made.disclose()
        made.acknowledge(Role.LEARNER)
        yield made
        made.close()


async def _watched_so_far(db: Rows, day: Day) -> tuple[int, UUID]:
    """A session on air for half an hour or so, a booth, and what the learner did until now."""
    await policies.publish(
        db, day.conference_id, after=0, effective_at=clock.now(), note="",
        rule=Rule(counts=Counts.ANY, checks_an_hour=3), person_id=day.people[Role.OFFICER],
    )  # fmt: skip
    subject = (await ledger.pseudonym(db, day.people[Role.LEARNER])).subject
    times = checks.schedule(SEED, subject, an_hour=3, until_ms=checks.HOUR_MS)
    now = clock.now_ms()
    # Three minutes after a check is five before the next one: none comes while the test runs.
    began = now - times[1] - 3 * MINUTE
    await agenda.set_phase(db, day.conference_id, day.session_id, Phase.LIVE)
    await attendance.turn_live(db, day.conference_id, day.session_id, live=True, at_ms=began)
    await store.commit_seed(
        db, day.conference_id, day.session_id, seed=SEED, an_hour=3, at_ms=began
    )
    booth = Booth(conference_id=day.conference_id, name="Halvorsen")
    db.add(booth)
    await db.flush()
    at = [began + round(minutes * MINUTE) for minutes in (0, 7, 9, 13, 14.5, 18)]
    spans = [
        _span(day, at[0], at[1], left=True),
        _span(day, at[2], at[3], device="phone"),
        _span(day, at[4], now - LAST_ROW_AGO_MS),
        _span(day, at[4] + MINUTE, at[4] + 2 * MINUTE, booth=booth.id),
    ]
    await _outage(db, day, at[3], at[4])
    await attendance.keep(db, spans)
    for number, asked in enumerate((at[5], now - MISSED_AGO_MS, now - LAST_ROW_AGO_MS)):
        await _asked(db, day, number, asked, answered=number != 1)
    return began, booth.id


def _span(
    day: Day, first: int, last: int, *, device: str = "laptop", left: bool = False,
    booth: UUID | None = None,
) -> dict[str, object]:  # fmt: skip
    return {
        "conference_id": day.conference_id, "person_id": day.people[Role.LEARNER], "id": new_id(),
        "space_id": booth or day.session_id, "booth": booth is not None, "connection": uuid4(),
        "device": device, "visible": True, "playing": False, "first_ms": first, "last_ms": last,
        "beats": (last - first) // 15_000 + 1, "max_gap_ms": 15_000, "left": left,
    }  # fmt: skip


async def _outage(db: Rows, day: Day, from_ms: int, to_ms: int) -> None:
    incident = Incident(
        id=new_id(), from_ms=from_ms, to_ms=to_ms, cause=Cause.SERVER, text="A disk was full.",
        session_ids=frozenset({day.session_id}), made_by=day.people[Role.OFFICER],
        made_at=clock.now(),
    )  # fmt: skip
    await corrections.add_outage(db, day.conference_id, incident, uuid4())


async def _asked(db: Rows, day: Day, number: int, at_ms: int, *, answered: bool) -> None:
    learner = day.people[Role.LEARNER]
    (seed,) = await store.running_seeds(db)
    due = store.Due(person_id=learner, number=number, due_ms=at_ms)
    (put,) = await store.put(db, seed, [due], at_ms)
    if answered:
        row = await store.one(
            db, day.conference_id, put.id, session_id=day.session_id, person_id=learner
        )
        changed = checks.answer(put, at_ms + 5_000)
        await store.change(db, row, changed, step="answered", at_ms=at_ms + 5_000)


async def _evidence(db: Rows, day: Day, since_ms: int) -> list[Evidence]:
    """What began since a moment."""
    found = await attendance.evidence(db, day.conference_id, day.people[Role.LEARNER])
    return [one for one in found if one.proof.first_ms >= since_ms]


def opened(day: Day, context: BrowserContext, path: str) -> Page:
    """A tab that has been there for a moment since its first beat was on record."""
    since = clock.now_ms()
    page = context.new_page()
    page.goto(path)
    (first, *_) = eventually(lambda: in_rows(day.server.data, _evidence, day, since), 30, path)
    eventually(lambda: clock.now_ms() > first.proof.first_ms + DRAWN_MS, what="a moment")
    return page


def closed(day: Day, page: Page, *, device: str = "laptop", booth: bool = False) -> None:
    """As a person closes a tab: the leave is on record at once, without any lease running out.

    What comes next does so later by a stretch that is drawn.
    """
    since = clock.now_ms()
    page.close(run_before_unload=True)

    def left() -> bool:
        return any(
            (one.device, one.booth, one.proof.leave) == (device, booth, True)
            for one in in_rows(day.server.data, _evidence, day, 0)
            if one.proof.last_ms >= since
        )

    eventually(left, 10, f"{device} left")
    gone = clock.now_ms()
    eventually(lambda: clock.now_ms() > gone + DRAWN_MS, what="a moment without it")


@pytest.mark.timeout(SECONDS)
def test_the_strip_tells_what_happened(
    day: Day, new_context: Callable[..., BrowserContext]
) -> None:
    began, booth = in_rows(day.server.data, _watched_so_far, day)
    since = clock.now_ms()
    name, value, url = day.cookie(Role.LEARNER)
    laptop = new_context(base_url=day.server.url)
    phone = new_context(
        base_url=day.server.url, is_mobile=True, has_touch=True,
        viewport={"width": 390, "height": 844},
    )  # fmt: skip
    for context in (laptop, phone):
        context.add_cookies([{"name": name, "value": value, "url": url}])

    closed(day, opened(day, laptop, day.session))
    closed(day, opened(day, phone, day.session), device="phone")
    session = opened(day, laptop, day.session)
    closed(day, opened(day, laptop, f"/booths/{booth}"), booth=True)
    followed(session)
    told(session.context.new_page(), began, since)
    warned(day, session)


def followed(session: Page) -> None:
    """The card on the session page: the strip for those who see it, and in words."""
    card = session.locator("credit-ring")
    expect(card.get_by_text(re.compile(r"^On record until \d\d:\d\d:\d\d$"))).to_be_visible()
    expect(card).to_contain_text("2 of 3 check-ins done")
    expect(card.get_by_role("img", name="In a booth")).to_be_visible()
    legend = card.locator(".legend")
    for words in (
        "Laptop, connected", "Phone, connected", "Away, or not connected", "Check missed",
        "In a booth", "Our outage, excused",
    ):  # fmt: skip
        expect(legend.get_by_text(words, exact=True)).to_have_count(1)


def told(credit: Page, began: int, since: int) -> None:
    """My credit, in words, and the same as a file from which anybody can recompute it."""
    said = complaints(credit)
    assert looked_at(credit, CREDIT, said) == []
    strip = str(credit.get_by_role("img", name="Laptop, connected").get_attribute("aria-label"))
    words = [piece.partition(": ")[2] for piece in strip.strip().removesuffix(".").split(". ")]
    rows = ["Laptop, connected", "Away, or not connected", "Phone, connected",
            "Our outage, excused", "Laptop, connected", "In a booth", "Laptop, connected",
            "Check missed"]  # fmt: skip
    assert words[: len(rows)] == rows
    beats = words[len(rows) :]
    assert beats[:2] == ["Laptop, connected", "Away, or not connected"], "evidence stopped in rows"
    assert beats[2:6] == ["Laptop, connected", "Away, or not connected",
                          "Phone, connected", "Away, or not connected"]  # fmt: skip
    assert "In a booth" in beats[6:], "beside the session, in another tab"
    for named in ("Present on laptop", "Present on phone", "Away or not counted", "Check missed",
                  "In a booth", "Our outage, excused"):  # fmt: skip
        expect(credit.locator(".legend").get_by_text(named, exact=True)).to_be_visible()
    credit.get_by_text("Every stretch").click()
    expect(credit.get_by_text("Rule in force: time connected, each instant once")).to_be_visible()
    missed = credit.locator(".why li", has_text="Check missed")
    expect(missed).to_contain_text("not counted")
    for visit in credit.locator(".why li", has_text="In a booth").all():
        expect(visit).to_contain_text("not counted")

    segments = credit.request.get(f"{CREDIT}/explain").json()["segments"]
    assert segments[0]["from"] == began
    assert all(one["to"] == after["from"] for one, after in pairwise(segments))
    assert segments[-1]["to"] >= since
    assert {"booth", "check_missed", "away", "counted"} <= {one["kind"] for one in segments}


def warned(day: Day, session: Page) -> None:
    """The server is silent, its sockets open: the page says so by itself, within a minute."""
    card = session.locator("credit-ring")
    day.server.freeze()
    try:
        warning = card.get_by_role("status").get_by_text("Your attendance is not being recorded")
        expect(warning).to_be_visible(timeout=60_000)
        expect(warning).to_contain_text(re.compile(r"On record until \d\d:\d\d:\d\d$"))
    finally:
        day.server.thaw()
