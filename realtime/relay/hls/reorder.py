"""Puts the packets of one stream in order, and says where one is missing for good. Pure."""

from realtime.relay.hls.bounds import REORDER_PACKETS, REORDER_SECONDS
from realtime.relay.hls.frames import Took
from realtime.relay.rewrite import SEQ_MASK, seq_after


class Reorder:
    """Waits a while for what is missing: it may have been asked for again."""

    def __init__(self, seconds: float = REORDER_SECONDS, packets: int = REORDER_PACKETS) -> None:
        self._seconds, self._packets = seconds, packets
        self._due: int | None = None
        self._held: dict[int, Took] = {}

    def begin(self) -> None:
        """The numbers go on from the next packet, whichever it is."""
        self._due = None
        self._held.clear()

    def take(self, packet: Took) -> list[Took | None]:
        """What is next in order by now; `None` stands for packets that will not come."""
        if self._due is None:
            self._due = packet.seq
        if seq_after(packet.seq, self._due) < 0:
            return []  # it was given up, or it came before
        self._held[packet.seq] = packet
        return self.passed(packet.at)

    def passed(self, now: float) -> list[Took | None]:
        ready: list[Took | None] = []
        while self._held:
            assert self._due is not None
            packet = self._held.pop(self._due, None)
            if packet is not None:
                ready.append(packet)
                self._due = (self._due + 1) & SEQ_MASK
                continue
            oldest = min(each.at for each in self._held.values())
            if now - oldest < self._seconds and len(self._held) <= self._packets:
                break
            due = self._due
            self._due = min(self._held, key=lambda seq: seq_after(seq, due))
            ready.append(None)
        return ready
