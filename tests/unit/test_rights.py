"""`may` refuses everything that no row of the table allows."""

from uuid import uuid4

import pytest

from server.rights import RIGHTS, Act, Grant, Place, Role, Who, may

HERE, THERE = uuid4(), uuid4()
SESSION, OTHER_SESSION = uuid4(), uuid4()
BOOTH, OTHER_BOOTH = uuid4(), uuid4()


def somebody(role: Role, **where: object) -> Who:
    grant = Grant(role=role, **({"conference_id": HERE} | where))  # type: ignore[arg-type]
    return Who(id=uuid4(), name="Ann", mail="ann@example.org", grants=frozenset({grant}))


@pytest.mark.parametrize("act", [act for act in Act if act is not Act.PUBLIC])
def test_a_stranger_may_do_nothing_but_what_is_public(act: Act) -> None:
    assert may(None, Act.PUBLIC, None)
    assert not may(None, act, Place(conference_id=HERE, session_id=SESSION, booth_id=BOOTH))


@pytest.mark.parametrize("act", RIGHTS)
@pytest.mark.parametrize("role", Role)
def test_no_role_reaches_another_conference(act: Act, role: Role) -> None:
    who = somebody(role, session_id=SESSION, booth_id=BOOTH)
    assert not may(who, act, Place(conference_id=THERE, session_id=SESSION, booth_id=BOOTH))


def test_faculty_open_the_studio_of_their_own_session_only() -> None:
    speaker = somebody(Role.FACULTY, session_id=SESSION)
    assert may(speaker, Act.PUBLISH, Place(conference_id=HERE, session_id=SESSION))
    assert not may(speaker, Act.PUBLISH, Place(conference_id=HERE, session_id=OTHER_SESSION))
    unbound = somebody(Role.FACULTY)
    assert not may(unbound, Act.PUBLISH, Place(conference_id=HERE, session_id=SESSION))


def test_staff_reach_their_own_booth_and_no_session() -> None:
    staff = somebody(Role.EXHIBITOR, booth_id=BOOTH)
    assert may(staff, Act.STAFF_BOOTH, Place(conference_id=HERE, booth_id=BOOTH))
    assert not may(staff, Act.STAFF_BOOTH, Place(conference_id=HERE, booth_id=OTHER_BOOTH))
    for act in (Act.ATTEND, Act.CLAIM, Act.RUN_DESK, Act.MODERATE, Act.PUBLISH, Act.SEE_OFFICE):
        assert not may(staff, act, Place(conference_id=HERE, session_id=SESSION))


def test_a_moderator_of_the_conference_runs_every_desk() -> None:
    moderator = somebody(Role.MODERATOR)
    assert may(moderator, Act.MODERATE, Place(conference_id=HERE, session_id=SESSION))
    one = somebody(Role.MODERATOR, session_id=SESSION)
    assert not may(one, Act.MODERATE, Place(conference_id=HERE, session_id=OTHER_SESSION))


def test_an_operator_reads_no_content() -> None:
    operator = somebody(Role.OPERATOR, conference_id=None)
    place = Place(conference_id=HERE, session_id=SESSION, booth_id=BOOTH)
    assert not any(may(operator, act, place) for act in RIGHTS)
