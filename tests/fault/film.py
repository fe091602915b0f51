"""A speaker and a viewer by numbers: what is sent, what is heard in time, what can be decoded.

Sound is a packet every 20 ms; pictures are of several packets, and a keyframe of three times as
many. Both carry when they were sent, so that both ends have to be in one process.
"""

import asyncio
import struct
import time
from dataclasses import dataclass, field

from realtime.relay.caller import Caller
from realtime.relay.flow import Packet

LATE_SECONDS = 0.4
"""What a person in a conversation takes for a gap."""
PICTURE_SECONDS = 1.0
"""A picture that is not whole by then is not shown any more."""
FRAMES, PACKETS = 30, 4
"""A second, and of a picture: 170 packets a second with the sound."""
_STAMP = struct.Struct("!dIBB")
_VIDEO_HEAD = {True: b"\x10\x00", False: b"\x10\x01"}
_GOES_ON = b"\x00\x00"


@dataclass
class Film:
    """What one speaker sends: sound and pictures of a steady rate, a keyframe when asked."""

    caller: Caller
    sounds: list[float] = field(default_factory=list)
    """When each was sent."""
    pictures: list[float] = field(default_factory=list)
    keys: int = 0
    _wanted: bool = True

    def __post_init__(self) -> None:
        self.caller.on_keyframe_wanted = self.want

    def want(self) -> None:
        self._wanted = True

    async def run(self) -> None:
        began, sounds, pictures = time.monotonic(), 0, 0
        while True:
            at = min(sounds / 50, pictures / FRAMES)
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            if sounds / 50 <= pictures / FRAMES:
                self._speak(sounds)
                sounds += 1
            else:
                self._film(pictures)
                pictures += 1

    def _speak(self, number: int) -> None:
        self.sounds.append(time.monotonic())
        body = _STAMP.pack(self.sounds[-1], number, 0, 1)
        self.caller.send("audio", body + bytes(60), number * 960, marker=False)

    def _film(self, number: int) -> None:
        key, self._wanted = self._wanted, False
        self.keys += key
        self.pictures.append(time.monotonic())
        parts = PACKETS * 3 if key else PACKETS
        for part in range(parts):
            head = _VIDEO_HEAD[key] if part == 0 else _GOES_ON
            body = head + _STAMP.pack(self.pictures[-1], number, part, parts) + bytes(1000)
            self.caller.send("video", body, number * 3000, marker=part == parts - 1)


@dataclass
class Screen:
    """What one viewer hears and can decode: whole pictures, each after the one before or a key."""

    caller: Caller
    heard: dict[int, float] = field(default_factory=dict)
    """Delay by number."""
    whole: dict[int, tuple[float, float, bool]] = field(default_factory=dict)
    """By number: when it was whole, when it was sent, and whether it is a keyframe."""
    sources: set[int] = field(default_factory=set)
    taken_at: float | None = None
    """When the last packet came."""
    _parts: dict[int, set[int]] = field(default_factory=dict)
    _keys: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.caller.on_rtp = self.take

    def take(self, packet: Packet) -> None:
        now = self.taken_at = time.monotonic()
        self.sources.add(packet.ssrc)
        payload = packet.payload
        if packet.payload_type == self._type("audio"):
            sent, number, _, _ = _STAMP.unpack_from(payload)
            self.heard.setdefault(number, now - sent)
            return
        sent, number, part, parts = _STAMP.unpack_from(payload, 2)
        if part == 0 and payload.startswith(_VIDEO_HEAD[True]):
            self._keys.add(number)
        got = self._parts.setdefault(number, set())
        got.add(part)
        if len(got) == parts and number not in self.whole:
            self.whole[number] = (now, sent, number in self._keys)

    def _type(self, kind: str) -> int:
        return next(media.payload_type for media in self.caller.media if media.kind == kind)

    def shown(self) -> list[tuple[int, float]]:
        """What a decoder can show, by number, and when: without a whole picture before, nothing."""
        shown: list[tuple[int, float]] = []
        before, at = -2, 0.0
        for number in sorted(self.whole):
            whole, sent, key = self.whole[number]
            at = max(at, whole)
            in_time = at - sent <= PICTURE_SECONDS
            if in_time and (key or number == before + 1):
                shown.append((number, at))
                before = number
        return shown

    async def keep_asking(self) -> None:
        """As a browser does: a decoder that cannot go on asks for a keyframe."""
        while True:
            await asyncio.sleep(0.3)
            shown = self.shown()
            if self.whole and (not shown or time.monotonic() - shown[-1][1] > 0.5):
                self.caller.ask_keyframe()

    def in_time(self, sounds: range) -> float:
        """The share of these sounds that was heard before it was too late."""
        return sum(self.heard.get(each, 9.0) <= LATE_SECONDS for each in sounds) / len(sounds)

    def decoded(self, pictures: range) -> float:
        """The share of these pictures that could be shown."""
        shown = {number for number, _ in self.shown()}
        return sum(each in shown for each in pictures) / len(pictures)


async def filmed(film: Film, seconds: float) -> tuple[range, range]:
    """The numbers of the sounds and pictures of this time, once all of them could be there."""
    sounds, pictures = len(film.sounds), len(film.pictures)
    await asyncio.sleep(seconds)
    ends = len(film.sounds), len(film.pictures)
    await asyncio.sleep(PICTURE_SECONDS + LATE_SECONDS)
    return range(sounds, ends[0]), range(pictures, ends[1])
