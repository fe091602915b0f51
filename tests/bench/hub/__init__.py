"""What it costs to tell everybody: the hub beside the plainest loop over `send` there can be.

One process holds all sockets on one core and generates the load on the machine's other one; the
servers take turns, each alone. What counts is their CPU time, so another busy process disturbs
little; the ratios are those of one run. The floor knows no topics, rights, replay or slow readers.

Small topics are written to at once, a write per socket, as the floor does; a topic with a crowd is
written to once a tick. At the end come the day with ten thousand people and the storm.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.bench.figures import Figure, of_samples
from tests.bench.hub import conf10k, storm, stuck
from tests.bench.hub.herd import Herd, cpu_ns, resident_kib
from tests.bench.hub.peers import PEERS, Peer
from tests.bench.hub.places import pinned
from tests.bench.hub.servers import serving

WARMERS = 20
"""Sockets that come first and are not counted: by then a server has loaded everything."""


@dataclass(frozen=True, slots=True)
class Plan:
    sockets: int
    rounds: int
    seconds: float
    rate: float
    busy_rate: float


QUICK = Plan(sockets=1_000, rounds=3, seconds=2.0, rate=25, busy_rate=120)
FULL = Plan(sockets=10_000, rounds=3, seconds=5.0, rate=5, busy_rate=40)
GENTLE = replace(QUICK, rate=3)
"""What the slowest peer can follow."""


@dataclass(slots=True)
class Sample:
    """One turn of one server."""

    per_cpu_second: float = 0.0
    busy_cpu: float = 0.0
    p99_ms: float = 0.0
    handshake_us: float = 0.0
    kib_a_socket: float = 0.0
    lost: int = 0


Turns = list[dict[str, Sample]]


def main(*, quick: bool, peers: bool) -> list[Figure]:
    plan = QUICK if quick else FULL
    quickly = [peer for peer in PEERS if not peer.gentle] if peers else []
    gently = [peer for peer in PEERS if peer.gentle] if peers else []
    for peer in (*quickly, *gently):
        peer.install()
    with pinned() as cores:
        turns = in_turn(quickly, plan, cores[0])
        slow = in_turn(gently, GENTLE, cores[0]) if gently else []
    told = figures(turns)
    for peer in quickly:
        told.append(compared(peer, turns))
    for peer in gently:
        told.append(compared(peer, slow))
    told += stuck.main(quick=quick, peers=peers)
    if not quick:
        told += [*conf10k.main(quick=quick, peers=peers), *storm.main(quick=quick, peers=peers)]
    return told


def in_turn(peers: list[Peer], plan: Plan, core: int) -> Turns:
    """The hub, the floor and the peers, one after the other, again and again."""
    turns: Turns = []
    for _ in range(plan.rounds):
        turns.append({name: turn(name, None, plan, core) for name in ("floor", "hub")})
        turns[-1] |= {peer.name: turn(peer.name, peer, plan, core) for peer in peers}
        for name, sample in turns[-1].items():
            print(f"{name:10} {sample}")
    return turns


def figures(turns: Turns) -> list[Figure]:
    def ratio(of: Callable[[Sample], float]) -> list[float]:
        return [of(each["hub"]) / of(each["floor"]) for each in turns]

    def own(of: Callable[[Sample], float]) -> list[float]:
        return [of(each["hub"]) for each in turns]

    return [
        of_samples(
            "deliveries_vs_floor",
            ratio(lambda s: s.per_cpu_second),
            "ratio",
            bound=">= 0.75",
            must=">= 0.70",
        ),
        of_samples(
            "tick_cpu_vs_floor",
            ratio(lambda s: s.busy_cpu),
            "ratio",
            bound="<= 0.50",
            must="<= 0.60",
        ),
        of_samples("p99_vs_floor", ratio(lambda s: s.p99_ms), "ratio", bound="<= 1.5", must="<= 4"),
        of_samples("deliveries_per_cpu_second", own(lambda s: s.per_cpu_second), "1/s"),
        of_samples("p99_delivery_ms", own(lambda s: s.p99_ms), "ms"),
        of_samples("handshake_cpu_us", own(lambda s: s.handshake_us), "us"),
        of_samples(
            "memory_per_socket_kb", own(lambda s: s.kib_a_socket), "KiB", bound="<= 6", must="<= 8"
        ),
        of_samples("lost", own(lambda s: float(s.lost)), "", bound="== 0"),
    ]


def compared(peer: Peer, turns: Turns) -> Figure:
    faster = [each["hub"].per_cpu_second / each[peer.name].per_cpu_second for each in turns]
    return of_samples(
        f"vs_{peer.name}", faster, "ratio", bound=f">= {peer.bound}", must=f">= {peer.must}"
    )


def turn(name: str, peer: Peer | None, plan: Plan, core: int) -> Sample:
    with serving(name, core, peer) as (pid, port):
        herd, sample = Herd(peer), Sample()
        try:
            herd.gather(port, WARMERS)
            memory, cpu = resident_kib(pid), cpu_ns(pid)
            herd.gather(port, plan.sockets)
            sample.handshake_us = (cpu_ns(pid) - cpu) / 1e3 / plan.sockets
            sample.kib_a_socket = (resident_kib(pid) - memory) / plan.sockets
            herd.tell(3, rate=min(20, plan.rate))  # warm
            cpu = cpu_ns(pid)
            herd.tell(int(plan.rate * plan.seconds), rate=plan.rate)
            spent = (cpu_ns(pid) - cpu) / 1e9
            sample.per_cpu_second = len(herd.took) / spent
            sample.p99_ms = statistics.quantiles(herd.took, n=100)[98] / 1e6
            sample.lost = herd.lost
            if peer is None:
                cpu = cpu_ns(pid)
                herd.tell(int(plan.busy_rate * plan.seconds), rate=plan.busy_rate, crowd=True)
                sample.busy_cpu = (cpu_ns(pid) - cpu) / 1e9
                sample.lost += herd.lost
        finally:
            herd.scatter()
    return sample
