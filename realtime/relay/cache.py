"""The newest packets of one outgoing stream, to answer NACKs from. Pure.

It is also the guard of the rule that no two payloads ever go out under one sequence number: SRTP
reuses its key stream or its nonce for them. Whatever is not newer than the window is refused.
"""

from typing import NamedTuple

from realtime.relay.bounds import CACHE_PACKETS
from realtime.relay.rewrite import SEQ_MASK, seq_after


class Packet(NamedTuple):
    """One packet as subscribers see it, without payload type and SSRC, which they negotiate."""

    marker: int
    seq: int
    timestamp: int
    payload: bytes
    at: float = 0.0
    """When it came; when it left, if it was held back."""


class Cache:
    """A ring over the sequence numbers; its size is a power of two."""

    def __init__(self, size: int = CACHE_PACKETS) -> None:
        assert size & (size - 1) == 0, "sequence numbers have to wrap onto whole rings"
        self._mask = size - 1
        self._size = size
        self._ring: list[Packet | None] = [None] * size
        self._newest: int | None = None

    def add(self, packet: Packet) -> bool:
        """Keep a packet; `False` if its number went out before or is too old to know."""
        if self._newest is not None:
            ahead = seq_after(packet.seq, self._newest)
            if ahead <= -self._size:
                return False
            held = self._ring[packet.seq & self._mask]
            if ahead <= 0 and held is not None and held.seq == packet.seq:
                return False
            if ahead > 0:
                self._forget(ahead)
                self._newest = packet.seq
        else:
            self._newest = packet.seq
        self._ring[packet.seq & self._mask] = packet
        return True

    def get(self, seq: int) -> Packet | None:
        packet = self._ring[seq & self._mask]
        return packet if packet is not None and packet.seq == seq else None

    def replace(self, packet: Packet) -> None:
        """Keep this one of the same number instead, unless that was overwritten meanwhile."""
        if self.get(packet.seq) is not None:
            self._ring[packet.seq & self._mask] = packet

    def _forget(self, ahead: int) -> None:
        """Empty the places of the numbers skipped, which hold packets of an earlier lap."""
        assert self._newest is not None
        if ahead >= self._size:
            self._ring = [None] * self._size
            return
        for skipped in range(1, ahead):
            self._ring[(self._newest + skipped) & SEQ_MASK & self._mask] = None
