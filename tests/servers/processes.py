"""Processes that tests start: free ports, ending them, freezing them, all by their own id."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import psutil


def free_port() -> int:
    """A port that is free for TCP and for UDP on the loopback address."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            port = int(stream.getsockname()[1])
            try:
                datagram.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def spawn(command: list[str], log: Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process whose words go to a file."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **options,
        )


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM, within: float = 10) -> None:
    """Ask politely; after the deadline, insist."""
    if process.poll() is None:
        family = _family(process.pid)
        process.send_signal(number)
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            _signal(family, signal.SIGKILL)
            process.wait(within)


def kill(process: subprocess.Popen[bytes]) -> None:
    """`kill -9` of the process and of all that it started."""
    family = _family(process.pid)
    _signal(family, signal.SIGKILL)
    process.wait(10)
    psutil.wait_procs(family, timeout=10)


def freeze(process: subprocess.Popen[bytes]) -> None:
    _signal(_family(process.pid), signal.SIGSTOP)


def thaw(process: subprocess.Popen[bytes]) -> None:
    _signal(_family(process.pid), signal.SIGCONT)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(family: list[psutil.Process], number: int) -> None:
    for member in family:
        if member.is_running() and member.pid != os.getpid():
            try:
                member.send_signal(number)
            except psutil.NoSuchProcess:
                continue
