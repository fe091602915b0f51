"""What a VP8 payload says of itself: which picture it is of, how large that is. Pure.

RFC 7741 §4.2 (the descriptor before every payload) and RFC 6386 §9.1 (the head of a key frame).
Nothing of the picture is decoded.
"""

from typing import NamedTuple

_START_CODE = b"\x9d\x01\x2a"
_LONG, _LONG_MASK, _SHORT_MASK, _BYTE_MASK = 0x80, 0x7FFF, 0x7F, 0xFF
_SIDE_MASK = 0x3FFF


class Descriptor(NamedTuple):
    """Where in a payload its numbers are; `None` for what it has not."""

    picture_at: int | None
    long: bool
    """Whether the picture's number has 15 bits, else 7."""
    base_at: int | None
    """Of TL0PICIDX, which counts the pictures of the lowest temporal layer."""
    end: int
    """Where the frame begins."""

    def picture(self, payload: bytes) -> int | None:
        if self.picture_at is None:
            return None
        if self.long:
            return int.from_bytes(payload[self.picture_at : self.picture_at + 2], "big") & (
                _LONG_MASK
            )
        return payload[self.picture_at] & _SHORT_MASK

    def base(self, payload: bytes) -> int | None:
        return payload[self.base_at] if self.base_at is not None else None


def describe(payload: bytes) -> Descriptor | None:
    """The descriptor of a payload, or `None` where it is cut short."""
    if len(payload) < 2 or not payload[0] & 0x80:  # noqa: PLR2004 - it and a byte of the frame
        return Descriptor(None, long=False, base_at=None, end=1) if payload else None
    extended, at = payload[1], 2
    picture_at = base_at = None
    long = False
    if extended & 0x80:
        if at >= len(payload):
            return None
        picture_at, long = at, bool(payload[at] & _LONG)
        at += 2 if long else 1
    if extended & 0x40:
        base_at = at
        at += 1
    at += bool(extended & 0x30)
    return Descriptor(picture_at, long, base_at, at) if at <= len(payload) else None


def shifted(payload: bytes, picture: int, base: int) -> bytes:
    """The payload with so much added to its picture's number, and to TL0PICIDX; as long as it was.

    What cannot be read is left as it is.
    """
    found = describe(payload)
    if found is None or (found.picture_at is None and found.base_at is None):
        return payload
    changed = bytearray(payload)
    number = found.picture(payload)
    if number is not None and found.picture_at is not None:
        at = found.picture_at
        if found.long:
            changed[at : at + 2] = ((number + picture & _LONG_MASK) | _LONG << 8).to_bytes(2, "big")
        else:
            changed[at] = number + picture & _SHORT_MASK
    if found.base_at is not None:
        changed[found.base_at] = payload[found.base_at] + base & _BYTE_MASK
    return bytes(changed)


def size(payload: bytes) -> tuple[int, int] | None:
    """Width and height, of a payload that starts a key frame."""
    found = describe(payload)
    if found is None:
        return None
    head = payload[found.end : found.end + 10]
    if len(head) < 10 or head[0] & 0x01 or head[3:6] != _START_CODE:  # noqa: PLR2004 - §9.1
        return None
    return (
        int.from_bytes(head[6:8], "little") & _SIDE_MASK,
        int.from_bytes(head[8:10], "little") & _SIDE_MASK,
    )
