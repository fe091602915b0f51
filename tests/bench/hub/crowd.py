"""Pages of a session by the thousand in one process: they follow, beat, ask and answer a poll.

Each speaks as a page does: it follows the session and its own topic, enters, returns the echo of
its last beat, and waits for what it said to be acknowledged. No thread and no task each.
"""

import heapq
import random
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from tests.bench.hub.herd import masked
from tests.bench.hub.seats import House, cookie
from tests.bench.hub.speech import (
    END,
    PATIENCE_SECONDS,
    Frame,
    Heard,
    command,
    greeting,
    heard,
    opened,
)
from tests.integration.seeds import Seat

BEAT_SECONDS = 14.0, 16.0
"""From one to the next, at random between."""

SPREAD_SECONDS = 5.0
"""Within this everybody answers."""

FIRST_SECONDS, LONGEST_SECONDS = 0.5, 8.0
"""Of a page's back-off (`web/live/backoff.js`)."""

ENTERED, ANSWERED, ASKED = 3, 4, 5
"""The numbers of what a page says; it follows as 1 and 2."""

STAMPED_EACH = 10
"""Of so many pages one is told by the kernel when what it reads arrived."""

AT_ONCE = 100
SO_TIMESTAMPNS = 35
"""Linux, `asm-generic/socket.h`; Python has no name for it."""

MEMORY = 4_096
"""Pieces whose meaning is remembered: many pages get the same bytes."""


@dataclass(slots=True, eq=False)
class Page:
    """One learner's socket."""

    seat: Seat
    line: socket.socket
    rest: bytes = b""
    echo: str = ""
    n: int = 0
    beat_at: float = 0.0
    opened: bool = True
    stamped: bool = False
    arrived: float = 0.0
    """When what was read last arrived, in seconds from 1970; 0 for who is not told."""
    entered: bool = False
    followed: int = 0
    acknowledged: int = 0
    answered_at: float = 0.0
    positions: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])


@dataclass(slots=True)
class Measured:
    """In seconds."""

    events: list[float] = field(default_factory=list[float])
    """From asking to reading it, of everybody: what this process takes to read ten thousand
    sockets is in it."""
    arrivals: list[float] = field(default_factory=list[float])
    """From asking to its arrival at a page's machine, of those whose kernel says it."""
    votes: list[float] = field(default_factory=list[float])
    beats: list[float] = field(default_factory=list[float])
    refused: Counter[str] = field(default_factory=Counter[str])
    asked: int = 0
    closed: int = 0

    def forget(self) -> None:
        """Begin to measure."""
        self.asked = 0
        for samples in (self.events, self.arrivals, self.votes, self.beats):
            samples.clear()


