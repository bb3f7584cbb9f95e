"""Processes that are there and do nothing, as under a debugger or on a machine that swaps."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.site import Site


@contextmanager
def frozen(site: Site, role: str) -> Iterator[None]:
    """The process of this role stands still inside the block: it keeps its connections and answers nothing."""
    site.kill(role, signal.SIGSTOP)
    try:
        yield
    finally:
        site.kill(role, signal.SIGCONT)
