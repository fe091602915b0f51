"""The side navigation of a conference's office: what this person may open there.

It names pages of every feature by their address alone, so that each feature can show the same one.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from server.rights import Act, Place, Who, may

OVERVIEW = ""


class Named(Protocol):
    """A conference, as far as its office needs it."""

    @property
    def id(self) -> UUID: ...

    @property
    def slug(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficePage:
    href: str
    label: str
    about: str
    icon: str
    current: bool


PAGES = (
    (OVERVIEW, "Overview", "", "house", Act.SEE_OFFICE),
    (
        "/programme",
        "Programme",
        "Sessions, faculty, times and what each session is designated for.",
        "calendar",
        Act.EDIT_CREDIT,
    ),
    (
        "/import",
        "Import",
        "Bring a programme from another tool, see what changes, then confirm.",
        "upload",
        Act.EDIT_PROGRAMME,
    ),
    (
        "/people",
        "People",
        "Who is here, in which role, and who is invited.",
        "users",
        Act.MANAGE_PEOPLE,
    ),
    (
        "/credit",
        "Disclosures and credit",
        "What learners are shown before a session, and what they have claimed.",
        "award",
        Act.EDIT_CREDIT,
    ),
    (
        "/policy",
        "Rule of credit",
        "What counts as attendance, from when on, and what a change would do.",
        "file-text",
        Act.EDIT_CREDIT,
    ),
    (
        "/presence",
        "Presence",
        "What is on record of whom, minute by minute, and how it is put right.",
        "user-check",
        Act.EDIT_CREDIT,
    ),
    (
        "/reviews",
        "Reviews",
        "What learners ask to be looked at again, and what they are answered.",
        "message-square",
        Act.EDIT_CREDIT,
    ),
    (
        "/outages",
        "Outages",
        "When we failed, and whom that excuses.",
        "server-crash",
        Act.EDIT_CREDIT,
    ),
    (
        "/exclusions",
        "Breaks",
        "Stretches of sessions that are no education and earn nobody credit.",
        "coffee",
        Act.EDIT_CREDIT,
    ),
    (
        "/attendance",
        "Other tools",
        "Attendance that another meeting tool reported: look through it, merge, confirm.",
        "merge",
        Act.EDIT_CREDIT,
    ),
    (
        "/booths",
        "Exhibitors",
        "Booths, their staff and what the hall shows.",
        "store",
        Act.EDIT_HALL,
    ),
    (
        "/settings",
        "Settings",
        "Title, time zone, dates, registration and the statements of accreditation.",
        "settings",
        Act.EDIT_CREDIT,
    ),
    ("/audit", "Audit log", "Who changed what, and when.", "list-checks", Act.SEE_OFFICE),
)


def nav(who: Who | None, conference: Named, current: str) -> tuple[OfficePage, ...]:
    """The pages of the office that `who` may open; `current` is a path such as `/programme`."""
    place = Place(conference_id=conference.id)
    return tuple(
        OfficePage(
            href=f"/conferences/{conference.slug}/office{path}",
            label=label,
            about=about,
            icon=icon,
            current=path == current,
        )
        for path, label, about, icon, act in PAGES
        if may(who, act, place)
    )
