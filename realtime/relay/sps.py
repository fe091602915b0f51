"""What H.264 says of its pictures before the first: the head of a sequence parameter set. Pure.

ISO/IEC 14496-10 §7.3.2.1.1. Nothing after the size of the picture is read.
"""

HIGH = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128))
"""Profiles whose parameter sets say how colours are sampled (§7.3.2.1.1)."""


class Malformed(ValueError):
    """The bytes are not what the standard has there."""


class _Bits:
    """Reads a parameter set, without the bytes that keep start codes out of it (§7.4.1)."""

    def __init__(self, unit: bytes) -> None:
        raw = unit.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(raw, "big")
        self._left = 8 * len(raw)

    def bits(self, count: int) -> int:
        if count > self._left:
            raise Malformed
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def number(self) -> int:
        """Exp-Golomb, unsigned (§9.1)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:  # noqa: PLR2004 - no number is longer
                raise Malformed
        return (1 << zeros) - 1 + (self.bits(zeros) if zeros else 0)


def _head(bits: _Bits) -> tuple[int, int, int]:
    """Up to how colours are sampled: the format of chroma and both depths above 8 bits."""
    bits.bits(8)
    profile = bits.bits(8)
    bits.bits(16)
    bits.number()
    if profile not in HIGH:
        return 1, 0, 0
    chroma = bits.number()
    if chroma == 3:  # noqa: PLR2004 - 4:4:4 says whether planes are apart
        bits.bits(1)
    depths = bits.number(), bits.number()
    bits.bits(1)
    if bits.bits(1):  # own scaling lists; nobody who speaks to browsers sends them
        raise Malformed
    return chroma & 3, depths[0] & 7, depths[1] & 7


def sampling(sps: bytes) -> tuple[int, int, int]:
    """How colours are: the format of chroma, and both depths above 8 bits."""
    return _head(_Bits(sps))


def size(sps: bytes) -> tuple[int, int]:
    """Width and height that a parameter set gives; `Malformed` where it gives none."""
    bits = _Bits(sps)
    chroma, _, _ = _head(bits)
    bits.number()
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.bits(1)
        bits.number()
        bits.number()
        cycle = bits.number()
        if cycle > 255:  # noqa: PLR2004 - §7.4.2.1.1
            raise Malformed
        for _ in range(cycle):
            bits.number()
    bits.number()
    bits.bits(1)
    width = 16 * (bits.number() + 1)
    rows = bits.number() + 1
    frames_only = bits.bits(1)
    height = 16 * rows * (2 - frames_only)
    if not frames_only:
        bits.bits(1)
    bits.bits(1)
    if bits.bits(1):
        across = 1 if chroma in (0, 3) else 2
        down = (1 if chroma != 1 else 2) * (2 - frames_only)
        left, right, top, bottom = (bits.number() for _ in range(4))
        width -= across * (left + right)
        height -= down * (top + bottom)
    if not 0 < width < 1 << 16 or not 0 < height < 1 << 16:
        raise Malformed
    return width, height
