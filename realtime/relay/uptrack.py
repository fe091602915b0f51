"""One stream a publisher sends: unwrapped, measured, asked for again where it has holes.

It passes packets to a feed and knows neither subscribers nor addresses.
"""

from realtime.relay.feed import Feed
from realtime.relay.rtcp import Missing, Reception
from realtime.relay.sdp import Chosen

_FORMER_SSRCS = 16


class UpTrack:
    """An incoming audio or video stream, of one publisher's one connection."""

    def __init__(self, chosen: Chosen, feed: Feed) -> None:
        self.chosen = chosen
        self.feed = feed
        self.ssrc: int | None = None
        self.reception = Reception(chosen.rate)
        self.missing = Missing()
        self.recovered = 0
        self._former: list[int] = []
        self._asks_again = chosen.kind == "video"

    def receive(  # noqa: PLR0917 - a packet's fields, at its speed
        self, ssrc: int, marker: int, seq: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        if ssrc != self.ssrc and not self._adopt(ssrc):
            return
        self.reception.arrived(seq, timestamp, len(payload), now)
        self._forward(marker, seq, timestamp, payload, now)

    def receive_again(self, marker: int, timestamp: int, payload: bytes, now: float) -> None:
        """A retransmission (RFC 4588): its first two bytes are the number it had."""
        if self.ssrc is None or len(payload) < 2:  # noqa: PLR2004 - a probe, not a retransmission
            return
        seq = int.from_bytes(payload[:2], "big")
        if seq in self.missing.gaps:
            self.recovered += 1
            self._forward(marker, seq, timestamp, payload[2:], now)

    def ask_again(self, now: float) -> list[int]:
        return self.missing.due(now) if self._asks_again else []

    def _forward(self, marker: int, seq: int, timestamp: int, payload: bytes, now: float) -> None:
        if self.missing.arrived(seq) and self._asks_again:
            self.feed.keyframes.wish()
        self.feed.forward(marker, seq, timestamp, payload, now)

    def _adopt(self, ssrc: int) -> bool:
        """An encoder that restarts comes back under another number; its old one is over."""
        if ssrc in self._former:
            return False
        if self.ssrc is not None:
            self._former = [self.ssrc, *self._former][:_FORMER_SSRCS]
            self.reception = Reception(self.chosen.rate)
            self.missing = Missing()
            self.feed.new_source()
        self.ssrc = ssrc
        return True
