"""One connection: ICE path, DTLS handshake, then SRTP in and SRTCP both ways, until it ends.

Publisher and subscriber build on it. It knows no stages.
"""

import asyncio
import secrets
from asyncio import Semaphore
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiortc.rtp import AnyRtcpPacket

from realtime.relay import rtcp
from realtime.relay.bounds import SETUP_SECONDS, TURN_SECONDS
from realtime.relay.dtls import Dtls, HandshakeFailed, Keys
from realtime.relay.grant import Grant
from realtime.relay.mux import Address, Ice, Mux
from realtime.relay.offer import Offer
from realtime.relay.sdp import our_role_is_server
from realtime.relay.seam import RTCCertificate, SrtpError

RTCP_FROM, RTCP_BELOW = 192, 224
"""Second bytes, RFC 5761 §4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all connections of a process share."""

    mux: Mux
    certificate: RTCCertificate
    handshakes: Semaphore
    """Few at a time: a handshake costs milliseconds, and media must not wait for a hundred."""


async def first_of(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


@asynccontextmanager
async def a_turn(turns: Semaphore) -> AsyncGenerator[None]:
    """One of a few turns; whoever takes long goes on, and gives it up."""
    await turns.acquire()
    loop = asyncio.get_running_loop()
    over = loop.call_later(TURN_SECONDS, turns.release)
    try:
        yield
    finally:
        if over.when() > loop.time():
            over.cancel()
            turns.release()


class Peer:
    """A browser or an encoder at the other end."""

    def __init__(
        self, setting: Setting, grant: Grant, offer: Offer, ice: Ice | None = None
    ) -> None:
        self.id = secrets.token_urlsafe(24)
        """Names the connection in its address; whoever knows it may hang up."""
        self.grant = grant
        self.ice = ice if ice is not None else setting.mux.new_ice()
        self.ice.remote_ufrag, self.ice.remote_password = offer.ufrag, offer.password
        self.keys: Keys | None = None
        self.ending = asyncio.Event()
        self.on_connected: Callable[[], None] | None = None
        self._setting = setting
        self._offer = offer
        server = our_role_is_server(offer)
        self.ice.hellos.expected = server
        self._dtls = Dtls(self.ice, setting.certificate, server=server)

    async def live(self) -> None:
        """From the answer to the end, whichever side ends it. Never raises for what peers do."""
        try:
            try:
                async with asyncio.timeout(SETUP_SECONDS):
                    await self._connect()
            except (TimeoutError, HandshakeFailed):
                self.hang_up()
            if self.keys is not None:
                await first_of(self.ending, self._dtls.closed)
                await self._dtls.stop()
        finally:
            self.hang_up()
            self.ice.close()
            self._let_go()

    async def _connect(self) -> None:
        await first_of(self.ice.connected, self.ending)
        if self.ending.is_set():
            return
        async with a_turn(self._setting.handshakes):
            keys = await self._dtls.handshake(self._offer.fingerprints)
        if self.ending.is_set():
            return
        self.keys = keys
        self.ice.hellos.expected = False
        self.ice.on_media = self._media
        self.ice.on_moved = self.moved
        self.connected(keys)
        if self.on_connected is not None:
            self.on_connected()

    def hang_up(self) -> None:
        """End it from our side; `live` says goodbye and returns."""
        self.ice.on_media = None
        self.ending.set()
        if self.keys is None:
            self.ice.close()  # ends a handshake that still waits for its next datagram

    def _let_go(self) -> None:
        # What nobody calls any more is freed at once: OpenSSL holds 20 KiB of it, of which the
        # collector knows nothing.
        self.on_connected = self.ice.on_moved = None
        self._dtls.let_go()

    def send_rtcp(self, compound: bytes) -> None:
        if self.keys is not None:
            self.ice.send(self.keys.outbound.protect_rtcp(compound))

    def connected(self, keys: Keys) -> None:
        """Keys are there; media may flow."""

    def moved(self, address: Address) -> None:
        """The peer proved another address, and packets go there from now on."""

    def rtp(self, packet: bytes) -> None:
        """One authentic RTP packet."""

    def control(self, packet: AnyRtcpPacket) -> None:
        """One authentic RTCP packet."""

    def _media(self, datagram: bytes) -> None:
        assert self.keys is not None
        is_control = len(datagram) > 1 and RTCP_FROM <= datagram[1] < RTCP_BELOW
        inbound = self.keys.inbound
        try:
            clear = inbound.unprotect_rtcp(datagram) if is_control else inbound.unprotect(datagram)
        except (SrtpError, ValueError):
            self._setting.mux.counters.undecrypted += 1
            return
        if not is_control:
            self.rtp(clear)
            return
        for packet in rtcp.parse(clear):
            self.control(packet)
