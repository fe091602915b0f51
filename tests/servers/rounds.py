"""The product itself, as an operator starts it: a process of its own, set by its environment.

It knows the command line, the settings and `/readyz`; what is asked of the server, a test knows.
"""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers import processes
from tests.servers.waiting import TooLate, eventually

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90
GOODBYE_SECONDS = 30
"""How long a server may take to say goodbye before it counts as stuck."""


READY = {"hub": "/healthz", "relay": ""}
"""What says that a role can serve, where it is not `/readyz`; the relay has no port of its own."""


WITH_RELAY = frozenset({"serve", "demo"})


class Rounds:
    """One process of the product; it keeps its port, folder and log when started again."""

    def __init__(
        self,
        data: Path,
        env: Mapping[str, str],
        command: Sequence[str],
        *,
        port: int,
        log: Path,
        before: Sequence[str],
    ) -> None:
        self.data = data
        self.port = port
        self.url = env.get("ROUNDS_URL") or f"http://127.0.0.1:{port}"
        self.environment = environment(data, env, port)
        self.command = [word.format(port=port, data=data) for word in command]
        self._before = list(before)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "Rounds is not running"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self, within: float = PATIENCE_SECONDS, *, media: bool = True) -> None:
        """Returns when the role says that it can serve; `media`: its relay too, if it has one."""
        program = [*self._before, sys.executable, "-P", "-m", "server.cli", *self.command]
        self._process = processes.spawn(
            program, self._log, env=self.environment, cwd=self.data, start_new_session=True
        )
        ready = READY.get(self.command[0], "/readyz")
        if not ready:
            return
        try:
            eventually(lambda: self._answers(ready), within)
            if media and self.command[0] in WITH_RELAY:
                eventually(lambda: b'"relay":"ok"' in self.get(ready)[1], within)
        except TooLate:
            name = f"rounds {self.command[0]}"
            raise TooLate(f"{name}: {ready} not in {within} s:\n{self.log_text()}") from None

    def end(self) -> None:
        """However it stands now, running, frozen or gone."""
        if self.process.poll() is None:
            self.thaw()
        processes.end(self.process, within=GOODBYE_SECONDS)

    def kill(self) -> None:
        """`kill -9` of this process alone: what it supervises must notice by itself."""
        self.process.kill()
        self.process.wait(10)

    def terminate(self, within: float = GOODBYE_SECONDS) -> int:
        """The polite end that a deploy uses; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body, over a connection of its own, past every proxy."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")

    def _answers(self, path: str) -> bool:
        if (status := self.process.poll()) is not None:
            raise RuntimeError(f"rounds {self.command} ended with {status}:\n{self.log_text()}")
        try:
            return self.get(path)[0] == http.HTTPStatus.OK
        except OSError:
            return False


def environment(data: Path, env: Mapping[str, str], port: int) -> dict[str, str]:
    """This process's environment, without any setting of the product that a test did not make."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUNDS_")}
    made = {
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "ROUNDS_DATA": str(data),
        "ROUNDS_HOST": "127.0.0.1",
        "ROUNDS_PORT": str(port),
        "ROUNDS_MEDIA_PORT": str(port),
        "ROUNDS_MEDIA_ADDRESS": "127.0.0.1",
        "ROUNDS_URL": f"http://127.0.0.1:{port}",
    }
    return {**kept, **made, **env}


@contextmanager
def running_rounds(
    data: Path,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = ("serve",),
    *,
    port: int | None = None,
    before: Sequence[str] = (),
) -> Generator[Rounds]:
    """`{port}` and `{data}` in the command's words are filled in; `env` wins over the defaults.

    `before` are the words of a program that ends by becoming the server: `prlimit`, `unshare`.
    """
    data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rounds-log-") as folder:
        log = Path(folder) / "rounds.log"
        place = port or processes.free_port()
        server = Rounds(data, env or {}, command, port=place, log=log, before=before)
        try:
            server.start()
            yield server
        finally:
            server.end()


def rounds(
    *words: str, data: Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """One command that ends by itself, such as `migrate`; the caller judges its status."""
    data.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-P", "-m", "server.cli", *words],
        check=False,
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(data, env or {}, 0),
        cwd=data,
        timeout=60,
    )
