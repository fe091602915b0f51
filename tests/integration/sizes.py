"""A speaker who sends one picture in three sizes at once, by hand: packets as Chromium's, named by
header extensions, each size with an SSRC, a retransmission stream and times of its own."""

import asyncio
import contextlib
import itertools
import struct
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import httpx
from aiortc.rtp import RTCP_PSFB_PLI, RtcpPsfbPacket, RtcpRtpfbPacket

from realtime.relay import rtcp
from realtime.relay.caller import Caller, CallLost
from realtime.relay.flow import NTP_EPOCH
from tests.integration.relays import SESSION, Running

SIZES: Mapping[str, tuple[int, int, int]] = {
    "l": (320, 180, 1),
    "m": (640, 360, 3),
    "h": (1280, 720, 9),
}
"""Width, height, and packets a picture; offered in the opposite order."""
PICTURES_A_SECOND, PACKET_BYTES = 30, 700
VIDEO, AGAIN, MID, RID, REPAIRED = 96, 97, 4, 10, 11
_HEADER, _STAMP = struct.Struct("!BBHLL"), struct.Struct("!dIBB")
_EXTENSIONS = (
    f"a=extmap:{MID} urn:ietf:params:rtp-hdrext:sdes:mid",
    f"a=extmap:{RID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    f"a=extmap:{REPAIRED} urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    f"a=rtpmap:{AGAIN} rtx/90000",
    f"a=fmtp:{AGAIN} apt={VIDEO}",
)


