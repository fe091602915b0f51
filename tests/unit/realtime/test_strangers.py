"""Allowances of addresses: taken by strangers, refilled by time, bounded in number."""

from realtime.hub.strangers import Strangers


def test_an_address_has_its_own_allowance_and_it_comes_back() -> None:
    strangers = Strangers(rate=10, burst=600)
    assert all(strangers.take("a", 0.0) for _ in range(600))
    assert not strangers.take("a", 0.0)
    assert not strangers.may("a", 0.0)
    assert strangers.take("b", 0.0)
    assert strangers.may("a", 0.1)
    assert strangers.take("a", 0.1)
    assert not strangers.take("a", 0.1)
    assert sum(strangers.take("a", 60.1) for _ in range(700)) == 600


def test_asking_takes_nothing_and_remembers_nobody() -> None:
    strangers = Strangers(rate=1, burst=1)
    assert all(strangers.may("a", 0.0) for _ in range(3))
    assert len(strangers) == 0
    assert strangers.take("a", 0.0)
    assert not strangers.may("a", 0.0)


def test_a_login_that_held_before_is_looked_at_all_the_same() -> None:
    strangers = Strangers(rate=0.001, burst=1)
    strangers.vouch("ann")
    assert strangers.take("a", 0.0)
    assert [strangers.may("a", 0.0, login) for login in ("ann", "ben", "")] == [True, False, False]


def test_nobody_is_unlimited() -> None:
    strangers = Strangers(rate=1, burst=1)
    assert all(strangers.take("", 0.0) and strangers.may("", 0.0) for _ in range(9))
    assert len(strangers) == 0


def test_who_was_not_heard_of_for_longest_is_forgotten() -> None:
    strangers = Strangers(rate=1, burst=1, kept=2)
    for name in ("a", "b", "a", "c"):
        strangers.take(name, 0.0)
    assert [strangers.may(name, 0.0) for name in ("a", "b", "c")] == [False, True, False]
