"""A model endpoint that sends whatever a test makes up: real HTTP, in a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class Poisoned:
    """Serves ``answer()`` at ``base_url`` until :meth:`stop`."""

    def __init__(self, answer: Callable[[], Response], port: int) -> None:
        async def completions(request: Request) -> Response:
            return answer()

        app = Starlette(routes=[Route("/v1/chat/completions", completions, methods=["POST"])])
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self._server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the endpoint did not start"

    def stop(self) -> None:
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(20)
