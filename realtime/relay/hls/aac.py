"""AAC-LC out of Opus, for players that know no Opus in MP4.

Here alone sound is decoded, and encoded again: by libopus and FFmpeg, in C, in the packager's own
process. What cannot be decoded is concealed, so that every packet sounds for as long as it says.
"""

from av import AudioFrame, AudioResampler, CodecContext, Packet
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.error import FFmpegError

from realtime.relay.hls import opus
from realtime.relay.hls.boxes import AAC, AUDIO_RATE, Sample

BIT_RATE = 128_000
"""Stereo: nearly twice what Opus comes in, since it is coded a second time."""

_LENGTH = 1024
"""Samples of one access unit."""

_FRAME_BYTES = 4
"""Of one sample of both sides, 16 bits each."""


class Aac:
    """A `Coder`. What an encoder puts before the first sound is left out, so nothing is shifted."""

    entry = AAC

    def __init__(self) -> None:
        self._codecs: tuple[AudioCodecContext, AudioCodecContext] | None = None
        self._heard = bytearray()
        """Decoded, and not encoded yet."""
        self._at = self._end = 0
        """Of the next access unit, and of what was taken."""

    def begin(self, at: int) -> None:
        self._codecs = _decoder(), _encoder()
        self._resampler = AudioResampler("fltp", "stereo", AUDIO_RATE)
        self._heard.clear()
        # The first unit is of nothing and the first samples: a decoder needs it before the second,
        # in which the first samples are whole (ISO/IEC 14496-3, a delay of one unit).
        self._at, self._end = at - _LENGTH, at
        self._begins = at

    def take(self, packet: Sample) -> list[Sample]:
        self._heard += self._decoded(packet)
        self._end += packet.duration
        units: list[Sample] = []
        while len(self._heard) >= _LENGTH * _FRAME_BYTES:
            units += self._encoded(bytes(self._heard[: _LENGTH * _FRAME_BYTES]))
            del self._heard[: _LENGTH * _FRAME_BYTES]
        return units

    def rest(self) -> list[Sample]:
        if self._codecs is None:
            return []
        units: list[Sample] = []
        if self._heard:
            units += self._encoded(bytes(self._heard.ljust(_LENGTH * _FRAME_BYTES, b"\0")))
        units += self._units(self._codecs[1].encode(None))
        self._codecs = None
        return [each for each in units if each.at < self._end]

    def _decoded(self, packet: Sample) -> bytes:
        """As many samples as the packet says, in 16 bits, left and right by turns."""
        assert self._codecs is not None, "it was begun"
        decoder, size = self._codecs[0], packet.duration * _FRAME_BYTES
        for payload in (packet.data, opus.hidden(packet.data[0])):
            try:
                frames = decoder.decode(Packet(payload))
            except FFmpegError:
                continue
            heard = b"".join(
                bytes(each.planes[0])[: each.samples * _FRAME_BYTES] for each in frames
            )
            return heard[:size].ljust(size, b"\0")
        return bytes(size)

    def _encoded(self, heard: bytes) -> list[Sample]:
        assert self._codecs is not None, "it was begun"
        frame = AudioFrame("s16", "stereo", _LENGTH)
        frame.planes[0].update(heard)
        frame.sample_rate = AUDIO_RATE
        units: list[Sample] = []
        for each in self._resampler.resample(frame):
            units += self._units(self._codecs[1].encode(each))
        return units

    def _units(self, packets: "list[Packet[AudioStream]]") -> list[Sample]:
        units: list[Sample] = []
        for packet in packets:
            if self._at >= self._begins:
                units.append(Sample(self._at, _LENGTH, key=True, data=bytes(packet)))
            self._at += _LENGTH
        return units


def _decoder() -> AudioCodecContext:
    made = CodecContext.create("libopus", "r")
    assert isinstance(made, AudioCodecContext)
    made.sample_rate, made.layout = AUDIO_RATE, "stereo"
    return made


def _encoder() -> AudioCodecContext:
    made = CodecContext.create("aac", "w")
    assert isinstance(made, AudioCodecContext)
    made.sample_rate, made.layout, made.format = AUDIO_RATE, "stereo", "fltp"
    made.bit_rate = BIT_RATE
    # The cheaper of its ways: all of decoding and encoding takes half of what the usual one does.
    made.options = {"aac_coder": "fast"}
    return made
