"""What a stage sends of one kind: one stream, or one picture in several sizes (simulcast).

Sizes share an SSRC, so that a viewer's stream may go from one to another. Which is which is said by
the pictures themselves: offers order them as they like. It knows no viewers and no addresses.
"""

from collections.abc import Callable

from realtime.relay.bounds import LAYER_SILENT_SECONDS
from realtime.relay.cache import Packet
from realtime.relay.fanout import Sender
from realtime.relay.feed import Feed, Tap
from realtime.relay.mux import Flushed

_SSRCS = (1 << 31) - 1


class Layers:
    """Audio, or video in the sizes it comes in."""

    def __init__(
        self, kind: str, codec: str, rate: int, fanout: Sender, gather: Callable[[Flushed], None]
    ) -> None:
        self.kind, self.codec, self.rate = kind, codec, rate
        self.feeds = [Feed(kind, codec, rate, fanout, gather)]
        """All there ever were: viewers of one that is no longer sent have to be led away."""
        self.sent = self.feeds[:1]
        """Those of the present publisher, in its order."""
        self.flowing = self.feeds[:1]
        """Of these, those that have pictures now, the smallest first; never empty."""
        self.tapped = self.feeds[0]
        """What a tap is told of: the largest, from its next keyframe on."""
        self._tap: Tap | None = None
        self._waited = self.tapped
        self._fanout, self._gather = fanout, gather

    @property
    def ssrc(self) -> int:
        return self.feeds[0].ssrc

    @property
    def resend_ssrc(self) -> int:
        return self.feeds[0].resend_ssrc

    @property
    def several(self) -> bool:
        """Whether there is anything to choose."""
        return len(self.sent) > 1

    @property
    def apart(self) -> list[int]:
        """An SSRC for each size, for another relay, which gets every one of them."""
        return [(self.ssrc + 2 * at) & _SSRCS for at in range(1, len(self.sent) + 1)]

    @property
    def largest(self) -> Feed:
        """The one that is meant where only one can be: for segments."""
        return self.flowing[-1]

    def at_most(self, count: int) -> Feed:
        """The largest among the so many smallest."""
        return self.flowing[max(0, min(count, len(self.flowing)) - 1)]

    def arrange(self, count: int) -> list[Feed]:
        """Make room for a publisher's so many sizes."""
        while len(self.feeds) < count:
            self.feeds.append(
                Feed(self.kind, self.codec, self.rate, self._fanout, self._gather, self.ssrc)
            )
        self.sent = self.feeds[:count]
        for feed in self.feeds:
            feed.pixels, feed.bits = 0, 0.0
        self._settle(self.sent[:1])
        return self.sent

    def look(self) -> bool:
        """Notice which sizes have pictures now; whether that is news."""
        if not self.several:
            return False
        begun = [each for each in self.sent if not each.resuming and each.pixels]
        if not begun:
            return False
        newest = max(each.continuity.last_at for each in begun)
        flowing = sorted(
            (each for each in begun if newest - each.continuity.last_at < LAYER_SILENT_SECONDS),
            key=lambda each: each.pixels,
        )
        if flowing == self.flowing:
            return False
        self._settle(flowing)
        return True

    @property
    def tap(self) -> Tap | None:
        return self._tap

    @tap.setter
    def tap(self, tap: Tap | None) -> None:
        self._tap = tap
        self.tapped.tap = tap

    def enter(self, feed: Feed, packet: Packet | None) -> None:
        """For the tap: another size begins, as another source would."""
        assert packet is not None, "only pictures come in sizes"
        self.tapped.tap = None
        self.tapped = feed
        feed.tap = self._tap
        if self._tap is not None:
            self._tap(None, packet.at)

    def _settle(self, flowing: list[Feed]) -> None:
        self.flowing = flowing
        if self.largest is self._waited:
            return
        self._waited.forget(self)
        self._waited = self.largest
        if self._waited is not self.tapped:
            self._waited.join(self)
