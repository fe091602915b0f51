"""The connection of whoever is on a stage: media in, feedback out.

It unwraps RTP and times feedback; what becomes of the packets is its feeds' business.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, cast

from aiortc.rate import RemoteBitrateEstimator
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket

from realtime.relay import rtcp
from realtime.relay.demux import Demux
from realtime.relay.dtls import Keys
from realtime.relay.grant import Grant
from realtime.relay.mux import Ice
from realtime.relay.offer import Offer
from realtime.relay.peer import Peer, Setting
from realtime.relay.rtcp import Arrivals
from realtime.relay.sdp import Chosen
from realtime.relay.sync import SenderClock
from realtime.relay.uptrack import UpTrack

REPORT_SECONDS = 1.0

_HEADER = struct.Struct("!BBHLL")
_ONE_BYTE_EXTENSIONS = 0xBEDE
_MOST_SSRCS = 255
_ABS_SEND_TIME_BYTES, _TRANSPORT_CC_BYTES = 3, 2

Reported = Callable[[UpTrack, float], None]


class Publisher(Peer):
    """One speaker's encoder."""

    def __init__(
        self, setting: Setting, grant: Grant, offer: Offer, ice: Ice | None = None
    ) -> None:
        super().__init__(setting, grant, offer, ice)
        self.tracks: list[UpTrack] = []
        self.heard_at: float | None = None
        """When the last media packet came; `None` before the first."""
        self.on_report: Reported | None = None
        self._clock = setting.mux.clock
        self._by_type: dict[int, UpTrack] = {}
        self._by_resend_type: dict[int, UpTrack] = {}
        self._demux: Demux | None = None
        self._arrivals = Arrivals()
        # Every extension an encoder numbers is the same in all sections of a bundle (RFC 9143 §12).
        self._transport_cc: int | None = None
        self._abs_send_time: int | None = None
        self._sender_clock = SenderClock()
        self._estimator: Any = None
        self._reported_at = float("-inf")

    def attach(self, tracks: Sequence[UpTrack]) -> None:
        """Route the negotiated payload types to their tracks."""
        self.tracks = list(tracks)
        for track in tracks:
            self._route(track, track.chosen)
        layered = [track for track in tracks if track.chosen.layers]
        self._demux = Demux(layered) if layered else None
        if self._transport_cc is None and self._abs_send_time is not None:
            self._estimator = cast("Any", RemoteBitrateEstimator)()

    def _route(self, track: UpTrack, chosen: Chosen) -> None:
        if not chosen.layers:
            self._by_type[chosen.payload_type] = track
            if chosen.resend_payload_type is not None:
                self._by_resend_type[chosen.resend_payload_type] = track
        if chosen.transport_cc is not None:
            self._transport_cc = chosen.transport_cc
        if chosen.abs_send_time is not None:
            self._abs_send_time = chosen.abs_send_time

    def connected(self, keys: Keys) -> None:
        del keys
        for track in self.tracks:
            track.feed.new_source()

    def rtp(self, packet: bytes) -> None:
        now = self._clock()
        if len(packet) < _HEADER.size:
            return
        flags, second, seq, timestamp, ssrc = _HEADER.unpack_from(packet)
        at = _HEADER.size + 4 * (flags & 0x0F)
        if flags & 0x10:
            at = self._extensions(packet, at, now)
        end = len(packet) - (packet[-1] if flags & 0x20 else 0)
        if at > end:
            return
        self.heard_at = now
        payload, marker, payload_type = packet[at:end], second >> 7, second & 0x7F
        track = self._by_type.get(payload_type)
        if track is not None:
            track.receive(ssrc, marker, seq, timestamp, payload, now)
            return
        track = self._by_resend_type.get(payload_type)
        if track is not None:
            track.receive_again(marker, timestamp, payload, now)
            return
        if self._demux is None:
            return
        track = self._demux.find(payload_type, ssrc, packet)
        if track is None:
            return
        if payload_type == track.chosen.payload_type:
            track.receive(ssrc, marker, seq, timestamp, payload, now)
        else:
            track.receive_again(marker, timestamp, payload, now)

    def control(self, packet: AnyRtcpPacket) -> None:
        if not isinstance(packet, RtcpSrPacket):
            return
        now = self._clock()
        for track in self.tracks:
            if track.ssrc == packet.ssrc:
                sent = packet.sender_info
                track.reported(sent.ntp_timestamp, sent.rtp_timestamp, self._sender_clock, now)
                if self.on_report is not None:
                    self.on_report(track, now)

    def tick(self, now: float) -> None:
        """Ask for keyframes and lost packets, and report; twenty times a second."""
        if self.keys is None:
            return
        wanted = b"".join(self._wanted(now))
        if wanted:
            self.send_rtcp(wanted)
        for feedback in self._arrivals.feedback(self._any_ssrc()):
            self.send_rtcp(feedback)
        if now - self._reported_at >= REPORT_SECONDS:
            self._reported_at = now
            for track in self.tracks:
                track.measure(now)
            reports = [
                track.reception.report(track.ssrc, now)
                for track in self.tracks
                if track.ssrc is not None and track.reception.first is not None
            ]
            if reports:
                self.send_rtcp(rtcp.receiver_report(reports))

    def ask_now(self) -> None:
        """What is due without waiting for the timer."""
        self.tick(self._clock())

    def _wanted(self, now: float) -> list[bytes]:
        wanted = []
        for track in self.tracks:
            if track.ssrc is None:
                continue
            lost = track.ask_again(now)
            if lost:
                wanted.append(rtcp.nack(track.ssrc, lost))
            if track.feed.keyframes.due(now):
                wanted.append(rtcp.pli(track.ssrc))
        return wanted

    def _any_ssrc(self) -> int:
        return next((track.ssrc for track in self.tracks if track.ssrc is not None), 0)

    def _extensions(self, packet: bytes, at: int, now: float) -> int:
        """Read what congestion control needs; the end of the header, past the packet if broken."""
        if at + 4 > len(packet):
            return len(packet) + 1
        profile = int.from_bytes(packet[at : at + 2], "big")
        words = int.from_bytes(packet[at + 2 : at + 4], "big")
        at, end = at + 4, at + 4 + 4 * words
        if profile != _ONE_BYTE_EXTENSIONS or end > len(packet):
            return end
        while at < end:
            first = packet[at]
            if not first:
                at += 1
                continue
            number, size = first >> 4, (first & 0x0F) + 1
            value = packet[at + 1 : min(at + 1 + size, end)]
            if number == self._transport_cc and len(value) == _TRANSPORT_CC_BYTES:
                self._arrivals.arrived(int.from_bytes(value, "big"), now)
            elif number == self._abs_send_time and len(value) == _ABS_SEND_TIME_BYTES:
                self._estimate(int.from_bytes(value, "big"), len(packet), now)
            at += 1 + size
        return end

    def _estimate(self, sent_at: int, size: int, now: float) -> None:
        if self._estimator is None:
            return
        estimate = self._estimator.add(int(now * 1000), sent_at, size, self._any_ssrc())
        if estimate is not None:
            bitrate, ssrcs = estimate
            self.send_rtcp(rtcp.remb(bitrate, ssrcs[:_MOST_SSRCS]))
