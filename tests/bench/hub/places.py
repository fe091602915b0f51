"""Which core a benchmark's processes run on, and how many files they may have open."""

import os
import resource
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

STEERING = Path("/sys/class/net/lo/queues/rx-0/rps_cpus")
"""Which cores receive what comes over loopback, as a mask; root's to say
(Linux, `Documentation/networking/scaling.rst`, Receive Packet Steering)."""


@contextmanager
def pinned() -> Generator[list[int]]:
    """Stay on the last of this machine's cores; the first is the servers'."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    try:
        with received_at(cores[-1]):
            yield cores
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def received_at(core: int) -> Generator[bool]:
    """Have the receivers' core do what receiving costs; whether that is possible here.

    Loopback does it within the sender's call, and charges it to the sender: a server would pay for
    its clients' network stacks, which run on other machines in life.
    """
    try:
        before = STEERING.read_text()
        STEERING.write_text(f"{1 << core:x}")
    except OSError:
        print("receiving is charged to whoever sends: only root may say where it is done")
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            STEERING.write_text(before)
