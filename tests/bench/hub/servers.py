"""The servers of the benchmark, each a process of its own on one core: the floor, ours, the peers.

The first line that one prints is its port.
"""

import os
import re
import resource
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.bench.hub.peers import Peer

PAD = "How does the schedule change when renal function falls during treatment? " + "x" * 48
AT = re.compile(rb'at\\?":(\d{19})')
"""When something was said, in an event or in a text within one."""

ORIGIN = "http://127.0.0.1"
PATIENCE_SECONDS = 60.0


@contextmanager
def serving(name: str, core: int, peer: Peer | None = None) -> Generator[tuple[int, int]]:
    """A server of its own process on the first core; its pid and port."""
    command = [sys.executable, "-m", "tests.bench.hub.process", name, str(core)]
    with peer.surroundings() if peer else nothing() as environment:
        server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
            env={**os.environ, **environment},
        )
        try:
            assert server.stdout is not None
            yield server.pid, int(server.stdout.readline())
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE_SECONDS)


@contextmanager
def nothing() -> Generator[dict[str, str]]:
    yield {}


def floor(listening: socket.socket) -> None:
    """Accept, answer, and send the same bytes in a loop."""
    listening.setblocking(False)
    poll = select.epoll()
    poll.register(listening.fileno(), select.EPOLLIN)
    lines: dict[int, socket.socket] = {}
    sends: dict[int, Callable[[bytes], int]] = {}
    followed = framed(b'{"type":"resync","topic":"crowd"}')
    switching = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )
    while True:
        for number, _ in poll.poll():
            if number == listening.fileno():
                line, _ = listening.accept()
                line.setblocking(False)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                lines[line.fileno()] = line
                poll.register(line.fileno(), select.EPOLLIN)
                continue
            text = lines[number].recv(65_536)
            if not text:
                poll.unregister(number)
                sends.pop(number, None)
                lines.pop(number).close()
            elif number not in sends:
                lines[number].send(switching)
                sends[number] = lines[number].send
            elif found := AT.search(text):
                told = framed(event(found[1]))
                with suppress(ConnectionError):  # those who left while it was late
                    for send in sends.values():
                        send(told)
            else:
                sends[number](followed)


def framed(text: bytes) -> bytes:
    size = len(text)
    header = bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    return header + text


def event(at: bytes) -> bytes:
    return b'{"topic":"crowd","seq":1,"type":"said","at":%b,"text":"%b"}' % (at, PAD.encode())


def starlette(listening: socket.socket) -> None:
    """What one writes who reads the tutorial: a task a socket, and `send_text` in a loop."""
    import uvicorn  # noqa: PLC0415 - each server loads only what it runs on
    import uvloop  # noqa: PLC0415
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.routing import WebSocketRoute  # noqa: PLC0415
    from starlette.websockets import WebSocket, WebSocketDisconnect  # noqa: PLC0415

    peers: set[WebSocket] = set()

    async def endpoint(peer: WebSocket) -> None:
        await peer.accept()
        peers.add(peer)
        try:
            while True:
                text = await peer.receive_text()
                if found := AT.search(text.encode()):
                    told = event(found[1]).decode()
                    for each in peers:
                        await each.send_text(told)
                else:
                    await peer.send_text('{"type":"resync","topic":"crowd"}')
        except WebSocketDisconnect:
            peers.discard(peer)

    app = Starlette(routes=[WebSocketRoute("/ws", endpoint)])
    config = uvicorn.Config(
        app, ws="websockets-sansio", ws_per_message_deflate=False, log_level="error"
    )
    uvloop.run(uvicorn.Server(config).serve(sockets=[listening]))


def hub(listening: socket.socket) -> None:
    import uvloop  # noqa: PLC0415

    from tests.bench.hub.ours import serve  # noqa: PLC0415

    uvloop.run(serve(listening, ORIGIN))


def broadcast(listening: socket.socket) -> None:
    """The library's own server, and the way to tell many that its documentation recommends."""
    import asyncio  # noqa: PLC0415

    import uvloop  # noqa: PLC0415
    import websockets.asyncio.server as websockets  # noqa: PLC0415
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

    peers: set[websockets.ServerConnection] = set()

    async def handler(peer: websockets.ServerConnection) -> None:
        peers.add(peer)
        try:
            async for text in peer:
                if found := AT.search(str(text).encode()):
                    websockets.broadcast(peers, event(found[1]).decode())
                else:
                    await peer.send('{"type":"resync","topic":"crowd"}')
        except ConnectionClosed:
            pass
        finally:
            peers.discard(peer)

    async def serve() -> None:
        async with websockets.serve(handler, sock=listening, compression=None):
            await asyncio.get_running_loop().create_future()

    uvloop.run(serve())


def run(kind: str, core: int) -> None:
    os.sched_setaffinity(0, {core})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if program := os.environ.get("BENCH_PEER"):
        words = program.split("\n")
        os.execv(words[0], words)
    listening = socket.socket()
    listening.bind(("0.0.0.0", 0))
    listening.listen(4_096)
    print(listening.getsockname()[1], flush=True)
    {"floor": floor, "hub": hub, "starlette": starlette, "broadcast": broadcast}[kind](listening)
