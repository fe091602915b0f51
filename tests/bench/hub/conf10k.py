"""Ten thousand people in one session, through the whole product: sign-in, rights, rows, ledger.

Each beats every 15 s, five questions a second are published to all, and everybody answers a poll
within 5 s. The hub has one core; PostgreSQL, Redis and the generator share the other. The same with
2,000 people in one process on SQLite.
"""

import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import select
from websockets.asyncio.client import connect
from websockets.typing import Origin

from server.db import Rows
from server.polls.store import PollAnswer
from tests.bench.figures import Figure
from tests.bench.hub.crowd import SPREAD_SECONDS, Crowd
from tests.bench.hub.places import pinned
from tests.bench.hub.seats import House, cookie, furnish
from tests.bench.hub.shares import Shares
from tests.integration.seeds import in_rows
from tests.servers.databases import Templates
from tests.servers.postgres import running_postgres
from tests.servers.redis import running_redis
from tests.servers.rounds import Rounds, running_rounds

LINES_A_SECOND = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A hub with its session, and what else runs for it."""

    hub: Rounds
    database: str
    house: House
    others: dict[str, int]
    """Pids by name."""
    log: Callable[[], str] = str
    """What PostgreSQL wrote."""


def main(*, quick: bool, peers: bool) -> list[Figure]:  # noqa: ARG001 - no peer does this
    people = int(os.environ.get("ROUNDS_TEST_PEOPLE") or (1_000 if quick else 10_000))
    seconds = 5.0 if quick else 15.0
    told: list[Figure] = []
    with pinned() as cores:
        with on_postgresql(people, cores[0]) as scene:
            told += measured(scene, "conf10k", seconds, bounded=True)
        with on_sqlite(min(people, 2_000), cores[0]) as scene:
            told += measured(scene, "conf2k_sqlite", seconds, bounded=False)
    return told


@contextmanager
def on_postgresql(people: int, core: int, *, log: bool = False) -> Generator[Scene]:
    """`rounds hub` on one core, with a database and a Redis that are not counted as its own.

    `log`: PostgreSQL writes down every statement.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rounds-bench-")))
        cluster = stack.enter_context(running_postgres())
        redis = stack.enter_context(running_redis("valkey-9.1"))
        database = Templates(folder).postgresql(cluster)
        house = furnish(database, people)
        if log:
            cluster.execute("ALTER ROLE rounds SET log_statement = 'all'")
        env = {"ROUNDS_DATABASE_URL": database, "ROUNDS_REDIS_URL": redis.url}
        hub = stack.enter_context(
            running_rounds(folder / "hub", env, ("hub",), before=on_core(core))
        )
        others = {"postgresql": cluster.process.pid, "redis": redis.process.pid}
        yield Scene(hub=hub, database=database, house=house, others=others, log=cluster.log_text)


