"""Starting: what stands in the way is told in a sentence, before anything else is done."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.rounds import ROOT


@pytest.mark.parametrize("word", ["serve", "demo"])
def test_a_port_that_is_taken_is_told_at_once(word: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        program = [sys.executable, "-P", "-m", "server.cli", word, "--port", str(port)]
        done = subprocess.run(
            [*program, "--data", str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "ROUNDS_HOST": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"127.0.0.1:{port}: another program listens there. "
        "Choose a port with --port or ROUNDS_PORT.\n"
    )
    assert not list(tmp_path.glob("*.db"))
