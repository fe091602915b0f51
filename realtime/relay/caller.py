"""A peer on the other side of WHIP or WHEP: publishes to a relay, or watches one.

    async with call(url, bearer, kind="publish") as caller:
        caller.send("video", payload, timestamp, marker=True)

One UDP socket carries checks, DTLS, media and reports. The far side has to be ICE-lite with its
candidates in the answer, as our relay is. It knows neither codecs nor files: it sends payloads and
hands them over. The demo's publisher, the benchmarks and the tests stand on it.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urljoin

import httpx
from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    is_rtcp,
)

from realtime.relay import flow, rtcp
from realtime.relay.dial import (
    Accepted,
    BadAnswer,
    CodecName,
    MediaKind,
    read_answer,
    write_offer,
)
from realtime.relay.dtls import Dtls, HandshakeFailed, Keys, new_certificate, own_fingerprint
from realtime.relay.path import Path
from realtime.relay.seam import SrtpError

Kind = Literal["publish", "watch"]

TICK_SECONDS = 0.1
"""Of the one timer, which asks for lost packets, sends reports and keeps consent alive."""
HANDSHAKE_SECONDS = 10.0
HTTP_SECONDS = 10.0
REPORT_SECONDS = 2.0


class CallRefused(Exception):
    """The far side answered, but not with a session."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status} {body[:200]}".rstrip())
        self.status = status


class CallLost(ConnectionError):
    """No connection came about."""


@asynccontextmanager
async def call(
    url: str,
    bearer: str,
    *,
    kind: Kind,
    codec: CodecName | None = None,
    http: httpx.AsyncClient | None = None,
    audio_only: bool = False,
) -> AsyncGenerator["Caller"]:
    """Post an offer to `url`, connect, and hang up at the end.

    Without a codec, a publisher offers VP8 and a watcher whatever may come. `http` serves many
    calls at once, and urls relative to it; it stays open.
    """
    async with contextlib.AsyncExitStack() as stack:
        if http is None:
            # Loopback and relays of the same site: a proxy could not carry the media anyway.
            http = httpx.AsyncClient(timeout=HTTP_SECONDS, trust_env=False)
            await stack.enter_async_context(http)
        codecs: tuple[CodecName, ...] = (codec,) if codec else ("VP8", "H264")
        caller = Caller(kind, codecs if kind == "watch" else codecs[:1], audio_only=audio_only)
        headers = {"Authorization": f"Bearer {bearer}"}
        response = await http.post(
            url,
            content=caller.offer,
            headers=headers | {"Content-Type": "application/sdp", "Accept": "application/sdp"},
        )
        if response.status_code != httpx.codes.CREATED:
            raise CallRefused(response.status_code, response.text)
        place = urljoin(str(response.url), response.headers.get("Location", ""))
        try:
            await caller.connect(response.text)
            yield caller
        finally:
            await caller.close()
            # The relay forgets a silent peer by itself: a failed goodbye is no error.
            with contextlib.suppress(httpx.TransportError):
                await http.delete(place, headers=headers)


