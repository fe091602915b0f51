"""What is measured runs in processes of its own, on one core; the load has the other."""

import asyncio
import os
import resource
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncGenerator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.bench.relay.{module}", *arguments, stdin=PIPE, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def cpu_seconds(pid: int) -> float:
    """What a process has used, to the nanosecond."""
    spent = [
        int((task / "schedstat").read_text().split()[0])
        for task in Path(f"/proc/{pid}/task").iterdir()
    ]
    return sum(spent) / 1e9


def resident_kb(pid: int) -> float:
    """Memory of a process that nobody else holds, and that is not of files."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return float(line.split()[1])
    raise LookupError(f"no RssAnon of process {pid}")


def beside() -> int:
    """Stay on one core, with as many files as there may be; the core for what is measured."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {usable[-1]})
    return usable[0]
