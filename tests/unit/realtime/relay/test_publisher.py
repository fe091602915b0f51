"""A publisher's packets, byte for byte, and what the relay says back to it."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from aiortc.rtp import AnyRtcpPacket, RtcpPsfbPacket, RtcpRrPacket, RtcpRtpfbPacket, RtcpSrPacket

from realtime.relay import rtcp
from realtime.relay.cache import Packet
from realtime.relay.dtls import new_certificate
from realtime.relay.feed import Feed
from realtime.relay.grant import Grant
from realtime.relay.mux import Flushed, Mux
from realtime.relay.offer import parse
from realtime.relay.peer import Setting
from realtime.relay.publisher import Publisher
from realtime.relay.uptrack import UpTrack
from tests.unit.realtime.relay.offers import offer
from tests.unit.realtime.relay.test_feed import DELTA, KEY, Wire, chosen

SSRC = 0x01020304
CERTIFICATE = new_certificate()


class Now:
    """A clock that stands still until it is told."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Speaker:
    """A publisher whose reports are kept instead of encrypted, and what came of its packets."""

    publisher: Publisher
    now: Now
    feed: Feed
    track: UpTrack
    said: list[bytes] = field(default_factory=list)
    gathered: list[Flushed] = field(default_factory=list)

    def receive(self, packet: str | bytes) -> None:
        self.publisher.rtp(bytes.fromhex(packet) if isinstance(packet, str) else packet)

    def picture(self, seq: int, payload: bytes) -> None:
        head = bytes((0x80, 0xE0)) + (seq & 0xFFFF).to_bytes(2, "big")
        stamp = (seq * 3000 & 0xFFFFFFFF).to_bytes(4, "big")
        self.receive(head + stamp + SSRC.to_bytes(4, "big") + payload)

    def control(self, compound: bytes) -> None:
        for packet in rtcp.parse(compound):
            self.publisher.control(packet)

    def tick(self, seconds: float) -> list[AnyRtcpPacket]:
        """What is said back after so long."""
        self.now.seconds += seconds
        self.said.clear()
        self.publisher.tick(self.now.seconds)
        return [each for compound in self.said for each in rtcp.parse(compound)]

    def kept(self) -> list[Packet]:
        return [each for each in self.feed.cache._ring if each is not None]