class Caller:
    """One connection. `closed` is set when it ended, from either side."""

    def __init__(
        self, kind: Kind, codecs: tuple[CodecName, ...], *, audio_only: bool = False
    ) -> None:
        self.kind = kind
        self.closed = asyncio.Event()
        self.media: tuple[Accepted, ...] = ()
        self.on_rtp: Callable[[flow.Packet], None] | None = None
        """Called with every decrypted packet: payload type, seq, timestamp, marker, payload."""
        self.on_keyframe_wanted: Callable[[], None] | None = None
        """Called when a viewer cannot go on without a keyframe."""
        self.on_lost: Callable[[list[int]], None] | None = None
        """Called with the numbers a NACK names, after what is remembered was sent again."""
        self.received: dict[int, rtcp.Reception] = {}
        """By SSRC: what came, what was lost, the jitter."""
        self.resent = self.keyframes_wanted = self.unreadable = 0
        self.profile = ""
        self._certificate = new_certificate()
        self._path = Path(self._take)
        self._ssrcs: dict[MediaKind, int] = {
            "audio": secrets.randbelow((1 << 31) - 2) + 2,
            "video": secrets.randbelow(1 << 31) + (1 << 31),
        }
        self.offer = write_offer(
            self._path.login,
            own_fingerprint(self._certificate),
            codecs=codecs,
            ssrcs=self._ssrcs if kind == "publish" else None,
            audio_only=audio_only,
        )
        self._outflows: dict[MediaKind, flow.Outflow] = {}
        self._missing: dict[int, rtcp.Missing] = {}
        self._dtls: Dtls | None = None
        self._keys: Keys | None = None
        self._reported_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def rate(self, kind: MediaKind) -> int:
        return next(media.rate for media in self.media if media.kind == kind)

    def send(
        self,
        kind: MediaKind,
        payload: bytes,
        timestamp: int,
        *,
        marker: bool = False,
        at: float | None = None,
    ) -> None:
        """Send one payload. `at` (of `time.monotonic`) is when its timestamp is due, if not now."""
        if self._keys is None or self.closed.is_set():
            raise CallLost("the call has ended")
        stream = self._outflows[kind]
        now = time.monotonic() if at is None else at
        datagram = self._keys.outbound.protect(
            stream.packet(payload, timestamp, marker=marker, at=now)
        )
        stream.remember(datagram)
        self._path.send(datagram)

    def ask_keyframe(self) -> None:
        """Ask for a keyframe of every picture that is received (RFC 4585 §6.3.1)."""
        for ssrc, reception in self.received.items():
            if reception.rate == self.rate("video"):
                self._control(rtcp.pli(ssrc))

    async def connect(self, answer_sdp: str) -> None:
        """Find an address that answers, shake hands, and begin to keep the call alive."""
        try:
            answer = read_answer(answer_sdp)
        except BadAnswer as failure:
            raise CallLost(str(failure)) from failure
        self.media = answer.media
        if self.kind == "publish":
            self._outflows = {
                media.kind: flow.Outflow(
                    ssrc=self._ssrcs[media.kind],
                    payload_type=media.payload_type,
                    rate=media.rate,
                    seq=secrets.randbelow(1 << 15),
                )
                for media in reversed(answer.media)
            }
        if not await self._path.open(answer.login, answer.addresses):
            raise CallLost("none of the addresses in the answer responds")
        self._dtls = Dtls(self._path, self._certificate, server=answer.active)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                self._keys = await self._dtls.handshake(answer.fingerprints)
        except (HandshakeFailed, TimeoutError) as failure:
            raise CallLost(f"no handshake: {failure}") from failure
        self.profile = self._keys.profile
        self._tick()

    async def close(self) -> None:
        """Say goodbye and let go of the socket; a second time does nothing."""
        if self._timer is not None:
            self._timer.cancel()
        if self._keys is not None and not self.closed.is_set():
            ssrcs = [stream.ssrc for stream in self._outflows.values() if stream.packets]
            if ssrcs:
                self._control(rtcp.bye(ssrcs))
        if self._dtls is not None:
            await self._dtls.stop()
        self.closed.set()
        self._path.close()

    def _control(self, report: bytes) -> None:
        assert self._keys is not None, "reports follow the handshake"
        self._path.send(self._keys.outbound.protect_rtcp(report))

    def _tick(self) -> None:
        now = time.monotonic()
        assert self._dtls is not None, "the timer starts after the handshake"
        if self._dtls.closed.is_set() or not self._path.alive(now):
            self.closed.set()
            self._path.close()
            return
        for ssrc, missing in self._missing.items():
            if lost := missing.due(now, TICK_SECONDS):
                self._control(rtcp.nack(ssrc, lost))
        if now - self._reported_at >= REPORT_SECONDS:
            self._reported_at = now
            self._report(now)
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def _report(self, now: float) -> None:
        for stream in self._outflows.values():
            if stream.packets:
                self._control(stream.report(now, time.time()))
        if self.received:
            reports = [each.report(ssrc, now) for ssrc, each in self.received.items()]
            self._control(rtcp.receiver_report(reports))

    def _take(self, datagram: bytes, now: float) -> None:
        if self._keys is None:
            return
        try:
            if is_rtcp(datagram):
                self._take_rtcp(self._keys.inbound.unprotect_rtcp(datagram), now)
            else:
                self._take_rtp(self._keys.inbound.unprotect(datagram), now)
        except SrtpError:
            self.unreadable += 1

    def _take_rtp(self, data: bytes, now: float) -> None:
        packet = flow.parse(data)
        if packet is None:
            return
        reception = self.received.get(packet.ssrc)
        if reception is None:
            media = [each for each in self.media if each.payload_type == packet.payload_type]
            if not media:
                return
            reception = self.received[packet.ssrc] = rtcp.Reception(rate=media[0].rate)
            if media[0].nack:
                self._missing[packet.ssrc] = rtcp.Missing()
        reception.arrived(packet.seq, packet.timestamp, len(packet.payload), now)
        if packet.ssrc in self._missing:
            self._missing[packet.ssrc].arrived(packet.seq)
        if self.on_rtp is not None:
            self.on_rtp(packet)

    def _take_rtcp(self, data: bytes, now: float) -> None:
        for report in rtcp.parse(data):
            if isinstance(report, RtcpSrPacket) and report.ssrc in self.received:
                sender = report.sender_info
                self.received[report.ssrc].reported(sender.ntp_timestamp, sender.rtp_timestamp, now)
            elif isinstance(report, RtcpPsfbPacket):
                if report.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
                    self.keyframes_wanted += 1
                    if self.on_keyframe_wanted is not None:
                        self.on_keyframe_wanted()
            elif isinstance(report, RtcpRtpfbPacket):
                self._take_feedback(report)

    def _take_feedback(self, report: RtcpRtpfbPacket) -> None:
        if report.fmt != RTCP_RTPFB_NACK:  # transport-wide feedback is not acted upon
            return
        for stream in self._outflows.values():
            if stream.ssrc != report.media_ssrc:
                continue
            for seq in report.lost:
                datagram = stream.recall(seq)
                if datagram is not None:
                    self.resent += 1
                    self._path.send(datagram)
            if self.on_lost is not None:
                self.on_lost(report.lost)
