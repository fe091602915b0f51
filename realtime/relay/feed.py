"""One stream a stage sends: the same numbers and packets for every subscriber.

It joins whatever source is publishing to what was sent before, keeps the newest packets, lets
subscribers in at a keyframe, and hands batches to the fan-out. It knows no addresses and no HTTP.
"""

import secrets
import struct
from collections.abc import Callable
from typing import Protocol

from realtime.relay.bounds import HELD_PACKETS
from realtime.relay.cache import Cache, Packet
from realtime.relay.fanout import Destination, Group, Sender
from realtime.relay.keyframe import BEGINS, BEGINS_SURELY, KeyframeRequests
from realtime.relay.mux import Flushed
from realtime.relay.rewrite import QUARTER_SEQ, SEQ_MASK, Continuity, seq_after

_HEADER = struct.Struct("!BBHLL")
_RESEND_HEADER = struct.Struct("!BBHLLH")
Tap = Callable[[Packet | None, float], None]
"""Is told each packet that goes out, as it goes out, and `None` when another source begins."""

_STRANGE_PACKETS = 32
"""In a row, outside the window: the source has renumbered itself, so continue from where we are."""


class Entrant(Protocol):
    """Who waits to be sent the stream."""

    destination: Destination

    def enter(self, seq: int) -> None:
        """Begin with the packet of this number."""


class Feed:
    """A stage's audio or video."""

    def __init__(
        self, kind: str, codec: str, rate: int, fanout: Sender, gather: Callable[[Flushed], None]
    ) -> None:
        self.kind, self.codec, self.rate = kind, codec, rate
        self.ahead = kind == "audio"
        self.ssrc = secrets.randbits(31) | 1
        self.resend_ssrc = self.ssrc ^ 0x5A5A5A5A
        self.cache = Cache()
        self.continuity = Continuity()
        self.keyframes = KeyframeRequests()
        self.keyframes_seen = 0
        self.waiting: list[Entrant] = []
        self.groups: list[Group] = []
        self.tap: Tap | None = None
        self._begins = BEGINS.get(codec)
        self._begins_surely = BEGINS_SURELY.get(codec)
        self._fanout = fanout
        self._gather = gather
        self._pending: list[Packet] = []
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
        self._held.clear()
        if self._begins is not None:
            self.keyframes.wish()

    def group(self, payload_type: int, offset: int = 0, first: int | None = None) -> Group:
        """Those who began together, with `first`; or who had nothing before, whenever that was."""
        for each in self.groups:
            if (each.payload_type, each.offset, each.first) == (payload_type, offset, first):
                return each
        self.groups.append(Group(payload_type, self.ssrc, offset, first))
        return self.groups[-1]

    def join(self, entrant: Entrant) -> None:
        """Begin at once, or with the next keyframe, which is asked for until it comes."""
        if self._begins is None:
            entrant.enter(0)
            return
        self.waiting.append(entrant)
        self.keyframes.wish()

    def leave(self, entrant: Entrant) -> int | None:
        """Send no more; what was gathered still goes out. The last number sent to anybody."""
        self.flush()
        for group in self.groups:
            group.remove(entrant.destination)
        self.groups = [each for each in self.groups if each.first is None or each.destinations]
        self.waiting = [each for each in self.waiting if each is not entrant]
        return self.continuity.last_seq

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
        packet = self._map(marker, seq, timestamp, payload)
        if not self._accept(packet):
            return
        if self._begins is not None and (begins or self._begins(payload)):
            before = self.cache.get((packet.seq - 1) & SEQ_MASK)
            if begins or self._is_beginning(payload, packet.timestamp, before):
                self._admit(packet.seq)
        self.continuity.sent(packet.seq, packet.timestamp, now)
        if not self._pending:
            self._gather(self)
        self._pending.append(packet)
        if self.tap is not None:
            self.tap(packet, now)

    def flush(self) -> None:
        pending, self._pending = self._pending, []
        for group in self.groups:
            if group.destinations and pending:
                own = pending if group.first is None else _of(group, pending)
                if own:
                    self._fanout.send([plain(packet, group) for packet in own], group)

    def _resume(self, seq: int, timestamp: int, now: float) -> None:
        self.continuity.resume(seq, timestamp, now=now, rate=self.rate)
        self._resuming = False
        self._held.clear()
        self._strange = 0
        if self.tap is not None:
            self.tap(None, now)

    def _map(self, marker: int, seq: int, timestamp: int, payload: bytes) -> Packet:
        out, late = self.continuity.seq(seq), self.continuity.timestamp(timestamp)
        return Packet(marker, out, late, payload)

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

    def _admit(self, seq: int) -> None:
        self.keyframes.arrived()
        self.keyframes_seen += 1
        if not self.waiting:
            return
        self.flush()  # what came before the keyframe is not for those who begin with it
        waiting, self.waiting = self.waiting, []
        for entrant in waiting:
            entrant.enter(seq)


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
    """The packet as a group's members see it, before encryption."""
    marker = packet.marker << 7
    return (
        _HEADER.pack(
            0x80,
            marker | group.payload_type,
            (packet.seq + group.offset) & SEQ_MASK,
            packet.timestamp,
            group.ssrc,
        )
        + packet.payload
    )


def resend(packet: Packet, group: Group, payload_type: int, ssrc: int, seq: int) -> bytes:
    """The packet again, in a stream of its own (RFC 4588 §4), under a number of its own."""
    marker, had = packet.marker << 7, (packet.seq + group.offset) & SEQ_MASK
    head = _RESEND_HEADER.pack(0x80, marker | payload_type, seq, packet.timestamp, ssrc, had)
    return head + packet.payload
