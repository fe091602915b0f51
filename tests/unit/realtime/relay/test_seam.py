"""The private names of aiortc and pylibsrtp that we stand on, and what we expect of them."""

import asyncio
import inspect
import os

import aiortc.rtcdtlstransport as upstream
import pytest
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from realtime.relay import seam
from realtime.relay.dtls import Dtls, HandshakeFailed, new_certificate, own_fingerprint
from realtime.relay.offer import Fingerprint


class Pipe:
    """Two ends that carry each other's datagrams."""

    role = "controlled"

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.other: Pipe | None = None

    async def _recv(self) -> bytes:
        datagram = await self.inbox.get()
        if not datagram:
            raise ConnectionError
        return datagram

    async def _send(self, data: bytes) -> None:
        assert self.other is not None
        self.other.inbox.put_nowait(data)


def pipes() -> tuple[Pipe, Pipe]:
    left, right = Pipe(), Pipe()
    left.other, right.other = right, left
    return left, right


async def test_two_ends_shake_hands_and_share_keys() -> None:
    left, right = pipes()
    ours, theirs = new_certificate(), new_certificate()
    server = Dtls(left, ours, server=True)
    browser = Dtls(right, theirs, server=False)
    here, there = await asyncio.gather(
        server.handshake([own_fingerprint(theirs)]), browser.handshake([own_fingerprint(ours)])
    )
    assert here.profile == "SRTP_AEAD_AES_256_GCM"
    packet = b"\x80\x60\x00\x01" + bytes(8) + b"picture"
    assert there.inbound.unprotect(here.outbound.protect(packet)) == packet
    report = b"\x80\xc9\x00\x01" + bytes(4)
    assert here.inbound.unprotect_rtcp(there.outbound.protect_rtcp(report)) == report

    await browser.stop()
    await asyncio.wait_for(server.closed.wait(), 2)
    await server.stop()


async def test_handshakes_of_a_certificate_share_its_context() -> None:
    ours, theirs = new_certificate(), new_certificate()
    for _ in range(2):  # another one with the same context, and no session of the first resumed
        left, right = pipes()
        server, browser = Dtls(left, ours, server=True), Dtls(right, theirs, server=False)
        await asyncio.gather(
            server.handshake([own_fingerprint(theirs)]), browser.handshake([own_fingerprint(ours)])
        )
        await browser.stop()
        await server.stop()
    profiles = upstream.SRTP_PROFILES
    context = ours._create_ssl_context(profiles)
    assert context is ours._create_ssl_context(profiles)
    assert context is not theirs._create_ssl_context(profiles)
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_OFF


async def test_the_wrong_certificate_is_refused() -> None:
    left, right = pipes()
    ours, theirs = new_certificate(), new_certificate()
    server = Dtls(left, ours, server=True)
    browser = Dtls(right, theirs, server=False)
    wrong = own_fingerprint(theirs)
    wrong = Fingerprint(algorithm=wrong.algorithm, value=wrong.value[::-1])
    ends = await asyncio.gather(
        server.handshake([wrong]),
        browser.handshake([own_fingerprint(ours)]),
        return_exceptions=True,
    )
    assert isinstance(ends[0], HandshakeFailed)
    await browser.stop()
    await server.stop()


async def test_a_path_that_closes_ends_the_handshake() -> None:
    left, _ = pipes()
    server = Dtls(left, new_certificate(), server=True)
    left.inbox.put_nowait(b"")
    with pytest.raises(HandshakeFailed):
        await server.handshake([own_fingerprint(new_certificate())])


async def test_nonsense_does_not_break_a_handshake() -> None:
    left, right = pipes()
    ours, theirs = new_certificate(), new_certificate()
    for size in (1, 13, 200, 1400):
        left.inbox.put_nowait(b"\x16" + os.urandom(size))
    server = Dtls(left, ours, server=True)
    browser = Dtls(right, theirs, server=False)
    ends = await asyncio.gather(
        server.handshake([own_fingerprint(theirs)]), browser.handshake([own_fingerprint(ours)])
    )
    assert len(ends) == 2
    await browser.stop()
    await server.stop()


def test_protection_in_place_is_what_the_library_does() -> None:
    key = os.urandom(44)
    profile = Policy.SRTP_PROFILE_AEAD_AES_256_GCM

    def session(kind: int) -> Session:
        return Session(Policy(key=key, ssrc_type=kind, srtp_profile=profile))

    packet = b"\x80\x60\x00\x01" + bytes(8) + b"picture"
    buffer = seam.srtp_ffi.new("unsigned char[]", 2048)
    length = seam.srtp_ffi.new("int *", len(packet))
    seam.srtp_ffi.memmove(buffer, packet, len(packet))
    keys = session(Policy.SSRC_ANY_OUTBOUND)
    assert seam.protect_in_place(seam.raw_session(keys), buffer, length) == 0
    protected = bytes(seam.srtp_ffi.buffer(buffer, length[0]))
    assert protected == session(Policy.SSRC_ANY_OUTBOUND).protect(packet)
    assert session(Policy.SSRC_ANY_INBOUND).unprotect(protected) == packet


@pytest.mark.parametrize("offered", upstream.SRTP_PROFILES)
def test_protection_adds_what_we_count_on(offered: upstream.SRTPProtectionProfile) -> None:
    """Segments are cut by it: a wrong number would glue one packet's end to the next one."""
    key = os.urandom(offered.key_length + offered.salt_length)
    kind, profile = Policy.SSRC_ANY_OUTBOUND, offered.libsrtp_profile
    keys = Session(Policy(key=key, ssrc_type=kind, srtp_profile=profile))
    packet = b"\x80\x60\x00\x01" + bytes(8) + b"picture"
    added = len(keys.protect(packet)) - len(packet)
    assert seam.TRAILER_BYTES[offered.openssl_profile.decode()] == added


@pytest.mark.parametrize(
    "name", ["_set_role", "_rx_srtp", "_tx_srtp", "_ssl", "start", "stop", "state", "on"]
)
def test_the_names_are_there(name: str) -> None:
    left, _ = pipes()
    assert hasattr(seam.transport(left, new_certificate(), "server"), name)


def test_nothing_else_is_asked_of_what_carries_it() -> None:
    """aiortc's DTLS uses its transport by these names only."""
    source = inspect.getsource(upstream.RTCDtlsTransport)
    used = {
        part.split("(")[0].split(",")[0].split(")")[0].split()[0].rstrip(".")
        for part in source.split("self.transport.")[1:]
    }
    assert used == {"_recv", "_send", "role"}
