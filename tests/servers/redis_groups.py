"""Several servers that replace or complete each other: a master under sentinels, and a cluster."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.servers import processes
from tests.servers.redis import PATIENCE_SECONDS, Redis, servers_found
from tests.servers.waiting import eventually

SERVICE = "rounds"
SLOTS = 16_384

DOWN_MS = 500
"""After so long a silence a master is given up: soon, and not for one slow answer."""

PROMPT = "repl-diskless-sync yes\nrepl-diskless-sync-delay 0\n"
"""A replica is served at once, where others would be waited for."""

SENTINEL = f"""
sentinel monitor {SERVICE} 127.0.0.1 %d 2
sentinel down-after-milliseconds {SERVICE} {DOWN_MS}
sentinel failover-timeout {SERVICE} 3000
"""
NODE = f"""
{PROMPT}
cluster-enabled yes
cluster-node-timeout {DOWN_MS}
cluster-replica-validity-factor 0
"""


class Group:
    """Servers in one folder, each in its own below it."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary = servers_found()[binary]
        self._folder = folder
        self.servers: list[Redis] = []

    def add(self, port: int, settings: str, *options: str) -> Redis:
        folder = self._folder / str(len(self.servers))
        folder.mkdir()
        server = Redis(self._binary, folder, port, settings=settings, options=options)
        self.servers.append(server)
        server.start()
        return server

    def close(self) -> None:
        for server in self.servers:
            if server.process.poll() is None:
                server.thaw()
                server.kill()


class Sentinels(Group):
    """A master, its replica, and three who watch them."""

    def begin(self) -> None:
        self.master = self.add(processes.free_port(), PROMPT)
        follows = f"replicaof 127.0.0.1 {self.master.port}\n"
        self.replica = self.add(processes.free_port(), PROMPT + follows)
        eventually(lambda: b"master_link_status:up" in self.replica.ask("INFO", "replication"))
        watch = SENTINEL % (self.master.port or 0)
        self.watchers = [self.add(processes.free_port(), watch, "--sentinel") for _ in range(3)]
        places = ",".join(f"127.0.0.1:{watcher.port}" for watcher in self.watchers)
        self.url = f"redis+sentinel://{places}/{SERVICE}"
        eventually(lambda: all(map(_sees_all, self.watchers)), what="the sentinels meet")


class Cluster(Group):
    """Three primaries; the last one's keys are copied by a replica."""

    def begin(self) -> None:
        self.primaries = [self.add(_cluster_port(), NODE) for _ in range(3)]
        self.replica = self.add(_cluster_port(), NODE)
        for at, node in enumerate(self.primaries):
            slots = range(at * SLOTS // 3, (at + 1) * SLOTS // 3)
            assert node.ask("CLUSTER", "ADDSLOTS", *map(str, slots)) == b"+OK\r\n"
            assert node.ask("CLUSTER", "SET-CONFIG-EPOCH", str(at + 1)) == b"+OK\r\n"
        for node in self.servers[1:]:
            met = self.servers[0].ask("CLUSTER", "MEET", "127.0.0.1", str(node.port))
            assert met == b"+OK\r\n"
        eventually(self._whole, PATIENCE_SECONDS, "the nodes meet")
        copied = self.primaries[-1].ask("CLUSTER", "MYID").split(b"\r\n")[1].decode()
        assert self.replica.ask("CLUSTER", "REPLICATE", copied) == b"+OK\r\n"
        eventually(lambda: all(map(self._copied, self.servers)), what="all know the replica")
        eventually(lambda: b"master_link_status:up" in self.replica.ask("INFO", "replication"))
        self.url = self.url_of(*self.primaries)

    def url_of(self, *nodes: Redis) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)

    def holder(self, key: str) -> Redis:
        slot = int(self.primaries[0].ask("CLUSTER", "KEYSLOT", key)[1:])
        return self.primaries[slot * 3 // SLOTS]

    def take_back(self) -> None:
        """After its replica took over, the last primary returns as the new one's replica."""
        self.primaries[-1], self.replica = self.replica, self.primaries[-1]
        self.replica.start()
        eventually(lambda: b"master_link_status:up" in self.replica.ask("INFO", "replication"))

    def _copied(self, node: Redis) -> bool:
        told = node.ask("CLUSTER", "NODES")
        return b" slave " in told or b"myself,slave" in told

    def _whole(self) -> bool:
        told = [node.ask("CLUSTER", "INFO") for node in self.servers]
        return all(b"cluster_state:ok" in one and b"known_nodes:4" in one for one in told)


@contextmanager
def running_sentinels(binary: str) -> Generator[Sentinels]:
    with _folder() as folder, closing(Sentinels(binary, folder)) as group:
        group.begin()
        yield group


@contextmanager
def running_cluster(binary: str) -> Generator[Cluster]:
    with _folder() as folder, closing(Cluster(binary, folder)) as group:
        group.begin()
        yield group


@contextmanager
def _folder() -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rounds-redis-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _sees_all(watcher: Redis) -> bool:
    told = watcher.ask("SENTINEL", "MASTER", SERVICE).split(b"\r\n")
    values = dict(zip(told[2::4], told[4::4], strict=False))
    return values.get(b"num-slaves") == b"1" and values.get(b"num-other-sentinels") == b"2"


def _cluster_port() -> int:
    """The nodes' own port is ten thousand above, and has to exist."""
    while True:
        port = processes.free_port()
        if port < 55_000:
            return port
