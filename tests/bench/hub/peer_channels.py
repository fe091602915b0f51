"""A room on Django Channels over Redis: everybody hears what somebody says."""

import os
import re
import socket
import sys
from typing import Any

sys.path.insert(0, sys.argv[1])

import django
import uvicorn
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import path

PAD = "How does the schedule change when renal function falls during treatment? " + "x" * 48
LAYER = {
    "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
    "CONFIG": {"hosts": [os.environ["BENCH_REDIS"]]},
}


class Consumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    async def connect(self) -> None:
        await self.channel_layer.group_add("crowd", self.channel_name)
        await self.accept()

    async def disconnect(self, _code: int) -> None:
        await self.channel_layer.group_discard("crowd", self.channel_name)

    async def receive(self, text_data: str = "", bytes_data: bytes | None = None) -> None:  # noqa: ARG002
        found = re.search(r'"at":(\d{19})', text_data)
        if found is None:
            await self.send('{"type":"resync","topic":"crowd"}')
            return
        told = f'{{"topic":"crowd","seq":1,"type":"said","at":{found[1]},"text":"{PAD}"}}'
        await self.channel_layer.group_send("crowd", {"type": "said", "text": told})

    async def said(self, event: dict[str, Any]) -> None:
        await self.send(event["text"])


def main() -> None:
    settings.configure(
        SECRET_KEY="bench",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["channels"],
        LOGGING_CONFIG=None,
        CHANNEL_LAYERS={"default": LAYER},
    )
    django.setup()
    listening = socket.socket()
    listening.bind(("0.0.0.0", 0))
    listening.listen(4_096)
    print(listening.getsockname()[1], flush=True)
    app = ProtocolTypeRouter({"websocket": URLRouter([path("ws", Consumer.as_asgi())])})
    config = uvicorn.Config(app, ws_per_message_deflate=False, log_level="error")
    uvicorn.Server(config).run(sockets=[listening])


main()
