"""One stream a stage sends: the same numbers and packets for every subscriber.

It joins whatever source is publishing to what was sent before, keeps the newest packets, lets
subscribers in at a keyframe, and hands batches to the fan-out. It knows no addresses and no HTTP.
"""

import secrets
import struct
from collections.abc import Callable
from typing import Protocol

from realtime.relay import vp8
from realtime.relay.bounds import HELD_PACKETS
from realtime.relay.cache import Cache, Packet
from realtime.relay.fanout import Destination, Group, Sender
from realtime.relay.keyframe import BEGINS, BEGINS_SURELY, KeyframeRequests
from realtime.relay.mux import Flushed
from realtime.relay.pace import Pace
from realtime.relay.rewrite import (
    QUARTER_SEQ,
    SEQ_MASK,
    STILL,
    TIMESTAMP_MASK,
    Continuity,
    Shift,
    seq_after,
)
from realtime.relay.sizes import pixels
from realtime.relay.sync import Mark

_HEADER = struct.Struct("!BBHLL")
_EXTENDED_HEADER = struct.Struct("!BBHLLHHL")
_ONE_BYTE_EXTENSIONS = 0xBEDE
_SEND_TIME_FRACTION, _SEND_TIME_MASK = 1 << 18, 0xFFFFFF
Tap = Callable[[Packet | None, float], None]
"""Is told each packet that goes out, as it goes out, and `None` when another source begins."""

_STRANGE_PACKETS = 32
"""In a row, outside the window: the source has renumbered itself, so continue from where we are."""


class Entrant(Protocol):
    """Who waits for a stream to begin with."""

    def enter(self, feed: "Feed", packet: Packet | None) -> None:
        """Begin with this packet; with whatever comes, where every packet is a beginning."""


class Member(Entrant, Protocol):
    """Who is sent it, or waits to be."""

    destination: Destination