class Crowd:
    """Everybody in the session, on the hub at `port`."""

    def __init__(self, house: House, port: int, origin: str) -> None:
        self._house, self._port, self._origin = house, port, origin
        self._poll = select.epoll()
        self._meaning: dict[bytes, Heard] = {}
        self.pages: list[Page] = []
        self.measured = Measured()
        self._lines = 0
        self._beating = list[tuple[float, int]]()
        self._by_number: dict[int, Page] = {}

    def gather(self) -> None:
        """Let everybody come in, a hundred at a time, and wait until all follow.

        Who is here beats meanwhile.
        """
        for first in range(0, len(self._house.learners), AT_ONCE):
            for seat in self._house.learners[first : first + AT_ONCE]:
                self.enter(seat)
            some = self.pages[first : first + AT_ONCE]
            self.until(partial(_all_here, some))

    def enter(self, seat: Seat) -> Page:
        """Open a socket and say what a page says first."""
        page = Page(seat, opened(self._port, self._origin, cookie(seat)))
        self._say(page, self._first_words(page))
        page.line.setblocking(False)
        page.stamped = len(self.pages) % STAMPED_EACH == 0
        if page.stamped:
            page.line.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        due = time.monotonic() + random.uniform(0, BEAT_SECONDS[1])
        heapq.heappush(self._beating, (due, len(self.pages)))
        self.pages.append(page)
        self._by_number[page.line.fileno()] = page
        self._poll.register(page.line.fileno(), select.EPOLLIN)
        return page

    def _first_words(self, page: Page) -> bytes:
        """What a page says when its socket has opened: what it follows, from where, and enters."""
        session = self._house.session_id
        said = []
        for ref, topic in enumerate((f"session/{session}", f"person/{page.seat.id}"), 1):
            known = page.positions.get(topic)
            since = f',"epoch":"{known[0]}","seq":{known[1]}' if known else ""
            said.append(masked(f'{{"type":"topic.follow","ref":{ref},"topic":"{topic}"{since}}}'))
        return b"".join([*said, command("session.enter", ENTERED, session)])

    def live(self, seconds: float, *, lines: float, poll_id: UUID | None = None) -> None:
        """Everybody beats; `lines` a second are asked; with a poll everybody answers it."""
        pages, begun = self.pages, time.monotonic()
        schedule = Schedule(begun)
        schedule.add(lines, lambda _at: self._ask(pages[self._lines % len(pages)]))
        if poll_id is not None:
            rate = len(pages) / SPREAD_SECONDS
            schedule.add(rate, lambda at: self._answer(pages[at], poll_id), times=len(pages))
        while (now := time.monotonic()) < begun + seconds or not schedule.done:
            schedule.run(now)
            self.hear(min(0.02, schedule.wait(time.monotonic())))

    def until(self, true: Callable[[], bool]) -> None:
        """Go on hearing; raises when it does not become true."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not true():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.measured.refused} {self.measured.closed} closed")
            self.hear(0.05)

    def settle(self, expected: int) -> int:
        """Wait for what is under way; returns how many events never came."""
        deadline = time.monotonic() + PATIENCE_SECONDS / 3
        while time.monotonic() < deadline:
            answered = all(page.acknowledged for page in self.pages if page.answered_at)
            if answered and len(self.measured.events) >= expected:
                break
            self.hear(0.05)
        return expected - len(self.measured.events)

    def kill(self) -> None:
        """Every socket is gone at once, without a word."""
        for page in self.pages:
            page.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            page.line.close()
        self._by_number.clear()
        self._beating.clear()

    def come_back(self, within: float) -> list[float]:
        """As pages do, with full jitter and patience; the seconds that each took, in order."""
        begun = time.monotonic()
        due = [(begun + random.uniform(0, FIRST_SECONDS), at, 0) for at in range(len(self.pages))]
        heapq.heapify(due)
        tries = dict[int, tuple[int, int]]()
        back = list[float]()
        while len(back) < len(self.pages) and (now := time.monotonic()) < begun + within:
            while due and due[0][0] <= now:
                _, at, tried = heapq.heappop(due)
                tries[self._knock(self.pages[at])] = at, tried
            for number, what in self._poll.poll(0.005, 2_048):
                page = self._by_number[number]
                if what & select.EPOLLOUT:
                    page.line.send(greeting(self._origin, cookie(page.seat)))
                    self._poll.modify(number, select.EPOLLIN)
                elif not self._listened(page):
                    at, tried = tries.pop(number)
                    page.line.close()
                    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (tried + 1))
                    again = time.monotonic() + random.uniform(0, longest)
                    heapq.heappush(due, (again, at, tried + 1))
                elif page.entered and page.followed == 2 and number in tries:
                    del tries[number]
                    back.append(time.monotonic() - begun)
        return back

    def _knock(self, page: Page) -> int:
        page.line = socket.socket()
        page.line.setblocking(False)
        page.line.connect_ex(("127.0.0.1", self._port))
        page.rest, page.opened, page.entered, page.followed = b"", False, False, 0
        page.echo, page.n, page.beat_at = "", 0, 0.0
        self._by_number[page.line.fileno()] = page
        self._poll.register(page.line.fileno(), select.EPOLLOUT)
        return page.line.fileno()

    def _listened(self, page: Page) -> bool:
        """Hear a page that comes back; False when it was turned away."""
        try:
            data = page.line.recv(65_536)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not data:
            return False
        if not page.opened:
            head, end, data = (page.rest + data).partition(END)
            if not end:
                page.rest = head
                return True
            page.rest, page.opened = b"", True
            self._say(page, self._first_words(page))
        for frame in self._understood(page, data):
            self._take(page, frame)
        return True

    def scatter(self) -> None:
        self._poll.close()
        for page in self.pages:
            page.line.close()

    def _beat(self, page: Page) -> None:
        if not page.echo or page.beat_at:
            return  # the last one is under way: it is sent again when that is kept
        page.n, page.beat_at = page.n + 1, time.monotonic()
        self._say(
            page,
            masked(
                f'{{"type":"beat","n":{page.n},"echo":"{page.echo}",'
                f'"session_id":"{self._house.session_id}","visible":true,"playing":true}}'
            ),
        )

    def _ask(self, page: Page) -> None:
        self._lines += 1
        self.measured.asked += 1
        text = f'"text":"How does the schedule change when renal function falls? {time.time_ns()}"'
        self._say(page, command("question.ask", ASKED, self._house.session_id, text))

    def _answer(self, page: Page, poll_id: UUID) -> None:
        choice = page.seat.id.int % 3
        page.answered_at = time.monotonic()
        rest = f'"poll_id":"{poll_id}","choices":[{choice}]'
        self._say(page, command("poll.answer", ANSWERED, self._house.session_id, rest))

    def hear(self, wait: float) -> None:
        """Let those beat whose time it is, and take what has arrived."""
        now = time.monotonic()
        while self._beating and self._beating[0][0] <= now:
            _, at = heapq.heappop(self._beating)
            self._beat(self.pages[at])
            heapq.heappush(self._beating, (now + random.uniform(*BEAT_SECONDS), at))
        for number, _ in self._poll.poll(wait, 2_048):
            page = self._by_number.get(number)
            if page is None:  # lost a moment ago
                continue
            try:
                data = _stamped(page) if page.stamped else page.line.recv(65_536)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                self._lose(page)
                continue
            for frame in self._understood(page, data):
                self._take(page, frame)

    def _say(self, page: Page, said: bytes) -> None:
        """A page that was hung up on says nothing more; the others go on."""
        if page.line.fileno() < 0:
            return
        try:
            page.line.send(said)
        except ConnectionError:
            self._lose(page)

    def _lose(self, page: Page) -> None:
        if self._by_number.pop(page.line.fileno(), None) is not None:
            self._poll.unregister(page.line.fileno())
            page.line.close()
            self.measured.closed += 1

    def _understood(self, page: Page, data: bytes) -> list[Frame]:
        data = page.rest + data
        known = self._meaning.get(data)
        if known is None:
            if len(self._meaning) >= MEMORY:
                self._meaning.clear()
            known = self._meaning[data] = heard(data)
        page.rest = known.rest
        if known.pongs:
            self._say(page, known.pongs)
        return known.frames

    def _take(self, page: Page, frame: Frame) -> None:
        match frame.type:
            case "question":
                asked = int(frame.text.rpartition(" ")[2]) / 1e9
                self.measured.events.append(time.time() - asked)
                if page.arrived:
                    self.measured.arrivals.append(page.arrived - asked)
            case "kept":
                self.measured.beats.append(time.monotonic() - page.beat_at)
                page.echo, page.beat_at = frame.echo, 0.0
            case "done" if frame.ref == ANSWERED:
                page.acknowledged += 1
                self.measured.votes.append(time.monotonic() - page.answered_at)
            case "done" if frame.ref == ENTERED:
                page.entered = True
            case "followed" | "resync":
                page.followed += 1
                if frame.epoch is not None:
                    page.positions[frame.topic] = frame.epoch, frame.seq
            case "welcome":
                page.echo = frame.echo
            case "error":
                self.measured.refused[frame.code] += 1


def _stamped(page: Page) -> bytes:
    """Read, and note when the newest of it arrived."""
    data, notes, _, _ = page.line.recvmsg(65_536, 64)
    if notes:
        seconds, nanoseconds = struct.unpack("=qq", notes[0][2])
        page.arrived = seconds + nanoseconds / 1e9
    return data


def _all_here(pages: list[Page]) -> bool:
    return all(page.entered and page.followed == 2 for page in pages)


class Schedule:
    """What is to be done at a steady rate: each has a rate, an action and a count."""

    def __init__(self, begun: float) -> None:
        self._begun = begun
        self._rates: list[tuple[float, Callable[[int], None], int | None]] = []
        self._done: list[int] = []

    def add(self, rate: float, act: Callable[[int], None], *, times: int | None = None) -> None:
        """Do it `rate` times a second; `act` is told the how-manieth it is."""
        self._rates.append((rate, act, times))
        self._done.append(0)

    def run(self, now: float) -> None:
        """Everything that is due."""
        for which, (rate, act, times) in enumerate(self._rates):
            due = int((now - self._begun) * rate) + 1 if rate else 0
            for at in range(self._done[which], due if times is None else min(due, times)):
                act(at)
                self._done[which] += 1

    @property
    def done(self) -> bool:
        """Whether everything that has a count was done."""
        return all(
            times is None or done >= times
            for done, (_, _, times) in zip(self._done, self._rates, strict=True)
        )

    def wait(self, now: float) -> float:
        """How long until something is."""
        soonest = (
            self._begun + self._done[which] / rate
            for which, (rate, _, times) in enumerate(self._rates)
            if rate and (times is None or self._done[which] < times)
        )
        return max(0.0, min(soonest, default=now + 1) - now)
