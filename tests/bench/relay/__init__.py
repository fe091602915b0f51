"""The relay's cost and delay, beside the floor: the least that any sender in Python can do.

The floor protects a packet and calls `sendto`, once per packet and viewer, at the same paced load,
in the same run, towards sinks that drain it. Both run on one core, the load on another.
"""

import asyncio
import statistics
from collections.abc import Sequence

from tests.bench.figures import Figure, of_samples
from tests.bench.relay.load import Measured, measure

QUICK_VIEWERS, VIEWERS = 100, 200
QUICK_SECONDS, SECONDS = 3.0, 5.0
REPETITIONS = 5
"""Of relay and floor by turns: one sample on a shared machine says nothing."""


def main(*, quick: bool, peers: bool) -> list[Figure]:
    del peers  # the floor is what we compare ourselves with
    viewers, seconds = (QUICK_VIEWERS, QUICK_SECONDS) if quick else (VIEWERS, SECONDS)
    measured = asyncio.run(measure(viewers, seconds, REPETITIONS))
    return figures(measured, viewers)


def figures(measured: Measured, viewers: int) -> list[Figure]:
    rounds = measured.rounds
    ratios = [each.relay_us / each.floor_us for each in rounds]
    delays = sorted(delay for each in rounds for delay in each.delays_ms)
    relay_us = [each.relay_us for each in rounds]
    expected = sum(each.expected for each in rounds)
    return [
        of_samples("cpu_per_packet_vs_floor", ratios, "ratio", bound="<= 0.75", must="<= 1.0"),
        of_samples("cpu_per_packet", relay_us, "µs"),
        of_samples("floor_cpu_per_packet", [each.floor_us for each in rounds], "µs"),
        Figure(
            figure="delivered",
            value=sum(each.delivered for each in rounds) / max(1, expected),
            unit="ratio",
            bound=">= 0.999",
            must=">= 0.99",
        ),
        Figure(figure="delay_p50", value=_share(delays, 0.5), unit="ms"),
        Figure(
            figure="delay_p95", value=_share(delays, 0.95), unit="ms", bound="<= 5", must="<= 50"
        ),
        Figure(figure="viewers", value=viewers, unit="viewers"),
        Figure(
            figure="viewers_per_core",
            value=round(viewers / statistics.median(each.relay_share for each in rounds)),
            unit="viewers, extrapolated",
        ),
        Figure(figure="join_cpu", value=measured.join_ms, unit="ms", bound="<= 4", must="<= 12"),
    ]


def _share(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
