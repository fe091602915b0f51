"""The programs that the hub is compared with: what each is, how it is fetched, how it is spoken to.

Node's `ws` and Socket.IO come from npm, Django Channels into an environment of its own, by exact
version, when somebody asks for them. Each does what its tutorial says: a room, everybody in it.
"""

import shutil
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.cache import cached
from tests.servers.node import node, npm_install
from tests.servers.redis import running_redis

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

NODE_PACKAGES = {
    "ws@8.23.0": (
        "sha512-wCkmX8QMOrKjgO8HW2WyDbTSGeqkocxgDzS9iR79rEAexty6/2qzilx3Ag8Tqf9ykop3irLKle0MtVn5qjVnoQ=="
    ),
    "socket.io@4.8.4": (
        "sha512-9ZV9zg8vN8hO3Y25DhR7nUkJ1VDnBhq5O/JrXhFT9s6+F0gqytSASTHVfCFc2mJXaTfARroErplXlzFWwETZqQ=="
    ),
}
DJANGO_PACKAGES = (
    "django==5.2.19", "channels==4.3.2", "channels-redis==4.3.0", "uvicorn[standard]==0.54.0",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """How the generator speaks to it, and what is hoped for; `program` names what is run."""

    name: str
    bound: float
    must: float
    path: str = "/ws"
    hello: str = ""
    """What it wants to hear first, and answers."""
    envelope: str = ""
    """What a text is put into, as JSON."""
    gentle: bool = False
    redis: bool = False
    fetch: Callable[[], list[str]] | None = None
    """Fetches what it needs, once, and returns the words that run it; our own server without."""

    def install(self) -> None:
        if self.fetch is not None:
            self.fetch()

    @contextmanager
    def surroundings(self) -> Generator[dict[str, str]]:
        """The environment of its process; its Redis, which is not counted, is there meanwhile."""
        program = {"BENCH_PEER": "\n".join(self.fetch())} if self.fetch is not None else {}
        if not self.redis:
            yield program
            return
        with running_redis("valkey-9.1") as server:
            yield {**program, "BENCH_REDIS": server.url}


def _node(package: str, script: str) -> list[str]:
    name = package.rpartition("@")[0]
    folder = cached(
        f"bench-{package.replace('@', '-')}",
        lambda folder: npm_install(package, folder, NODE_PACKAGES[package]),
    )
    return [str(node()), str(HERE / script), str(folder / "node_modules" / name)]


def _ws() -> list[str]:
    return _node("ws@8.23.0", "peer_ws.cjs")


def _socketio() -> list[str]:
    return _node("socket.io@4.8.4", "peer_socketio.cjs")


def _channels() -> list[str]:
    def fetch(folder: Path) -> None:
        uv = shutil.which("uv") or str(ROOT / ".tools/bin/uv")
        packages = folder / "packages"
        words = [uv, "pip", "install", "--quiet", "--target", str(packages), *DJANGO_PACKAGES]
        subprocess.run(words, check=True)

    folder = cached("bench-channels", fetch)
    python = str(ROOT / ".venv/bin/python")
    return [python, "-P", str(HERE / "peer_channels.py"), str(folder / "packages")]


PEERS = (
    Peer(name="starlette", bound=2.4, must=2.0),
    Peer(name="broadcast", bound=1.5, must=1.3),
    Peer(name="node_ws", bound=1.3, must=1.2, fetch=_ws),
    Peer(
        name="socketio",
        bound=2.5,
        must=2.1,
        path="/socket.io/?EIO=4&transport=websocket",
        hello="40",
        envelope='42["said",%s]',
        fetch=_socketio,
    ),
    Peer(name="channels", bound=50, must=30, gentle=True, redis=True, fetch=_channels),
)
