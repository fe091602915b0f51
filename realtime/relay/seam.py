"""The private names of aiortc and pylibsrtp that the relay stands on, all of them, in one file.

Versions are pinned and a contract test asserts each name and its behaviour, so an upgrade that
changes one fails there and nowhere else.
"""

from collections.abc import Callable
from typing import Any, Protocol, cast

import pylibsrtp
from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from OpenSSL import SSL
from pylibsrtp import _binding

__all__ = [
    "TRAILER_BYTES",
    "RTCCertificate",
    "RTCDtlsFingerprint",
    "RTCDtlsParameters",
    "SrtpError",
    "SrtpSession",
    "protect_in_place",
    "raw_session",
    "sessions",
    "share_context",
    "srtp_ffi",
    "transport",
]

SrtpError = pylibsrtp.Error

srtp_ffi: Any = _binding.ffi
protect_in_place: Callable[[Any, Any, Any], int] = _binding.lib.srtp_protect
"""`(srtp_t, buffer, int *length)`: 0 when the buffer now holds the longer, protected packet."""

TRAILER_BYTES = {
    "SRTP_AEAD_AES_256_GCM": 16,
    "SRTP_AEAD_AES_128_GCM": 16,
    "SRTP_AES128_CM_SHA1_80": 10,
}
"""What protection adds to a packet of media, by the profiles that aiortc offers (RFC 7714 §13.2,
RFC 3711 §8.2)."""


class Datagrams(Protocol):
    """What a DTLS transport asks of what carries it; aiortc expects its ICE transport here."""

    role: str

    async def _recv(self) -> bytes: ...

    async def _send(self, data: bytes) -> None: ...


class SrtpSession(Protocol):
    def protect_rtcp(self, packet: bytes) -> bytes: ...

    def protect(self, packet: bytes) -> bytes: ...

    def unprotect_rtcp(self, packet: bytes) -> bytes: ...

    def unprotect(self, packet: bytes) -> bytes: ...


def share_context(certificate: RTCCertificate) -> None:
    """Let every handshake of a certificate use one OpenSSL context instead of making its own.

    Sessions are not remembered: the context outlives them, and nobody resumes one.
    """
    context = certificate._create_ssl_context(SRTP_PROFILES)  # noqa: SLF001 - the seam
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    cast("Any", certificate)._create_ssl_context = lambda srtp_profiles: context  # noqa: ARG005, SLF001 - the seam


def transport(carrier: Datagrams, certificate: RTCCertificate, role: str) -> RTCDtlsTransport:
    dtls = RTCDtlsTransport(cast("Any", carrier), [certificate])
    dtls._set_role(role)  # noqa: SLF001 - the seam
    return dtls


def sessions(dtls: RTCDtlsTransport) -> tuple[SrtpSession, SrtpSession, str]:
    """Inbound and outbound SRTP of a finished handshake, and the name of the profile."""
    inbound, outbound = dtls._rx_srtp, dtls._tx_srtp  # noqa: SLF001 - the seam
    assert dtls._ssl is not None  # noqa: SLF001 - the seam
    profile = dtls._ssl.get_selected_srtp_profile()  # noqa: SLF001 - the seam
    return inbound, outbound, profile.decode()


def raw_session(session: SrtpSession) -> Any:
    """The `srtp_t` of a session. It dies with the session: keep the session as long as this."""
    return cast("Any", session)._srtp[0]  # noqa: SLF001 - the seam