class Feed:
    """A stage's audio, or its video in one size. Streams that replace one another share an SSRC."""

    def __init__(  # noqa: PLR0917 - as `Layers` and tests make one
        self,
        kind: str,
        codec: str,
        rate: int,
        fanout: Sender,
        gather: Callable[[Flushed], None],
        ssrc: int | None = None,
    ) -> None:
        self.kind, self.codec, self.rate = kind, codec, rate
        self.ahead = kind == "audio"
        self.ssrc = ssrc if ssrc is not None else secrets.randbits(31) | 1
        self.resend_ssrc = self.ssrc ^ 0x5A5A5A5A
        self.cache = Cache()
        self.continuity = Continuity()
        self.keyframes = KeyframeRequests()
        self.keyframes_seen = 0
        self.waiting: list[Entrant] = []
        self.groups: list[Group] = []
        self.tap: Tap | None = None
        self.mark: Mark | None = None
        """Of the present source, in its own timestamps; `None` before its first report."""
        self.pixels = 0
        """Of its pictures; 0 while they are not known."""
        self.bits = 0.0
        """A second, as its source sends at present."""
        self._begins = BEGINS.get(codec)
        self._begins_surely = BEGINS_SURELY.get(codec)
        self._fanout = fanout
        self._gather = gather
        self._pending: list[Packet] = []
        self._pace = Pace() if self._begins is not None else None
        self._paced = False
        """Whether what is pending was held back."""
        self._resuming = True
        self._strange = 0
        self._held: dict[int, Packet] = {}
        """What came from a source that has not begun, by its own number: it may be of the picture
        that it begins with, and have overtaken its first packet."""

    @property
    def resuming(self) -> bool:
        """No source has begun, so its clock says nothing yet."""
        return self._resuming

    def new_source(self) -> None:
        """Another source takes over: nothing goes out until it begins a picture."""
        self._resuming = True
        self.mark = None
        self._held.clear()
        if self._begins is not None:
            self.keyframes.wish()

    def line(self) -> Mark | None:
        """A moment of our clock and the timestamp that belongs to it as it goes out, if known."""
        if self._resuming or self.mark is None:
            return None
        timestamp = self.continuity.timestamp(self.mark.timestamp)
        return Mark(ntp=self.mark.ntp, timestamp=timestamp)

    def group(
        self,
        payload_type: int,
        shift: Shift = STILL,
        first: int | None = None,
        send_time: int | None = None,
        ssrc: int | None = None,
    ) -> Group:
        """Those who began together, with `first`; or who had nothing before, whenever that was.

        `ssrc` is another one than viewers', if they get each size as a stream of its own.
        """
        wanted = Group(payload_type, ssrc or self.ssrc, shift, first, send_time)
        for each in self.groups:
            if each.sends_as(wanted):
                return each
        self.groups.append(wanted)
        return wanted

    def join(self, entrant: Entrant) -> None:
        """Begin at once, or with the next keyframe, which is asked for until it comes."""
        if self._begins is None:
            entrant.enter(self, None)
            return
        self.waiting.append(entrant)
        self.keyframes.wish()

    def forget(self, entrant: Entrant) -> None:
        """Somebody does not wait any more."""
        self.waiting = [each for each in self.waiting if each is not entrant]

    def leave(self, member: Member) -> None:
        """Send no more; what was gathered still goes out."""
        self.send_all()
        for group in self.groups:
            group.remove(member.destination)
        self.groups = [each for each in self.groups if each.first is None or each.destinations]
        self.forget(member)

    @property
    def newest(self) -> Packet | None:
        """What was sent last, by its number."""
        last = self.continuity.last_seq
        return self.cache.get(last) if last is not None else None

    def forward(self, marker: int, seq: int, timestamp: int, payload: bytes, now: float) -> None:
        """Take one packet of the current source, in whatever order it arrived."""
        if not self._resuming:
            self._pass_on(marker, seq, timestamp, payload, now)
            return
        before = self._held.get((seq - 1) & SEQ_MASK)
        if not self._is_beginning(payload, timestamp, before):
            self._hold(Packet(marker, seq, timestamp, payload))
            return
        held = [each for each in self._held.values() if seq_after(each.seq, seq) > 0]
        self._resume(seq, timestamp, now)
        self._pass_on(marker, seq, timestamp, payload, now, begins=self._begins is not None)
        for each in sorted(held, key=lambda each: seq_after(each.seq, seq)):
            self._pass_on(each.marker, each.seq, each.timestamp, each.payload, now)

    def _is_beginning(self, payload: bytes, timestamp: int, before: Packet | None) -> bool:
        """Whether a viewer can begin here; `before` is the packet before it, if it is known."""
        if self._begins is None or self._begins_surely is None:
            return True
        if self._begins_surely(payload):
            return True
        return before is not None and before.timestamp != timestamp and self._begins(payload)

    def _hold(self, packet: Packet) -> None:
        self._held[packet.seq] = packet
        if len(self._held) > HELD_PACKETS:
            del self._held[next(iter(self._held))]

    def _pass_on(
        self,
        marker: int,
        seq: int,
        timestamp: int,
        payload: bytes,
        now: float,
        *,
        begins: bool = False,
    ) -> None:
        packet = self._map(marker, seq, timestamp, payload, now)
        if not self._accept(packet):
            return
        if self._begins is not None and (begins or self._begins(payload)):
            before = self.cache.get((packet.seq - 1) & SEQ_MASK)
            if begins or self._is_beginning(payload, packet.timestamp, before):
                self._admit(packet)
        self.continuity.sent(packet.seq, packet.timestamp, now)
        if not self._pending:
            self._gather(self)
        self._pending.append(packet)
        if self.tap is not None:
            self.tap(packet, now)

    def flush(self, now: float) -> bool:
        """Send what may leave now; whether something is held back for a while."""
        if self._pace is None or not self._pending:
            self.send_all()
            return False
        leaving = self._pace.leaving(self._pending, self.bits, now)
        held, self._pending = self._pending[leaving:], self._pending[:leaving]
        if self._paced:
            self._pending = [self._left(packet, now) for packet in self._pending]
        self.send_all()
        self._pending, self._paced = held, bool(held)
        return self._paced

    def send_all(self) -> None:
        """Send what was gathered or held back."""
        pending, self._pending = self._pending, []
        for group in self.groups:
            if group.destinations and pending:
                own = pending if group.first is None else _of(group, pending)
                if own:
                    self._fanout.send([plain(packet, group) for packet in own], group)

    def holds(self, packet: Packet) -> bool:
        """Whether it is still to be sent for the first time."""
        return any(each is packet for each in self._pending)

    def _left(self, packet: Packet, now: float) -> Packet:
        """It tells when it was sent, and will again, byte by byte, if it is asked for."""
        left = packet._replace(at=now)
        self.cache.replace(left)
        return left

    def _resume(self, seq: int, timestamp: int, now: float) -> None:
        self.continuity.resume(seq, timestamp, now=now, rate=self.rate)
        self._resuming = False
        self._held.clear()
        self._strange = 0
        if self.tap is not None:
            self.tap(None, now)

    def _map(self, marker: int, seq: int, timestamp: int, payload: bytes, now: float) -> Packet:
        out, late = self.continuity.seq(seq), self.continuity.timestamp(timestamp)
        return Packet(marker, out, late, payload, now)

    def _accept(self, packet: Packet) -> bool:
        """Whether the number may go out: of this source, within the window, and the first time."""
        accepted = self.continuity.owns(packet.seq) and self.cache.add(packet)
        if accepted:
            self._strange = 0
            return True
        self._strange += 1
        if self._strange > _STRANGE_PACKETS:
            self.new_source()
        return False

    def _admit(self, packet: Packet) -> None:
        self.keyframes.arrived()
        self.keyframes_seen += 1
        self.pixels = pixels(self.codec, packet.payload) or self.pixels
        if not self.waiting:
            return
        self.send_all()  # what came before the keyframe is not for those who begin with it
        waiting, self.waiting = self.waiting, []
        for entrant in waiting:
            entrant.enter(self, packet)


