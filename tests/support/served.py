"""The site's own ASGI application behind uvicorn, in a thread of the test: pages and sockets on the test's database."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from django.db import connection, connections

from agentsite.ports import choose_free_ports
from tests.support.processes import wait_until

PATIENCE = 30.0


class Served:
    """``loop`` is the server's event loop, for tests that look into it."""

    def __init__(self, port: int) -> None:
        self.server: uvicorn.Server | None = None
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.loop: asyncio.AbstractEventLoop | None = None

    def rest(self) -> None:
        """Until no request and no socket is under way: then the database may be emptied below it.

        A request that its browser gave up is none of the server's any more while its view still runs in a thread:
        the database knows.
        """
        assert self.server is not None
        state = self.server.server_state
        wait_until(lambda: not state.tasks, f"the server is done with {state.tasks}", PATIENCE)
        wait_until(lambda: not _at_work(), "nobody else is at work in the database", PATIENCE)

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/live/"


def _at_work() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle')"
        )
        [found] = cursor.fetchone()
    return bool(found)


@contextmanager
def served(port: int | None = None) -> Iterator[Served]:
    from agentsite.asgi import application

    listening = listen(port)
    server = Served(listening.getsockname()[1])
    config = uvicorn.Config(
        application, host="127.0.0.1", port=server.port, log_level="warning", log_config=None,
        timeout_graceful_shutdown=1, lifespan="on", ws_max_size=64 * 1024,
    )  # fmt: skip
    running = server.server = uvicorn.Server(config)

    async def serve() -> None:
        server.loop = asyncio.get_running_loop()
        await running.serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        wait_until(lambda: running.started or not thread.is_alive(), "the server starts", PATIENCE)
        assert thread.is_alive(), "the server did not start"
        yield server
    finally:
        running.should_exit = True
        thread.join(timeout=PATIENCE)
        assert not thread.is_alive(), "the server did not stop"
        connections.close_all()


def listen(port: int | None) -> socket.socket:
    """On ``port``, else on a free one: taken here and now, as another process chooses among the same."""
    while True:
        try:
            return socket.create_server(("127.0.0.1", port or choose_free_ports(1)[0]))
        except OSError:
            if port:
                raise
