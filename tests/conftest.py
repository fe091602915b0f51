"""What tests may ask for: real servers and fresh databases. Unit tests ask for none of it."""

import os
import signal
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import settings

from tests.servers.chromium import FLAGS, Chromium, chromium, is_here
from tests.servers.databases import Templates
from tests.servers.node import node
from tests.servers.postgres import Postgres, any_postgres
from tests.servers.redis import Redis, running_redis, servers_found
from tests.servers.smtp import Mailbox, running_smtp

REDIS_SERVERS = tuple(servers_found())
settings.register_profile("rounds", deadline=None)  # a test that is slow for once is not wrong
settings.load_profile("rounds")
BROWSER = pytest.StashKey[Chromium | Exception]()


def pytest_configure() -> None:
    # Playwright's own node needs a library that a bare Debian lacks.
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(node()))
    signal.signal(signal.SIGTERM, _interrupted)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """Ended from outside, a run still ends the servers it started."""
    raise KeyboardInterrupt


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright's loop stays open in this thread, where no other can run."""
    items.sort(key=_needs_browser)
    if any(_needs_browser(item) for item in items):
        config.stash[BROWSER] = _prepare_browser(config)


def _needs_browser(item: pytest.Item) -> bool:
    return "playwright" in getattr(item, "fixturenames", ())


def _prepare_browser(config: pytest.Config) -> Chromium | Exception:
    """Fetched before the first test, whose deadline a download would break."""
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if terminal is not None and not is_here():
        terminal.write_line("Preparing Chromium (once)…")
    try:
        return chromium()
    except (OSError, RuntimeError) as error:
        return error  # the tests that need it fail with this, the others run


@pytest.fixture(scope="session")
def postgres() -> Generator[Postgres]:
    with any_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def database_templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def sqlite_url(database_templates: Templates, tmp_path: Path) -> str:
    return database_templates.sqlite(tmp_path)


@pytest.fixture
def postgresql_url(database_templates: Templates, postgres: Postgres) -> Generator[str]:
    url = database_templates.postgresql(postgres)
    yield url
    postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database, on each kind in turn."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(scope="session", params=REDIS_SERVERS)
def redis_server(request: pytest.FixtureRequest) -> Generator[Redis]:
    """Shared by the whole run: a test that kills its Redis starts one with `running_redis`."""
    with running_redis(request.param) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """An empty Redis, on each server found in turn."""
    redis_server.forget()
    return redis_server.url


@pytest.fixture(scope="session", params=["memory", *REDIS_SERVERS])
def bus_server(request: pytest.FixtureRequest) -> Generator[Redis | None]:
    if request.param == "memory":
        yield None
    else:
        with running_redis(request.param) as server:
            yield server


@pytest.fixture
def bus_url(bus_server: Redis | None) -> str:
    """Where the bus is: `memory`, or an empty Redis's address."""
    if bus_server is None:
        return "memory"
    bus_server.forget()
    return bus_server.url


@pytest.fixture
def smtp() -> Generator[Mailbox]:
    with running_smtp() as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], pytestconfig: pytest.Config
) -> dict[str, Any]:
    found = pytestconfig.stash[BROWSER]
    if isinstance(found, Exception):
        raise found
    return {
        **browser_type_launch_args,
        "executable_path": str(found.executable),
        "env": {**os.environ, **found.environment},
        "args": list(FLAGS),
    }
