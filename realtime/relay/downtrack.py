"""One stream a subscriber receives: its own payload types, counts, and retransmissions.

What is sent again comes from the feed's cache, either byte for byte or in its own RTX stream;
nothing else ever reuses a sequence number. It knows no addresses.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from aiortc.rtp import RtcpReceiverInfo

from realtime.relay.bounds import FORMER_SECONDS, LOSS_SECONDS, RESEND_BURST, RESENDS_PER_SECOND
from realtime.relay.cache import Packet
from realtime.relay.change import End, continued, ended, resumed
from realtime.relay.fanout import Destination, Group, Sender
from realtime.relay.feed import Feed, plain, resend
from realtime.relay.mux import Address
from realtime.relay.rewrite import SEQ_MASK, STILL, TIMESTAMP_MASK, Shift, seq_after
from realtime.relay.rtcp import sender_report
from realtime.relay.sdp import Chosen
from realtime.relay.sync import Mark

_REPORTS_KEPT = 8


@dataclass(frozen=True, slots=True)
class _Former:
    """What a stream was made of until a change."""

    feed: Feed
    group: Group
    until: int
    """The first number after the change."""
    at: float


class DownTrack:
    """An outgoing audio or video stream, of one subscriber's one connection."""

    def __init__(
        self,
        chosen: Chosen,
        feed: Feed,
        destination: Destination,
        fanout: Sender,
        ssrc: int | None = None,
    ) -> None:
        self.feed = feed
        """What it is made of, or was last; another one of the same SSRC may follow."""
        self.destination = destination
        self.ssrc = ssrc or feed.ssrc
        self.group = feed.group(chosen.payload_type, send_time=chosen.abs_send_time, ssrc=self.ssrc)
        self.paused = False
        self.resent = self.reports = self.changes = 0
        self.fraction_lost = 0.0
        self.lost = 0
        self.round_trip: float | None = None
        self._resend_payload_type = chosen.resend_payload_type
        self._resend_seq = secrets.randbits(15)
        self._fanout = fanout
        self._allowance = float(RESEND_BURST)
        self._allowed_at = 0.0
        self._reported: dict[int, float] = {}
        self._payload_type, self._send_time = chosen.payload_type, chosen.abs_send_time
        self._wanted = feed
        """What it is to be made of, from that one's next keyframe on."""
        self._end: End | None = None
        """The last it was sent, while it is sent nothing."""
        self._former: _Former | None = None
        self._counted = (0, 0)
        self._told = (float("-inf"), 0, 0)
        """When losses were told of, how many there were, and the highest number by then."""
        feed.join(self)

    def enter(self, feed: Feed, packet: Packet | None) -> None:
        """Begin, or go on with the number after the last one: a hole would be asked for."""
        self._stop()
        if self._end is None or packet is None:
            shift, first = STILL, None
        elif feed is self.feed:
            shift, first = resumed(self._end, packet, self.group.shift), packet.seq
        else:
            shift, first = self._changed(self._end, feed, packet), packet.seq
        self.feed = feed
        self.group = feed.group(self._payload_type, shift, first, self._send_time, self.ssrc)
        self.group.add(self.destination)

    def _changed(self, end: End, feed: Feed, packet: Packet) -> Shift:
        shift = continued(end, packet, feed.line(), codec=feed.codec, rate=feed.rate)
        until = (packet.seq + shift.seq) & SEQ_MASK
        # A line that was too thin for a picture is not to be filled with what it lost of it.
        larger = feed.pixels >= self.feed.pixels
        self._former = _Former(self.feed, self.group, until, packet.at) if larger else None
        self.changes += 1
        self.reports = 0  # its times go by another line: the receiver is to know it soon
        return shift

    def follow(self, feed: Feed) -> None:
        """Be made of this one from its next keyframe on, and until then of the present one."""
        if feed is self._wanted:
            return
        self._wanted.forget(self)
        self._wanted = feed
        if not self.paused and (feed is not self.feed or self.destination.joined is None):
            feed.join(self)

    def pause(self) -> None:
        """Send nothing more, until `resume`."""
        if self.paused:
            return
        self.paused = True
        self._wanted.forget(self)
        self._stop()

    def resume(self) -> None:
        if self.paused:
            self.paused = False
            self._wanted.join(self)

    def _stop(self) -> None:
        """Send no more of the present feed, and note where that ended."""
        if self.destination.joined is None:
            return
        self.feed.leave(self)
        self._counted = self._count()
        self.destination.joined = None
        newest = self.feed.newest
        if newest is not None:
            self._end = ended(newest, self.group.shift, self.feed.line())

    def _count(self) -> tuple[int, int]:
        """Packets and octets it was sent, over all pauses."""
        packets, octets = self._counted
        if self.destination.joined is None:
            return packets, octets
        before = self.destination.joined
        return (
            packets + self.group.packets - before[0],
            octets + self.group.octets - before[1],
        )

    def send_again(self, lost: Iterable[int], now: float) -> None:
        """Answer a NACK, within an allowance: asking is cheaper than answering."""
        refill = (now - self._allowed_at) * RESENDS_PER_SECOND
        self._allowance = min(RESEND_BURST, self._allowance + refill)
        self._allowed_at = now
        if self.destination.joined is None:
            return
        for asked in lost:
            if self._allowance < 1:
                return
            feed, group = self._sent_as(asked & SEQ_MASK, now)  # aiortc counts past the wrap
            seq = (asked - group.shift.seq) & SEQ_MASK
            packet = feed.cache.get(seq)
            if packet is None or (group.first is not None and seq_after(seq, group.first) < 0):
                continue
            self._allowance -= 1
            if feed.holds(packet):
                continue
            self._fanout.send_one(self._again(packet, feed, group, now), self.destination)
            self.resent += 1

    def _sent_as(self, seq: int, now: float) -> tuple[Feed, Group]:
        """What a number was sent of: before a change of feeds, of the former one."""
        former = self._former
        if former is not None and now - former.at > FORMER_SECONDS:
            former = self._former = None
        if former is not None and seq_after(seq, former.until) < 0:
            return former.feed, former.group
        return self.feed, self.group  # whose `first` says what it has not sent

    def _again(self, packet: Packet, feed: Feed, group: Group, now: float) -> bytes:
        if self._resend_payload_type is None:
            return plain(packet, group)
        number, self._resend_seq = self._resend_seq, (self._resend_seq + 1) & SEQ_MASK
        return resend(packet, group, self._resend_payload_type, feed.resend_ssrc, number, now)

    def report(self, mark: Mark, now: float) -> bytes | None:
        """The publisher's clock with this subscriber's timestamps and counts, once it has any.

        The mark is of what the feed is made of at present.
        """
        if self.destination.joined is None:
            return None
        packets, octets = self._count()
        self.reports += 1
        self._reported[(mark.ntp >> 16) & TIMESTAMP_MASK] = now
        if len(self._reported) > _REPORTS_KEPT:
            del self._reported[next(iter(self._reported))]
        return sender_report(
            self.ssrc,
            ntp=mark.ntp,
            timestamp=(self.feed.continuity.timestamp(mark.timestamp) + self.group.shift.timestamp)
            & TIMESTAMP_MASK,
            packets=packets,
            octets=octets,
        )

    def moved(self, address: Address) -> None:
        self.destination.move(address)
        self.group.changed()

    def close(self) -> None:
        self.feed.leave(self)
        self._wanted.forget(self)

    def reported(self, report: RtcpReceiverInfo, now: float) -> bool:
        """What the subscriber says of us (RFC 3550 §6.4.1); whether that is news of losses.

        Browsers that estimate report with each request for what was lost, of a few packets at a
        time: losses are told of once a second.
        """
        sent_at = self._reported.get(report.lsr)
        if sent_at is not None:
            self.round_trip = max(0.0, now - sent_at - report.dlsr / 65536)
        lost, highest = max(0, report.packets_lost), report.highest_sequence
        at, lost_before, highest_before = self._told
        if now - at < LOSS_SECONDS:
            return False
        self._told = now, lost, highest
        self.lost = lost
        self.fraction_lost = report.fraction_lost / 256
        if now - at < 2 * LOSS_SECONDS and highest > highest_before:
            self.fraction_lost = min(1.0, max(0, lost - lost_before) / (highest - highest_before))
        return True