def speaking(*, transport_cc: int | None, abs_send_time: int | None) -> Iterator[Speaker]:
    """Set up to the moment when keys are there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        now = Now()
        mux = Mux(unused, clock=now)
        setting = Setting(mux=mux, certificate=CERTIFICATE, handshakes=asyncio.Semaphore())
        grant = Grant(who="ada", session="s", may="publish", exp=0)
        publisher = Publisher(setting, grant, parse(offer()))
        gathered: list[Flushed] = []
        feed = Feed("video", "vp8", 90_000, Wire(), gathered.append)
        taken = replace(chosen(), transport_cc=transport_cc, abs_send_time=abs_send_time)
        track = UpTrack(taken, feed)
        publisher.attach([track])
        speaker = Speaker(publisher, now, feed, track, gathered=gathered)
        publisher.send_rtcp = speaker.said.append  # type: ignore[method-assign,assignment]
        publisher.keys = object()  # type: ignore[assignment]
        yield speaker


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    """With feedback for the whole transport."""
    yield from speaking(transport_cc=3, abs_send_time=2)


@pytest.fixture
def plain_speaker() -> Iterator[Speaker]:
    """An encoder that knows a limit for the receiver only."""
    yield from speaking(transport_cc=None, abs_send_time=2)


HEADER = "80e0 0007 00000bb8 01020304"


@pytest.mark.parametrize(
    ("packet", "payload"),
    [
        (HEADER + "1000aa", "1000aa"),
        ("82e0 0007 00000bb8 01020304 0000000a 0000000b 1000", "1000"),  # two contributors
        ("a0e0 0007 00000bb8 01020304 1000aa 000003", "1000aa"),  # padded by three
        ("90e0 0007 00000bb8 01020304 bede0001 31002a00 1000", "1000"),  # numbered 42
        ("90e0 0007 00000bb8 01020304 bede0000 1000", "1000"),  # an extension of nothing
        ("90e0 0007 00000bb8 01020304 10000001 03020000 1000", "1000"),  # two-byte headers
        ("b1e0 0007 00000bb8 01020304 0000000a bede0001 00000000 1000 0002", "1000"),  # all
    ],
)
def test_a_payload_is_found_behind_every_header(
    speaker: Speaker, packet: str, payload: str
) -> None:
    speaker.receive(packet)
    assert speaker.kept() == [Packet(1, 7, 3000, bytes.fromhex(payload), 1000.0)]


@pytest.mark.parametrize(
    "packet",
    [
        "80e0 0007 00000bb8 0102",  # cut in the header
        "83e0 0007 00000bb8 01020304 0000000a 1000",  # a contributor is missing
        "90e0 0007 00000bb8 01020304 bede0004 31002a00",  # longer than the packet
        "90e0 0007 00000bb8 01020304 bede",
        "a0e0 0007 00000bb8 01020304 1000 00ff",  # more padding than packet
    ],
)
def test_a_broken_packet_is_none(speaker: Speaker, packet: str) -> None:
    speaker.receive(packet)
    assert speaker.kept() == []


def test_a_retransmission_fills_its_hole(speaker: Speaker) -> None:
    for seq, payload in ((65_535, KEY), (65_537, DELTA)):
        speaker.picture(seq, payload)
    (asked, *_) = [each for each in speaker.tick(0.05) if isinstance(each, RtcpRtpfbPacket)]
    assert (asked.media_ssrc, asked.lost) == (SSRC, [0])
    speaker.receive("80e1 0100 00000bb8 05060708 0000 1001aa")  # RTX: payload type 97, number 0
    assert speaker.track.recovered == 1
    assert [each.seq for each in speaker.kept()] == [0, 1, 65_535]


def test_arrivals_are_fed_back_with_their_gaps(speaker: Speaker) -> None:
    speaker.receive("90e0 0007 00000bb8 01020304 bede0001 31002a00 1000")
    speaker.receive("90e0 0008 00000bb8 01020304 bede0001 31002c00 1000")
    speaker.tick(0.05)
    feedback = [each for each in speaker.said if each[1] == 205 and each[0] & 31 == 15]
    assert [each[12:16] for each in feedback] == [bytes.fromhex("002a 0003")]


def test_a_limit_is_told_to_who_knows_no_other_feedback(plain_speaker: Speaker) -> None:
    """REMB, and only where transport-wide feedback is not spoken."""
    for number in range(500):  # it listens for three seconds first
        sent_at = (number << 18) // 100 & 0xFFFFFF  # seconds, with 18 bits behind the point
        plain_speaker.now.seconds += 0.01
        plain_speaker.receive(
            bytes.fromhex("90e0")
            + number.to_bytes(2, "big")
            + bytes.fromhex("00000bb8 01020304 bede0001 22")
            + sent_at.to_bytes(3, "big")
            + KEY
            + bytes(1000)
        )
    limits = [
        each
        for compound in plain_speaker.said
        for each in rtcp.parse(compound)
        if isinstance(each, RtcpPsfbPacket) and each.fci.startswith(b"REMB")
    ]
    assert limits
    assert not [each for each in plain_speaker.said if each[1] == 205]


def test_reception_is_reported_once_a_second(speaker: Speaker) -> None:
    speaker.picture(1, KEY)
    speaker.control(
        rtcp.sender_report(SSRC, ntp=0x1234_5678 << 16, timestamp=9, packets=1, octets=1)
    )
    said = speaker.tick(0.5)
    (report,) = [each for each in said if isinstance(each, RtcpRrPacket)]
    assert (report.reports[0].ssrc, report.reports[0].lsr) == (SSRC, 0x1234_5678)
    assert report.reports[0].dlsr == 0x8000
    assert not [each for each in speaker.tick(0.5) if isinstance(each, RtcpRrPacket)]
    assert [each for each in speaker.tick(0.5) if isinstance(each, RtcpRrPacket)]


def test_a_keyframe_is_asked_for_until_one_begins(speaker: Speaker) -> None:
    """Requests get lost too; and what began before the viewer came is no answer."""
    speaker.picture(1, KEY)
    speaker.tick(1.0)
    speaker.feed.keyframes.wish()
    asked = 0
    for step in range(60):
        speaker.picture(2 + step, DELTA)
        said = speaker.tick(0.05)
        asked += sum(isinstance(each, RtcpPsfbPacket) for each in said)
    assert asked == 6
    speaker.picture(62, KEY)
    assert not [each for each in speaker.tick(5.0) if isinstance(each, RtcpPsfbPacket)]


def test_reports_of_another_source_are_not_taken_for_this_one(speaker: Speaker) -> None:
    speaker.picture(1, KEY)
    heard: list[object] = []
    speaker.publisher.on_report = lambda track, _now: heard.append(track)
    other = rtcp.sender_report(SSRC + 1, ntp=1 << 40, timestamp=9, packets=1, octets=1)
    assert isinstance(rtcp.parse(other)[0], RtcpSrPacket)
    speaker.control(other)
    assert heard == []
    speaker.control(rtcp.sender_report(SSRC, ntp=1 << 40, timestamp=9, packets=1, octets=1))
    assert heard == [speaker.track]