def _of(group: Group, packets: list[Packet]) -> list[Packet]:
    """Those not from before its members began: under those numbers they were sent others."""
    assert group.first is not None
    own = [packet for packet in packets if seq_after(packet.seq, group.first) >= 0]
    for packet in own:
        if seq_after(packet.seq, group.first) > QUARTER_SEQ:
            # As in `Continuity`: what is far behind must not begin to look as if it were ahead.
            group.first = (packet.seq - QUARTER_SEQ // 2) & SEQ_MASK
    return own


def plain(packet: Packet, group: Group) -> bytes:
    """The packet as a group's members see it, before encryption.

    It is the same whenever it is made. So what it says of when it was sent is when it came, since
    it leaves at the end of the same reading of the socket, or when it was let go.
    """
    shift = group.shift
    second = packet.marker << 7 | group.payload_type
    if shift is STILL and group.send_time is None:
        return _HEADER.pack(0x80, second, packet.seq, packet.timestamp, group.ssrc) + packet.payload
    seq = (packet.seq + shift.seq) & SEQ_MASK
    timestamp = (packet.timestamp + shift.timestamp) & TIMESTAMP_MASK
    payload = _payload(packet, shift)
    if group.send_time is None:
        return _HEADER.pack(0x80, second, seq, timestamp, group.ssrc) + payload
    extension = _ONE_BYTE_EXTENSIONS, 1, _send_time(group.send_time, packet.at)
    return _EXTENDED_HEADER.pack(0x90, second, seq, timestamp, group.ssrc, *extension) + payload


def resend(  # noqa: PLR0917 - what RFC 4588 has
    packet: Packet, group: Group, payload_type: int, ssrc: int, seq: int, now: float
) -> bytes:
    """The packet again, in a stream of its own (RFC 4588 §4), under a number of its own."""
    shift = group.shift
    second = packet.marker << 7 | payload_type
    timestamp = (packet.timestamp + shift.timestamp) & TIMESTAMP_MASK
    had = ((packet.seq + shift.seq) & SEQ_MASK).to_bytes(2, "big")
    if group.send_time is None:
        head = _HEADER.pack(0x80, second, seq, timestamp, ssrc)
    else:
        extension = _ONE_BYTE_EXTENSIONS, 1, _send_time(group.send_time, now)
        head = _EXTENDED_HEADER.pack(0x90, second, seq, timestamp, ssrc, *extension)
    return head + had + _payload(packet, shift)


def _payload(packet: Packet, shift: Shift) -> bytes:
    if not shift.picture and not shift.base:
        return packet.payload
    return vp8.shifted(packet.payload, shift.picture, shift.base)


def _send_time(number: int, at: float) -> int:
    """One element: 24 bits of seconds, of which 18 are of the fraction (abs-send-time)."""
    return (number << 4 | 2) << 24 | int(at * _SEND_TIME_FRACTION) & _SEND_TIME_MASK
