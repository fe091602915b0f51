"""The relay: stages, who may enter them and how often, and the one timer that runs it all.

It forwards media and decodes none. It knows no people and no rights: grants say who may do what,
and the events say what came of it.
"""

import asyncio
import secrets
import time
from asyncio import TaskGroup
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass

from realtime.relay.bounds import (
    FORMATS_KEPT_SECONDS,
    HANDSHAKES_AT_ONCE,
    PEERS,
    SETUPS_AT_ONCE,
    SETUPS_PER_MINUTE,
    STAGES,
    STATISTICS_SECONDS,
    TICK_SECONDS,
    VIEWERS_PER_STAGE,
)
from realtime.relay.dtls import new_certificate, own_fingerprint
from realtime.relay.edge import Edge
from realtime.relay.events import Began, Current, Joined, Listeners, RelayEvent
from realtime.relay.fanout import Fanout
from realtime.relay.grant import Grant
from realtime.relay.hls.coding import Audio
from realtime.relay.hls.packaging import WORKER, Crowded, Packaging, Packagings, Unpackable
from realtime.relay.mux import Mux, addresses_to_offer, bind
from realtime.relay.offer import Offer, OfferRefused
from realtime.relay.offer import parse as parse_offer
from realtime.relay.peer import Peer, Setting
from realtime.relay.publisher import Publisher
from realtime.relay.pull import Pull, Pulls, Unpulled
from realtime.relay.sdp import Chosen, Here, answer_publisher, answer_subscriber
from realtime.relay.stage import Stage
from realtime.relay.subscriber import Subscriber
from realtime.relay.totals import Totals

_MINUTE = 60.0
_GOODBYE_SECONDS = 1.0
_SWEEP_SECONDS = 1.0


class Refused(Exception):
    """The relay will not do that now; `code` is one of `STATUS` in the HTTP edge."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A connection was answered: its name and the SDP."""

    id: str
    sdp: str


class SetUps:
    """How often somebody may connect; counted per person, since a hospital is one address."""

    def __init__(self) -> None:
        self._begun: dict[str, deque[float]] = {}

    def begin(self, who: str, now: float) -> None:
        self._forget(now)
        begun = self._begun.setdefault(who, deque())
        if len(begun) >= SETUPS_PER_MINUTE:
            raise Refused("flood", "too many connections a minute")
        begun.append(now)

    def _forget(self, now: float) -> None:
        for who, begun in list(self._begun.items()):
            while begun and now - begun[0] >= _MINUTE:
                begun.popleft()
            if not begun:
                del self._begun[who]


