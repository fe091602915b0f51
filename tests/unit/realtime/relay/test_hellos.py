"""Which datagrams of a handshake are let through, on datagrams that a handshake was made of."""

import asyncio
import random

import pytest

from realtime.relay.hellos import Hellos
from tests.fault import hostile

GOODBYE = bytes.fromhex("15fefd 0000 000000001000 0002 0228")
"""A fatal alert in the clear."""


@pytest.fixture(scope="module")
def recorded() -> list[bytes]:
    """All that both ends of a handshake sent, the ClientHello before all."""
    return asyncio.run(hostile.handshake())


@pytest.fixture(scope="module")
def foreign() -> bytes:
    """Another one's ClientHello."""
    return asyncio.run(hostile.handshake())[0]


def told(datagram: bytes, number: int) -> bytes:
    """The same message under another number, in a record that was not seen before."""
    made = bytearray(datagram)
    made[5:11], made[17:19] = (1000 + number).to_bytes(6, "big"), number.to_bytes(2, "big")
    return bytes(made)


def in_two(hello: bytes) -> list[bytes]:
    """A ClientHello in two pieces, each in a datagram of its own."""
    head, message, body = hello[:11], hello[13:25], hello[25:]
    pieces = []
    for start, part in ((0, body[:60]), (60, body[60:])):
        place = message[:6] + start.to_bytes(3, "big") + len(part).to_bytes(3, "big")
        pieces.append(head + (12 + len(part)).to_bytes(2, "big") + place + part)
    return pieces


def test_a_whole_handshake_passes_however_often_it_is_sent(recorded: list[bytes]) -> None:
    hellos = Hellos()
    assert all(hellos.pass_on(datagram) for datagram in recorded * 2)


def test_the_first_hello_counts(recorded: list[bytes], foreign: bytes) -> None:
    hellos = Hellos()
    assert hellos.pass_on(recorded[0])
    for number in range(4):
        assert not hellos.pass_on(told(foreign, number))
        assert not hellos.pass_on(recorded[1] + told(foreign, number)), "behind something else"
    assert hellos.pass_on(recorded[0]), "its own may have been lost on the way"
    assert hellos.pass_on(told(recorded[0], 1)), "or was asked for again"


def test_a_hello_may_come_in_pieces(recorded: list[bytes], foreign: bytes) -> None:
    hellos = Hellos()
    first, second = in_two(recorded[0])
    assert hellos.pass_on(second), "the network changes their order"
    assert hellos.pass_on(first)
    assert hellos.pass_on(second)
    assert not hellos.pass_on(in_two(foreign)[0])
    longer = bytearray(second)
    longer[16] ^= 1  # the length of the whole
    assert not hellos.pass_on(bytes(longer))


def test_nobody_says_goodbye_in_the_clear(recorded: list[bytes]) -> None:
    hellos = Hellos()
    assert not hellos.pass_on(GOODBYE)
    assert not hellos.pass_on(recorded[0] + GOODBYE)


def test_no_hello_is_of_use_afterwards_or_to_who_calls(recorded: list[bytes]) -> None:
    hellos = Hellos()
    assert hellos.pass_on(recorded[0])
    hellos.expected = False
    assert not hellos.pass_on(recorded[0])
    assert all(hellos.pass_on(datagram) for datagram in recorded[1:])


def test_anything_at_all_is_answered_with_yes_or_no(recorded: list[bytes]) -> None:
    made = hostile.changed(recorded, random.Random(5))
    hellos = Hellos()
    answers = {hellos.pass_on(made()) for _ in range(20_000)}
    assert answers == {True, False}
