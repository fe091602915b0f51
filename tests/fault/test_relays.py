"""Relays that die or freeze, one of several: who notices, and how soon everybody is back.

Figures are printed: `./run test tests/fault/test_relays.py -s`.
"""

import asyncio
import os
import signal
import time

import pytest

from tests.integration.test_relays import (
    BACK_SECONDS,
    Fleet,
    Viewer,
    fleet,
    fleet_process,
    shown,
)
from tests.servers.waiting import eventually_async

__all__ = ["fleet", "fleet_process"]

RESTART_SECONDS = 10.0
"""From the death or the freeze to another process; it then starts."""


async def _back(viewer: Viewer, since: float) -> float:
    await viewer.sees(BACK_SECONDS)
    return time.monotonic() - since


@pytest.mark.timeout(300)
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
@pytest.mark.parametrize("struck", ["origin", "edge"])
async def test_everybody_is_back_by_themselves(
    fleet: Fleet, struck: str, blow: signal.Signals
) -> None:
    name = fleet.origin if struck == "origin" else fleet.edge
    async with shown(fleet) as (near, far):
        before, began = fleet.pid(name), time.monotonic()
        os.kill(before, blow)

        def replaced() -> bool:
            try:
                return fleet.pid(name) != before
            except LookupError:
                return False

        await eventually_async(replaced, RESTART_SECONDS, "another process")
        restarted = time.monotonic() - began
        at_origin, at_edge = await asyncio.gather(_back(near, began), _back(far, began))
        print(  # noqa: T201 - figures for the documents
            f"\n{struck} {blow.name}: another process after {restarted:.1f} s, "
            f"pictures at the origin after {at_origin:.1f} s, at the edge after {at_edge:.1f} s"
        )
        assert max(at_origin, at_edge) < BACK_SECONDS
        if struck == "edge":
            assert near.joined == 1, "the others never noticed"
