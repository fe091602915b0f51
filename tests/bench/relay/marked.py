"""A film that is encoded before anything is measured, whose pictures say which they are.

Each carries its number in a supplemental unit (ITU-T H.264 §D.2.7), which segments keep: so it is
seen in a part's bytes which pictures it holds, and nothing has to be decoded.
"""

import math
import random
import re
from array import array
from fractions import Fraction
from typing import Any

from aiortc.codecs.h264 import H264Encoder
from av import CodecContext, VideoFrame

from tests.integration.films import FRAME_SECONDS, SOUND_SECONDS, Studio

WIDTH, HEIGHT, BITS = 1280, 720, 1_200_000
FRAME_TICKS, SOUND_TICKS = round(FRAME_SECONDS * 90_000), round(SOUND_SECONDS * 48_000)
_FILM_PICTURES, _SOUNDS = 50, 100
_NAME = b"rounds' numbers:"
"""16 bytes, instead of a UUID."""
_DIGITS = 8
_NUMBER = re.compile(re.escape(_NAME) + rb"(\d{%d})" % _DIGITS)


class Marked:
    """Two seconds, which begin anew whenever a keyframe is wanted."""

    def __init__(self) -> None:
        self._pictures = _encoded()
        studio, dice = Studio(), random.Random(1)
        self._sounds = [studio.voiced(_tone(n, dice))[0][0] for n in range(_SOUNDS)]
        self._at = 0

    def wanted(self) -> None:
        self._at = 0

    def picture(self, number: int) -> list[bytes]:
        """The payloads of the next picture, under this number."""
        payloads = self._pictures[self._at % _FILM_PICTURES]
        self._at += 1
        return [_mark(number), *payloads]

    def sound(self, number: int) -> bytes:
        return self._sounds[number % _SOUNDS]


def numbers(body: bytes) -> list[int]:
    """Of the pictures in a part."""
    return [int(each) for each in _NUMBER.findall(body)]


def _mark(number: int) -> bytes:
    text = _NAME + b"%0*d" % (_DIGITS, number)
    return bytes((6, 5, len(text))) + text + b"\x80"


def _encoded() -> list[list[bytes]]:
    """The payloads of each picture, of which the first alone is a keyframe."""
    codec: Any = CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.framerate, codec.time_base = round(1 / FRAME_SECONDS), Fraction(1, 90_000)
    codec.bit_rate, codec.gop_size = BITS, 2 * _FILM_PICTURES
    codec.options = {"profile": "baseline", "tune": "zerolatency", "sc_threshold": "0"}
    packets = []
    for number in range(_FILM_PICTURES):
        frame = _frame(number)
        frame.pts, frame.time_base = number * FRAME_TICKS, codec.time_base
        packets += codec.encode(frame)
    packer = H264Encoder()
    return [packer.pack(packet)[0] for packet in packets]


def _frame(number: int) -> VideoFrame:
    frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane, shift in zip(frame.planes, (5, 1, 2), strict=True):
        row = bytes((column // 8 + number * shift) & 0xFF for column in range(plane.line_size))
        plane.update(row * plane.height)
    return frame


def _tone(number: int, dice: random.Random) -> bytes:
    """Twenty milliseconds of a chord with some noise, which an encoder has to work for."""
    level = array("h")
    for at in range(number * SOUND_TICKS, (number + 1) * SOUND_TICKS):
        tones = sum(math.sin(2 * math.pi * pitch * at / 48_000) for pitch in (220, 440, 1250))
        value = int(3000 * tones + dice.gauss(0, 800))
        level.extend((value, value))
    return level.tobytes()
