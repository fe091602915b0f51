"""Everything between a socket and the command table. It knows nothing of medicine.

The conference tells through a `Gate` who may come in, follow and stay, and what a handler gets. An
exception of a handler ends here: an expected refusal becomes an `error`, any other one is logged.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol
from uuid import UUID, uuid4

import msgspec
import structlog

from realtime.addresses import Network, client, stranger
from realtime.bus.bus import Bus, BusAway
from realtime.hub.allowance import Allowance
from realtime.hub.clerk import Clerk
from realtime.hub.commands import Commands, Malformed
from realtime.hub.connection import Connection
from realtime.hub.hub import Hub
from realtime.hub.peer import Guest, Peer
from realtime.hub.persons import Persons
from realtime.hub.strangers import Strangers
from realtime.hub.sweep import Sweep
from realtime.limits import (
    ARRIVAL_BURST,
    ARRIVALS_A_SECOND,
    COMMAND_BURST,
    COMMANDS_A_SECOND,
    FINISH_SECONDS,
    FOLLOW_BURST,
    FOLLOWS_A_SECOND,
    GOODBYE_SECONDS,
    MAX_COMMAND_BYTES,
    MAX_PEERS,
    MAX_SOCKETS,
    MAX_TOPICS,
    RECHECK_SECONDS,
    RETRY_MS,
    STRANGER_SOCKET_BURST,
    STRANGER_SOCKETS_A_SECOND,
    SWEEP_SECONDS,
)
from realtime.wire import (
    Close,
    Code,
    Done,
    Epoch,
    Error,
    Follow,
    Goodbye,
    Position,
    Topic,
    Unfollow,
    Welcome,
)

__all__ = ["Gate", "Guest", "Peer", "Reception", "open_reception"]

PERSONS = Topic("hub/persons")
"""Where processes tell each other whose sockets to close; no peer may follow `hub/…`."""

log = structlog.get_logger()


class Gate(Protocol):
    """What the conference decides about sockets."""

    async def admit(self, cookie_header: str, connection: UUID) -> Any | None:
        """Who opened the socket, a `Guest`; None closes it with 4001."""
        ...

    def welcome(self, guest: Any) -> Welcome:
        """The first frame down."""
        ...

    async def may_follow(self, guest: Any, topic: Topic) -> bool:
        """Asked at every follow, hence at every reconnect."""
        ...

    async def still(self, guest: Any) -> bool:
        """Asked every minute: is the guest who they were? False closes with 4003."""
        ...

    def call(self, guest: Any, peer: Peer) -> object:
        """What a command's handler is given."""
        ...

    def refusal(self, error: Exception) -> tuple[str, str] | None:
        """Code and place of an expected refusal; None for an accident."""
        ...

    async def left(self, guest: Any) -> None:
        """The socket is gone."""
        ...


