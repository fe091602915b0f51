"""The relay, with a meter in its loop: the longest that one thing held up everything else.

Run before a command's own words: `python -m tests.fault.metered METER FAULT python -P -m
server.cli relay`. What is measured is this thread's own work between two looks, as the loop sees
it: a machine that lends the processor to others does not count. METER is the file it is written
to; FAULT is a worse relay of ours to compare with, or `none`.
"""

import asyncio
import logging
import sys
import time
from pathlib import Path

from realtime.relay import relay
from realtime.relay.hellos import Hellos
from realtime.relay.mux import DTLS_BELOW, DTLS_FROM, Address, Ice, Mux
from server.cli import main

LOOK_SECONDS = 0.005
TELL_SECONDS = 0.5

log = logging.getLogger(__name__)


class Metered(relay.Relay):
    """Writes its longest turn in milliseconds, twice a second."""

    meter = Path()

    async def run(self) -> None:
        look = asyncio.create_task(self._look())
        try:
            await super().run()
        finally:
            look.cancel()

    async def _look(self) -> None:
        longest, told_at, before = 0.0, 0.0, time.thread_time()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.thread_time()
            longest, before = max(longest, now - before), now
            if time.monotonic() - told_at > TELL_SECONDS:
                told_at = time.monotonic()
                self.meter.write_text(f"{longest * 1000:.1f}")


class Open(Mux):
    """Takes handshakes from anybody, as a library does that knows one peer only."""

    def received(self, datagram: bytes, address: Address) -> None:
        super().received(datagram, address)
        handshake = datagram and DTLS_FROM <= datagram[0] < DTLS_BELOW
        if handshake and address not in self._by_address:
            for ice in self._by_ufrag.values():
                ice.deliver(datagram)


class Credulous(Mux):
    """Hands on whatever comes from a proved address, as a library would have it."""

    def new_ice(self) -> Ice:
        ice = super().new_ice()
        ice.hellos = Everything()
        return ice


class Everything(Hellos):
    def pass_on(self, datagram: bytes) -> bool:  # noqa: ARG002 - what it replaces looks at it
        return True


class Talkative(Mux):
    """Tells its log of whatever it cannot read, and answers that it could not."""

    def received(self, datagram: bytes, address: Address) -> None:
        counters = self.counters
        before = counters.malformed + counters.unauthenticated + counters.unverified
        super().received(datagram, address)
        if counters.malformed + counters.unauthenticated + counters.unverified > before:
            log.warning("%d bytes from %s that are nothing", len(datagram), address)
            self.send(b"\x01\x11\x00\x00", address)


FAULTS: dict[str, type[Mux]] = {
    "none": Mux,
    "open": Open,
    "credulous": Credulous,
    "talkative": Talkative,
}

if __name__ == "__main__":
    Metered.meter = Path(sys.argv[1])
    relay.Mux = FAULTS[sys.argv[2]]  # type: ignore[attr-defined]
    relay.Relay = Metered  # type: ignore[misc]
    sys.argv = sys.argv[sys.argv.index("server.cli") :]
    main()
