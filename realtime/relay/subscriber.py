"""The connection of one viewer: media out, its wishes and reports in.

It answers NACKs, passes keyframe wishes on, and knows neither the publisher nor the stage.
"""

from collections.abc import Mapping

from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
)

from realtime.relay.downtrack import DownTrack
from realtime.relay.dtls import Keys
from realtime.relay.fanout import Destination, Sender
from realtime.relay.feed import Feed
from realtime.relay.grant import Grant
from realtime.relay.mux import Address
from realtime.relay.offer import Offer
from realtime.relay.peer import Peer, Setting
from realtime.relay.sdp import Chosen
from realtime.relay.strain import Strain
from realtime.relay.sync import REPORTS_NEEDED, Mark


class Subscriber(Peer):
    """One viewer's browser."""

    def __init__(self, setting: Setting, grant: Grant, offer: Offer, fanout: Sender) -> None:
        super().__init__(setting, grant, offer)
        self.chosen: Mapping[str, Chosen] = {}
        self.tracks: dict[int, DownTrack] = {}
        """By SSRC."""
        self._feeds: Mapping[str, Feed] = {}
        self._wanted = {
            media.kind
            for media in offer.media
            if not media.refused and media.direction in ("recvonly", "sendrecv")
        }
        self.strain = Strain()
        self._fanout = fanout
        self._clock = setting.mux.clock

    def attach(self, chosen: Mapping[str, Chosen], feeds: Mapping[str, Feed]) -> None:
        self.chosen, self._feeds = chosen, feeds

    def fits(self, feeds: Mapping[str, Feed]) -> bool:
        """Whether everything it asked for that is sent now is what it already receives."""
        return all(self._feeds.get(kind) is feeds[kind] for kind in self._wanted if kind in feeds)

    def connected(self, keys: Keys) -> None:
        assert self.ice.address is not None
        for kind, chosen in self.chosen.items():
            feed = self._feeds[kind]
            destination = Destination(
                keys.outbound, self.ice.address, self._fanout.family, keys.trailer
            )
            self.tracks[feed.ssrc] = DownTrack(chosen, feed, destination, self._fanout)

    def moved(self, address: Address) -> None:
        for track in self.tracks.values():
            track.moved(address)

    def hang_up(self) -> None:
        # The tracks hold raw pointers into the session: they leave the fan-out before it may go.
        for track in self.tracks.values():
            track.close()
        self.tracks.clear()
        super().hang_up()

    def report(self, ssrc: int, mark: Mark, now: float) -> None:
        track = self.tracks.get(ssrc)
        report = track.report(mark, now) if track is not None else None
        if report is not None:
            self.send_rtcp(report)

    def report_to_new(self, marks: Mapping[int, Mark], now: float) -> None:
        """By SSRC; a receiver needs two reports of a stream to know how its clock runs."""
        for ssrc, track in self.tracks.items():
            if track.reports < REPORTS_NEEDED and ssrc in marks:
                self.report(ssrc, marks[ssrc], now)

    def try_pictures(self, now: float) -> None:
        """Send pictures again to a line that was too thin for them a while ago."""
        picture, sound = self._track("video"), self._track("audio")
        if picture is None or not picture.paused:
            return
        if self.strain.try_again(sound.fraction_lost if sound is not None else 0.0, now):
            picture.resume()

    def _track(self, kind: str) -> DownTrack | None:
        return next((each for each in self.tracks.values() if each.feed.kind == kind), None)

    def _weigh(self, track: DownTrack, now: float) -> None:
        """Take pictures off a line that does not carry both, lest they drown the sound."""
        if track.feed.kind != "video" or track.paused or self._track("audio") is None:
            return
        if self.grant.may == "pull":
            return  # those behind the other relay have lines of their own
        self.strain.reported(track.fraction_lost, track.round_trip, now)
        if not self.strain.pictures:
            track.pause()

    def control(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            track = self.tracks.get(packet.media_ssrc)
            if track is not None:
                track.send_again(packet.lost, self._clock())
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
            self._wish(packet)
        elif isinstance(packet, RtcpRrPacket):
            for report in packet.reports:
                track = self.tracks.get(report.ssrc)
                if track is not None:
                    track.reported(report, self._clock())
                    self._weigh(track, self._clock())

    def _wish(self, packet: RtcpPsfbPacket) -> None:
        # A FIR names its target in the control information (RFC 5104 §4.3.1.1).
        target = packet.media_ssrc
        if packet.fmt == RTCP_PSFB_FIR and len(packet.fci) >= 4:  # noqa: PLR2004
            target = int.from_bytes(packet.fci[:4], "big")
        track = self.tracks.get(target)
        if track is not None and track.feed.kind == "video" and not track.paused:
            track.feed.keyframes.wish()
