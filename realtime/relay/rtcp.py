"""Control packets: loss asked for, reception reported, arrival times fed back. Pure.

Time is passed in; what comes out are bytes for SRTCP to protect. It knows no addresses.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aiortc.rtp import (
    RTCP_PSFB,
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RTCP_RR,
    RTCP_RTPFB,
    RTCP_RTPFB_NACK,
    RTCP_SR,
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    clamp_packets_lost,
    pack_remb_fci,
)

from realtime.relay.bounds import FEEDBACK_PACKETS, MISSING_PACKETS, NACK_TRIES, TICK_SECONDS
from realtime.relay.rewrite import SEQ_MASK, seq_after

OWN_SSRC = 1
"""The relay receives and reports; it is the source of nothing, so any fixed number will do."""

CNAME = b"rounds"
TRANSPORT_CC = 15
_SDES_CNAME = 1
_VERSION_2 = 0x80
_NACK_BITS = 16
"""Numbers that one entry names after its first."""
_TELLING = frozenset((RTCP_SR, RTCP_RR, RTCP_RTPFB, RTCP_PSFB))


def parse(datagram: bytes) -> Sequence[AnyRtcpPacket]:
    """What a compound says of loss, time and pictures; nothing of it when it is malformed.

    Names, goodbyes and empty reports are stepped over: hundreds of them come in every second.
    """
    packets: list[AnyRtcpPacket] = []
    at = 0
    try:
        while at < len(datagram):
            flags, kind = datagram[at], datagram[at + 1]
            end = at + 4 + 4 * int.from_bytes(datagram[at + 2 : at + 4], "big")
            if kind in _TELLING and not (kind == RTCP_RR and not flags & 0x1F):
                packets += RtcpPacket.parse(datagram[at:end])
            at = end
    except (ValueError, struct.error, IndexError):
        return ()
    return packets


def pli(media_ssrc: int) -> bytes:
    return bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=OWN_SSRC, media_ssrc=media_ssrc))


def nack(media_ssrc: int, lost: Sequence[int]) -> bytes:
    """Ask for packets again (RFC 4585 §6.2.1), in ascending order, across the wrap if need be."""
    pairs: list[list[int]] = []
    for seq in lost:
        ahead = (seq - pairs[-1][0] - 1) & SEQ_MASK if pairs else _NACK_BITS
        if ahead < _NACK_BITS:
            pairs[-1][1] |= 1 << ahead
        else:
            pairs.append([seq, 0])
    body = struct.pack("!LL", OWN_SSRC, media_ssrc)
    body += b"".join(struct.pack("!HH", *pair) for pair in pairs)
    flags = _VERSION_2 | RTCP_RTPFB_NACK
    return struct.pack("!BBH", flags, RTCP_RTPFB, len(body) // 4) + body


def remb(bitrate: int, ssrcs: Sequence[int]) -> bytes:
    fci = pack_remb_fci(bitrate, list(ssrcs))
    return bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=OWN_SSRC, media_ssrc=0, fci=fci))


def bye(ssrcs: Sequence[int]) -> bytes:
    return bytes(RtcpByePacket(sources=list(ssrcs)))


def sender_report(ssrc: int, *, ntp: int, timestamp: int, packets: int, octets: int) -> bytes:
    """A subscriber's own counts beside the publisher's clock: that is what keeps lips in sync."""
    report = RtcpSenderInfo(
        ntp_timestamp=ntp,
        rtp_timestamp=timestamp,
        packet_count=packets & 0xFFFFFFFF,
        octet_count=octets & 0xFFFFFFFF,
    )
    name = RtcpSdesPacket(chunks=[RtcpSourceInfo(ssrc=ssrc, items=[(_SDES_CNAME, CNAME)])])
    return bytes(RtcpSrPacket(ssrc=ssrc, sender_info=report)) + bytes(name)


def receiver_report(reports: Sequence[RtcpReceiverInfo]) -> bytes:
    name = RtcpSdesPacket(chunks=[RtcpSourceInfo(ssrc=OWN_SSRC, items=[(_SDES_CNAME, CNAME)])])
    return bytes(RtcpRrPacket(ssrc=OWN_SSRC, reports=list(reports))) + bytes(name)


@dataclass(slots=True)
class _Gap:
    tries: int = 0
    asked_at: float = float("-inf")


@dataclass(slots=True)
class Missing:
    """Which packets of a source to ask for again, and how often."""

    newest: int | None = None
    gaps: dict[int, _Gap] = field(default_factory=dict)
    given_up: int = 0
    """Packets no longer asked for, in total: what was in them is lost for good."""

    def arrived(self, seq: int) -> None:
        """Note a packet. A hole that is too large to be filled again is given up at once."""
        if self.newest is None:
            self.newest = seq
            return
        ahead = seq_after(seq, self.newest)
        if ahead <= 0:
            self.gaps.pop(seq, None)
            return
        if ahead > MISSING_PACKETS:
            self.given_up += ahead - 1 + len(self.gaps)
            self.gaps.clear()
        else:
            for skipped in range(1, ahead):
                self.gaps[(self.newest + skipped) & SEQ_MASK] = _Gap()
            while len(self.gaps) > MISSING_PACKETS:
                del self.gaps[next(iter(self.gaps))]
                self.given_up += 1
        self.newest = seq

    def due(self, now: float, interval: float = TICK_SECONDS) -> list[int]:
        """The numbers to ask for now, ascending; each a limited number of times."""
        asking, given_up = [], []
        for seq, gap in self.gaps.items():
            if now - gap.asked_at < interval:
                continue
            if gap.tries >= NACK_TRIES:
                given_up.append(seq)
                continue
            gap.tries += 1
            gap.asked_at = now
            asking.append(seq)
        for seq in given_up:
            del self.gaps[seq]
        self.given_up += len(given_up)
        return asking


@dataclass(slots=True)
class Reception:
    """What a receiver report says about one source (RFC 3550 §6.4.1 and A.3, A.8)."""

    rate: int
    first: int | None = None
    newest: int = 0
    cycles: int = 0
    received: int = 0
    octets: int = 0
    jitter: float = 0.0
    _transit: float | None = None
    _expected_before: int = 0
    _received_before: int = 0
    report_ntp: int = 0
    report_timestamp: int = 0
    report_at: float = 0.0

    def arrived(self, seq: int, timestamp: int, size: int, now: float) -> None:
        self.received += 1
        self.octets += size
        if self.first is None:
            self.first = self.newest = seq
        elif seq_after(seq, self.newest) > 0:
            self.cycles += seq < self.newest
            self.newest = seq
        transit = (int(now * self.rate) - timestamp) & 0xFFFFFFFF
        if self._transit is not None:
            moved = int(transit - self._transit) & 0xFFFFFFFF
            distance = min(moved, 0x100000000 - moved)
            self.jitter += (distance - self.jitter) / 16
        self._transit = transit

    def reported(self, ntp: int, timestamp: int, now: float) -> None:
        self.report_ntp, self.report_timestamp, self.report_at = ntp, timestamp, now

    @property
    def highest(self) -> int:
        return (self.cycles << 16) + self.newest

    @property
    def lost(self) -> int:
        return 0 if self.first is None else self.highest - self.first + 1 - self.received

    def report(self, ssrc: int, now: float) -> RtcpReceiverInfo:
        assert self.first is not None, "nothing was received"
        expected = self.highest - self.first + 1
        expecting, receiving = (
            expected - self._expected_before,
            self.received - self._received_before,
        )
        self._expected_before, self._received_before = expected, self.received
        lost = max(0, expecting - receiving)
        return RtcpReceiverInfo(
            ssrc=ssrc,
            fraction_lost=min(255, (lost << 8) // expecting) if expecting > 0 else 0,
            packets_lost=clamp_packets_lost(self.lost),
            highest_sequence=self.highest & 0xFFFFFFFF,
            jitter=min(int(self.jitter), 0xFFFFFFFF),
            lsr=(self.report_ntp >> 16) & 0xFFFFFFFF,
            dlsr=int((now - self.report_at) * 65536) & 0xFFFFFFFF if self.report_ntp else 0,
        )


class Arrivals:
    """Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1)."""

    _TICK = 250e-6
    _REFERENCE_TICKS = 256  # 64 ms
    _SMALL, _LARGE = 1, 2
    _SMALLEST, _LARGEST, _LARGEST_SMALL = -0x8000, 0x7FFF, 0xFF
    _LONGEST_RUN = 0x1FFF
    _RUN = 7  # as many symbols as one vector chunk holds

    def __init__(self) -> None:
        self._newest: int | None = None
        self._next: int | None = None
        self._at: dict[int, float] = {}
        self._count = 0

    def arrived(self, seq: int, now: float) -> None:
        if self._newest is None:
            unwrapped = seq + SEQ_MASK + 1
        else:
            unwrapped = self._newest + seq_after(seq, self._newest & SEQ_MASK)
        if self._next is not None and unwrapped >= self._next + FEEDBACK_PACKETS:
            self._next = None
            self._at.clear()
        if self._next is not None and unwrapped < self._next - FEEDBACK_PACKETS:
            return
        if len(self._at) < FEEDBACK_PACKETS:
            self._newest = unwrapped if self._newest is None else max(self._newest, unwrapped)
            self._at.setdefault(unwrapped, now)

    def feedback(self, media_ssrc: int) -> list[bytes]:
        """Everything since the last call; several packets when a gap in time does not fit one."""
        packets = []
        while self._at:
            packets.append(self._packet(media_ssrc))
        return packets

    def _packet(self, media_ssrc: int) -> bytes:
        oldest = min(self._at)
        base = oldest if self._next is None else min(self._next, oldest)
        reference = round(self._at[oldest] / self._TICK) // self._REFERENCE_TICKS
        clock = reference * self._REFERENCE_TICKS
        symbols, deltas = [], bytearray()
        number = base
        last = min(max(self._at), base + FEEDBACK_PACKETS - 1)
        while number <= last:
            at = self._at.get(number)
            if at is None:
                symbols.append(0)
                number += 1
                continue
            delta = round(at / self._TICK) - clock
            if not self._SMALLEST <= delta <= self._LARGEST:
                break
            small = 0 <= delta <= self._LARGEST_SMALL
            symbols.append(self._SMALL if small else self._LARGE)
            deltas += delta.to_bytes(1 if small else 2, "big", signed=not small)
            clock += delta
            del self._at[number]
            number += 1
        self._next = number
        body = struct.pack("!LLHH", OWN_SSRC, media_ssrc, base & SEQ_MASK, len(symbols))
        body += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([self._count & 0xFF])
        body += b"".join(self._chunks(symbols)) + deltas
        self._count += 1
        padding = -len(body) % 4
        flags = _VERSION_2 | TRANSPORT_CC | (0x20 if padding else 0)
        if padding:
            body += bytes(padding - 1) + bytes([padding])
        return struct.pack("!BBH", flags, RTCP_RTPFB, len(body) // 4) + body

    def _chunks(self, symbols: Sequence[int]) -> Iterable[bytes]:
        at = 0
        while at < len(symbols):
            run = at + 1
            end = min(len(symbols), at + self._LONGEST_RUN)
            while run < end and symbols[run] == symbols[at]:
                run += 1
            if run - at > self._RUN:
                yield struct.pack("!H", (symbols[at] << 13) | (run - at))
                at = run
                continue
            word = 0xC000
            for place, symbol in enumerate(symbols[at : at + self._RUN]):
                word |= symbol << (12 - 2 * place)
            yield struct.pack("!H", word)
            at += self._RUN
