"""The connection of another relay, which pulls a stage for its own viewers.

Of a picture in several sizes it gets each that flows, as a stream of its own: whom it leads to
which is its own business, and its line is not weighed. An older one, which does not ask for that,
gets the largest as a viewer does. How the other end takes it is in `pull.py`.
"""

from collections.abc import Mapping

from aiortc.rtp import RtcpPsfbPacket

from realtime.relay.downtrack import DownTrack
from realtime.relay.dtls import Keys
from realtime.relay.fanout import Sender
from realtime.relay.grant import Grant
from realtime.relay.layers import Layers
from realtime.relay.offer import Offer
from realtime.relay.peer import Setting
from realtime.relay.subscriber import Subscriber


class Edge(Subscriber):
    """A relay, as a viewer of the origin."""

    def __init__(self, setting: Setting, grant: Grant, offer: Offer, fanout: Sender) -> None:
        super().__init__(setting, grant, offer, fanout)
        self._most = max(
            (len(each.takes) for each in offer.media if each.kind == "video"), default=0
        )

    def fits(self, streams: Mapping[str, Layers]) -> bool:
        """Also whether there are as many sizes as were agreed on; it comes back for others."""
        picture, chosen = streams.get("video"), self.chosen.get("video")
        if picture is not None and chosen is not None:
            count = len(picture.sent)
            if len(chosen.ssrcs) != (count if 1 < count <= self._most else 0):
                return False
        return super().fits(streams)

    def connected(self, keys: Keys) -> None:
        for kind, chosen in self.chosen.items():
            if not chosen.ssrcs:
                self._begin(chosen, self._streams[kind].largest, keys)
        self.choose()

    def choose(self) -> None:
        """Begin with every size that flows; one that its encoder leaves out only falls silent."""
        chosen = self.chosen.get("video")
        if chosen is None or not chosen.ssrcs:
            super().choose()
            return
        if self.keys is None or self.ending.is_set():
            return
        picture = self._streams["video"]
        for ssrc, feed in zip(chosen.ssrcs, picture.sent, strict=False):
            if ssrc not in self.tracks and feed in picture.flowing:
                self._begin(chosen, feed, self.keys, ssrc)

    @property
    def sees_less(self) -> bool:
        return False

    def _weigh(self, track: DownTrack, now: float) -> None:
        """Those behind it have lines of their own, and it gets it all."""

    def _estimated(self, packet: RtcpPsfbPacket) -> None:
        """Likewise."""
