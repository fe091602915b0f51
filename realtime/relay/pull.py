"""Shows a stage that is published at another relay: watches it there, and sends it on from here.

The edge is one viewer of the origin, so that loss, keyframes and reports are dealt with on each hop
by itself. Of a picture in several sizes it gets each as a stream, as if from a publisher (`edge.py`
is the other end). It watches while somebody watches here, comes back after every loss, and its own
viewers notice a gap, no more. A relay never pulls for a relay: there is one hop, and no loop.
"""

import asyncio
import ipaddress
import random
import socket
import time
from asyncio import TaskGroup
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from realtime.relay.bounds import (
    MOST_LAYERS,
    PULL_CHECK_SECONDS,
    PULL_KEPT_SECONDS,
    PULL_READY_SECONDS,
    PULL_RETRY_SECONDS,
    PULL_SILENCE_SECONDS,
)
from realtime.relay.client import RelayAway, RelayClient, RelayRefused
from realtime.relay.dial import Answer, BadAnswer, read_answer, write_offer
from realtime.relay.dtls import own_fingerprint
from realtime.relay.grant import Grant, sign
from realtime.relay.mux import Ice, Mux
from realtime.relay.offer import Offer
from realtime.relay.path import Path
from realtime.relay.peer import Setting
from realtime.relay.publisher import Publisher
from realtime.relay.sdp import Chosen

GRANT_SECONDS = 30
NOT_NOW = 409
_LOOK_SECONDS = 1.0


class Unpulled(Exception):
    """Nothing to show: `off_air`, since nobody publishes there, or `away`, since it is silent."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Line(Ice):
    """The way to an origin, over a socket of its own.

    Two relays share many stages: one address on each side could not tell them apart.
    """

    role = "controlling"

    def __init__(self, mux: Mux) -> None:
        super().__init__(mux)
        self.path = Path(
            self._taken, check_seconds=PULL_CHECK_SECONDS, silence_seconds=PULL_SILENCE_SECONDS
        )
        # What arrives together goes out together, as with what the relay's own socket reads.
        self.path.on_drained = mux.flush

    async def open(self, answer: Answer, addresses: Sequence[tuple[str, int]]) -> bool:
        if not await self.path.open(answer.login, addresses) or self.closed.is_set():
            return False
        self.connected.set()
        return True

    def expired(self, now: float) -> bool:
        return self.connected.is_set() and not self.path.alive(now)

    def send(self, datagram: bytes) -> None:
        self.path.send(datagram)

    def close(self) -> None:
        if not self.closed.is_set():
            self.closed.set()
            self.path.close()

    def _taken(self, datagram: bytes, now: float) -> None:
        del now
        if self.on_media is not None:
            self.on_media(datagram)

    async def _recv(self) -> bytes:
        if self.closed.is_set():
            raise ConnectionError
        return await self.path._recv()  # noqa: SLF001 - what aiortc calls

    async def _send(self, data: bytes) -> None:
        self.path.send(data)


class Pull(Publisher):
    """The origin, as the publisher of a stage here."""

    def __init__(
        self,
        setting: Setting,
        grant: Grant,
        answer: Answer,
        line: Line,
        addresses: Sequence[tuple[str, int]],
    ) -> None:
        offer = Offer(
            media=(),
            ufrag=answer.login.fragment,
            password=answer.login.password,
            fingerprints=answer.fingerprints,
            setup="active" if answer.active else "passive",
        )
        super().__init__(setting, grant, offer, line)
        self.over = asyncio.Event()
        self._line, self._answer, self._addresses = line, answer, addresses

    async def live(self) -> None:
        try:
            await super().live()
        finally:
            self.over.set()

    async def _connect(self) -> None:
        if not await self._line.open(self._answer, self._addresses):
            self.hang_up()
        await super()._connect()


class Shows(Protocol):
    """What a relay does with what is pulled."""

    def wanted(self, session: str) -> bool:
        """Whether somebody watches here what nobody publishes here."""
        ...

    def show(self, pull: Pull, chosen: Mapping[str, Chosen]) -> None: ...

    def hide(self, pull: Pull) -> None: ...


class Pulls:
    """Every stage that is shown here for another relay."""

    def __init__(
        self, setting: Setting, secret: bytes, host: str, shows: Shows, tasks: TaskGroup
    ) -> None:
        self._setting, self._secret, self._host = setting, secret, host
        self._shows, self._tasks = shows, tasks
        self._keepers: dict[str, _Keeper] = {}
        self._clients: dict[str, RelayClient] = {}

    def __contains__(self, session: str) -> bool:
        return session in self._keepers

    async def ready(self, session: str, origin: str) -> None:
        """Return once the stage's formats are known, to answer a viewer with; else `Unpulled`."""
        keeper = self._keepers.get(session)
        if keeper is not None and keeper.origin != origin:
            keeper.task.cancel()
            keeper = None
        if keeper is None:
            keeper = _Keeper(session, origin)
            self._keepers[session] = keeper
            keeper.task = self._tasks.create_task(self._keep(keeper))
        await keeper.answered()

    async def close(self) -> None:
        keepers = [keeper.task for keeper in self._keepers.values()]
        for task in keepers:
            task.cancel()
        if keepers:
            await asyncio.wait(keepers)
        for client in self._clients.values():
            await client.close()

    async def _keep(self, keeper: "_Keeper") -> None:
        least, most = PULL_RETRY_SECONDS
        pause = least
        try:
            while keeper.waiting or self._shows.wanted(keeper.session):
                try:
                    pull, location = await self._dial(keeper)
                except Unpulled as failure:
                    keeper.tell(failure)
                else:
                    keeper.tell(None)
                    if await self._watch(keeper, pull):
                        pause = least
                    await self._hang_up(keeper.origin, location)
                await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - jitter is no secret
                pause = min(most, pause * 2)
        finally:
            keeper.tell(Unpulled("away", "the relay is going"))
            if self._keepers.get(keeper.session) is keeper:
                del self._keepers[keeper.session]

    async def _watch(self, keeper: "_Keeper", pull: Pull) -> bool:
        """Until it is lost, or nobody has wanted it for a while; whether it ever came about."""
        wanted_at = time.monotonic()
        try:
            while not pull.over.is_set():
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await pull.over.wait()
                except TimeoutError:
                    if keeper.waiting or self._shows.wanted(keeper.session):
                        wanted_at = time.monotonic()
                if time.monotonic() - wanted_at > PULL_KEPT_SECONDS:
                    break
            return pull.heard_at is not None
        finally:
            keeper.forget()
            self._shows.hide(pull)

    async def _dial(self, keeper: "_Keeper") -> tuple[Pull, str]:
        session, origin = keeper.session, keeper.origin
        line = Line(self._setting.mux)
        offer = write_offer(
            line.path.login,
            own_fingerprint(self._setting.certificate),
            codecs=("VP8", "H264"),
            ssrcs=None,
            sizes=MOST_LAYERS,
        )
        exp = int(time.time()) + GRANT_SECONDS
        grant = Grant(who="relay", session=session, may="pull", exp=exp)
        try:
            async with asyncio.timeout(PULL_READY_SECONDS):
                told = await self._client(origin).watch(session, sign(grant, self._secret), offer)
                answer = read_answer(told.sdp)
                near = await near_addresses(origin, self._host)
        except RelayRefused as refused:
            code = "off_air" if refused.status == NOT_NOW else "away"
            raise Unpulled(code, refused.reason) from refused
        except (RelayAway, TimeoutError, BadAnswer, OSError) as failure:
            raise Unpulled("away", "the relay of this stage does not answer") from failure
        port = answer.addresses[0][1]
        addresses = dict.fromkeys([*((host, port) for host in near), *answer.addresses])
        pull = Pull(self._setting, grant, answer, line, list(addresses))
        self._shows.show(pull, chosen_of(answer))
        return pull, told.location

    async def _hang_up(self, origin: str, location: str) -> None:
        try:
            await self._client(origin).hang_up(location)
        except (RelayAway, RelayRefused):
            return  # it is gone, and its connections with it

    def _client(self, origin: str) -> RelayClient:
        if origin not in self._clients:
            self._clients[origin] = RelayClient(origin, self._secret)
        return self._clients[origin]


