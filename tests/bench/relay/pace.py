"""The load of both sides: 30 pictures a second in four packets each, and 50 packets of sound."""

FRAME_PACKETS = 4
VIDEO_BYTES, AUDIO_BYTES = 1188, 80
"""Payloads; with twelve bytes of RTP header each."""
FRAME_SECONDS, SOUND_SECONDS = 1 / 30, 1 / 50


class Pace:
    """When the next picture and the next sound are due."""

    def __init__(self, now: float) -> None:
        self._frame = self._sound = now

    def due(self, now: float) -> tuple[int, int]:
        frames = sounds = 0
        while now >= self._frame:
            self._frame += FRAME_SECONDS
            frames += 1
        while now >= self._sound:
            self._sound += SOUND_SECONDS
            sounds += 1
        return frames, sounds

    def pause(self, now: float) -> float:
        return max(0.0, min(self._frame, self._sound) - now)