def _extension(values: Mapping[int, str]) -> bytes:
    elements = b"".join(
        bytes((number << 4 | len(value) - 1,)) + value.encode() for number, value in values.items()
    )
    elements += bytes(-len(elements) % 4)
    return struct.pack("!HH", 0xBEDE, len(elements) // 4) + elements


class Size:
    """One of the streams."""

    def __init__(self, rid: str, number: int) -> None:
        self.rid = rid
        self.width, self.height, self.packets = SIZES[rid]
        self.ssrc, self.resend_ssrc = 0x10_0000 + number, 0x20_0000 + number
        self.seq, self.resend_seq = 65_000 + 100 * number, 5_000 * number
        self.begins = 1_000_000_000 * number
        """The timestamp of a picture at 0 s."""
        self.picture = 32_700 + number
        self.wanted = True
        self.flows = True
        self.keyframes = self.asked = 0
        """Keyframes sent, and requests for one."""
        self.resent: list[int] = []
        self.withheld: set[int] = set()
        """Numbers that are lost on their way."""
        self.sent: dict[int, tuple[int, int, bytes]] = {}

    def stamp(self, at: float) -> int:
        return (self.begins + round(at * 90_000)) & 0xFFFFFFFF


class Speaker(Caller):
    """Sends what `SIZES` says until it is closed, and sound in between."""

    def __init__(self, *, order: str = "hml") -> None:
        super().__init__("publish", ("VP8",))
        self.sizes = {rid: Size(rid, at) for at, rid in enumerate(order, 1)}
        self.lose_every = 0
        """Of the packets of each size one in so many, once; it is sent again when asked for."""
        section = self.offer.index("m=video")
        lines = [
            line
            for line in self.offer[section:].split("\r\n")
            if not line.startswith(("a=ssrc", "a=msid"))
        ]
        lines[0] += f" {AGAIN}"
        lines[-1:] = [*_EXTENSIONS, *(f"a=rid:{rid} send" for rid in order)]
        lines += [f"a=simulcast:send {';'.join(order)}", ""]
        self.offer = self.offer[:section] + "\r\n".join(lines)
        self._began = time.monotonic()

    async def run(self) -> None:
        pictures = sounds = 0
        while True:
            at = min(pictures / PICTURES_A_SECOND, sounds / 50)
            await asyncio.sleep(max(0.0, self._began + at - time.monotonic()))
            if sounds / 50 <= pictures / PICTURES_A_SECOND:
                self.send("audio", b"sound%8d" % sounds + bytes(60), sounds * 960)
                sounds += 1
                continue
            for size in self.sizes.values():
                if size.flows:
                    self._film(size, at, pictures)
            if pictures % PICTURES_A_SECOND == 0:
                self._report_sizes(at)
            pictures += 1

    def _film(self, size: Size, at: float, number: int) -> None:
        key, size.wanted = size.wanted, False
        size.keyframes += key
        size.picture = size.picture + 1 & 0x7FFF
        for part in range(size.packets):
            first = part == 0
            head = bytes((0x90 if first else 0x80, 0x80))
            head += (0x8000 | size.picture).to_bytes(2, "big")
            if first:
                head += b"\x10\x02\x00\x9d\x01\x2a" if key else b"\x11\x02\x00"
                if key:
                    head += struct.pack("<HH", size.width, size.height)
            body = head + _STAMP.pack(at, number, part, size.packets) + size.rid.encode()
            self._packet(size, body.ljust(PACKET_BYTES, b"."), at, last=part == size.packets - 1)

    def _packet(self, size: Size, body: bytes, at: float, *, last: bool) -> None:
        size.seq = size.seq + 1 & 0xFFFF
        size.sent[size.seq] = (size.stamp(at), last, body)
        size.sent.pop(size.seq - 500 & 0xFFFF, None)
        head = _HEADER.pack(0x90, last << 7 | VIDEO, size.seq, size.stamp(at), size.ssrc)
        if self.lose_every and size.seq % self.lose_every == 0:
            size.withheld.add(size.seq)
            return
        self._emit(head + _extension({MID: "1", RID: size.rid}) + body)

    def _again(self, size: Size, seq: int) -> None:
        stamp, last, body = size.sent[seq]
        size.resent.append(seq)
        size.resend_seq = size.resend_seq + 1 & 0xFFFF
        head = _HEADER.pack(0x90, last << 7 | AGAIN, size.resend_seq, stamp, size.resend_ssrc)
        names = _extension({MID: "1", REPAIRED: size.rid})
        self._emit(head + names + seq.to_bytes(2, "big") + body)

    def _emit(self, packet: bytes) -> None:
        assert self._keys is not None
        self._path.send(self._keys.outbound.protect(packet))

    def _report_sizes(self, at: float) -> None:
        ntp = int((self._began + at + NTP_EPOCH) * 2**32) & 0xFFFFFFFFFFFFFFFF
        for size in self.sizes.values():
            report = rtcp.sender_report(
                size.ssrc, ntp=ntp, timestamp=size.stamp(at), packets=1, octets=1
            )
            self._control(report)

    def _take_rtcp(self, data: bytes, now: float) -> None:
        del now
        for packet in rtcp.parse(data):
            for size in self.sizes.values():
                if isinstance(packet, RtcpPsfbPacket) and packet.media_ssrc == size.ssrc:
                    size.asked += packet.fmt == RTCP_PSFB_PLI
                    size.wanted = True
                elif isinstance(packet, RtcpRtpfbPacket) and packet.media_ssrc == size.ssrc:
                    for seq in packet.lost:
                        if seq & 0xFFFF in size.sent:
                            self._again(size, seq & 0xFFFF)


@asynccontextmanager
async def speaking(relay: Running, *, order: str = "hml") -> AsyncGenerator[Speaker]:
    speaker = Speaker(order=order)
    headers = {"Authorization": f"Bearer {relay.grant('publish', 'speaker')}"}
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.post(
            f"{relay.url}/publish/{SESSION}",
            content=speaker.offer,
            headers=headers | {"Content-Type": "application/sdp"},
        )
        assert response.status_code == 201, response.text
        assert f"a=simulcast:recv {';'.join(order)}\r\n" in response.text
        await speaker.connect(response.text)
        running = asyncio.create_task(speaker.run())
        try:
            yield speaker
        finally:
            running.cancel()
            # The relay may have ended the call before.
            with contextlib.suppress(asyncio.CancelledError, CallLost):
                await running
            await speaker.close()


def taken(payload: bytes) -> tuple[int, int, int, str, bool]:
    """Of a packet that a viewer got: number of the picture in VP8, part, parts, size, whether it
    is of a keyframe's beginning."""
    vp8_number = int.from_bytes(payload[2:4], "big") & 0x7FFF
    at = 4
    key = False
    if payload[0] & 0x10:
        key = not payload[4] & 0x01
        at = 14 if key else 7
    _, _, part, parts = _STAMP.unpack_from(payload, at)
    rid = payload[at + _STAMP.size : at + _STAMP.size + 1].decode()
    return vp8_number, part, parts, rid, key


def runs(rids: list[str]) -> list[str]:
    """Without repetition."""
    return [rid for rid, _ in itertools.groupby(rids)]