class _Keeper:
    """One stage's pull over time, and the viewers that wait for its first answer."""

    task: asyncio.Task[None]

    def __init__(self, session: str, origin: str) -> None:
        self.session, self.origin = session, origin
        self.waiting = 0
        self._told: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def answered(self) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(PULL_READY_SECONDS):
                await asyncio.shield(self._told)
        except TimeoutError:
            raise Unpulled("away", "the relay of this stage does not answer") from None
        finally:
            self.waiting -= 1

    def tell(self, failure: Unpulled | None) -> None:
        if not self._told.done():
            if failure is None:
                self._told.set_result(None)
                return
            self._told.set_exception(failure)
            self._told.exception()  # nobody need be waiting
        if failure is not None:
            self.forget()

    def forget(self) -> None:
        """Whoever comes from now on waits for the next answer."""
        if self._told.done():
            self._told = asyncio.get_running_loop().create_future()


def chosen_of(answer: Answer) -> dict[str, Chosen]:
    """What the origin sends, as if it had been negotiated with a publisher here."""
    return {
        media.kind: Chosen(
            kind=media.kind,
            codec=media.codec.lower(),
            rate=media.rate,
            payload_type=media.payload_type,
            resend_payload_type=None,
            resend_ssrcs=(),
            transport_cc=None,
            abs_send_time=None,
            layers=tuple(map(str, range(len(media.sizes)))),
            ssrcs=media.sizes,
        )
        for media in answer.media
    }


async def near_addresses(origin: str, host: str) -> list[str]:
    """Where the origin's media may be reached sooner than at its public address, tried first.

    A relay on a Unix socket is on this machine, and listens where we do; another one is where its
    HTTP is. Behind NAT the public address may lead nowhere from here.
    """
    if origin.startswith("unix:"):
        ip = ipaddress.ip_address(host)
        return [host] if not ip.is_unspecified else ["127.0.0.1"]
    named = urlsplit(origin).hostname or ""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(named, 0, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
