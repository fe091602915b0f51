"""The relay's cost and delay, beside the floor: the least that any sender in Python can do.

The floor protects a packet and calls `sendto`, once per packet and viewer, at the same paced load,
in the same run, towards the same sinks. Both run on one core, the load on another.
"""

import asyncio
import os
import statistics
import sys
from collections.abc import Mapping, Sequence

from tests.bench.figures import Figure, of_samples
from tests.bench.relay import pair, reel, scenes
from tests.bench.relay.janus import NoJanus, fetched, own_address
from tests.bench.relay.processes import beside, resident_kb
from tests.bench.relay.scenes import Compared, Turn

VIEWERS, STORM = 100, 200
CROWDS = (400, 600)
"""Sizes of an audience that is to get everything, on one core."""
QUICK_SECONDS, SECONDS = 1.5, 3.0
CROWD_SECONDS = 5.0
WHOLE = 0.999
"""Of what was published, and no number missing between two others."""
REPETITIONS = 5
"""Of relay, floor and peer by turns: one sample on a shared machine says nothing."""
QUICK_CYCLES, CYCLES = 200, 1000
QUICK_FIRST_FRAMES, FIRST_FRAMES = 8, 20


def main(*, quick: bool, peers: bool) -> list[Figure]:
    if peers:
        try:
            fetched(), own_address()
        except NoJanus as reason:
            sys.exit(f"bench: relay: {reason}")
    return asyncio.run(measure(quick=quick, peers=peers))


async def measure(*, quick: bool, peers: bool) -> list[Figure]:
    there = beside()
    seconds = QUICK_SECONDS if quick else SECONDS
    figures: list[Figure] = []
    async with scenes.scene(there) as on:
        memory = [(0, resident_kb(on.pid))]
        join_ms = await scenes.joined(on, VIEWERS - 1)
        found = await scenes.compared(
            on, there, seconds=seconds, repetitions=REPETITIONS, with_janus=peers
        )
        memory.append((VIEWERS, resident_kb(on.pid)))
        firsts = await scenes.first_frames(on, QUICK_FIRST_FRAMES if quick else FIRST_FRAMES)
        storm_s = await scenes.storm(on, STORM)
        memory.append((VIEWERS + STORM, resident_kb(on.pid)))
        turns: dict[int, list[Turn]] = {}
        for crowd in CROWDS:
            await scenes.joined(on, crowd - len(on.audience.viewers))
            memory.append((crowd, resident_kb(on.pid)))
            turns[crowd] = [
                await on.turn(CROWD_SECONDS) for _ in range(1 if quick else REPETITIONS)
            ]
        figures += costs(found) + crowded(turns)
    if not quick:
        figures += await shown_in_full(there)
        figures += await pair.measure(seconds, there)
    async with scenes.scene(there) as on:
        growth = await scenes.grown(on, QUICK_CYCLES if quick else CYCLES)
    figures += [
        Figure(figure="join_cpu_ms", value=join_ms, unit="ms", bound="< 4", must="<= 12"),
        Figure(figure="storm_playing_s", value=storm_s, unit="s", bound="< 3", must="<= 10"),
        # To the last packet of the first keyframe, at a viewer that decodes nothing.
        of_samples("first_frame_p50_ms", firsts, "ms", bound="< 200", must="<= 1000"),
        Figure(
            figure="memory_per_viewer_kb",
            value=scenes.slope(memory),
            unit="KiB",
            samples=[kilobytes for _, kilobytes in memory],
        ),
        Figure(
            figure="memory_growth_per_join_kb", value=growth, unit="KiB", bound="<= 1", must="<= 4"
        ),
    ]
    return figures


async def shown_in_full(core: int) -> list[Figure]:
    """What needs browsers and encoders: glass to glass, and how far `MediaRelay` goes."""
    alone, shares = await reel.viewers(core)
    seen = await scenes.seen(set(range(os.cpu_count() or 1)))
    return [
        Figure(figure="media_relay_viewers", value=alone, unit="viewers", samples=shares),
        of_samples("glass_to_glass_p50_ms", seen.ages_ms, "ms", bound="< 100", must="<= 1000"),
        of_samples("first_frame_chromium_p50_ms", seen.first_frames_ms, "ms", bound="< 200"),
    ]


def costs(found: Compared) -> list[Figure]:
    relay = [turn.us for turn in found.relay]
    ratios = [ours / floor for ours, floor in zip(relay, found.floor_us, strict=True)]
    figures = [
        of_samples("cpu_per_packet_vs_floor", ratios, "ratio", bound="<= 0.75", must="<= 1.0"),
        of_samples("cpu_per_packet", relay, "µs"),
        of_samples("floor_cpu_per_packet", found.floor_us, "µs"),
    ]
    if found.janus:
        janus = [turn.us for turn in found.janus]
        ratios = [ours / theirs for ours, theirs in zip(relay, janus, strict=True)]
        figures += [
            of_samples("cpu_per_packet_vs_janus", ratios, "ratio", bound="<= 0.50", must="<= 0.6"),
            of_samples("janus_cpu_per_packet", janus, "µs"),
            Figure(figure="janus_delivered", value=_delivered(found.janus, VIEWERS), unit="ratio"),
        ]
    return [
        *figures,
        Figure(
            figure="delivered",
            value=_delivered(found.relay, VIEWERS),
            unit="ratio",
            bound=">= 0.999",
            must=">= 0.99",
        ),
        Figure(figure="added_latency_p50_ms", value=_at(found.delays_ms, 0.5), unit="ms"),
        Figure(
            figure="added_latency_p95_ms",
            value=_at(found.delays_ms, 0.95),
            unit="ms",
            bound="< 5",
            must="<= 50",
        ),
    ]


def crowded(turns: Mapping[int, Sequence[Turn]]) -> list[Figure]:
    """The largest audience that got everything in most of its turns, and what the largest cost."""
    whole = [
        crowd
        for crowd, taken in turns.items()
        if 2 * sum(_is_whole(turn, crowd) for turn in taken) > len(taken)
    ]
    largest, taken = max(turns.items())
    shares = [turn.share for turn in taken]
    return [
        Figure(
            figure="viewers_delivered",
            value=max(whole, default=0),
            unit="viewers",
            bound=">= 600",
            must=">= 400",
            samples=[_delivered([turn], largest) for turn in taken],
        ),
        Figure(
            figure="viewers_delivered_lost",
            value=sum(turn.shown.lost for turn in taken),
            unit="packets",
        ),
        of_samples("viewers_delivered_core", shares, "of a core"),
        of_samples("viewers_delivered_cpu_per_packet", [turn.us for turn in taken], "µs"),
        Figure(
            figure="viewers_per_core",
            value=round(largest / statistics.median(shares)),
            unit="viewers, extrapolated",
        ),
    ]


def _is_whole(turn: Turn, viewers: int) -> bool:
    return _delivered([turn], viewers) >= WHOLE and not turn.shown.lost


def _delivered(turns: Sequence[Turn], viewers: int) -> float:
    expected = sum(turn.shown.sent for turn in turns) * viewers
    return sum(turn.shown.received for turn in turns) / max(1, expected)


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
