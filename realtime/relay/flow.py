"""One media stream as its sender numbers, remembers and reports it; and reading a packet. Pure.

It knows no socket, no encryption and no clock: the time is passed in.
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from realtime.relay import rtcp
from realtime.relay.rewrite import SEQ_MASK, TIMESTAMP_MASK

HEADER = struct.Struct("!BBHLL")
NTP_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP starts counting, to 1970."""
SENT_KEPT = 512
"""Sent packets kept for retransmission: more than a second of anything that is published here."""


class Packet(NamedTuple):
    """A received RTP packet, without its header extensions and padding."""

    payload_type: int
    seq: int
    timestamp: int
    marker: bool
    ssrc: int
    payload: bytes


def parse(data: bytes) -> Packet | None:
    """The packet in a decrypted datagram (RFC 3550 §5.1), or `None` for what is none."""
    if len(data) < HEADER.size or data[0] >> 6 != 2:  # noqa: PLR2004 - the version of RTP
        return None
    first, second, seq, timestamp, ssrc = HEADER.unpack_from(data)
    start = HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if start > end:
        return None
    return Packet(second & 0x7F, seq, timestamp, bool(second & 0x80), ssrc, data[start:end])


def _nothing_sent() -> list[tuple[int, bytes] | None]:
    return [None] * SENT_KEPT


@dataclass(slots=True, kw_only=True)
class Outflow:
    """One stream that is sent."""

    ssrc: int
    payload_type: int
    rate: int
    seq: int
    packets: int = 0
    octets: int = 0
    _timestamp: int = 0
    _at: float = 0.0
    _sent: list[tuple[int, bytes] | None] = field(default_factory=_nothing_sent)

    def packet(self, payload: bytes, timestamp: int, *, marker: bool, at: float) -> bytes:
        """The next packet; `at` is the moment its timestamp stands for."""
        self.packets += 1
        self.octets += len(payload)
        self.seq = (self.seq + 1) & SEQ_MASK
        self._timestamp, self._at = timestamp & TIMESTAMP_MASK, at
        second = self.payload_type | marker << 7
        return HEADER.pack(0x80, second, self.seq, self._timestamp, self.ssrc) + payload

    def remember(self, datagram: bytes) -> None:
        """Keep the newest packet as it went out, to send it again byte by byte.

        SRTP must never protect two payloads under one number.
        """
        self._sent[self.seq % SENT_KEPT] = (self.seq, datagram)

    def recall(self, seq: int) -> bytes | None:
        sent = self._sent[seq % SENT_KEPT]
        return sent[1] if sent and sent[0] == seq else None

    def report(self, now: float, unix: float) -> bytes:
        """Which timestamp belongs to which time: receivers align sound and picture by it."""
        return rtcp.sender_report(
            self.ssrc,
            ntp=int((unix + NTP_EPOCH) * 2**32) & 0xFFFFFFFFFFFFFFFF,
            timestamp=(self._timestamp + round((now - self._at) * self.rate)) & TIMESTAMP_MASK,
            packets=self.packets,
            octets=self.octets,
        )
