"""How the demo's clip was made: speaks a script, draws the talk, encodes and packetises both.

    python -m tests.make_clip server/demo/clip/talk.rtpclip --frames DIR

Needs `flite` (its voice `slt`) and Chromium on the machine that makes the clip; neither the demo
nor a test does. `tests/clip/talk.js` draws a frame. This file knows nothing of the relay: what it
writes is read by `realtime/relay/player.py`. Frames stay in DIR, so that another encoding
(`--codec H264`, `--crf`) need not draw them again.
"""

import argparse
import array
import base64
import struct
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
FRAME_MS = 80
"""12.5 frames a second: whole milliseconds, a whole number of opus packets, smooth enough."""
OPUS_MS = 20
KEY_MS = 2000
"""The longest wait for a keyframe, which is what a new viewer waits at worst."""
SAMPLE_RATE = 48000
Samples: TypeAlias = "array.array[int]"
PAUSE_SECONDS, SLIDE_SECONDS = 0.4, 0.8
"""Silence between two sentences, and around a change of slide."""
SCRIPT = (
    (
        "Good afternoon, and welcome.",
        "One question for the next minutes: does ejection fraction decide who benefits?",
    ),
    (
        "Take two patients, both short of breath.",
        "One has a weak ventricle.",
        "The other one pumps well, but fills poorly.",
    ),
    (
        "We pooled twelve thousand people, randomised one to one.",
        "Note the long tail of preserved ejection fraction, here on the right.",
    ),
    (
        "Here is the main result.",
        "The curves part within weeks, and they keep apart for three years.",
        "The hazard ratio is nought point seven eight.",
    ),
    (
        "And across the range?",
        "Every stratum lies on the same side of one.",
        "We see no interaction.",
    ),
    (
        "Kidney function dips early.",
        "That is expected, and it is no reason to stop.",
        "By eighteen months, the lines have crossed.",
    ),
    (
        "In practice, begin with three checks.",
        "Look again after two weeks.",
        "And review the diuretic at three months.",
    ),
    (
        "What does it mean for one hundred people like these?",
        "Six fewer events, over three years.",
    ),
    (
        "So, do not wait for the number.",
        "Start early, and expect the dip.",
        "Now, your questions, please.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """When a slide and each of its sentences begin, in seconds: what the drawing follows."""

    start: float
    end: float
    sentences: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    time_ms: int
    stream: int
    marker: bool
    key: bool
    payload: bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--codec", choices=("VP8", "H264"), default="VP8")
    parser.add_argument("--crf", type=int, default=24)
    options = parser.parse_args()

    samples, timeline = speak()
    count = len(samples) * 1000 // SAMPLE_RATE // FRAME_MS
    options.frames.mkdir(parents=True, exist_ok=True)
    missing = [n for n in range(count) if not frame_path(options.frames, n).exists()]
    if missing:
        draw(options.frames, missing, timeline, levels(samples, count))

    video = encode_video(options, count, [slide.start for slide in timeline])
    records = sorted([*encode_audio(samples), *video], key=lambda record: record.time_ms)
    write(options.clip, records, codec=options.codec, duration_ms=count * FRAME_MS)


def speak() -> tuple[Samples, list[Slide]]:
    """The whole talk as mono samples, each slide as long as its words need."""
    samples: Samples = array.array("h")
    timeline = []
    for sentences in SCRIPT:
        start, starts = seconds_of(samples), []
        samples.extend(silence(SLIDE_SECONDS / 2))
        for sentence in sentences:
            starts.append(seconds_of(samples))
            samples.extend(sentence_samples(sentence))
            samples.extend(silence(PAUSE_SECONDS))
        samples.extend(silence(SLIDE_SECONDS))
        samples.extend(silence(-len(samples) % (SAMPLE_RATE * FRAME_MS // 1000) / SAMPLE_RATE))
        timeline.append(Slide(start=start, end=seconds_of(samples), sentences=tuple(starts)))
    return samples, timeline


def seconds_of(samples: Samples) -> float:
    return len(samples) / SAMPLE_RATE


def silence(seconds: float) -> Samples:
    return array.array("h", bytes(2 * round(seconds * SAMPLE_RATE)))


def sentence_samples(sentence: str) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        command = ["flite", "-voice", "slt", "--setf", "duration_stretch=1.02"]
        subprocess.run([*command, "-t", sentence, "-o", str(spoken)], check=True)
        with wave.open(str(spoken)) as file:
            source = AudioFrame(format="s16", layout="mono", samples=file.getnframes())
            source.sample_rate = file.getframerate()
            source.planes[0].update(file.readframes(file.getnframes()))
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    samples: Samples = array.array("h")
    for frame in [*resampler.resample(source), *resampler.resample(None)]:
        samples.frombytes(bytes(frame.planes[0])[: frame.samples * 2])
    return samples


def levels(samples: Samples, count: int) -> list[float]:
    """How wide the mouth opens in each frame, 0 to 1: the root mean square, quick up, slow down."""
    size = SAMPLE_RATE * FRAME_MS // 1000
    windows = [samples[n * size : (n + 1) * size : 8] for n in range(count)]
    powers = [(sum(s * s for s in window) / len(window)) ** 0.5 for window in windows]
    loudest = sorted(powers)[int(count * 0.97)]
    level, smooth = 0.0, []
    for power in powers:
        level = max(min(1.0, power / loudest), level * 0.45)
        smooth.append(level)
    return smooth


def frame_path(folder: Path, n: int) -> Path:
    return folder / f"{n:05}.png"


def draw(folder: Path, missing: list[int], timeline: list[Slide], levels: list[float]) -> None:
    fonts = {
        "Source Serif": "source-serif-4-latin-wght-normal.woff2",
        "Hanken Grotesk": "hanken-grotesk-latin-wght-normal.woff2",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_content("<style>body{margin:0;background:#0a100f}</style>")
        page.add_script_tag(path=ROOT / "tests/clip/talk.js")
        for family, name in fonts.items():
            data = base64.b64encode((ROOT / "web/fonts" / name).read_bytes()).decode()
            page.evaluate(
                """async ([family, data]) => document.fonts.add(await new FontFace(
                     family, `url(data:font/woff2;base64,${data})`, {weight: "100 900"}).load())""",
                [family, data],
            )
        slides = [asdict(slide) for slide in timeline]
        session = page.context.new_cdp_session(page)
        for n in missing:
            page.evaluate("a => window.show(...a)", [slides, n * FRAME_MS / 1000, levels[n]])
            shot = session.send(
                "Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True}
            )
            frame_path(folder, n).write_bytes(base64.b64decode(shot["data"]))
        browser.close()


def key_frames(count: int, slide_starts: list[float]) -> set[int]:
    """A keyframe with every new slide, where it costs nothing extra, and one at least every 2 s."""
    edges = [*(round(start * 1000 / FRAME_MS) for start in slide_starts), count]
    every = KEY_MS // FRAME_MS
    return {n for edge, following in pairwise(edges) for n in range(edge, following, every)}


def encode_video(
    options: argparse.Namespace, count: int, slide_starts: list[float]
) -> Iterator[Record]:
    encoder = video_encoder(options.codec, options.crf)
    keys = key_frames(count, slide_starts)
    packets: list[Packet[VideoStream]] = []
    for n in range(count):
        with av.open(str(frame_path(options.frames, n))) as picture:
            # Players take VP8 for video range, and a full-range picture would lose its pale greys.
            frame = next(picture.decode(video=0)).reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU601,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
            )
        frame.pts, frame.time_base = n * FRAME_MS, Fraction(1, 1000)
        frame.pict_type = PictureType.I if n in keys else PictureType.NONE
        packets += encoder.encode(frame)
    packets += encoder.encode(None)

    pack = Vp8Encoder().pack if options.codec == "VP8" else H264Encoder().pack
    for packet in packets:
        assert packet.pts is not None
        assert packet.is_keyframe == (packet.pts // FRAME_MS in keys)
        payloads = pack(packet)[0]
        for i, payload in enumerate(payloads):
            yield Record(
                time_ms=packet.pts,
                stream=1,
                marker=i == len(payloads) - 1,
                key=packet.is_keyframe and i == 0,
                payload=payload,
            )


def video_encoder(codec: str, crf: int) -> VideoCodecContext:
    names = {"VP8": "libvpx", "H264": "libx264"}
    encoder = av.CodecContext.create(names[codec], "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 1280, 720, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 1000), Fraction(1000, FRAME_MS)
    encoder.gop_size = 10_000
    if codec == "VP8":
        encoder.bit_rate = 900_000
        encoder.options = {
            "crf": str(crf),
            "qmin": "4",
            "qmax": "40",
            "deadline": "good",
            "cpu-used": "0",
            "auto-alt-ref": "0",
            "lag-in-frames": "0",
            "undershoot-pct": "95",
        }
    else:
        encoder.profile = "Constrained Baseline"
        encoder.options = {"crf": str(crf + 8), "preset": "slow", "tune": "zerolatency"}
    return encoder


def encode_audio(samples: Samples) -> Iterator[Record]:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "mono", "s16"
    encoder.bit_rate = 28_000
    encoder.options = {"application": "voip", "frame_duration": str(OPUS_MS)}
    size = SAMPLE_RATE * OPUS_MS // 1000
    payloads: list[bytes] = []
    for n in range(len(samples) // size):
        frame = AudioFrame(format="s16", layout="mono", samples=size)
        frame.planes[0].update(samples[n * size : (n + 1) * size].tobytes())
        frame.sample_rate, frame.pts = SAMPLE_RATE, n * size
        payloads += [bytes(packet) for packet in encoder.encode(frame)]
    payloads += [bytes(packet) for packet in encoder.encode(None)]
    for n, payload in enumerate(payloads[: len(samples) // size]):
        yield Record(time_ms=n * OPUS_MS, stream=0, marker=False, key=False, payload=payload)


def write(path: Path, records: list[Record], *, codec: str, duration_ms: int) -> None:
    """The layout is described where it is read: `realtime/relay/player.py`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("!4sBBHI", b"RTPC", 1, 2, 0, duration_ms))
        file.write(struct.pack("!B7sI", 0, b"opus", SAMPLE_RATE))
        file.write(struct.pack("!B7sI", 1, codec.encode(), 90_000))
        for record in records:
            flags = record.marker | record.key << 1
            head = (record.time_ms, record.stream, flags, len(record.payload))
            file.write(struct.pack("!IBBH", *head) + record.payload)
    size, seconds = path.stat().st_size, duration_ms / 1000
    sys.stdout.write(f"{size} bytes, {seconds} s, {size * 8 / seconds / 1000:.0f} kbit/s\n")


if __name__ == "__main__":
    main()
