"""A packager in a process of its own: a stream that breaks it breaks no other.

    python -m realtime.relay.hls.worker AUDIO NUMBER BREAKS

Packets come on standard input, segments go to standard output, numbered on from what is given.
Each time that passes is answered, if only by nothing, so that one who hangs is noticed. It ends
with its input, hence with its parent; it imports neither aiortc nor anything of HTTP.
"""

import os
import secrets
import signal
import sys
import time

from realtime.relay.hls.bounds import NAME_BYTES
from realtime.relay.hls.coding import AsItCame, Coder
from realtime.relay.hls.frames import NOTHING, Now, Splitter, decode_into, encode
from realtime.relay.hls.packager import Packager

_READ_BYTES = 1 << 16
_NICE = 5
"""The relay itself goes first."""


def new_name() -> str:
    return secrets.token_urlsafe(NAME_BYTES)


def _wall_ms(at: float) -> int:
    """Both processes have the system's one monotonic clock."""
    return time.time_ns() // 1_000_000 - int(1000 * (time.monotonic() - at))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt at the terminal is for the parent
    os.nice(_NICE)
    audio, number, breaks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    packager = Packager(number, breaks, name=new_name, wall_ms=_wall_ms, coder=_coder(audio))
    splitter = Splitter()
    while data := os.read(0, _READ_BYTES):
        for body in splitter.feed(data):
            message = decode_into(body)
            out = packager.take(message)
            if out or isinstance(message, Now):
                _write(b"".join(map(encode, out)) or NOTHING)


def _coder(audio: str) -> Coder:
    if audio == "aac":
        from realtime.relay.hls.aac import Aac  # noqa: PLC0415 - 40 MB that others need not have

        return Aac()
    return AsItCame()


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    main()
