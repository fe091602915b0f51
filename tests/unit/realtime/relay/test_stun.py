"""The STUN we speak, against the vectors of RFC 5769 and whatever is not STUN."""

import secrets

from hypothesis import given
from hypothesis import strategies as st

from realtime.relay import stun

REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
RESPONSE_BODY = bytes.fromhex("0001a147e112a643")
"""XOR-MAPPED-ADDRESS of 192.0.2.1:32853, RFC 5769 §2.2."""
RESPONSE_V6_BODY = bytes.fromhex("0002a1470113a9faa5d3f179bc25f4b5bed2b9d9")
"""Of [2001:db8:1234:5678:11:2233:4455:6677]:32853, RFC 5769 §2.3."""
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")


def test_the_request_of_the_rfc_is_read_and_authentic() -> None:
    message = stun.parse(REQUEST)
    assert message is not None
    assert message.kind == stun.BINDING_REQUEST
    assert message.username == b"evtj:h6vY"
    assert message.transaction == TRANSACTION
    assert message.authentic(PASSWORD)
    assert not message.authentic(PASSWORD[:-1] + b"u")


def test_addresses_are_mixed_as_the_rfc_shows() -> None:
    four = stun.success(TRANSACTION, "192.0.2.1", 32853, PASSWORD)
    assert RESPONSE_BODY in four
    six = stun.success(TRANSACTION, "2001:db8:1234:5678:11:2233:4455:6677", 32853, PASSWORD)
    assert RESPONSE_V6_BODY in six
    for answer in (four, six):
        message = stun.parse(answer)
        assert message is not None
        assert message.authentic(PASSWORD)


def test_every_changed_bit_is_noticed() -> None:
    for bit in range(8 * (len(REQUEST) - 8)):  # the fingerprint at the end is not needed
        changed = bytearray(REQUEST)
        changed[bit // 8] ^= 1 << (bit % 8)
        message = stun.parse(bytes(changed))
        assert message is None or not message.authentic(PASSWORD)


def test_what_follows_the_signature_is_not_read() -> None:
    check = stun.request(secrets.token_bytes(12), "a:b", PASSWORD, controlling=True)
    smuggled = bytearray(check + bytes.fromhex("00250000"))
    smuggled[2:4] = (len(smuggled) - 20).to_bytes(2, "big")
    message = stun.parse(bytes(smuggled))
    assert message is not None
    assert message.authentic(PASSWORD)
    assert not message.use_candidate


def test_a_nomination_is_read() -> None:
    check = stun.request(bytes(12), "a:b", PASSWORD, controlling=True, nominate=True)
    message = stun.parse(check)
    assert message is not None
    assert message.use_candidate


@given(st.binary(max_size=200))
def test_nothing_else_is_stun(datagram: bytes) -> None:
    assert stun.parse(datagram) is None
    header = b"\x00\x01" + len(datagram).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12)
    message = stun.parse(header + datagram)
    assert message is None or not message.authentic(PASSWORD)
