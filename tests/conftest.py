"""Fixtures that start real servers. One of each a pytest process, started when first asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations

from agentsite.ports import choose_free_ports
from tests.support.emptying import delete_rows
from tests.support.site import Site
from tests.support.temporal import dev_server

DatabaseOperations.sql_flush = delete_rows


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    return choose_free_ports(1)[0]


@pytest.fixture(scope="session")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host:port of a real Temporal dev server."""
    folder: Path = tmp_path_factory.mktemp("temporal")
    with dev_server(folder) as server:
        yield server.address


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A whole site, shared by the tests of this process: leave it ready, and look at your own runs only."""
    site = Site()
    try:
        site.start()
        yield site
    finally:
        site.close()
