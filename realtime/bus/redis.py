"""The bus over Redis or Valkey. One script numbers, remembers and announces an event atomically.

Losing Redis loses nothing but hints. While it is away nobody waits for it: positions are unknown
and events are owed. When it is back, the topics that are followed are read again, and those whose
events were owed, or that went back in time with an old snapshot, begin anew: followers resync.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Any, NamedTuple, cast

import structlog
from redis.exceptions import NoScriptError, RedisError

from realtime.bus.bus import BusAway, Ear, Past
from realtime.bus.hearing import IDLE, Hearing, Message
from realtime.bus.roll import Roll
from realtime.bus.scripts import (
    EPOCHS,
    MARK,
    MARKED,
    PUBLISH,
    RECALL,
    RENEW,
    ROLL,
    SHOW,
    TURN,
    UNMARK,
    Script,
    announced,
    keys,
    live_key,
    place_keys,
    remembered,
    state,
    topic_of,
    topic_of_epoch,
)
from realtime.bus.servers import ANSWER_SECONDS, AWAY, Order, Servers, open_servers
from realtime.limits import HISTORY
from realtime.wire import Epoch, Position, Seq, Topic

RETRY_SECONDS = (0.05, 1.0)
"""How soon Redis is tried again, doubling up to the second."""

MAX_PIPELINE = 100
"""Commands sent at once, so that one slow answer does not hold up thousands."""

Entry = tuple[bytes, tuple[bytes, bytes]]

log = structlog.get_logger()


class _Waiting(NamedTuple):
    """One command that waits to be sent, and its answer."""

    order: Order
    answer: "asyncio.Future[Any]"


class RedisBus:
    """One process's view of the bus."""

    def __init__(self, servers: Servers, ear: Ear, tasks: asyncio.TaskGroup) -> None:
        self._servers = servers
        self._ear = ear
        self._tasks = tasks
        self._here = False
        self._arrived = asyncio.Event()
        self._orders: list[_Waiting] = []
        self._sent: list[_Waiting] = []
        self._closed = False
        self._ordered = asyncio.Event()
        self._followed: dict[Topic, Position | None] = {}
        self._owed: set[Topic] = set()
        self._hearing: Hearing | None = None
        self._changes = asyncio.Lock()
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._asked: set[str] = set()
        self._subscribed: set[str] = set()
        self._gap = False
        self._wait = RETRY_SECONDS[0]
        self.roll = Roll(self._run, self._renew_all)

    @property
    def here(self) -> bool:
        return self._here

    @property
    def owes(self) -> bool:
        """Whether something was committed here that nobody was told of."""
        return bool(self._owed)

    async def arrive(self) -> None:
        """Wait until the bus is here, or a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._arrived.wait()

    # What the wiring asks.

    async def publish(self, topic: Topic, sealed: bytes) -> Position | None:
        try:
            values = [*self._epoch(topic), HISTORY, sealed]
            epoch, seq = await self._run(PUBLISH, keys(topic), values)
        except BusAway:
            self._owed.add(topic)
            return None
        return Position(Epoch(epoch.decode()), Seq(seq))

    async def turn(self, topic: Topic) -> int | None:
        try:
            return int(await self._run(TURN, keys(topic), []))
        except BusAway:
            return None

    async def tell(self, topic: Topic, key: str, sealed: bytes, turn: int) -> bool:
        try:
            await self._run(SHOW, keys(topic), [key, sealed, state(key), turn])
        except BusAway:
            return False
        return True

    async def whisper(self, topic: Topic, key: str, sealed: bytes) -> bool:
        try:
            await self._ask(live_key(topic), "PUBLISH", live_key(topic), state(key) + sealed)
        except BusAway:
            return False
        return True

    async def position(self, topic: Topic) -> Position | None:
        try:
            return (await self._past(topic, limit=1)).position
        except BusAway:
            return None

    async def follow(self, topic: Topic) -> Past:
        """Subscribe, then read the past: what arrives twice is ignored by its number."""
        self._followed.setdefault(topic, None)
        if not self._here or self._hearing is None:
            raise BusAway
        try:
            confirmed = await self._subscribe(self._hearing, topic)
        except AWAY as away:
            raise BusAway from away
        await asyncio.wait([confirmed], timeout=ANSWER_SECONDS)
        if not confirmed.done() or confirmed.exception():
            self._gap = True  # if the answer comes after all, what was missed is read then
            raise BusAway
        past = await self._past(topic, limit=HISTORY)
        self._note(topic, past.position)
        return past

    async def unfollow(self, topic: Topic) -> None:
        self._followed.pop(topic, None)
        async with self._changes:
            if self._hearing is None or topic in self._followed:
                return
            try:
                await self._hearing.unsubscribe(live_key(topic))
            except AWAY as away:
                self._lose(away)

    async def mark(
        self, place: str, holder: str, names: Sequence[str], *, lease: float
    ) -> int | None:
        return await self._count(MARK, place, [holder, int(lease * 1000), *names])

    async def unmark(self, place: str, holder: str, names: Sequence[str]) -> int | None:
        return await self._count(UNMARK, place, [holder, *names])

    async def marked(self, place: str) -> set[str] | None:
        try:
            return {name.decode() for name in await self._run(MARKED, place_keys(place), [])}
        except BusAway:
            return None

    # Commands: one connection to a server, several at once, in the order they were asked.

    async def send(self) -> None:
        """Send what was ordered, until it is closed."""
        while not self._closed:
            await self._ordered.wait()
            self._ordered.clear()
            while self._orders:
                self._sent, self._orders = self._orders[:MAX_PIPELINE], self._orders[MAX_PIPELINE:]
                await self._execute(self._sent)

    async def _execute(self, batch: list[_Waiting]) -> None:
        orders = [waiting.order for waiting in batch]
        try:
            answers = await self._servers.exchange(orders)
            unknown = [at for at, said in enumerate(answers) if isinstance(said, NoScriptError)]
            if unknown:
                await self._servers.teach()
                again = await self._servers.exchange([orders[at] for at in unknown])
                for at, said in zip(unknown, again, strict=True):
                    answers[at] = said
        except AWAY as away:
            answers = [away] * len(batch)
        if any(isinstance(said, Exception) for said in answers):
            behind, self._orders = self._orders, []  # they need not wait as long
            batch, answers = [*batch, *behind], [*answers, *(BusAway() for _ in behind)]
        for waiting, answer in zip(batch, answers, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(answer, Exception):
                self._lose(answer)
                waiting.answer.set_exception(BusAway())
            else:
                waiting.answer.set_result(answer)

    async def _order(self, key: str, *words: Any) -> Any:
        if self._closed:
            raise BusAway
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._orders.append(_Waiting(Order(key, words), answer))
        self._ordered.set()
        return await answer

    async def _ask(self, key: str, *words: Any) -> Any:
        if not self._here:
            raise BusAway
        return await self._order(key, *words)

    async def _run(
        self, script: Script, names: list[str], values: Sequence[Any], *, returning: bool = False
    ) -> Any:
        ask = self._order if returning else self._ask
        return await ask(names[0], "EVALSHA", script.sha, len(names), *names, *values)

    def _epoch(self, topic: Topic) -> tuple[str, str]:
        """The home of a topic, which its epoch has to begin with, and how a new one goes on."""
        try:
            return self._servers.holder(live_key(topic)).home, token_hex(8)
        except RedisError as away:
            raise BusAway from away

    async def _count(self, script: Script, place: str, values: Sequence[Any]) -> int | None:
        try:
            return int(await self._run(script, place_keys(place), values))
        except BusAway:
            return None

    async def _past(self, topic: Topic, *, limit: int, returning: bool = False) -> Past:
        values = [*self._epoch(topic), limit, int(limit > 1)]
        try:
            answer = await self._run(RECALL, keys(topic), values, returning=returning)
            epoch, seq, newest_first, shown = answer
            entries = reversed(cast(list[Entry], newest_first))
            return Past(
                Position(Epoch(epoch.decode()), Seq(int(seq))),
                [(Seq(int(number.split(b"-")[1])), fields[1]) for number, fields in entries],
                sorted(
                    (remembered(*pair) for pair in zip(shown[::2], shown[1::2], strict=True)),
                    key=lambda each: each.seq,
                ),
            )
        except (ValueError, IndexError) as foreign:
            log.warning("bus.foreign", topic=topic)
            raise BusAway from foreign

    async def listen(self) -> None:
        """Hear what is announced; whatever happens, subscribe again and catch up.

        A cancellation may end in the library as if Redis were away: `close` says that it is over.
        """
        while not self._closed:
            try:
                await self._servers.look()
                async with Hearing(self._servers, self._tasks) as hearing:
                    await self._hear(hearing)
            except (*AWAY, BusAway) as away:
                self._lose(away)
            await asyncio.sleep(self._wait)
            self._wait = min(self._wait * 2, RETRY_SECONDS[1])

    async def _hear(self, hearing: Hearing) -> None:
        """Subscribe, confirm, read the past of everything followed, then hear until it breaks."""
        await hearing.begin()
        self._hearing = hearing
        try:
            while not self._closed:
                message = await hearing.next()
                if message is not None:
                    self._take(message)
                if IDLE in self._subscribed and (self._gap or not self._here):
                    await self._return(hearing)
        finally:
            self._hang_up()

    def _take(self, message: Message) -> None:
        kind = message["type"]
        if kind == "message":
            try:
                self._announce(topic_of(message["channel"].decode()), message["data"])
            except ValueError:  # whoever else may write to this Redis cannot stop us
                log.warning("bus.foreign", bytes=len(message["data"]))
        elif kind == "subscribe":
            self._confirm(message["channel"].decode())
        elif kind == "unsubscribe":
            self._subscribed.discard(message["channel"].decode())

    def _confirm(self, name: str) -> None:
        awaited = self._awaited.pop(name, None)
        if awaited is not None and not awaited.done():
            awaited.set_result(None)
        elif name in self._subscribed and name != IDLE:  # that one is heard from every server
            self._gap = True  # the library connected anew by itself, and told nobody
        self._subscribed.add(name)

    def _announce(self, topic: Topic, words: bytes) -> None:
        about, sealed = announced(words)
        if isinstance(about, str):
            self._ear.show(topic, about, sealed)
            return
        if topic in self._followed:
            self._note(topic, about)
        self._ear.deliver(topic, about, sealed)

    async def _return(self, hearing: Hearing) -> None:
        """Subscribe to what is followed; once that is confirmed, read what was missed."""
        missing = {live_key(topic) for topic in self._followed} - self._subscribed
        if not missing:
            await self._recover()
        elif not missing <= self._asked:
            self._asked |= missing
            async with self._changes:
                await hearing.subscribe(sorted(missing))

    async def _recover(self) -> None:
        """Whoever asks meanwhile is told that the bus is away."""
        self._gap = False
        await self._servers.teach()
        await self._pay()
        for topic, known in list(self._followed.items()):
            past = await self._past(topic, limit=HISTORY, returning=True)
            if known and known.epoch == past.position.epoch and known.seq > past.position.seq:
                await self._renew(topic)  # an old snapshot came back under the same epoch
                past = await self._past(topic, limit=HISTORY, returning=True)
            if topic in self._followed:
                self._note(topic, past.position)
                self._ear.recover(topic, past)
        if not self._here:
            log.info("bus.here", topics=len(self._followed))
        self._here = True
        self._gap = bool(self._owed)  # whoever committed meanwhile was told that we are away
        self._wait = RETRY_SECONDS[0]
        self._arrived.set()

    async def _pay(self) -> None:
        """Begin anew what is owed; what is owed from here on is owed again."""
        for topic in list(self._owed):
            self._owed.discard(topic)
            try:
                await self._renew(topic)
            except BusAway:
                self._owed.add(topic)
                raise

    async def _renew(self, topic: Topic) -> None:
        await self._run(RENEW, keys(topic), self._epoch(topic), returning=True)

    async def _renew_all(self) -> int:
        """Begin every topic anew: a process died that may have owed some of them an event."""
        count = 0
        try:
            async for name in self._servers.names(EPOCHS):
                await self._renew(topic_of_epoch(name))
                count += 1
        except AWAY as away:
            log.warning("bus.not_inherited", error=type(away).__name__)
            raise BusAway from away
        return count

    def close(self) -> None:
        """Nothing is sent any more: whoever waits for an answer, or asks from now on, gets none."""
        self._here, self._closed = False, True
        self._ordered.set()
        for order in (*self._sent, *self._orders):
            if not order.answer.done():
                order.answer.set_exception(BusAway())

    async def leave(self) -> None:
        """Say goodbye: nothing is owed that was not announced."""
        with suppress(*AWAY):
            await self._servers.holder(ROLL).redis.zrem(ROLL, self.roll.me)

    async def _subscribe(self, hearing: Hearing, topic: Topic) -> asyncio.Future[None]:
        name = live_key(topic)
        async with self._changes:
            confirmed = self._awaited.get(name)
            if confirmed is None:
                confirmed = asyncio.get_running_loop().create_future()
                self._awaited[name] = confirmed
                await hearing.subscribe([name])
        return confirmed

    def _note(self, topic: Topic, position: Position) -> None:
        known = self._followed.get(topic)
        if known is None or known.epoch != position.epoch or known.seq < position.seq:
            self._followed[topic] = position

    def _lose(self, away: Exception) -> None:
        if self._here:
            log.warning("bus.away", error=type(away).__name__)
        self._here = False

    def _hang_up(self) -> None:
        self._hearing = None
        self._asked.clear()
        self._subscribed.clear()
        for awaited in self._awaited.values():
            if not awaited.done():
                awaited.set_exception(BusAway())
                awaited.exception()  # nobody has to ask for it
        self._awaited.clear()


@asynccontextmanager
async def open_redis_bus(url: str, ear: Ear, tasks: asyncio.TaskGroup) -> AsyncGenerator[RedisBus]:
    """Waits a moment for Redis, and goes on without it when it is away."""
    async with open_servers(url) as servers:
        bus = RedisBus(servers, ear, tasks)
        running = [tasks.create_task(each) for each in (bus.send(), bus.listen(), bus.roll.keep())]
        await bus.arrive()
        try:
            yield bus
        finally:
            was_here = bus.here
            bus.close()
            for task in running:
                task.cancel()
            await asyncio.wait(running)
            if was_here and not bus.owes:
                await bus.leave()
