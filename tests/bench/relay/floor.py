"""The floor: protect and `sendto`, nothing else, in a process of its own.

A line of JSON in asks for a round; a line out says what it cost.
"""

import json
import os
import socket
import struct
import sys
import time
from collections.abc import Sequence

from pylibsrtp import Policy, Session

from tests.bench.relay.pace import AUDIO_BYTES, FRAME_PACKETS, VIDEO_BYTES, Pace

GCM_256_KEY_BYTES = 44


def session() -> Session:
    profile = Policy.SRTP_PROFILE_AEAD_AES_256_GCM
    policy = Policy(
        key=os.urandom(GCM_256_KEY_BYTES),
        ssrc_type=Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=profile,
    )
    return Session(policy)


def run(out: socket.socket, ports: Sequence[int], seconds: float) -> dict[str, float]:
    ends = [(session(), ("127.0.0.1", port)) for port in ports]
    sent = 0

    def send(packets: Sequence[bytes]) -> None:
        nonlocal sent
        for keys, address in ends:
            for packet in packets:
                out.sendto(keys.protect(packet), address)
                sent += 1

    pace, numbers = Pace(time.monotonic()), [0, 0]
    end, before = time.monotonic() + seconds, time.process_time()
    while (now := time.monotonic()) < end:
        frames, sounds = pace.due(now)
        for _ in range(frames):
            send([packet(96, numbers, 0, VIDEO_BYTES) for _ in range(FRAME_PACKETS)])
        for _ in range(sounds):
            send([packet(111, numbers, 1, AUDIO_BYTES)])
        time.sleep(pace.pause(time.monotonic()))
    return {"cpu": time.process_time() - before, "sent": sent}


def packet(payload_type: int, numbers: list[int], stream: int, size: int) -> bytes:
    numbers[stream] = (numbers[stream] + 1) & 0xFFFF
    head = struct.pack("!BBHLL", 0x80, payload_type, numbers[stream], 0, stream + 1)
    return head + bytes(size)


def main(core: int) -> None:
    os.sched_setaffinity(0, {core})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        for line in sys.stdin:
            asked = json.loads(line)
            print(json.dumps(run(out, asked["ports"], asked["seconds"])), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
