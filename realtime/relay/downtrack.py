"""One stream a subscriber receives: its own payload types, counts, and retransmissions.

What is sent again comes from the feed's cache, either byte for byte or in its own RTX stream;
nothing else ever reuses a sequence number. It knows no addresses.
"""

import secrets
from collections.abc import Iterable

from aiortc.rtp import RtcpReceiverInfo

from realtime.relay.bounds import RESEND_BURST, RESENDS_PER_SECOND
from realtime.relay.fanout import Destination, Sender
from realtime.relay.feed import Feed, plain, resend
from realtime.relay.mux import Address
from realtime.relay.rewrite import SEQ_MASK, TIMESTAMP_MASK, seq_after
from realtime.relay.rtcp import sender_report
from realtime.relay.sdp import Chosen
from realtime.relay.sync import Mark

_REPORTS_KEPT = 8


class DownTrack:
    """An outgoing audio or video stream, of one subscriber's one connection."""

    def __init__(
        self, chosen: Chosen, feed: Feed, destination: Destination, fanout: Sender
    ) -> None:
        self.feed = feed
        self.destination = destination
        self.group = feed.group(chosen.payload_type)
        self.paused = False
        self.resent = self.reports = 0
        self.fraction_lost = 0.0
        self.lost = 0
        self.round_trip: float | None = None
        self._resend_payload_type = chosen.resend_payload_type
        self._resend_seq = secrets.randbits(15)
        self._fanout = fanout
        self._allowance = float(RESEND_BURST)
        self._allowed_at = 0.0
        self._reported: dict[int, float] = {}
        self._payload_type = chosen.payload_type
        self._last: int | None = None
        """The last number it was sent before a pause."""
        self._counted = (0, 0)
        feed.join(self)

    def enter(self, seq: int) -> None:
        """Begin, or go on with the number after the last one: a pause leaves no hole to ask for."""
        if self._last is not None:
            offset = (self._last + 1 - seq) & SEQ_MASK
            self.group = self.feed.group(self._payload_type, offset, seq)
        self.group.add(self.destination)

    def pause(self) -> None:
        """Send nothing more, until `resume`."""
        if self.paused:
            return
        self.paused = True
        last = self.feed.leave(self)
        self._counted = self._count()
        if self.destination.joined is not None and last is not None:
            self._last = (last + self.group.offset) & SEQ_MASK
        self.destination.joined = None

    def resume(self) -> None:
        if self.paused:
            self.paused = False
            self.feed.join(self)

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
        offset, first = self.group.offset, self.group.first
        for asked in lost:
            if self._allowance < 1:
                return
            seq = (asked - offset) & SEQ_MASK  # aiortc counts past the wrap
            packet = self.feed.cache.get(seq)
            if packet is None or (first is not None and seq_after(seq, first) < 0):
                continue
            self._allowance -= 1
            if self._resend_payload_type is None:
                again = plain(packet, self.group)
            else:
                again = resend(
                    packet,
                    self.group,
                    self._resend_payload_type,
                    self.feed.resend_ssrc,
                    self._resend_seq,
                )
                self._resend_seq = (self._resend_seq + 1) & SEQ_MASK
            self._fanout.send_one(again, self.destination)
            self.resent += 1

    def report(self, mark: Mark, now: float) -> bytes | None:
        """The publisher's clock with this subscriber's timestamps and counts, once it has any."""
        if self.destination.joined is None:
            return None
        packets, octets = self._count()
        self.reports += 1
        self._reported[(mark.ntp >> 16) & TIMESTAMP_MASK] = now
        if len(self._reported) > _REPORTS_KEPT:
            del self._reported[next(iter(self._reported))]
        return sender_report(
            self.feed.ssrc,
            ntp=mark.ntp,
            timestamp=self.feed.continuity.timestamp(mark.timestamp),
            packets=packets,
            octets=octets,
        )

    def moved(self, address: Address) -> None:
        self.destination.move(address)
        self.group.changed()

    def close(self) -> None:
        self.feed.leave(self)

    def reported(self, report: RtcpReceiverInfo, now: float) -> None:
        """What the subscriber says of us (RFC 3550 §6.4.1)."""
        self.fraction_lost = report.fraction_lost / 256
        self.lost = max(0, report.packets_lost)
        sent_at = self._reported.get(report.lsr)
        if sent_at is not None:
            self.round_trip = max(0.0, now - sent_at - report.dlsr / 65536)
