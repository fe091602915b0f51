"""What fault tests may break: servers of their own, started by the test and ended with it.

The shared servers of the other tests are out of reach here, so that nothing broken is left to
anyone else. Tests that need namespaces ask for `namespace`.
"""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers.databases import Templates
from tests.servers.postgres import Cluster, running_postgres
from tests.servers.redis import Redis, running_redis
from tests.servers.rounds import Rounds, running_rounds

PATIENCE_SECONDS = 300
"""A fault test waits for recoveries: its deadline is longer than a plain test's."""

StartRounds = Callable[..., Rounds]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not item.get_closest_marker(
            "timeout"
        ):
            item.add_marker(pytest.mark.timeout(PATIENCE_SECONDS))


@pytest.fixture
def own_postgres() -> Generator[Cluster]:
    """A cluster that this test alone may crash, freeze and fill."""
    with running_postgres() as cluster:
        yield cluster


@pytest.fixture
def own_database(own_postgres: Cluster, tmp_path: Path) -> str:
    """A migrated database in it."""
    return Templates(tmp_path).postgresql(own_postgres)


@pytest.fixture
def own_redis() -> Generator[Redis]:
    """A Valkey that this test alone may kill, freeze and empty."""
    with running_redis("valkey-9.1") as server:
        yield server


@pytest.fixture
def start_rounds(tmp_path: Path) -> Generator[StartRounds]:
    """Starts the product as often as asked: `start_rounds(env, command=("hub",), port=None)`.

    Each process has its own folder unless `data` names one; the last started is ended first.
    """
    with ExitStack() as stack:
        started: list[Rounds] = []

        def start(
            env: Mapping[str, str] | None = None,
            command: Sequence[str] = ("serve",),
            *,
            port: int | None = None,
            data: Path | None = None,
            before: Sequence[str] = (),
        ) -> Rounds:
            folder = data or tmp_path / f"rounds-{len(started)}"
            server = running_rounds(folder, env, command, port=port, before=before)
            started.append(stack.enter_context(server))
            return started[-1]

        yield start


@pytest.fixture
def dice() -> random.Random:
    number = int(os.environ.get("ROUNDS_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"ROUNDS_TEST_SEED={number}")  # noqa: T201 - shown when the test fails
    return random.Random(number)


@pytest.fixture(scope="session")
def namespace() -> list[str]:
    """The words before a command that give it a network and mounts of its own."""
    program = shutil.which("unshare")
    assert program, "unshare is missing (Debian: util-linux)"
    words = [program, "-nm"] if os.geteuid() == 0 else [program, "-Urnm"]
    tried = subprocess.run([*words, "true"], check=False, capture_output=True, text=True)
    assert tried.returncode == 0, f"no namespaces on this machine: {tried.stderr}"
    return words
