"""Which core a benchmark's processes run on, and how many files they may have open."""

import os
import resource
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def pinned() -> Generator[list[int]]:
    """Stay on the last of this machine's cores; the first is the servers'."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, cores)
