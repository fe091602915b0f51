"""Where a viewer may begin, and how often a publisher is asked to make such a place. Pure.

Detectors read the first bytes of a payload and nothing of the picture; time is passed in.
"""

from collections.abc import Callable
from dataclasses import dataclass

from realtime.relay.bounds import KEYFRAME_SECONDS

H264_IDR, H264_SPS, H264_STAP_A, H264_FU_A = 5, 7, 24, 28


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
    """Whether the payload holds parameter sets or the first slice of an IDR picture (RFC 6184 §5).

    A slice is the first if its `first_mb_in_slice` is 0, which is a single bit (H.264 §7.3.3).
    """
    if h264_describes(payload):
        return True
    if len(payload) < 2:  # noqa: PLR2004 - a unit's header and the first of its bytes
        return False
    kind, first = payload[0] & 0x1F, payload[1]
    if kind == H264_STAP_A:
        return any(unit == H264_IDR and first & 0x80 for unit, first in _aggregated(payload))
    if kind == H264_FU_A:
        starts = first & 0x80 and first & 0x1F == H264_IDR
        return bool(starts and len(payload) > 2 and payload[2] & 0x80)  # noqa: PLR2004
    return kind == H264_IDR and bool(first & 0x80)


def h264_describes(payload: bytes) -> bool:
    """Whether the payload holds a sequence parameter set, which comes before the picture."""
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind == H264_STAP_A:
        return any(unit == H264_SPS for unit, _ in _aggregated(payload))
    if kind == H264_FU_A:
        return len(payload) > 1 and bool(payload[1] & 0x80) and payload[1] & 0x1F == H264_SPS
    return kind == H264_SPS


def h264_sets(payload: bytes) -> list[bytes]:
    """The sequence parameter sets that are whole in a payload."""
    if not payload or payload[0] & 0x1F != H264_STAP_A:
        return [payload] if payload and payload[0] & 0x1F == H264_SPS else []
    sets, at = [], 1
    while at + 2 < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        unit = payload[at + 2 : at + 2 + size]
        if not size or len(unit) < size:
            break
        if unit[0] & 0x1F == H264_SPS:
            sets.append(unit)
        at += 2 + size
    return sets


def _aggregated(payload: bytes) -> list[tuple[int, int]]:
    """Of each unit, its type and the byte after its header."""
    units, at = [], 1
    while at + 2 < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        if not size:
            break
        after = payload[at + 3] if size > 1 and at + 3 < len(payload) else 0
        units.append((payload[at + 2] & 0x1F, after))
        at += 2 + size
    return units


Detector = Callable[[bytes], bool]

BEGINS: dict[str, Detector] = {"vp8": vp8_begins, "h264": h264_begins}
"""Codecs without an entry, which is audio, may be joined at any packet."""

BEGINS_SURELY: dict[str, Detector] = {"vp8": vp8_begins, "h264": h264_describes}
"""What is a beginning by itself. Another one is, if nothing of its picture was sent before it:
who joins at an IDR slice after the parameter sets cannot decode it."""


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
