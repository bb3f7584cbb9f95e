"""Whether workers poll, asked of the Temporal server itself."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from temporalio.client import Client

from workflows.engine.health import pollers


def polling_since(address: str, queues: Sequence[str], since: float) -> bool:
    """Whether each queue was polled after this time (seconds since the epoch)."""

    async def ask() -> bool:
        client = await Client.connect(address)
        found = [await pollers(client, queue) for queue in queues]
        return all(any(poller.last_access.timestamp() > since for poller in polled) for polled in found)

    with ThreadPoolExecutor(1) as pool:  # the caller may be inside an event loop of its own
        try:
            return pool.submit(asyncio.run, ask()).result()
        except RuntimeError:
            return False
