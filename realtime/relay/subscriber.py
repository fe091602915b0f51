"""The connection of one viewer: media out, its wishes and reports in.

It answers NACKs, passes keyframe wishes on, and knows neither the publisher nor the stage.
"""

from collections.abc import Mapping

from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    unpack_remb_fci,
)

from realtime.relay.downtrack import DownTrack
from realtime.relay.dtls import Keys
from realtime.relay.fanout import Destination, Sender
from realtime.relay.feed import Feed
from realtime.relay.grant import Grant
from realtime.relay.layers import Layers
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
        self._streams: Mapping[str, Layers] = {}
        self._wanted = {
            media.kind
            for media in offer.media
            if not media.refused and media.direction in ("recvonly", "sendrecv")
        }
        self.strain = Strain()
        self._fanout = fanout
        self._clock = setting.mux.clock

    def attach(self, chosen: Mapping[str, Chosen], streams: Mapping[str, Layers]) -> None:
        self.chosen, self._streams = chosen, streams

    def fits(self, streams: Mapping[str, Layers]) -> bool:
        """Whether everything it asked for that is sent now is what it already receives."""
        wanted = [kind for kind in self._wanted if kind in streams]
        return all(self._streams.get(kind) is streams[kind] for kind in wanted)

    def connected(self, keys: Keys) -> None:
        for kind, chosen in self.chosen.items():
            self._begin(chosen, self._streams[kind].at_most(self.strain.level), keys)

    def _begin(self, chosen: Chosen, feed: Feed, keys: Keys, ssrc: int | None = None) -> None:
        assert self.ice.address is not None
        destination = Destination(
            keys.outbound, self.ice.address, self._fanout.family, keys.trailer
        )
        track = DownTrack(chosen, feed, destination, self._fanout, ssrc)
        self.tracks[track.ssrc] = track

    def moved(self, address: Address) -> None:
        for track in self.tracks.values():
            track.moved(address)

    def hang_up(self) -> None:
        # The tracks hold raw pointers into the session: they leave the fan-out before it may go.
        for track in self.tracks.values():
            track.close()
        self.tracks.clear()
        super().hang_up()

    def report(self, feed: Feed, mark: Mark, now: float) -> None:
        track = next((each for each in self.tracks.values() if each.feed is feed), None)
        report = track.report(mark, now) if track is not None else None
        if report is not None:
            self.send_rtcp(report)

    def report_to_new(self, marks: Mapping[Feed, Mark], now: float) -> None:
        """A receiver needs two reports of a stream to know how its clock runs."""
        for track in self.tracks.values():
            if track.reports < REPORTS_NEEDED and track.feed in marks:
                self.report(track.feed, marks[track.feed], now)

    def choose(self) -> None:
        """Follow the picture that the line carries, of those there are."""
        picture = self._track("video")
        if picture is None:
            return
        if self.strain.pictures:
            picture.follow(self._streams["video"].at_most(self.strain.level))
            picture.resume()
        else:
            picture.pause()

    def try_more(self, now: float) -> None:
        """Send a larger picture, or one at all, to a line that was too thin a while ago."""
        if self.strain.whole:
            return
        picture = self._track("video")
        heard = self._track("audio") if picture is None or picture.paused else picture
        if picture is None:
            return
        lost = heard.fraction_lost if heard is not None else 0.0
        if self.strain.try_again(lost, now, self._rates):
            self.choose()

    @property
    def sees_less(self) -> bool:
        """Whether it is sent a picture, but not the largest."""
        picture = self._track("video")
        if picture is None or picture.paused:
            return False
        return picture.feed is not self._streams["video"].largest

    @property
    def _rates(self) -> list[float]:
        """Of the picture's sizes, the smallest first."""
        return [feed.bits for feed in self._streams["video"].flowing]

    def _track(self, kind: str) -> DownTrack | None:
        return next((each for each in self.tracks.values() if each.feed.kind == kind), None)

    def _weigh(self, track: DownTrack, now: float) -> None:
        """Send less of the picture over a line that does not carry it, lest it drown the sound."""
        if track.feed.kind != "video" or track.paused:
            return
        if self._track("audio") is None and min(self.strain.level, len(self._rates)) == 1:
            return  # nothing is there that could be saved
        before = self.strain.level
        self.strain.reported(track.fraction_lost, track.round_trip, now, self._rates)
        if self.strain.level != before:
            self.choose()

    def control(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            track = self.tracks.get(packet.media_ssrc)
            if track is not None:
                track.send_again(packet.lost, self._clock())
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
            self._wish(packet)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            self._estimated(packet)
        elif isinstance(packet, RtcpRrPacket):
            for report in packet.reports:
                track = self.tracks.get(report.ssrc)
                if track is not None and track.reported(report, self._clock()):
                    self._weigh(track, self._clock())

    def _estimated(self, packet: RtcpPsfbPacket) -> None:
        """A viewer says how much it believes to fit (draft-alvestrand-rmcat-remb-03)."""
        picture = self._track("video")
        if picture is None or picture.paused:
            return
        try:
            bits, _ = unpack_remb_fci(packet.fci)
        except ValueError:
            return  # another message of an application
        before = self.strain.level
        self.strain.estimated(bits, self._rates, self._clock())
        if self.strain.level != before:
            self.choose()

    def _wish(self, packet: RtcpPsfbPacket) -> None:
        # A FIR names its target in the control information (RFC 5104 §4.3.1.1).
        target = packet.media_ssrc
        if packet.fmt == RTCP_PSFB_FIR and len(packet.fci) >= 4:  # noqa: PLR2004
            target = int.from_bytes(packet.fci[:4], "big")
        track = self.tracks.get(target)
        if track is not None and track.feed.kind == "video" and not track.paused:
            track.feed.keyframes.wish()
