"""H.264 out of RTP into what MP4 holds: pictures, their size, the decoder's configuration. Pure.

RFC 6184 (non-interleaved), ISO/IEC 14496-10 §7.3 and 14496-15 §5.3. It decodes nothing: of a
picture only the kinds of its units are looked at, of a parameter set only its head.
"""

import struct
from dataclasses import dataclass

from realtime.relay.hls.bounds import ACCESS_UNIT_BYTES
from realtime.relay.hls.frames import Took
from realtime.relay.sps import HIGH, Malformed, sampling, size

SLICE, IDR, SPS, PPS, DELIMITER, FILLER = 1, 5, 7, 8, 9, 12
_STAP_A, _FU_A = 24, 28
_KIND = 0x1F
_NOT_KEPT = frozenset((SPS, PPS, DELIMITER, FILLER))

_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One access unit: everything between two timestamps."""

    timestamp: int
    at: float
    """When its first packet came."""
    key: bool
    data: bytes
    """Units, each behind its length in 4 bytes."""
    sps: bytes
    pps: bytes
    """As sent with this picture; empty when they were not."""


class Pictures:
    """Gathers packets, which come in order, into pictures."""

    def __init__(self) -> None:
        self._units: list[bytes] = []
        self._fragment: bytearray | None = None
        self._size = 0
        self._first: Took | None = None
        self._whole = True

    def lost(self) -> bool:
        """Packets are missing here; whether that damages a picture is not known, so it does."""
        self._forget()
        self._whole = False
        return True

    def begin(self) -> None:
        self._forget()
        self._whole = True

    def take(self, packet: Took) -> tuple[Picture | None, bool]:
        """The picture that is whole now, if one is; and whether one was lost."""
        damaged = False
        if self._first is not None and self._first.timestamp != packet.timestamp:
            damaged = bool(self._units) or self._fragment is not None
            self.begin()  # it had no last packet
        if self._first is None:
            self._first = packet
        try:
            self._unpack(packet.payload)
        except Malformed:
            self._whole = False
        if not packet.marker:
            return None, damaged
        picture = self._finished() if self._whole and self._fragment is None else None
        damaged = damaged or picture is None
        self.begin()
        return picture, damaged

    def _forget(self) -> None:
        self._units, self._fragment, self._first, self._size = [], None, None, 0

    def _unpack(self, payload: bytes) -> None:
        if not payload:
            return
        self._size += len(payload)
        if self._size > ACCESS_UNIT_BYTES:
            raise Malformed
        kind = payload[0] & _KIND
        if kind == _FU_A:
            self._fragmented(payload)
        elif kind == _STAP_A:
            self._units += _aggregated(payload)
        elif 0 < kind < _STAP_A:
            self._units.append(payload)
        else:
            raise Malformed

    def _fragmented(self, payload: bytes) -> None:
        if len(payload) < 2:  # noqa: PLR2004 - an indicator and a header
            raise Malformed
        indicator, header = payload[0], payload[1]
        if header & 0x80:
            self._fragment = bytearray([indicator & 0xE0 | header & _KIND])
        if self._fragment is None:
            raise Malformed
        self._fragment += payload[2:]
        if header & 0x40:
            self._units.append(bytes(self._fragment))
            self._fragment = None

    def _finished(self) -> Picture | None:
        assert self._first is not None
        kinds = [unit[0] & _KIND for unit in self._units]
        kept = [u for u, k in zip(self._units, kinds, strict=True) if k not in _NOT_KEPT]
        if not any(kind in (SLICE, IDR) for kind in kinds):
            return None
        return Picture(
            timestamp=self._first.timestamp,
            at=self._first.at,
            key=IDR in kinds,
            data=b"".join(_LENGTH.pack(len(unit)) + unit for unit in kept),
            sps=next((u for u, k in zip(self._units, kinds, strict=True) if k == SPS), b""),
            pps=next((u for u, k in zip(self._units, kinds, strict=True) if k == PPS), b""),
        )


def _aggregated(payload: bytes) -> list[bytes]:
    units, at = [], 1
    while at + 2 <= len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        at += 2
        if not size or at + size > len(payload):
            raise Malformed
        units.append(payload[at : at + size])
        at += size
    return units


@dataclass(frozen=True, slots=True)
class Format:
    """What a decoder has to know before the first picture."""

    sps: bytes
    pps: bytes

    @property
    def codec(self) -> str:
        """RFC 6381 §3.3."""
        return f"avc1.{self.sps[1:4].hex()}"

    @property
    def configuration(self) -> bytes:
        """The AVCDecoderConfigurationRecord, with lengths of 4 bytes."""
        head = bytes((1, *self.sps[1:4], 0xFF, 0xE1)) + struct.pack("!H", len(self.sps))
        tail = b"\x01" + struct.pack("!H", len(self.pps)) + self.pps
        if self.sps[1] in HIGH:
            chroma, luma_depth, chroma_depth = sampling(self.sps)
            tail += bytes((0xFC | chroma, 0xF8 | luma_depth, 0xF8 | chroma_depth, 0))
        return head + self.sps + tail

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as shown, in pixels."""
        return size(self.sps)
