"""A relay in a process of its own, as `rounds relay` runs it; its HTTP port on stdout."""

import os
import socket
import sys
from asyncio import TaskGroup

import uvicorn
import uvloop

from realtime.relay.app import create_app
from realtime.relay.bounds import PEERS
from realtime.relay.relay import open_relay


async def serve(secret: bytes) -> None:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(1024)  # before anybody knows the port
    async with TaskGroup() as tasks:
        opened = open_relay(
            advertised="127.0.0.1", host="127.0.0.1", port=0, secret=secret, tasks=tasks
        )
        async with opened as relay:
            print(listening.getsockname()[1], flush=True)
            config = uvicorn.Config(create_app(relay), lifespan="off", log_level="warning")
            await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    core, secret = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    # How many it can serve is what is to be found out.
    vars(sys.modules["realtime.relay.relay"])["VIEWERS_PER_STAGE"] = PEERS
    uvloop.run(serve(bytes.fromhex(secret)))
