"""One stream a publisher sends: unwrapped, measured, asked for again where it has holes.

It passes packets to a feed and knows neither subscribers nor addresses.
"""

from realtime.relay.feed import Feed
from realtime.relay.rtcp import Missing, Reception
from realtime.relay.sdp import Chosen
from realtime.relay.sync import Mark, SenderClock

_FORMER_SSRCS = 16
_NEW_SHARE = 0.3
"""Of a second's figure in the mean: three seconds count, and a keyframe alone does not."""


class UpTrack:
    """An incoming audio or video stream, of one publisher's one connection."""

    def __init__(self, chosen: Chosen, feed: Feed, rid: str = "") -> None:
        self.chosen = chosen
        self.rid = rid
        """Its name among the sizes of one picture."""
        self.feed = feed
        self.ssrc: int | None = None
        self.reception = Reception(chosen.rate)
        self.missing = Missing()
        self.recovered = 0
        self.mark: Mark | None = None
        """Of the present source; `None` before its first report."""
        self._former: list[int] = []
        self._given_up = 0
        self._measured = (0.0, 0)

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
        """The numbers to ask for now; what is given up is healed by a keyframe instead."""
        asking = self.missing.due(now) if self.chosen.nack else []
        if self.missing.given_up > self._given_up and self.chosen.kind == "video":
            self.feed.keyframes.wish()
        self._given_up = self.missing.given_up
        return asking

    def reported(self, ntp: int, timestamp: int, clock: SenderClock, now: float) -> None:
        """The sender says which of its moments a timestamp belongs to."""
        self.reception.reported(ntp, timestamp, now)
        self.mark = Mark(ntp=clock.on_ours(ntp, now), timestamp=timestamp)
        self.feed.mark = self.mark

    def measure(self, now: float) -> None:
        """How much comes a second, of late; called about once a second."""
        at, octets = self._measured
        self._measured = now, self.reception.octets
        if at and now > at and self.reception.octets >= octets:
            bits = 8 * (self.reception.octets - octets) / (now - at)
            self.feed.bits += (bits - self.feed.bits) * (_NEW_SHARE if self.feed.bits else 1)

    def _forward(self, marker: int, seq: int, timestamp: int, payload: bytes, now: float) -> None:
        self.missing.arrived(seq)
        self.feed.forward(marker, seq, timestamp, payload, now)

    def _adopt(self, ssrc: int) -> bool:
        """An encoder that restarts comes back under another number; its old one is over."""
        if ssrc in self._former:
            return False
        if self.ssrc is not None:
            self._former = [self.ssrc, *self._former][:_FORMER_SSRCS]
            self.reception = Reception(self.chosen.rate)
            self.missing, self._given_up, self.mark = Missing(), 0, None
            self.feed.new_source()
        self.ssrc = ssrc
        return True
