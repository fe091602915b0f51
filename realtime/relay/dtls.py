"""One DTLS handshake over a verified path, and the SRTP keys that come out of it.

It knows neither media nor who the peer is; the fingerprint of the offer is what it checks.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from OpenSSL import SSL

from realtime.relay import seam
from realtime.relay.offer import Fingerprint
from realtime.relay.seam import RTCCertificate, SrtpSession


class HandshakeFailed(Exception):
    """The other side went away, spoke nonsense, or is not who the offer said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    inbound: SrtpSession
    outbound: SrtpSession
    profile: str

    @property
    def trailer(self) -> int | None:
        """Bytes that protection adds to a packet of media, if they are known."""
        return seam.TRAILER_BYTES.get(self.profile)


def new_certificate() -> RTCCertificate:
    """One for the life of the process; aiortc dates it for thirty days."""
    certificate = RTCCertificate.generateCertificate()
    seam.share_context(certificate)
    return certificate


def own_fingerprint(certificate: RTCCertificate) -> Fingerprint:
    first = certificate.getFingerprints()[0]
    return Fingerprint(algorithm=first.algorithm, value=first.value)


class Dtls:
    """A handshake, then the connection that only carries alerts: media has its own keys."""

    def __init__(
        self, carrier: seam.Datagrams, certificate: RTCCertificate, *, server: bool
    ) -> None:
        self._transport = seam.transport(carrier, certificate, "server" if server else "client")
        self.closed = asyncio.Event()
        """Set when the other side said goodbye."""

    async def handshake(self, fingerprints: Sequence[Fingerprint]) -> Keys:
        self._transport.on("statechange", self._changed)
        try:
            await self._transport.start(
                seam.RTCDtlsParameters(
                    fingerprints=[
                        seam.RTCDtlsFingerprint(algorithm=each.algorithm, value=each.value)
                        for each in fingerprints
                    ]
                )
            )
        except (ConnectionError, SSL.Error, ValueError) as failure:
            raise HandshakeFailed(str(failure)) from failure
        if self._transport.state != "connected":
            raise HandshakeFailed(f"the handshake is {self._transport.state}")
        inbound, outbound, profile = seam.sessions(self._transport)
        return Keys(inbound=inbound, outbound=outbound, profile=profile)

    async def stop(self) -> None:
        """Say goodbye, so that the other side need not wait for a time-out."""
        await self._transport.stop()

    def let_go(self) -> None:
        """Nobody asks any more how it stands."""
        self._transport.remove_all_listeners()

    def _changed(self) -> None:
        if self._transport.state in ("closed", "failed"):
            self.closed.set()
