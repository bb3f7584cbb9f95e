"""A real Temporal dev server for tests, tuned as the one of `manage.py up`."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx

from agentsite.ports import choose_free_ports
from tests.support.processes import running
from workflows.engine.devserver import DevServer, find_binary


@contextlib.contextmanager
def dev_server(folder: Path) -> Iterator[DevServer]:
    """One server with its file in this folder, on free ports."""
    binary = find_binary()
    assert binary, "the program `temporal` is missing; run `make test`, which installs it"
    port, ui_port, http_port = choose_free_ports(3)
    file = folder / "temporal.sqlite"
    server = DevServer(binary, port, ui_port, http_port, file, synchronous="normal")

    def is_ready(_: int) -> bool:
        try:
            return httpx.get(server.health_url).status_code == 200
        except httpx.TransportError:
            return False

    log = folder / "temporal.log"
    with running(server.command(), environment=os.environ, log=log, is_ready=is_ready):
        yield server
