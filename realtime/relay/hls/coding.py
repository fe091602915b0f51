"""In which format a stage's sound is put into files. Pure.

As it came, for whoever can play that; `realtime/relay/hls/aac.py` has the other one.
"""

from typing import Literal, Protocol

from realtime.relay.hls.boxes import OPUS, Sample

Audio = Literal["opus", "aac"]


class Coder(Protocol):
    """Takes packets of Opus, each where the last one ended; gives samples of a track."""

    entry: bytes
    """The track's sample entry."""

    def begin(self, at: int) -> None:
        """Another stretch: the next packet is at this time, in samples at 48 kHz."""

    def take(self, packet: Sample) -> list[Sample]:
        """What is ready by now."""

    def rest(self) -> list[Sample]:
        """What is not yet, when the stretch has ended."""


class AsItCame:
    """Opus as it is, with nothing held back."""

    entry = OPUS

    def begin(self, at: int) -> None:
        del at

    def take(self, packet: Sample) -> list[Sample]:
        return [packet]

    def rest(self) -> list[Sample]:
        return []
