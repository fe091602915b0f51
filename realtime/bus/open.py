"""Picks the bus by its address; the only place that knows both kinds."""

from asyncio import TaskGroup
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from realtime.bus.bus import Bus, Ear
from realtime.bus.memory import MemoryBus
from realtime.bus.redis import open_redis_bus


@asynccontextmanager
async def open_bus(url: str | None, ear: Ear, tasks: TaskGroup) -> AsyncGenerator[Bus]:
    """The bus at an address or, without one, the bus inside this process."""
    if not url:
        yield MemoryBus(ear)
        return
    async with open_redis_bus(url, ear, tasks) as bus:
        yield bus
