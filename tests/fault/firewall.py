"""A firewall that drops: packets vanish both ways, and nobody is told, as a closed port would tell.

Whoever reaches a server under `FAR_AS_SEEN` is behind it; under `FAR`, a neighbour reaches the same
server past it. Both are in a network namespace of the test's thread, with all that it starts.
Making one takes root, or a user who may make namespaces, and /dev/net/tun.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from tests.fault.tun import Tun, tun


class Firewall:
    """Open until told otherwise."""

    def __init__(self) -> None:
        self.closed = False
        self.dropped = 0

    def passes(self) -> list[float]:
        if self.closed:
            self.dropped += 1
            return []
        return [0.0]


@contextmanager
def running_firewall() -> Generator[Firewall]:
    """It carries packets in a thread of its own: servers that start are waited for in this one."""
    firewall = Firewall()
    with tun() as wire:
        wire.up = wire.down = firewall.passes
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_carry, args=(wire, loop), name="firewall")
        thread.start()
        try:
            yield firewall
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


@asynccontextmanager
async def cut(firewall: Firewall) -> AsyncGenerator[None]:
    """Closed meanwhile."""
    firewall.closed = True
    try:
        yield
    finally:
        firewall.closed = False
    assert firewall.dropped, "nobody tried to pass"


def _carry(wire: Tun, loop: asyncio.AbstractEventLoop) -> None:
    async def open_wire() -> None:
        wire.open()

    async def close_wire() -> None:
        wire.close()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(open_wire())
        loop.run_forever()
        runner.run(close_wire())
