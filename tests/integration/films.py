"""A camera and a microphone: real H.264 and Opus, made on the spot, paced by the clock."""

import time
from fractions import Fraction

from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.opus import OpusEncoder
from av import AudioFrame, VideoFrame

FRAME_SECONDS, SOUND_SECONDS = 1 / 25, 0.02


class Studio:
    """Encodes what is due, and begins a picture anew when it is asked to."""

    def __init__(self, width: int = 320, height: int = 180) -> None:
        self.size = width, height
        self.keyframe_wanted = True
        self.pictures = self.sounds = 0
        self._encoder, self._voice = H264Encoder(), OpusEncoder()

    def picture(self) -> tuple[list[bytes], int]:
        """The payloads of the next picture, and its timestamp."""
        frame = VideoFrame(*self.size, "yuv420p")
        for number, plane in enumerate(frame.planes):
            plane.update(bytes([(3 * self.pictures + 70 * number) % 255]) * plane.buffer_size)
        return self.encoded(frame)

    def encoded(self, frame: VideoFrame) -> tuple[list[bytes], int]:
        """The same of a picture that is given."""
        frame.time_base = Fraction(1, 90_000)
        frame.pts = int(self.pictures * FRAME_SECONDS * 90_000)
        self.pictures += 1
        payloads, timestamp = self._encoder.encode(frame, force_keyframe=self.keyframe_wanted)
        self.keyframe_wanted = False
        return payloads, timestamp

    def sound(self) -> tuple[list[bytes], int]:
        """Of the next 20 ms."""
        return self.voiced(bytes(4 * 960))

    def voiced(self, samples: bytes) -> tuple[list[bytes], int]:
        """The same of 960 samples that are given, 16 bits of each side."""
        frame = AudioFrame(format="s16", layout="stereo", samples=960)
        frame.planes[0].update(samples)
        frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
        frame.pts = 960 * self.sounds
        self.sounds += 1
        return self._voice.encode(frame)


class Film:
    """Sends, at each look, what has become due; `silent` and `dark` leave one of both out."""

    def __init__(self, studio: Studio, *, silent: bool = False, dark: bool = False) -> None:
        self.studio = studio
        self._silent, self._dark = silent, dark
        self._began = time.monotonic()
        self._pictured = self._sounded = 0

    def due(self) -> list[tuple[str, bytes, int, bool]]:
        """Kind, payload, timestamp, marker; the timestamps are what they would be."""
        passed = time.monotonic() - self._began
        out: list[tuple[str, bytes, int, bool]] = []
        while self._pictured * FRAME_SECONDS <= passed:
            self._pictured += 1
            if not self._dark:
                payloads, timestamp = self.studio.picture()
                last = len(payloads) - 1
                out += [("video", p, timestamp, n == last) for n, p in enumerate(payloads)]
        while self._sounded * SOUND_SECONDS <= passed:
            self._sounded += 1
            if not self._silent:
                payloads, timestamp = self.studio.sound()
                out += [("audio", p, timestamp, False) for p in payloads]
        return out