class Relay:
    """Everything between the one socket and the HTTP edge."""

    def __init__(
        self, mux: Mux, addresses: list[str], secret: bytes, tasks: TaskGroup, hls_audio: Audio
    ) -> None:
        self.mux = mux
        self.secret = secret
        self.listeners = Listeners()
        self.totals = Totals()
        self.stages: dict[str, Stage] = {}
        self.packagings = Packagings(tasks, mux.clock, (*WORKER, hls_audio))
        self.peers: dict[str, Publisher | Subscriber] = {}
        self.began = secrets.token_hex(8)
        self._addresses = addresses
        self._fanout = Fanout(mux.socket, mux.counters)
        self._tasks = tasks
        self._living: set[asyncio.Task[None]] = set()
        self._set_ups = SetUps()
        self._setting = Setting(
            mux=mux,
            certificate=new_certificate(),
            handshakes=asyncio.Semaphore(HANDSHAKES_AT_ONCE),
        )
        host = str(mux.socket.getsockname()[0])
        self._pulls = Pulls(self._setting, secret, host, self, tasks)

    async def publish(self, grant: Grant, sdp: str) -> Answered:
        """Answer a publisher. Who already publishes may come back; another has to wait."""
        publishing = self._publishing(grant.session)
        if publishing is not None and publishing.grant.who != grant.who:
            raise Refused("taken", "somebody else is on this stage")
        offer = self._offer(grant, sdp)
        publisher = Publisher(self._setting, grant, offer)
        try:
            answer, chosen = answer_publisher(offer, self._here(publisher))
            stage = self._stage(grant.session)
        except (OfferRefused, Refused):
            publisher.ice.close()
            raise
        stage.publish(publisher, chosen)
        self._enter(stage, publisher)
        return Answered(id=publisher.id, sdp=answer)

    async def watch(self, grant: Grant, sdp: str) -> Answered:
        """Answer a viewer, once the stage has formats: its first publisher brings them.

        One who names an origin is shown what is published there. Another relay is answered only
        with what is published here.
        """
        if grant.origin:
            await self._pulled(grant.session, grant.origin)
        stage = self.stages.get(grant.session)
        pulls = grant.may == "pull"
        if stage is None or not stage.streams or (pulls and grant.session in self._pulls):
            raise Refused("off_air", "nobody is on this stage yet")
        if len(stage.subscribers) >= VIEWERS_PER_STAGE and not pulls:
            raise Refused("full", "the stage is full")
        offer = self._offer(grant, sdp)
        subscriber = (Edge if pulls else Subscriber)(self._setting, grant, offer, self._fanout)
        try:
            sends = stage.sends(apart=pulls)
            answer, chosen = answer_subscriber(offer, self._here(subscriber), sends)
        except OfferRefused:
            subscriber.ice.close()
            raise
        stage.subscribe(subscriber, chosen)
        self._enter(stage, subscriber)
        return Answered(id=subscriber.id, sdp=answer)

    async def _pulled(self, session: str, origin: str) -> None:
        """Have the stage shown here, unless it is, or is published here after all."""
        stage = self.stages.get(session)
        shown = stage is not None and stage.streams and session in self._pulls
        if shown or self._publishing(session) is not None:
            return
        try:
            await self._pulls.ready(session, origin)
        except Unpulled as failure:
            raise Refused(failure.code, str(failure)) from failure

    def _publishing(self, session: str) -> Publisher | None:
        """Whoever publishes here; what is pulled gives way to them."""
        stage = self.stages.get(session)
        return stage.publisher if stage is not None and not stage.pulled else None

    @property
    def pulled(self) -> int:
        """Stages that are shown here for another relay, now."""
        return sum(stage.pulled for stage in self.stages.values())

    def wanted(self, session: str) -> bool:
        """For what is pulled: whether somebody watches here what nobody publishes here."""
        stage = self.stages.get(session)
        return stage is not None and bool(stage.subscribers) and self._publishing(session) is None

    def show(self, pull: Pull, chosen: Mapping[str, Chosen]) -> None:
        """For what is pulled: its formats are known, and it is about to connect."""
        session = pull.grant.session
        if self._publishing(session) is not None:
            pull.ice.close()
            raise Unpulled("off_air", "somebody publishes here by now")
        try:
            stage = self._stage(session)
        except Refused as full:
            pull.ice.close()
            raise Unpulled("away", str(full)) from full
        stage.publish(pull, chosen)
        self._enter(stage, pull)

    def hide(self, pull: Pull) -> None:
        self.hang_up(pull)

    def packaging(self, session: str) -> Packaging:
        """A stage's segments, made from now on if they are not already."""
        stage = self.stages.get(session)
        if stage is None or not stage.streams:
            raise Refused("off_air", "nobody is on this stage yet")
        try:
            return self.packagings.of(stage)
        except Unpackable:
            raise Refused("format", "the stage sends VP8, which no segment holds") from None
        except Crowded:
            raise Refused("full", "too many stages are packaged already") from None

    def find(self, identifier: str) -> Publisher | Subscriber | None:
        return self.peers.get(identifier)

    def hang_up(self, peer: Publisher | Subscriber) -> None:
        stage = self.stages.get(peer.grant.session)
        if stage is not None and isinstance(peer, Publisher):
            stage.unpublish(peer)
        peer.hang_up()

    def listen(self) -> AbstractContextManager["asyncio.Queue[RelayEvent | None]"]:
        return self.listeners.listen(self._present())

    async def run(self) -> None:
        """The one timer: feedback, keyframes, consent, air, statistics."""
        told_at = swept_at = self.mux.clock()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = self.mux.clock()
            for stage in list(self.stages.values()):
                self._tick(stage, now)
            if now - swept_at >= _SWEEP_SECONDS:
                swept_at = now
                for peer in list(self.peers.values()):
                    if peer.ice.expired(now):
                        self.hang_up(peer)
            if now - told_at >= STATISTICS_SECONDS:
                told_at = now
                self.totals.read(self.stages.values())
                self.totals.spent(self.mux.counters.fanned)
                for stage in self.stages.values():
                    self.listeners.tell(stage.statistics(now))

    async def close(self) -> None:
        """Say goodbye to everybody."""
        await self._pulls.close()
        for peer in list(self.peers.values()):
            self.hang_up(peer)
        if self._living:
            await asyncio.wait(self._living, timeout=_GOODBYE_SECONDS)
        for living in self._living:
            living.cancel()
        self.packagings.close()
        self.listeners.close()

    def _tick(self, stage: Stage, now: float) -> None:
        if stage.publisher is not None:
            stage.publisher.tick(now)
            stage.watch_air(now)
            stage.watch_layers()
            stage.report_to_new(now)
        if stage.publisher is not None or stage.subscribers or stage.session in self.packagings:
            stage.idle_since = None
        elif stage.idle_since is None:
            stage.idle_since = now
        elif now - stage.idle_since > FORMATS_KEPT_SECONDS:
            del self.stages[stage.session]

    def _offer(self, grant: Grant, sdp: str) -> Offer:
        if len(self.peers) >= PEERS:
            raise Refused("full", "the relay is full")
        if grant.may == "pull":
            return parse_offer(sdp)  # how often a relay comes back is its own back-off's business
        mine = [each for each in self.peers.values() if each.grant.who == grant.who]
        if sum(each.keys is None for each in mine) >= SETUPS_AT_ONCE:
            raise Refused("flood", "too many connections at once")
        self._set_ups.begin(grant.who, self.mux.clock())
        return parse_offer(sdp)

    def _here(self, peer: Peer) -> Here:
        return Here(
            addresses=self._addresses,
            port=self.mux.port,
            ufrag=peer.ice.ufrag,
            password=peer.ice.password,
            fingerprint=own_fingerprint(self._setting.certificate),
        )

    def _stage(self, session: str) -> Stage:
        stage = self.stages.get(session)
        if stage is None:
            if len(self.stages) >= STAGES:
                raise Refused("full", "the relay has no stage left")
            stage = Stage(session, self._fanout, self.mux.flush_later, self._tell, _now_ms)
            self.stages[session] = stage
        return stage

    def _tell(self, event: RelayEvent) -> None:
        if isinstance(event, Joined):
            self.totals.joins[event.role] += 1
        self.listeners.tell(event)

    def _enter(self, stage: Stage, peer: Publisher | Subscriber) -> None:
        self.peers[peer.id] = peer
        living = self._tasks.create_task(self._live(stage, peer))
        self._living.add(living)
        living.add_done_callback(self._living.discard)

    async def _live(self, stage: Stage, peer: Publisher | Subscriber) -> None:
        try:
            await peer.live()
        finally:
            del self.peers[peer.id]
            stage.left(peer)

    def _present(self) -> Iterator[RelayEvent]:
        yield Began(at_ms=_now_ms(), relay=self.began)
        for stage in self.stages.values():
            yield from stage.present()
        yield Current(at_ms=_now_ms())


@asynccontextmanager
async def open_relay(
    *,
    advertised: str,
    host: str,
    port: int,
    secret: bytes,
    tasks: TaskGroup,
    hls_audio: Audio = "opus",
) -> AsyncGenerator[Relay]:
    """Bind the media socket and forward until the end of the block. Port 0 takes a free one."""
    mux = Mux(bind(host, port))
    mux.open()
    try:
        addresses = list(addresses_to_offer(advertised, host))
        relay = Relay(mux, addresses, secret, tasks, hls_audio)
        timer = tasks.create_task(relay.run())
        try:
            yield relay
        finally:
            timer.cancel()
            await relay.close()
    finally:
        mux.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
