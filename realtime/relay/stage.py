"""One session's stage in the relay: its publisher, its feeds, its viewers.

It outlives publishers: one who comes back continues the feeds that viewers already receive. It
knows neither sockets nor grants' signatures.
"""

from collections.abc import Callable, Mapping
from statistics import fmean, median

from realtime.relay.bounds import SILENT_SECONDS, STATISTICS_SECONDS
from realtime.relay.events import Joined, Left, OffAir, OnAir, RelayEvent, Role, Statistics
from realtime.relay.fanout import Sender
from realtime.relay.layers import Layers
from realtime.relay.mux import Flushed
from realtime.relay.publisher import REPORT_SECONDS, Publisher
from realtime.relay.sdp import Chosen, Sends
from realtime.relay.subscriber import Subscriber
from realtime.relay.uptrack import UpTrack

Tell = Callable[[RelayEvent], None]
Milliseconds = Callable[[], int]


class Stage:
    """Where a session is shown."""

    def __init__(
        self,
        session: str,
        fanout: Sender,
        gather: Callable[[Flushed], None],
        tell: Tell,
        now_ms: Milliseconds,
    ) -> None:
        self.session = session
        self.streams: dict[str, Layers] = {}
        """By kind."""
        self.publisher: Publisher | None = None
        self.subscribers: dict[str, Subscriber] = {}
        self.idle_since: float | None = None
        self.on_air = False
        self._fanout = fanout
        self._gather = gather
        self._tell = tell
        self._now_ms = now_ms
        self._counted = (0.0, 0)
        self._looked_at = float("-inf")

    @property
    def pulled(self) -> bool:
        """Whether what is shown here is published at another relay."""
        return self.publisher is not None and self.publisher.grant.may == "pull"

    @property
    def viewers(self) -> int:
        """People whose connections are up."""
        watching = self.subscribers.values()
        return sum(each.keys is not None and each.grant.may != "pull" for each in watching)

    @property
    def without_pictures(self) -> int:
        """Viewers whose lines are too thin for pictures now."""
        return sum(not each.strain.pictures for each in self.subscribers.values())

    @property
    def layers(self) -> int:
        """Sizes of one picture that come at once; none where there is but one."""
        several = [stream for stream in self.streams.values() if stream.several]
        return sum(len(stream.flowing) for stream in several)

    @property
    def viewers_of_less(self) -> int:
        """Viewers who are sent a smaller picture than there is."""
        return sum(each.sees_less for each in self.subscribers.values())

    def sends(self, *, apart: bool = False) -> dict[str, Sends]:
        """What is offered to viewers, or to another relay: to that one sizes `apart`."""
        return {
            kind: Sends(
                codec=each.codec,
                ssrc=each.ssrc,
                resend_ssrc=each.resend_ssrc,
                several=each.several,
                apart=each.apart if apart else (),
            )
            for kind, each in self.streams.items()
        }

    def publish(self, publisher: Publisher, chosen: Mapping[str, Chosen]) -> None:
        """Let a publisher take over; viewers whose formats still hold notice a gap, no more."""
        self._replace(publisher)
        former, self.streams = self.streams, {}
        tracks: list[UpTrack] = []
        for kind, taken in chosen.items():
            stream = former.get(kind)
            if stream is None or stream.codec != taken.codec:
                stream = Layers(kind, taken.codec, taken.rate, self._fanout, self._gather)
            self.streams[kind] = stream
            rids = taken.layers or ("",)
            feeds = stream.arrange(len(rids))
            tracks += [UpTrack(taken, feed, rid) for rid, feed in zip(rids, feeds, strict=True)]
        self.publisher = publisher
        publisher.attach(tracks)
        publisher.on_report = self._report
        publisher.on_connected = lambda: self._joined("publish", publisher)
        for subscriber in list(self.subscribers.values()):
            if not subscriber.fits(self.streams):
                subscriber.hang_up()
            else:
                subscriber.choose()

    def _replace(self, publisher: Publisher) -> None:
        """Hang up on the former one; whoever only comes back stays on the air meanwhile."""
        former = self.publisher
        if former is None:
            return
        if former.grant.who == publisher.grant.who:
            publisher.heard_at = former.heard_at
            self.publisher = None
            self._counted = (0.0, 0)
        self.unpublish(former)

    def unpublish(self, publisher: Publisher) -> None:
        publisher.hang_up()
        if self.publisher is not publisher:
            return
        if self.on_air:
            self._off_air(publisher, "left")
        self.publisher = None
        self._counted = (0.0, 0)

    def subscribe(self, subscriber: Subscriber, chosen: Mapping[str, Chosen]) -> None:
        self.subscribers[subscriber.id] = subscriber
        subscriber.attach(chosen, {kind: self.streams[kind] for kind in chosen})
        subscriber.on_connected = lambda: self._joined("watch", subscriber)

    def left(self, peer: Publisher | Subscriber) -> None:
        """A connection is over, for whatever reason."""
        role: Role = "publish" if isinstance(peer, Publisher) else "watch"
        if isinstance(peer, Publisher):
            self.unpublish(peer)
        else:
            self.subscribers.pop(peer.id, None)
        if peer.keys is not None:
            self._tell_of(
                peer,
                Left(
                    at_ms=self._now_ms(),
                    session=self.session,
                    who=peer.grant.who,
                    role=role,
                    connection=peer.id,
                ),
            )

    def _tell_of(self, peer: Publisher | Subscriber, event: RelayEvent) -> None:
        """Of people only: another relay that pulls, or is pulled, tells of its own."""
        if peer.grant.may != "pull":
            self._tell(event)

    def watch_air(self, now: float) -> None:
        """Notice that media began to flow, or stopped."""
        publisher = self.publisher
        if publisher is None or publisher.heard_at is None:
            return
        flows = now - publisher.heard_at < SILENT_SECONDS
        if flows and not self.on_air:
            self.on_air = True
            self._tell_of(publisher, self._aired(publisher))
        elif self.on_air and not flows:
            self._off_air(publisher, "silent")

    def watch_layers(self) -> None:
        """Notice which sizes of the picture there are now, and lead viewers to theirs."""
        for stream in self.streams.values():
            if stream.look():
                for subscriber in self.subscribers.values():
                    subscriber.choose()

    def present(self) -> list[RelayEvent]:
        """The state that a new listener has to know."""
        peers: list[tuple[Role, Publisher | Subscriber]] = [
            ("watch", each) for each in self.subscribers.values()
        ]
        if self.publisher is not None:
            peers.insert(0, ("publish", self.publisher))
        events: list[RelayEvent] = [
            self._entry(role, peer)
            for role, peer in peers
            if peer.keys is not None and peer.grant.may != "pull"
        ]
        if self.on_air and self.publisher is not None and not self.pulled:
            events.append(self._aired(self.publisher))
        return events

    def statistics(self, now: float) -> Statistics:
        tracks = self.publisher.tracks if self.publisher is not None else []
        octets = sum(track.reception.octets for track in tracks)
        before, counted = self._counted
        self._counted = (now, octets)
        seconds = min(max(now - before, 0.001), 60.0) if before else STATISTICS_SECONDS
        received = sum(track.reception.received for track in tracks)
        lost = sum(max(0, track.reception.lost) for track in tracks)
        down = [track for each in self.subscribers.values() for track in each.tracks.values()]
        trips = [track.round_trip for track in down if track.round_trip is not None]
        return Statistics(
            at_ms=self._now_ms(),
            session=self.session,
            who=self.publisher.grant.who if self.publisher is not None else "",
            viewers=self.viewers,
            kbit_per_second=int(max(0, octets - counted) * 8 / seconds / 1000),
            lost_percent=round(100 * lost / max(1, received + lost), 2),
            round_trip_ms=int(median(trips) * 1000) if trips else 0,
            viewers_lost_percent=round(
                100 * fmean(track.fraction_lost for track in down) if down else 0.0, 2
            ),
            resent=sum(track.resent for track in down),
            keyframes=sum(
                feed.keyframes_seen for stream in self.streams.values() for feed in stream.feeds
            ),
        )

    def report_to_new(self, now: float) -> None:
        """Tell viewers who just came what belongs together: senders report every few seconds."""
        if self.publisher is None or now - self._looked_at < REPORT_SECONDS:
            return
        self._looked_at = now
        marks = {
            track.feed: track.mark.at(now, track.chosen.rate)
            for track in self.publisher.tracks
            if track.mark is not None and not track.feed.resuming
        }
        for subscriber in self.subscribers.values():
            subscriber.try_more(now)
            subscriber.report_to_new(marks, now)

    def _report(self, track: UpTrack, now: float) -> None:
        if track.mark is None or track.feed.resuming:
            return
        for subscriber in self.subscribers.values():
            subscriber.report(track.feed, track.mark, now)

    def _off_air(self, publisher: Publisher, reason: str) -> None:
        self.on_air = False
        self._tell_of(
            publisher,
            OffAir(
                at_ms=self._now_ms(),
                session=self.session,
                who=publisher.grant.who,
                reason="left" if reason == "left" else "silent",
            ),
        )

    def _aired(self, publisher: Publisher) -> OnAir:
        media = {kind: stream.codec for kind, stream in self.streams.items()}
        who = publisher.grant.who
        return OnAir(at_ms=self._now_ms(), session=self.session, who=who, media=media)

    def _joined(self, role: Role, peer: Publisher | Subscriber) -> None:
        self._tell_of(peer, self._entry(role, peer))
        if role == "watch" and self.publisher is not None:
            self.publisher.ask_now()  # the viewer waits for a keyframe: no need to wait for a tick

    def _entry(self, role: Role, peer: Publisher | Subscriber) -> Joined:
        return Joined(
            at_ms=self._now_ms(),
            session=self.session,
            who=peer.grant.who,
            role=role,
            connection=peer.id,
        )
