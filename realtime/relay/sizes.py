"""How large the picture is that a keyframe begins: by it, layers know their order. Pure."""

from realtime.relay import sps, vp8
from realtime.relay.keyframe import h264_sets


def pixels(codec: str, payload: bytes) -> int:
    """Of the picture that this payload begins; 0 where it does not say."""
    if codec == "vp8":
        width, height = vp8.size(payload) or (0, 0)
        return width * height
    for unit in h264_sets(payload) if codec == "h264" else ():
        try:
            width, height = sps.size(unit)
        except sps.Malformed:
            continue
        return width * height
    return 0
