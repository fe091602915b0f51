"""The part of STUN that an ICE-lite agent needs (RFC 8489, RFC 8445). Pure.

It parses Binding requests and responses only. Whatever else arrives, or is malformed, is `None`:
the caller counts it and says nothing, since an answer to the unauthenticated is a reflector.
"""

import hmac
import socket
import struct
import zlib
from dataclasses import dataclass

COOKIE = 0x2112A442
HEADER_BYTES = 20
BINDING_REQUEST, BINDING_SUCCESS = 0x0001, 0x0101
USERNAME, MESSAGE_INTEGRITY, XOR_MAPPED_ADDRESS = 0x0006, 0x0008, 0x0020
PRIORITY, USE_CANDIDATE, FINGERPRINT = 0x0024, 0x0025, 0x8028
ICE_CONTROLLED, ICE_CONTROLLING = 0x8029, 0x802A
INTEGRITY_BYTES = 24
"""MESSAGE-INTEGRITY with its header: SHA-1 and four bytes."""

_COOKIE_BYTES = COOKIE.to_bytes(4, "big")
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_FINGERPRINT_XOR = 0x5354554E
_LARGEST_BYTES = 1280
"""Checks are about 100 bytes; nothing that must not be fragmented is longer than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A Binding request or success response, not yet authenticated."""

    kind: int
    transaction: bytes
    username: bytes
    use_candidate: bool
    signed: bytes
    signature: bytes

    def authentic(self, password: bytes) -> bool:
        expected = hmac.digest(password, self.signed, "sha1")
        return hmac.compare_digest(expected, self.signature)


def parse(datagram: bytes) -> Binding | None:
    """Read a Binding message that carries MESSAGE-INTEGRITY; `None` for anything else."""
    if not HEADER_BYTES <= len(datagram) <= _LARGEST_BYTES:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(datagram)
    sound = cookie == COOKIE and length % 4 == 0 and length == len(datagram) - HEADER_BYTES
    if not sound or kind not in (BINDING_REQUEST, BINDING_SUCCESS):
        return None
    found: dict[int, bytes] = {}
    at = HEADER_BYTES
    while at + 4 <= len(datagram):
        attribute, size = _ATTRIBUTE.unpack_from(datagram, at)
        value = datagram[at + 4 : at + 4 + size]
        if len(value) != size:
            return None
        found[attribute] = value
        if attribute == MESSAGE_INTEGRITY:
            break  # what follows is not authenticated (RFC 8489 §14.5), so it is not even read
        at += 4 + size + -size % 4
    if len(found.get(MESSAGE_INTEGRITY, b"")) != INTEGRITY_BYTES - 4:
        return None
    covered = at - HEADER_BYTES + INTEGRITY_BYTES
    return Binding(
        kind=kind,
        transaction=transaction,
        username=found.get(USERNAME, b""),
        use_candidate=USE_CANDIDATE in found,
        signed=datagram[:2] + covered.to_bytes(2, "big") + datagram[4:at],
        signature=found[MESSAGE_INTEGRITY],
    )


def success(transaction: bytes, address: str, port: int, password: bytes) -> bytes:
    """The answer to an authenticated check: where it came from."""
    mapped = _attribute(XOR_MAPPED_ADDRESS, _xor_address(transaction, address, port))
    return _seal(BINDING_SUCCESS, transaction, mapped, password)


def request(
    transaction: bytes,
    username: str,
    password: bytes,
    *,
    controlling: bool,
    nominate: bool = False,
    tie_breaker: int = 1,
) -> bytes:
    """A connectivity check, as a browser sends it; the relay sends it to prove a new address."""
    body = _attribute(USERNAME, username.encode())
    body += _attribute(PRIORITY, struct.pack("!I", 0x6E0001FF))
    role = ICE_CONTROLLING if controlling else ICE_CONTROLLED
    body += _attribute(role, struct.pack("!Q", tie_breaker))
    if nominate:
        body += _attribute(USE_CANDIDATE, b"")
    return _seal(BINDING_REQUEST, transaction, body, password)


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _xor_address(transaction: bytes, address: str, port: int) -> bytes:
    family, code = (socket.AF_INET6, 2) if ":" in address else (socket.AF_INET, 1)
    packed = socket.inet_pton(family, address)
    mask = (_COOKIE_BYTES + transaction)[: len(packed)]
    mixed = int.from_bytes(packed, "big") ^ int.from_bytes(mask, "big")
    head = struct.pack("!BBH", 0, code, port ^ (COOKIE >> 16))
    return head + mixed.to_bytes(len(packed), "big")


def _seal(kind: int, transaction: bytes, body: bytes, password: bytes) -> bytes:
    covered = len(body) + INTEGRITY_BYTES
    signed = _HEADER.pack(kind, covered, COOKIE, transaction) + body
    signature = hmac.digest(password, signed, "sha1")
    body += _attribute(MESSAGE_INTEGRITY, signature)
    head = _HEADER.pack(kind, len(body) + 8, COOKIE, transaction) + body
    crc = zlib.crc32(head) ^ _FINGERPRINT_XOR
    return head + _attribute(FINGERPRINT, struct.pack("!I", crc))
