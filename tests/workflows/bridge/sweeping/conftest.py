"""A sweep takes in whatever its server knows, at each test anew: these have servers that know little."""

from collections.abc import Iterator

import pytest

from tests.support.temporal import dev_server


@pytest.fixture(scope="module")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the module alone."""
    with dev_server(tmp_path_factory.mktemp("temporal")) as server:
        yield server.address
