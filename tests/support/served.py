"""The site's own ASGI application behind uvicorn, in a thread of the test: pages and sockets on the test's database."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from django.db import connections

from agentsite.ports import choose_free_ports


class Served:
    """``loop`` is the server's event loop, for tests that look into it."""

    def __init__(self, port: int) -> None:
        self.server: uvicorn.Server | None = None
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.loop: asyncio.AbstractEventLoop | None = None

    def rest(self) -> None:
        """Until no request and no socket is under way: then the database may be emptied below it."""
        assert self.server is not None
        end = time.monotonic() + 20
        while self.server.server_state.tasks:
            assert time.monotonic() < end, f"still at work: {self.server.server_state.tasks}"
            time.sleep(0.01)

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/live/"


@contextmanager
def served(port: int | None = None) -> Iterator[Served]:
    from agentsite.asgi import application

    server = Served(port or choose_free_ports(1)[0])
    config = uvicorn.Config(
        application, host="127.0.0.1", port=server.port, log_level="warning", log_config=None,
        timeout_graceful_shutdown=1, lifespan="on", ws_max_size=64 * 1024,
    )  # fmt: skip
    running = server.server = uvicorn.Server(config)

    async def serve() -> None:
        server.loop = asyncio.get_running_loop()
        await running.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not running.started:
        assert thread.is_alive() and time.monotonic() < end, "the server did not start"
        time.sleep(0.01)
    try:
        yield server
    finally:
        running.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive(), "the server did not stop"
        connections.close_all()
