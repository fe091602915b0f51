"""Makes packets from changing sources look like one continuous stream to a subscriber. Pure.

It knows numbers only: neither codecs nor addresses nor the clock.
"""

from dataclasses import dataclass
from typing import NamedTuple

SEQ_MASK = 0xFFFF
TIMESTAMP_MASK = 0xFFFFFFFF
HALF_SEQ = 0x8000
QUARTER_SEQ = 0x4000


def seq_after(seq: int, other: int) -> int:
    """How far `seq` is ahead of `other`, across the wrap; negative when it is behind."""
    ahead = (seq - other) & SEQ_MASK
    return ahead if ahead < HALF_SEQ else ahead - SEQ_MASK - 1


def timestamp_after(timestamp: int, other: int) -> int:
    """How far ahead, across the wrap; negative when it is behind."""
    ahead = (timestamp - other) & TIMESTAMP_MASK
    return ahead if ahead <= TIMESTAMP_MASK >> 1 else ahead - TIMESTAMP_MASK - 1


class Shift(NamedTuple):
    """What is added to a stream's numbers for those who came to it from elsewhere."""

    seq: int = 0
    timestamp: int = 0
    picture: int = 0
    """To VP8's picture number."""
    base: int = 0
    """To VP8's TL0PICIDX."""


STILL = Shift()


@dataclass(slots=True)
class Continuity:
    """Offsets that map the current source's numbering onto the subscriber's."""

    seq_offset: int = 0
    timestamp_offset: int = 0
    last_seq: int | None = None
    """The newest number sent; `None` before the first packet."""
    last_timestamp: int = 0
    last_at: float = 0.0
    first_seq: int = 0
    """The first number of the current source, or a later one: nothing before it is its own."""

    def seq(self, source_seq: int) -> int:
        return (source_seq + self.seq_offset) & SEQ_MASK

    def timestamp(self, source_timestamp: int) -> int:
        return (source_timestamp + self.timestamp_offset) & TIMESTAMP_MASK

    def resume(self, source_seq: int, source_timestamp: int, *, now: float, rate: int) -> None:
        """Let another source continue: the next number, and a timestamp as late as the clock."""
        if self.last_seq is None:
            self.first_seq = source_seq
            self.seq_offset = self.timestamp_offset = 0
            return
        self.first_seq = (self.last_seq + 1) & SEQ_MASK
        elapsed = max(1, int((now - self.last_at) * rate))
        self.seq_offset = (self.first_seq - source_seq) & SEQ_MASK
        self.timestamp_offset = (self.last_timestamp + elapsed - source_timestamp) & TIMESTAMP_MASK

    def owns(self, seq: int) -> bool:
        """Whether an outgoing number is the current source's, and not from before it took over."""
        return seq_after(seq, self.first_seq) >= 0

    def sent(self, seq: int, timestamp: int, now: float) -> None:
        """Remember what went out, to continue from it; a late packet changes nothing."""
        if self.last_seq is None or seq_after(seq, self.last_seq) > 0:
            self.last_seq, self.last_timestamp, self.last_at = seq, timestamp, now
            if seq_after(seq, self.first_seq) > QUARTER_SEQ:
                # Half the numbers on, "before the first" would begin to mean "ahead".
                self.first_seq = (seq - QUARTER_SEQ // 2) & SEQ_MASK
