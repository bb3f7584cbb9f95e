"""What the SDK alone does of the same shape as a research run of five tasks: eight empty activities in a row."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

QUEUE = "bench-bare"
ACTIVITIES = 8
"""Of a research run of five tasks: plan, tasks, synthesis, store."""


@activity.defn(name="empty")
async def empty(number: int) -> int:
    return number


@workflow.defn(name="bench-bare")
class Bare:
    @workflow.run
    async def run(self, count: int = ACTIVITIES) -> None:
        for number in range(count):
            await workflow.execute_activity(empty, number, start_to_close_timeout=timedelta(seconds=30))


async def work(address: str) -> None:
    """A worker as the SDK makes it, until it is killed."""
    async with Worker(await Client.connect(address), task_queue=QUEUE, workflows=[Bare], activities=[empty]):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