@contextmanager
def on_sqlite(people: int, core: int) -> Generator[Scene]:
    """`rounds serve` as it comes: pages and sockets in one process, on a file."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rounds-bench-")))
        data = folder / "data"
        data.mkdir()
        database = Templates(folder).sqlite(data)
        house = furnish(database, people)
        env = {"ROUNDS_DATABASE_URL": database}
        serve = stack.enter_context(running_rounds(data, env, ("serve",), before=on_core(core)))
        yield Scene(hub=serve, database=database, house=house, others={})


def on_core(core: int) -> Sequence[str]:
    return ("taskset", "--cpu-list", str(core))


def measured(scene: Scene, name: str, seconds: float, *, bounded: bool) -> list[Figure]:
    crowd = Crowd(scene.house, scene.hub.port, scene.hub.url)
    try:
        crowd.gather()
        crowd.live(seconds, lines=LINES_A_SECOND)  # warm: everybody has a span by then
        crowd.settle(crowd.measured.asked * len(crowd.pages))
        shares = Shares({"hub": scene.hub.pid, "generator": os.getpid(), **scene.others})
        crowd.measured.forget()
        crowd.live(seconds, lines=LINES_A_SECOND)
        quiet = shares.percent()
        poll_id = asyncio.run(open_poll(scene))
        shares.begin()
        crowd.live(SPREAD_SECONDS, lines=LINES_A_SECOND, poll_id=poll_id)
        busy = shares.percent()
        crowd.live(SPREAD_SECONDS / 2, lines=0)
        lost = crowd.settle(crowd.measured.asked * len(crowd.pages))
    finally:
        crowd.scatter()
    heard, wrong = crowd.measured, wrong_rows(scene, crowd, poll_id)
    print(f"{name}: {len(crowd.pages)} people, {heard.asked} lines, refused {dict(heard.refused)}, "
          f"{heard.closed} closed, quiet {quiet}, busy {busy}")  # fmt: skip
    unacknowledged = sum(page.acknowledged != 1 for page in crowd.pages)
    goal = {
        "core": "<= 60", "event": "<= 300", "ack": "<= 500"
    } if bounded else {"core": "", "event": "", "ack": ""}  # fmt: skip
    return [
        Figure(figure=f"{name}_people", value=len(crowd.pages), unit=""),
        Figure(figure=f"{name}_core", value=busy["hub"], unit="%", bound=goal["core"]),
        Figure(figure=f"{name}_core_between", value=quiet["hub"], unit="%", bound=goal["core"]),
        Figure(figure=f"{name}_event_p50_ms", value=at(heard.arrivals, 50), unit="ms"),
        Figure(figure=f"{name}_event_p99_ms", value=at(heard.arrivals, 99), unit="ms",
               bound=goal["event"]),
        Figure(figure=f"{name}_event_read_p99_ms", value=at(heard.events, 99), unit="ms"),
        Figure(figure=f"{name}_ack_p50_ms", value=at(heard.votes, 50), unit="ms"),
        Figure(figure=f"{name}_ack_p99_ms", value=at(heard.votes, 99), unit="ms",
               bound=goal["ack"]),
        Figure(figure=f"{name}_beat_p99_ms", value=at(heard.beats, 99), unit="ms"),
        Figure(figure=f"{name}_lost", value=lost, unit="", bound="== 0"),
        Figure(figure=f"{name}_not_acknowledged_once", value=unacknowledged, unit="",
               bound="== 0"),
        Figure(figure=f"{name}_rows_wrong", value=wrong, unit="", bound="== 0"),
        *(Figure(figure=f"{name}_{other}", value=share, unit="%")
          for other, share in busy.items() if other != "hub"),
    ]  # fmt: skip


def at(samples: Sequence[float], percent: int) -> float:
    """A percentile in milliseconds; not a number without two samples."""
    if len(samples) < 2:
        return float("nan")
    return statistics.quantiles(samples, n=100)[percent - 1] * 1000


async def open_poll(scene: Scene) -> UUID:
    """The moderator makes a poll and opens it."""
    headers = {"Cookie": cookie(scene.house.moderator)}
    address = f"ws://127.0.0.1:{scene.hub.port}/ws"
    origin = Origin(scene.hub.url)
    async with connect(address, origin=origin, additional_headers=headers, proxy=None) as socket:

        async def say(kind: str, ref: int, **fields: object) -> dict[str, str]:
            common = {"type": kind, "ref": ref, "command_id": str(uuid4())}
            place = {"session_id": str(scene.house.session_id)}
            await socket.send(json.dumps({**common, **place, **fields}))
            while True:
                told: dict[str, str] = json.loads(await socket.recv())
                if told.get("ref") == ref:
                    return told

        made = await say("poll.create", 1, text="Which?", options=["One", "Two", "Three"])
        await say("poll.open", 2, poll_id=made["id"])
    return UUID(made["id"])


def wrong_rows(scene: Scene, crowd: Crowd, poll_id: UUID) -> int:
    """How many answers are not on record as they were given, or nobody gave."""
    rows = in_rows(scene.database, _answers, poll_id)
    given = {page.seat.id: (page.seat.id.int % 3,) for page in crowd.pages}
    return sum(rows.get(person) != given.get(person) for person in rows.keys() | given.keys())


async def _answers(db: Rows, poll_id: UUID) -> dict[UUID, tuple[int, ...]]:
    kept = select(PollAnswer.person_id, PollAnswer.choices).where(PollAnswer.poll_id == poll_id)
    return {person: tuple(choices) for person, choices in await db.execute(kept)}
