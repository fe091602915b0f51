"""Who is remembered in a process, and for how long."""

import pytest

from realtime.hub.persons import Person, Persons
from realtime.limits import COMMAND_BURST, COMMANDS_A_SECOND

WHOLE_AGAIN = COMMAND_BURST / COMMANDS_A_SECOND


class Socket:
    """Persons ask nothing else of it."""

    def close(self, code: int) -> None:
        raise AssertionError(code)


@pytest.fixture
def persons() -> Persons:
    return Persons()


def spend(person: Person, now: float) -> None:
    person.allowance.take(now, rate=COMMANDS_A_SECOND, burst=COMMAND_BURST)


def test_sockets_of_one_person_share_an_allowance(persons: Persons) -> None:
    assert persons.find("ada", 1.0) is persons.find("ada", 2.0)
    assert persons.find("ben", 2.0) is not persons.find("ada", 2.0)
    assert len(persons) == 2


def test_who_has_a_socket_is_not_forgotten(persons: Persons) -> None:
    ada, socket = persons.find("ada", 0.0), Socket()
    ada.peers.add(socket)
    persons.forget(1000.0)
    persons.forget(2000.0)
    assert list(persons.peers("ada")) == [socket]
    persons.left(ada, socket)
    persons.forget(3000.0)
    assert len(persons) == 0
    assert list(persons.peers("ada")) == []


def test_who_leaves_and_comes_back_gets_no_new_allowance(persons: Persons) -> None:
    ada = persons.find("ada", 0.0)
    spend(ada, 0.0)
    persons.forget(0.0)
    assert persons.find("ada", 0.0) is ada
    persons.forget(WHOLE_AGAIN + 1)
    assert len(persons) == 0
    assert persons.find("ada", WHOLE_AGAIN + 1) is not ada


def test_who_never_got_a_socket_is_forgotten_too(persons: Persons) -> None:
    persons.find("ada", 0.0)
    persons.forget(WHOLE_AGAIN + 1)
    assert len(persons) == 0