class Reception:
    """The peers of one process."""

    def __init__(
        self,
        *,
        hub: Hub,
        bus: Bus,
        commands: Commands,
        gate: Gate,
        tasks: asyncio.TaskGroup,
        proxies: Sequence[Network] = (),
    ) -> None:
        self._proxies = proxies
        self.strangers = Strangers(rate=STRANGER_SOCKETS_A_SECOND, burst=STRANGER_SOCKET_BURST)
        self._hub, self._bus, self._gate, self._tasks = hub, bus, gate, tasks
        self._clerk = Clerk(commands, gate, tasks)
        self._decode = commands.decoder()
        self._now = asyncio.get_running_loop().time
        self._peers: set[Peer] = set()
        self._persons = Persons()
        self._arrivals = Allowance(ARRIVAL_BURST, self._now())
        self._opening: dict[Topic, asyncio.Task[None]] = {}
        self._goodbye: tuple[Goodbye, float] | None = None
        self._over = False
        hub.overhear(PERSONS, self._told_to_close)

    @property
    def peers(self) -> frozenset[Peer]:
        """The sockets that are open, admitted or not."""
        return frozenset(self._peers)

    async def close_person(self, person_id: object, code: Close = Close.RIGHTS_CHANGED) -> None:
        """Close a person's sockets here and in every other process: they come back as they are."""
        name = str(person_id)
        self._close_here(name, code)
        await self._bus.whisper(PERSONS, name, b'{"code":%d}' % code)

    # Arriving and leaving.

    def greet(self, connection: Connection, cookies: str, forwarded: str) -> Peer:
        """Take over a socket that has just opened."""
        now = self._now()
        address = client(connection.far_end, forwarded, self._proxies)
        peer = Peer(connection, self, id_=uuid4(), now=now, address=address)
        if self._over or self._goodbye is not None:
            peer.close(Close.RESTART)
            return peer
        if not self.strangers.may(stranger(address, self._proxies), now, cookies):
            self.strangers.refused += 1
            peer.close(Close.OVERLOADED)
            return peer
        arrived = self._arrivals.take(now, rate=ARRIVALS_A_SECOND, burst=ARRIVAL_BURST)
        if not arrived or len(self._peers) >= MAX_PEERS:
            peer.close(Close.OVERLOADED)
            return peer
        self._peers.add(peer)
        self._tasks.create_task(self._admit(peer, cookies))
        return peer

    async def _admit(self, peer: Peer, cookies: str) -> None:
        try:
            guest = await self._gate.admit(cookies, peer.id)
            welcome = self._gate.welcome(guest) if guest is not None else None
        except Exception:  # the edge: one socket's accident is not the process's
            log.exception("hub.admit")
            peer.close(Close.OVERLOADED)
            return
        if guest is None or welcome is None:
            self.strangers.take(stranger(peer.address, self._proxies), self._now())
            peer.close(Close.SIGN_IN)
            return
        self.strangers.vouch(cookies)
        person = self._persons.find(str(guest.person_id), self._now())
        if not peer.gone and len(person.peers) >= MAX_SOCKETS:
            peer.close(Close.OVERLOADED)
        if peer.gone:
            await self._left(guest)
            return
        person.peers.add(peer)
        peer.guest, peer.person = guest, person
        peer.recheck_at = self._now() + RECHECK_SECONDS * random.uniform(0.5, 1)  # noqa: S311
        peer.reply(welcome)
        early, peer.early = peer.early, None
        for text in early or ():
            self.heard(peer, text)

    def lost(self, peer: Peer) -> None:
        self._peers.discard(peer)
        for topic in peer.topics:
            self._hub.unfollow(peer, topic)
        peer.topics.clear()
        if peer.person is not None:
            self._persons.left(peer.person, peer)
            peer.person = None
            if not self._over:
                self._tasks.create_task(self._left(peer.guest))

    async def _left(self, guest: Any) -> None:
        try:
            await self._gate.left(guest)
        except Exception:  # as above
            log.exception("hub.left")

    def dismissed(self, peer: Peer) -> None:
        """Say goodbye and, a little later, close: not all pages may come back at once."""
        if self._goodbye is None:
            spread = min(GOODBYE_SECONDS, len(self._peers) / 1000)
            soonest, latest = RETRY_MS
            latest = min(latest, 2_000 + 2 * len(self._peers))
            self._goodbye = Goodbye(after_ms=(soonest, latest)), spread
        goodbye, spread = self._goodbye
        peer.reply(goodbye)
        delay = random.uniform(0, spread)  # noqa: S311 - it spreads, it guards nothing
        asyncio.get_running_loop().call_later(delay, peer.close, Close.RESTART)

    def end(self) -> None:
        """The process's tasks end: whoever is still here is cut off, and nothing new begins."""
        self._over = True
        for peer in list(self._peers):
            peer.abort()

    async def finish(self) -> None:
        """Wait for the commands that are being carried out."""
        await self._clerk.finish(FINISH_SECONDS)

    # Slow readers.

    def alive(self, peer: Peer) -> None:
        peer.heard_at, peer.pinged = self._now(), False

    def paused(self, peer: Peer) -> None:
        if peer.aside_at is None:
            peer.aside_at = self._now()
        self._hub.set_aside(peer, peer.topics)

    def resumed(self, peer: Peer) -> None:
        peer.aside_at = None
        missed = self._hub.bring_back(peer, peer.topics)
        if missed:
            peer.write(missed)

    # What a peer says.

    def heard(self, peer: Peer, text: bytes) -> None:
        now = peer.heard_at = self._now()
        peer.spoke, peer.pinged = True, False
        if peer.early is not None:
            if len(peer.early) < FOLLOW_BURST:
                peer.early.append(text[: MAX_COMMAND_BYTES + 1])
            else:
                peer.close(Close.FLOOD)
            return
        try:
            message = self._decode(text)
        except Malformed as wrong:
            if self._within(peer.allowance, peer, now, FOLLOWS_A_SECOND, FOLLOW_BURST):
                peer.reply(Error(ref=wrong.ref, code=wrong.code, where=wrong.where))
            return
        if isinstance(message, Follow | Unfollow):
            if self._within(peer.allowance, peer, now, FOLLOWS_A_SECOND, FOLLOW_BURST):
                self._turn(peer, message)
            return
        assert peer.person is not None
        if self._within(peer.person.allowance, peer, now, COMMANDS_A_SECOND, COMMAND_BURST):
            self._clerk.carry_out(peer, message)

    def _within(
        self, allowance: Allowance, peer: Peer, now: float, rate: float, burst: float
    ) -> bool:
        if allowance.take(now, rate=rate, burst=burst):
            return True
        peer.close(Close.FLOOD)
        return False

    # Following.

    def _turn(self, peer: Peer, message: Follow | Unfollow) -> None:
        topic = message.topic
        if isinstance(message, Unfollow):
            peer.topics.discard(topic)
            self._hub.unfollow(peer, topic)
            peer.reply(Done(ref=message.ref))
        elif topic not in peer.topics and len(peer.topics) >= MAX_TOPICS:
            peer.reply(Error(ref=message.ref, code=Code.TOO_MANY, where="$.topic"))
        else:
            peer.topics.add(topic)
            self._tasks.create_task(self._follow(peer, message))

    async def _follow(self, peer: Peer, message: Follow) -> None:
        topic = message.topic
        code = Code.FORBIDDEN
        try:
            allowed = not topic.startswith("hub/") and await self._gate.may_follow(
                peer.guest, topic
            )
        except Exception:  # as above
            log.exception("hub.may_follow")
            allowed, code = False, Code.INTERNAL
        if not allowed:
            peer.topics.discard(topic)
            self._hub.unfollow(peer, topic)
            peer.reply(Error(ref=message.ref, code=code, where="$.topic"))
            return
        since = Position(Epoch(message.epoch), message.seq) if message.epoch else None
        await self._ensure(topic)
        ahead = self._hub.behind(topic, since) and await self._confirmed(topic, since)
        await self._ensure(topic)
        if peer.gone or topic not in peer.topics:
            return
        peer.write(self._hub.follow(peer, topic, since, ahead=ahead))
        if peer.aside_at is not None:
            self._hub.set_aside(peer, (topic,))

    async def _ensure(self, topic: Topic) -> None:
        """Have the topic open; many who come at once open it once."""
        while not self._hub.knows(topic):
            opening = self._opening.get(topic)
            if opening is None:
                opening = self._tasks.create_task(self._open(topic))
                self._opening[topic] = opening
            await asyncio.wait([opening])

    async def _open(self, topic: Topic) -> None:
        self._hub.expect(topic)
        try:
            past = await self._bus.follow(topic)
        except BusAway:
            past = None
        self._hub.open(topic, past)
        del self._opening[topic]

    async def _confirmed(self, topic: Topic, since: Position | None) -> bool:
        """Whether a position that has not come here yet is one that the bus gave out."""
        known = await self._bus.position(topic)
        return (
            known is not None
            and since is not None
            and known.epoch == since.epoch
            and known.seq >= since.seq
        )

    # Every `SWEEP_SECONDS`.

    async def sweep(self) -> None:
        """Look after every peer, person and topic, for ever."""
        sweep = Sweep(self._peers, self._gate, self._tasks)
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            sweep.look(self._now())
            for topic in self._hub.close_idle():
                await self._bus.unfollow(topic)
            self._persons.forget(self._now())

    def _told_to_close(self, name: str, sealed: bytes) -> None:
        with suppress(msgspec.DecodeError):
            self._close_here(name, msgspec.json.decode(sealed, type=_Closing).code)

    def _close_here(self, name: str, code: int) -> None:
        for peer in self._persons.peers(name):
            peer.close(code)


class _Closing(msgspec.Struct):
    code: Close


@asynccontextmanager
async def open_reception(
    *,
    hub: Hub,
    bus: Bus,
    commands: Commands,
    gate: Gate,
    tasks: asyncio.TaskGroup,
    proxies: Sequence[Network] = (),
) -> AsyncGenerator[Reception]:
    """The reception of a process, with its sweep.

    At the end what was begun is finished first: its news needs a bus, which is closed afterwards.
    """
    reception = Reception(
        hub=hub, bus=bus, commands=commands, gate=gate, tasks=tasks, proxies=proxies
    )
    with suppress(BusAway):  # it is then followed as soon as the bus is back
        await bus.follow(PERSONS)
    sweeping = tasks.create_task(reception.sweep())
    try:
        yield reception
    finally:
        sweeping.cancel()
        reception.end()
        await reception.finish()
