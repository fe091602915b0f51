"""How long an Opus packet sounds, and one that stands for a lost one (RFC 6716 §3). Pure."""

RATE = 48_000
"""Of every timestamp, whatever was recorded (RFC 7587 §4.1)."""

SILENCE_TOC = 0xFC
"""CELT, full band, 20 ms, stereo: for a stream that said nothing yet."""

_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
_MOST = 5760
"""120 ms, the longest packet."""


def samples(payload: bytes) -> int:
    """At 48 kHz; 0 for what is no Opus packet."""
    if not payload:
        return 0
    config, code = payload[0] >> 3, payload[0] & 3
    if config < 12:  # noqa: PLR2004 - table 2
        frame = _SILK[config & 3]
    elif config < 16:  # noqa: PLR2004
        frame = _HYBRID[config & 1]
    else:
        frame = _CELT[config & 3]
    count = (1, 2, 2, payload[1] & 0x3F if len(payload) > 1 else 0)[code]
    length = frame * count
    return length if length <= _MOST else 0


def hidden(before: int) -> bytes:
    """A packet of the same kind without a frame in it: decoders conceal it (§3.1, §4.4)."""
    return bytes((before & 0xFC,))
