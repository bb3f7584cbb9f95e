"""The bridge process: wait for the lease, then courier, mirror and sweep until it is lost, and again."""

from __future__ import annotations

import asyncio
import logging
import signal

import psycopg
from django.db import DatabaseError

from reviews.outbox.actions import StaleEpoch
from workflows.bridge.courier import Courier
from workflows.bridge.forgetting import forget
from workflows.bridge.lease import Lease, LeaseLost, lease
from workflows.bridge.mirror import Mirror
from workflows.bridge.sweep import Sweep
from workflows.bridge.together import together
from workflows.engine.connect import connect, connect_in_time

logger = logging.getLogger(__name__)
PAUSE = 0.5


async def run() -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = asyncio.create_task(_be_active_again_and_again())
    await asyncio.wait({work, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        work.result()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def _be_active_again_and_again() -> None:
    while True:
        try:
            await _be_active()
        except (LeaseLost, StaleEpoch, DatabaseError, psycopg.Error) as error:
            logger.warning("This bridge is not active any more: %s", error)
            await asyncio.sleep(PAUSE)


async def _be_active() -> None:
    async with lease() as held:
        await together(held.keep(), _work(held))


async def _work(held: Lease) -> None:
    # The courier waits for nobody: what cannot be sent now says why it waits.
    courier = Courier(await connect(lazy=True), held)
    await together(courier.run(), _follow(held))


async def _follow(held: Lease) -> None:
    client = await connect_in_time()
    mirror = Mirror(client, held)
    await together(mirror.run(), Sweep(client, held, mirror).run(), forget(held))
