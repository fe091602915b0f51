"""A studio and a player that come back by themselves, as `web/stages/whip.js` and `whep.js` do.

They ask for tokens and tickets, try again with the same back-off, and hold a silent line for lost
after as long as the pages do. What the socket would tell (somebody is on air) is told to `hurry`.
"""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import httpx

from realtime.relay.caller import Caller, CallLost, CallRefused, Kind, call
from tests.fault.film import Film, Screen

FIRST_SECONDS, LONGEST_SECONDS = 0.5, 8.0
"""Of the back-off in `web/live/backoff.js`."""
STALLED_SECONDS = 4.0
"""`STALLED_MS` of whep.js."""
DISCONNECTED_SECONDS = 7.0
"""A browser says so after five, and whip.js waits for two more."""
SLOW_ATTEMPT = 4
LOOK_SECONDS = 0.1


class _Page(ABC):
    """What both do: try, stay, lose, wait, and again."""

    def __init__(self, server: str, cookie: str, session: str, dice: random.Random) -> None:
        self.session = session
        self.heard: Counter[str] = Counter()
        """What it was told, by how often: for whoever wonders why nothing plays."""
        self._dice, self._attempt = dice, 0
        self._news = asyncio.Event()
        self.http = httpx.AsyncClient(
            base_url=server,
            headers={"Cookie": cookie, "Origin": server, "Accept": "application/json"},
            timeout=30,
            trust_env=False,
        )

    def hurry(self) -> None:
        """There is news: try now, if nothing runs."""
        self._news.set()

    async def run(self) -> None:
        async with self.http:
            while True:
                try:
                    await self._once()
                except CallRefused as refused:
                    # 409: nobody is on the stage yet; 429: too often.
                    if refused.status in {409, 429}:
                        self._attempt = max(self._attempt, SLOW_ATTEMPT)
                    self.heard[str(refused)] += 1
                except (CallLost, httpx.HTTPError) as failure:
                    self.heard[str(failure)] += 1
                await self._wait()

    async def _wait(self) -> None:
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2**self._attempt)
        self._attempt += 1
        self._news.clear()
        try:
            async with asyncio.timeout(self._dice.uniform(0, longest)):
                await self._news.wait()
        except TimeoutError:
            return
        await asyncio.sleep(self._dice.uniform(0, 0.5))

    @abstractmethod
    async def _once(self) -> None:
        """Be on the line once, until it is lost."""

    @asynccontextmanager
    async def _called(self, kind: Kind, bearer: str) -> AsyncGenerator[Caller]:
        url = f"/{'whip' if kind == 'publish' else 'whep'}/{self.session}"
        async with call(url, bearer, kind=kind, http=self.http) as caller:
            self.heard["connected"] += 1
            yield caller

    async def _while_alive(self, caller: Caller, silent: Callable[[], bool]) -> None:
        while not silent():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await caller.closed.wait()
                    return


class Studio(_Page):
    """A speaker who films until the end."""

    film: Film | None = None
    _token = ""

    async def _once(self) -> None:
        if not self._token:
            asked = await self.http.post(f"/sessions/{self.session}/studio/token")
            self._token = asked.raise_for_status().json()["token"]
        async with self._called("publish", self._token) as caller:
            self._attempt = 0
            self.film = Film(caller)
            filming = asyncio.create_task(self.film.run())
            try:
                await self._while_alive(caller, lambda: _unanswered(caller))
            finally:
                filming.cancel()
                await asyncio.gather(filming, return_exceptions=True)


class Player(_Page):
    """A viewer."""

    screen: Screen | None = None

    async def _once(self) -> None:
        asked = await self.http.post(f"/sessions/{self.session}/ticket")
        ticket = asked.raise_for_status().json()["ticket"]
        async with self._called("watch", ticket) as caller:
            screen = self.screen = Screen(caller)
            began = time.monotonic()
            await self._while_alive(
                caller, lambda: time.monotonic() - (screen.taken_at or began) > STALLED_SECONDS
            )

    def playing_since(self, moment: float) -> bool:
        """Whether a picture was shown that was filmed after that moment."""
        if self.screen is None:
            return False
        shown = self.screen.shown()
        if shown and self.screen.whole[shown[-1][0]][1] > moment:
            self._attempt = 0
            return True
        return False


def _unanswered(caller: Caller) -> bool:
    return time.monotonic() - caller._path._heard_at > DISCONNECTED_SECONDS
