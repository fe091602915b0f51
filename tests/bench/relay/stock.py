"""The relay that aiortc brings, `MediaRelay`, in a process of its own: an offer a line, an answer a
line. It decodes once and encodes for every viewer.
"""

import asyncio
import json
import os
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay


async def serve() -> None:
    relay, published = MediaRelay(), asyncio.get_running_loop().create_future()
    kept = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        offer = json.loads(line)
        made = RTCPeerConnection()
        kept.append(made)
        if offer["publishes"]:
            made.on("track", published.set_result)
        else:
            made.addTrack(relay.subscribe(await published))
        await made.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
        await made.setLocalDescription(await made.createAnswer())
        print(json.dumps({"sdp": made.localDescription.sdp}), flush=True)


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[1])})
    asyncio.run(serve())
