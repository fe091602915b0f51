"""A second relay that pulls from the first: what the hop costs, in CPU and in time.

Both run on one core, the load on the other. The same audience is served by turns: all at the
origin, or half of it at the edge. Whoever has more cores or machines gets as many times the room;
what is measured is what that takes from each.
"""

import asyncio
import statistics
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from tests.bench.figures import Figure, of_samples
from tests.bench.relay.processes import beside, cpu_seconds
from tests.bench.relay.scenes import Scene, Turn, scene, served, taken
from tests.bench.relay.viewers import Audience, Probe

VIEWERS = 100
"""At each of the two, or all of them at the origin."""
REPETITIONS = 5
QUICK_SECONDS, SECONDS = 1.5, 3.0


def main(*, quick: bool, peers: bool) -> list[Figure]:  # noqa: ARG001 - no peer does this
    return asyncio.run(measure(QUICK_SECONDS if quick else SECONDS, beside()))


async def measure(seconds: float, there: int) -> list[Figure]:
    near, far = Probe(), Probe()
    async with scene(there) as alone, scene(there) as origin, edge_of(origin, there) as edge:
        both = Audience(origin.at)
        async with alone.filming():
            await alone.audience.join(2 * VIEWERS)
        async with alone.audience.attending(), origin.filming():
            await origin.audience.join(VIEWERS - 1)
            await origin.audience.admit([near])
            async with edge.audience.attending():
                join_ms = await joined(edge, VIEWERS - 1)
                await edge.audience.admit([far])
        both.viewers += origin.audience.viewers + edge.audience.viewers
        ones, twos = list[Turn](), list[Turn]()
        for at in range(REPETITIONS + 1):
            async with both.attending():
                ones.append(await taken([alone.pid], alone.audience, alone.camera, seconds))
            async with alone.audience.attending():
                twos.append(await taken([origin.pid, edge.pid], both, origin.camera, seconds))
            if at == 0:  # the first of each warms it
                for each in (ones, twos, near.delays_ms, far.delays_ms):
                    each.clear()
    return figures(ones, twos, join_ms, near, far)


def figures(
    ones: Sequence[Turn], twos: Sequence[Turn], join_ms: float, near: Probe, far: Probe
) -> list[Figure]:
    ratios = [two.us / one.us for one, two in zip(ones, twos, strict=True)]
    delivered = [each.shown.received / (each.shown.sent * 2 * VIEWERS) for each in twos]
    missed = sum(each.shown.lost for each in twos)
    return [
        of_samples("pair_cpu_vs_one", ratios, "ratio", bound="<= 1.5", must="<= 2"),
        of_samples("pair_cpu_per_packet", [each.us for each in twos], "µs"),
        of_samples("one_cpu_per_packet", [each.us for each in ones], "µs"),
        of_samples("pair_delivered", delivered, "ratio", bound=">= 0.999", must=">= 0.99"),
        Figure(figure="pair_missed", value=missed, unit="packets", bound="== 0", must="<= 1000"),
        Figure(figure="edge_join_cpu_ms", value=join_ms, unit="ms", bound="< 4", must="<= 12"),
        Figure(figure="origin_latency_p95_ms", value=_p95(near), unit="ms"),
        Figure(
            figure="edge_latency_p95_ms", value=_p95(far), unit="ms", bound="< 10", must="<= 100"
        ),
    ]


def _p95(probe: Probe) -> float:
    return statistics.quantiles(probe.delays_ms, n=20)[18]


async def joined(edge: Scene, count: int) -> float:
    """So many join; milliseconds of CPU for each, with what goes to those who are there."""
    before = cpu_seconds(edge.pid)
    await edge.audience.join(count)
    return (cpu_seconds(edge.pid) - before) / count * 1000


@asynccontextmanager
async def edge_of(origin: Scene, core: int) -> AsyncGenerator[Scene]:
    """Another relay, which shows what the origin has."""
    url = str(origin.at.http.base_url).rstrip("/")
    async with served(core, origin.at.secret, url) as (pid, at):
        audience = Audience(at)
        try:
            yield Scene(pid=pid, at=at, camera=origin.camera, audience=audience)
        finally:
            audience.close()
