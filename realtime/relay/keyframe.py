"""Where a viewer may begin, and how often a publisher is asked to make such a place. Pure.

Detectors read the first bytes of a payload and nothing of the picture; time is passed in.
"""

from collections.abc import Callable
from dataclasses import dataclass

from realtime.relay.bounds import KEYFRAME_SECONDS

H264_IDR, H264_SPS, H264_STAP_A, H264_FU_A = 5, 7, 24, 28
_H264_BEGINS = frozenset((H264_IDR, H264_SPS))


def vp8_begins(payload: bytes) -> bool:
    """Whether the payload starts a VP8 key frame (RFC 7741 §4.2, RFC 6386 §9.1)."""
    if len(payload) < 2:  # noqa: PLR2004 - a descriptor and a frame header
        return False
    first = payload[0]
    if not first & 0x10 or first & 0x07:
        return False  # not the start of a partition, or not the first one
    at = 1
    if first & 0x80:
        extended = payload[1]
        at = 2
        if extended & 0x80:
            if at >= len(payload):
                return False
            at += 2 if payload[at] & 0x80 else 1
        at += bool(extended & 0x40) + bool(extended & 0x30)
    return at < len(payload) and not payload[at] & 0x01


def h264_begins(payload: bytes) -> bool:
    """Whether the payload holds parameter sets or the start of an IDR picture (RFC 6184 §5)."""
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind == H264_STAP_A:
        return any(unit in _H264_BEGINS for unit in _aggregated(payload))
    if kind == H264_FU_A:
        return len(payload) > 1 and bool(payload[1] & 0x80) and payload[1] & 0x1F in _H264_BEGINS
    return kind in _H264_BEGINS


def _aggregated(payload: bytes) -> list[int]:
    kinds, at = [], 1
    while at + 2 < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        if not size:
            break
        kinds.append(payload[at + 2] & 0x1F)
        at += 2 + size
    return kinds


BEGINS: dict[str, Callable[[bytes], bool]] = {"vp8": vp8_begins, "h264": h264_begins}
"""Codecs without an entry, which is audio, may be joined at any packet."""


@dataclass(slots=True)
class KeyframeRequests:
    """Coalesces wishes to two requests a second and repeats the request until a keyframe came.

    A wish within the interval is deferred, never lost (the trailing edge): a viewer that has not
    seen a packet yet sends no request of its own.
    """

    interval: float = KEYFRAME_SECONDS
    wished: bool = False
    asked_at: float = float("-inf")

    def wish(self) -> None:
        self.wished = True

    def arrived(self) -> None:
        self.wished = False

    def due(self, now: float) -> bool:
        """Whether to ask the publisher now; a `True` has to be acted upon."""
        # One keyframe serves everyone who asked meanwhile (RFC 4585 §6.3.1).
        if not self.wished or now - self.asked_at < self.interval:
            return False
        self.asked_at = now
        return True
