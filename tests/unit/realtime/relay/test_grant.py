"""A grant holds for what it says, and nothing that was not signed is one."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.relay.grant import Grant, GrantRefused, sign, verify

SECRET = bytes(range(32))
GRANT = Grant(who="ada", session="0190d1f2", may="watch", exp=1000)


def test_a_grant_comes_back_as_it_was_signed() -> None:
    assert verify(sign(GRANT, SECRET), SECRET, now=999.9) == GRANT


def test_it_ends_when_it_says() -> None:
    token = sign(GRANT, SECRET)
    with pytest.raises(GrantRefused, match="expired"):
        verify(token, SECRET, now=1000)
    assert verify(token, SECRET, now=1000, expired=True) == GRANT


def test_no_token_that_differs_in_one_bit_is_a_grant() -> None:
    token = sign(GRANT, SECRET).encode()
    for bit in range(8 * len(token)):
        changed = bytearray(token)
        changed[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(GrantRefused):
            verify(changed.decode("latin-1"), SECRET, now=0)


def test_no_other_secret_will_do() -> None:
    token = sign(GRANT, SECRET)
    for bit in range(8 * len(SECRET)):
        other = bytearray(SECRET)
        other[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(GrantRefused):
            verify(token, bytes(other), now=0)


@given(st.text(max_size=300))
def test_nothing_else_is_a_grant(token: str) -> None:
    with pytest.raises(GrantRefused):
        verify(token, SECRET, now=0)


@given(st.text(max_size=40), st.text(max_size=40), st.integers(1, 2**40))
def test_any_names_survive(who: str, session: str, exp: int) -> None:
    grant = Grant(who=who, session=session, may="publish", exp=exp)
    assert verify(sign(grant, SECRET), SECRET, now=0) == grant


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(AssertionError):
        sign(GRANT, secrets.token_bytes(31))
