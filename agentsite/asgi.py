"""The web process: Django behind ASGI, sockets beside it, and the end of what runs in its event loop."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")

from django.core.asgi import get_asgi_application

django = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from reviews.changes.tailer import tailer
from reviews.live.consumer import LiveConsumer


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await tailer.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


sockets: list[Any] = [path("live/", LiveConsumer.as_asgi())]  # type: ignore[arg-type]
application = ProtocolTypeRouter(
    {
        "http": django,
        "websocket": URLRouter(sockets),
        "lifespan": lifespan,
    }
)
