"""Every page of every role, light and dark, wide and narrow."""

import pytest

from tests.browser.looks import complaints, looked_at
from tests.browser.world import (
    AMARA,
    ERIK,
    INES,
    MARTA,
    NUNO,
    Come,
    Person,
    World,
    credited,
    disclosed,
)

CONFERENCE = "/conferences/spring"
OFFICE = f"{CONFERENCE}/office"

PAGES: dict[Person | None, tuple[str, ...]] = {
    None: ("/", "/sign-in", CONFERENCE, f"{CONFERENCE}?view=list", f"{CONFERENCE}?q=lipids"),
    MARTA: (
        "/profile",
        CONFERENCE,
        "/sessions/{session}",
        f"{CONFERENCE}/credit",
        f"{CONFERENCE}/hall",
        f"{CONFERENCE}/badges",
    ),
    AMARA: ("/sessions/{session}/studio", "/sessions/{session}/desk"),
    ERIK: ("/sessions/{session}/desk",),
    NUNO: (
        f"{OFFICE}",
        f"{OFFICE}/credit",
        "/sessions/{session}/disclosure",
        f"{OFFICE}/settings",
        f"{OFFICE}/presence",
        f"{OFFICE}/adjustments",
        f"{OFFICE}/reviews",
        f"{OFFICE}/outages",
        f"{OFFICE}/exclusions",
        f"{OFFICE}/policy",
        f"{OFFICE}/attendance",
    ),
    INES: (
        OFFICE,
        f"{OFFICE}/programme",
        f"{OFFICE}/programme/new",
        f"{OFFICE}/import",
        f"{OFFICE}/people",
        f"{OFFICE}/booths",
        f"{OFFICE}/settings",
        f"{OFFICE}/audit",
        "/sessions/{session}/edit",
    ),
}


@pytest.mark.parametrize("person", PAGES, ids=lambda person: person.role if person else "stranger")
def test_pages_hold(world: World, come: Come, person: Person | None) -> None:
    session = world.session("Anticoagulation")
    number = session.rpartition("/")[2]
    if person is MARTA:
        disclosed(come(NUNO), session, "Nobody in this session has anything to disclose.")
        credited(world, come(INES), MARTA, minutes=30)
    page = come(person)
    said = complaints(page)
    wrong: list[str] = []
    for path in PAGES[person]:
        wrong += looked_at(page, path.format(session=number), said)
    assert wrong == []
