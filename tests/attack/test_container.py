"""The product as docker-compose.yml confines it, without an engine: nothing to write, no rights.

The whole file system is read-only but for the data folder, every capability is gone, and none can
be gained. Who runs it is not changed: the Python of this machine may be its owner's alone.
"""

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.servers.rounds import running_rounds

pytestmark = pytest.mark.ci

CONFINED = """
mount --make-rprivate /
mount --bind "$0" "$0"
mount -o remount,bind,ro /
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""


def confined(data: Path) -> list[str]:
    programs = {name: shutil.which(name) for name in ("unshare", "setpriv", "mount")}
    missing = [name for name, path in programs.items() if path is None]
    assert not missing, f"missing (Debian: util-linux, mount): {', '.join(missing)}"
    space = "-m" if os.geteuid() == 0 else "-Urm"
    return ["unshare", space, "sh", "-e", "-c", CONFINED, str(data)]


def test_the_server_runs_with_nothing_but_its_data_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with running_rounds(data, before=confined(data)) as server:
        status = Path(f"/proc/{server.pid}/status").read_text()
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert facts["NoNewPrivs"] == "1"
        assert int(facts["CapBnd"], 16) == int(facts["CapEff"], 16) == 0
        mounts = Path(f"/proc/{server.pid}/mounts").read_text().splitlines()
        root = [line.split()[3].split(",") for line in mounts if line.split()[1] == "/"]
        assert "ro" in root[-1]
        assert server.get("/readyz")[0] == 200
        assert server.terminate() in {0, -signal.SIGTERM}
    assert (data / "rounds.db").exists()
