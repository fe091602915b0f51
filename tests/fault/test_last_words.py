"""A process dies between its commit and the news of it: its followers elsewhere hear all the same.

Nothing in Redis shows that anything is missing, as the test makes sure first; that a process is
missing is what the others notice.
"""

import sys
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from server import secrets
from server.polls import store as polls
from server.polls.rules import Status
from server.rights import Role
from tests.fault.conftest import StartRounds
from tests.integration.pages import socket_page
from tests.integration.seeds import Seeded, in_rows, seed
from tests.servers.processes import free_port
from tests.servers.redis import Redis
from tests.servers.waiting import eventually_async

TOLD_SECONDS = 10.0
"""Five on a machine with nothing else to do."""

DYING = (sys.executable, "-m", "tests.fault.dying")


@pytest.mark.ci
async def test_what_a_dead_process_committed_reaches_those_who_follow_elsewhere(
    own_database: str, own_redis: Redis, start_rounds: StartRounds, tmp_path: Path
) -> None:
    seeded = seed(own_database, learners=1, published=1, opened=1)
    secrets.load(tmp_path / "secret")
    address = f"http://127.0.0.1:{free_port()}"
    env = {
        "ROUNDS_DATABASE_URL": own_database,
        "ROUNDS_REDIS_URL": own_redis.url,
        "ROUNDS_URL": address,
        "ROUNDS_SECRET_FILE": str(tmp_path / "secret"),
    }
    dying = start_rounds(env, ("hub",), before=DYING)
    other = start_rounds(env, ("hub",))
    topic = f"session/{seeded.session_id}"
    learner, moderator = seeded.learners[0], seeded.staff[Role.MODERATOR]
    async with (
        socket_page(other.port, learner.cookie, address) as page,
        socket_page(dying.port, moderator.cookie, address) as desk,
    ):
        followed = await page.follow(topic)
        before = _position(own_redis, topic)
        closing = {"session_id": str(seeded.session_id), "poll_id": str(seeded.polls[0])}
        await desk.send("poll.close", **closing)
        assert await desk.closed() is None, "cut off without a goodbye"
        began = time.monotonic()
        assert in_rows(own_database, _poll, seeded) is Status.CLOSED, "it was committed"
        assert _position(own_redis, topic) == before, "and nothing shows that news is missing"
        told = await page.until(lambda frame: frame["type"] == "resync")
        assert time.monotonic() - began <= TOLD_SECONDS
    assert told["topic"] == topic
    assert told["epoch"] != followed["epoch"]
    await eventually_async(lambda: "bus.inherited" in other.log_text())


def _position(server: Redis, topic: str) -> list[Any]:
    with redis.Redis.from_url(server.url) as client:
        return [client.get(f"rounds:{{{topic}}}:{name}") for name in ("epoch", "seq")]


async def _poll(db: Any, seeded: Seeded) -> Status:
    return (await polls.poll(db, seeded.conference_id, seeded.session_id, seeded.polls[0])).status
