"""One conference on processes of its own, all to be broken: pages, two hubs, PostgreSQL, Valkey.

It also reads what the rows say is to be seen, which is what every page must come to show.
"""

from collections.abc import Collection, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select

from server import secrets
from server.db import Rows
from server.polls import store as polls
from server.polls.rules import Status as PollStatus
from server.polls.store import PollAnswer
from server.questions import store as questions
from server.questions.rules import VISIBLE
from tests.fault.page import Shown
from tests.fault.tun import FAR, FAR_AS_SEEN
from tests.integration.seeds import Seeded, in_rows, seed
from tests.servers.databases import Templates
from tests.servers.postgres import running_postgres
from tests.servers.processes import free_port
from tests.servers.redis import Redis, running_redis
from tests.servers.rounds import Rounds, running_rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Three processes of one conference, and what they stand on."""

    web: Rounds
    hubs: tuple[Rounds, Rounds]
    redis: Redis
    database: str
    seeded: Seeded

    @property
    def processes(self) -> tuple[Rounds, ...]:
        return (self.web, *self.hubs)

    def rows(self) -> Shown:
        """What the database says that a learner sees now."""
        return in_rows(self.database, _shown, self.seeded)

    def answers(self, poll_id: UUID) -> dict[UUID, tuple[int, ...]]:
        """Who answered what."""
        return in_rows(self.database, _answers, poll_id)

    def accidents(self) -> list[str]:
        """The log of every process that has an exception in it."""
        logs = [server.log_text() for server in self.processes]
        return [text for text in logs if "Traceback" in text or '"exception"' in text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """Which processes ("web", "one", "two") have a firewall between them and what they need."""

    redis: Collection[str] = ()
    database: Collection[str] = ()


@contextmanager
def running_site(
    folder: Path,
    *,
    learners: int,
    opened: int = 1,
    before: Sequence[str] = (),
    behind: Behind | None = None,
) -> Generator[Site]:
    """`before` are the words of a program that becomes each hub, with a fault of ours.

    With `behind` it runs in the namespace of a firewall.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    secrets.load(folder / "secret")
    with (
        running_postgres(host=FAR if behind else "") as cluster,
        running_redis("valkey-9.1", host=FAR if behind else "127.0.0.1") as redis,
    ):
        database = Templates(folder).postgresql(cluster)
        seeded = seed(database, learners=learners, opened=opened)
        env = {
            "ROUNDS_DATABASE_URL": database,
            "ROUNDS_REDIS_URL": redis.url,
            "ROUNDS_URL": f"http://127.0.0.1:{port}",
            "ROUNDS_SECRET_FILE": str(folder / "secret"),
        }

        def of(name: str) -> Mapping[str, str]:
            far: dict[str, str] = {}
            if behind and name in behind.redis:
                far["ROUNDS_REDIS_URL"] = redis.url.replace(FAR, FAR_AS_SEEN)
            if behind and name in behind.database:
                named = urlsplit(database).path
                far["ROUNDS_DATABASE_URL"] = f"postgresql://rounds@{FAR_AS_SEEN}{named}"
            return env | far

        processes = (
            running_rounds(folder / "web", of("web"), ("web",), port=port),
            running_rounds(folder / "one", of("one"), ("hub",), before=before),
            running_rounds(folder / "two", of("two"), ("hub",), before=before),
        )
        with ExitStack() as stack, ThreadPoolExecutor() as threads:
            web, one, two = threads.map(stack.enter_context, processes)
            yield Site(web=web, hubs=(one, two), redis=redis, database=database, seeded=seeded)


async def _answers(db: Rows, poll_id: UUID) -> dict[UUID, tuple[int, ...]]:
    kept = select(PollAnswer.person_id, PollAnswer.choices).where(PollAnswer.poll_id == poll_id)
    return {person_id: tuple(choices) for person_id, choices in await db.execute(kept)}


async def _shown(db: Rows, seeded: Seeded) -> Shown:
    place = (seeded.conference_id, seeded.session_id)
    asked = await questions.questions(db, *place, tuple(VISIBLE))
    held = await polls.polls(db, *place, (PollStatus.OPEN, PollStatus.CLOSED))
    revealed = [poll for poll in held if poll.revealed]
    tallies = await polls.tallies(db, seeded.conference_id, revealed)
    return Shown(
        questions={str(each.id): (each.text, each.status.value, each.votes) for each in asked},
        polls={str(poll.id): (poll.status.value, poll.revealed) for poll in held},
        tallies={str(id_): (list(told.counts), told.voters) for id_, told in tallies.items()},
    )
