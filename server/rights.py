"""Who may do what, where: one table, one function. Pure; knows neither rows nor requests.

Everything is refused unless a row of `RIGHTS` allows it. A grant reaches only its own conference,
and a grant for one session or booth reaches only that one.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    LEARNER = "learner"
    FACULTY = "faculty"
    MODERATOR = "moderator"
    EXHIBITOR = "exhibitor"
    OFFICER = "officer"
    ORGANISER = "organiser"
    OPERATOR = "operator"


class Act(StrEnum):
    """What a person may ask for. Every route and every command names one."""

    PUBLIC = "public"  # anybody, signed in or not
    SIGNED_IN = "signed_in"  # anybody who is signed in, on what is their own
    SEE_PROGRAMME = "see_programme"
    ATTEND = "attend"  # watch, ask, vote, answer, beat
    CLAIM = "claim"
    VISIT_HALL = "visit_hall"
    PUBLISH = "publish"  # the studio of a session
    RUN_DESK = "run_desk"  # questions and polls of a session
    MODERATE = "moderate"  # approve and dismiss
    STAFF_BOOTH = "staff_booth"
    SEE_OFFICE = "see_office"
    EDIT_PROGRAMME = "edit_programme"
    EDIT_DISCLOSURE = "edit_disclosure"
    EDIT_CREDIT = "edit_credit"  # designated minutes and statements
    EDIT_HALL = "edit_hall"
    MANAGE_PEOPLE = "manage_people"


EVERYWHERE = frozenset(Role)
EDUCATION = frozenset({Role.LEARNER, Role.FACULTY, Role.MODERATOR, Role.OFFICER, Role.ORGANISER})
RUNNING = frozenset({Role.FACULTY, Role.MODERATOR, Role.ORGANISER})
OFFICE = frozenset({Role.OFFICER, Role.ORGANISER})

RIGHTS: dict[Act, frozenset[Role]] = {
    Act.SEE_PROGRAMME: EVERYWHERE,
    Act.ATTEND: EDUCATION,
    Act.CLAIM: EDUCATION,
    Act.VISIT_HALL: EVERYWHERE,
    Act.PUBLISH: frozenset({Role.FACULTY, Role.ORGANISER}),
    Act.RUN_DESK: RUNNING,
    Act.MODERATE: frozenset({Role.MODERATOR, Role.ORGANISER}),
    Act.STAFF_BOOTH: frozenset({Role.EXHIBITOR}),
    Act.SEE_OFFICE: OFFICE,
    Act.EDIT_PROGRAMME: frozenset({Role.ORGANISER}),
    Act.EDIT_DISCLOSURE: frozenset({Role.OFFICER}),
    Act.EDIT_CREDIT: frozenset({Role.OFFICER, Role.ORGANISER}),
    Act.EDIT_HALL: frozenset({Role.ORGANISER}),
    Act.MANAGE_PEOPLE: frozenset({Role.ORGANISER}),
}

SESSION_BOUND = frozenset({Act.PUBLISH, Act.RUN_DESK, Act.MODERATE})
"""Acts on one session: a grant for a session reaches only that session here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One role in one conference; an operator's has no conference and reaches no content."""

    role: Role
    conference_id: UUID | None = None
    session_id: UUID | None = None
    booth_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """A signed-in person with everything they were granted."""

    id: UUID
    name: str
    mail: str
    grants: frozenset[Grant] = field(default_factory=frozenset)

    def roles(self, conference_id: UUID) -> frozenset[Role]:
        return frozenset(g.role for g in self.grants if g.conference_id == conference_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is acted on: a conference, or a session or booth inside it."""

    conference_id: UUID
    session_id: UUID | None = None
    booth_id: UUID | None = None


def may(who: Who | None, act: Act, place: Place | None) -> bool:
    """Whether `who` may do `act` at `place`; what is not allowed here is refused."""
    if act is Act.PUBLIC:
        return True
    if who is None:
        return False
    if act is Act.SIGNED_IN:
        return True
    if place is None:
        return False
    return any(_reaches(grant, act, place) for grant in who.grants)


def _reaches(grant: Grant, act: Act, place: Place) -> bool:
    if grant.role not in RIGHTS[act] or grant.conference_id != place.conference_id:
        return False
    if act is Act.STAFF_BOOTH:
        return grant.booth_id is not None and grant.booth_id == place.booth_id
    if act in SESSION_BOUND and grant.session_id is not None:
        return grant.session_id == place.session_id
    # Faculty are named per session; without one a grant opens no studio and no desk.
    return not (act in SESSION_BOUND and grant.role is Role.FACULTY)
