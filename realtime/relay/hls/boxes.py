"""Fragmented MP4 as HLS has it (ISO/IEC 14496-12, RFC 8216 §3.3): beginnings and fragments. Pure.

It knows neither RTP nor when to cut: samples come with their times.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from realtime.relay.hls.avc import Format

VIDEO_TRACK, AUDIO_TRACK = 1, 2
VIDEO_RATE, AUDIO_RATE = 90_000, 48_000
_SYNC, _DEPENDS = 0x02000000, 0x01010000
_MATRIX = struct.pack("!9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
NO_SIZE = (0, 0)
"""Of sound."""
_UNDEFINED = b"\x55\xc4"
"""The language "und" in 5-bit letters."""


class Sample(NamedTuple):
    """A picture, or a packet of sound; times in ticks of its track."""

    at: int
    duration: int
    key: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Begins:
    """The beginning of a file: which tracks there are, and in what formats."""

    video: Format | None
    audio: bytes
    """Its sample entry, as `OPUS` or `AAC`; empty without sound."""

    def encode(self) -> bytes:
        movie = _full(b"mvhd", 0, 0, struct.pack("!IIII", 0, 0, 1000, 0), *_movie())
        tracks, extends = [], []
        if self.video is not None:
            tracks.append(_video_track(self.video))
            extends.append(_extends(VIDEO_TRACK))
        if self.audio:
            tracks.append(_audio_track(self.audio))
            extends.append(_extends(AUDIO_TRACK))
        kinds = b"iso6" + struct.pack("!I", 0) + b"iso6cmfcmp41"
        return box(b"ftyp", kinds) + box(b"moov", movie, *tracks, box(b"mvex", *extends))


def fragment(number: int, video: Sequence[Sample], audio: Sequence[Sample]) -> bytes:
    """One `moof` and its `mdat`; a track without samples is left out."""
    runs = [(VIDEO_TRACK, video), (AUDIO_TRACK, audio)]
    present = [(track, samples) for track, samples in runs if samples]
    size = len(_movie_fragment(number, present, [0] * len(present)))
    offsets, at = [], size + 8
    for _, samples in present:
        offsets.append(at)
        at += sum(len(sample.data) for sample in samples)
    data = b"".join(sample.data for _, samples in present for sample in samples)
    return _movie_fragment(number, present, offsets) + box(b"mdat", data)


def _movie_fragment(
    number: int, runs: Sequence[tuple[int, Sequence[Sample]]], offsets: Sequence[int]
) -> bytes:
    parts = [_full(b"mfhd", 0, 0, struct.pack("!I", number & 0xFFFFFFFF))]
    for (track, samples), offset in zip(runs, offsets, strict=True):
        head = _full(b"tfhd", 0, 0x020000, struct.pack("!I", track))  # default-base-is-moof
        begins = _full(b"tfdt", 1, 0, struct.pack("!Q", samples[0].at))
        rows = b"".join(
            struct.pack("!III", each.duration, len(each.data), _SYNC if each.key else _DEPENDS)
            for each in samples
        )
        # data offset, and each sample's duration, size and flags
        run = _full(b"trun", 0, 0x000701, struct.pack("!Ii", len(samples), offset), rows)
        parts.append(box(b"traf", head, begins, run))
    return box(b"moof", *parts)


_FIRST_RUN = struct.Struct("!44xI12xQ")
"""The track and the time of a fragment's first run, which `fragment` puts at its beginning."""


def begins_at(data: bytes) -> float:
    """When a fragment of ours begins, in seconds of the media's own time."""
    track, at = _FIRST_RUN.unpack_from(data)
    return float(at) / (VIDEO_RATE if track == VIDEO_TRACK else AUDIO_RATE)


def codecs(beginning: bytes) -> str:
    """What `Begins` of ours says of its formats, as in RFC 6381: `avc1.42e01f,opus`."""
    found = []
    _, video, configuration = beginning.partition(b"avcC")
    if video:
        found.append(f"avc1.{configuration[1:4].hex()}")
    if b"dOps" in beginning:
        found.append("opus")
    return ",".join(found)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack("!I4s", 8 + len(body), kind) + body


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack("!I", version << 24 | flags), *parts)


def _movie() -> tuple[bytes, ...]:
    return struct.pack("!IHHII", 0x10000, 0x0100, 0, 0, 0), _MATRIX, bytes(24), b"\0\0\0\x03"


def _extends(track: int) -> bytes:
    return _full(b"trex", 0, 0, struct.pack("!IIIII", track, 1, 0, 0, 0))


def _track(number: int, rate: int, size: tuple[int, int], information: bytes) -> bytes:
    (width, height), seen = size, size != NO_SIZE
    handler, volume = (b"vide", 0) if seen else (b"soun", 0x0100)
    head = _full(
        b"tkhd", 0, 7,
        struct.pack("!IIIII8xHHHH", 0, 0, number, 0, 0, 0, 0, volume, 0),
        _MATRIX, struct.pack("!II", width << 16, height << 16),
    )  # fmt: skip
    media = _full(b"mdhd", 0, 0, struct.pack("!IIII", 0, 0, rate, 0), _UNDEFINED, b"\0\0")
    name = _full(b"hdlr", 0, 0, struct.pack("!I4s12x", 0, handler), b"\0")
    return box(b"trak", head, box(b"mdia", media, name, information))


def _information(header: bytes, entry: bytes) -> bytes:
    here = box(b"dinf", _full(b"dref", 0, 0, struct.pack("!I", 1), _full(b"url ", 0, 1)))
    described = _full(b"stsd", 0, 0, struct.pack("!I", 1), entry)
    nothing = bytes(4)
    table = box(
        b"stbl", described, _full(b"stts", 0, 0, nothing), _full(b"stsc", 0, 0, nothing),
        _full(b"stsz", 0, 0, bytes(8)), _full(b"stco", 0, 0, nothing),
    )  # fmt: skip
    return box(b"minf", header, here, table)


def _video_track(video: Format) -> bytes:
    width, height = video.size
    entry = box(
        b"avc1", struct.pack("!6xH16xHHIIIH32xHh", 1, width, height, 0x480000, 0x480000, 0, 1,
                             0x18, -1),
        box(b"avcC", video.configuration),
    )  # fmt: skip
    header = _full(b"vmhd", 0, 1, bytes(8))
    information = _information(header, entry)
    return _track(VIDEO_TRACK, VIDEO_RATE, (width, height), information)


def _audio_track(entry: bytes) -> bytes:
    information = _information(_full(b"smhd", 0, 0, bytes(4)), entry)
    return _track(AUDIO_TRACK, AUDIO_RATE, NO_SIZE, information)


def _descriptor(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack("!BB", tag, len(body)) + body


def _audio_entry(kind: bytes, *boxes: bytes) -> bytes:
    return box(kind, struct.pack("!6xH8xHHHHI", 1, 2, 16, 0, 0, AUDIO_RATE << 16), *boxes)


def _opus_entry() -> bytes:
    # Nothing is skipped at the beginning: whoever joins, joins in the middle.
    return _audio_entry(b"Opus", box(b"dOps", struct.pack("!BBHIhB", 0, 2, 0, AUDIO_RATE, 0, 0)))


def _aac_entry() -> bytes:
    """Of AAC-LC at 48 kHz in stereo (ISO/IEC 14496-1 §7.2.6.5, 14496-3 §1.6.2.1): mp4a.40.2."""
    specific = _descriptor(5, b"\x11\x90")
    decoder = _descriptor(4, struct.pack("!BBxHII", 0x40, 0x15, 0, 0, 0), specific)
    described = _descriptor(3, struct.pack("!Hx", AUDIO_TRACK), decoder, _descriptor(6, b"\x02"))
    return _audio_entry(b"mp4a", _full(b"esds", 0, 0, described))


OPUS, AAC = _opus_entry(), _aac_entry()
"""Sample entries of sound, each at 48 kHz in stereo."""
