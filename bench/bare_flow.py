"""What the SDK alone does of the same shape as a research run of five tasks: eight activities in a row.

They are empty; or all but one ask the model by openai's client, as a few lines without Agentsite would.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from functools import cache

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from openai import AsyncOpenAI

QUEUE = "bench-bare"
ACTIVITIES = 8
"""Of a research run of five tasks: plan, tasks, synthesis, store."""
ASKING = 7
"""Of these, the ones that ask the model."""
SYSTEM = "You research one task of a larger question. Report findings in a few short paragraphs."


@activity.defn(name="empty")
async def empty(number: int) -> int:
    return number


@cache
def model() -> AsyncOpenAI:
    return AsyncOpenAI(max_retries=0)


@activity.defn(name="asking")
async def asking(number: int) -> str:
    """Nothing is recorded, nobody sees what is written, and a failure is as the client raises it."""
    name = f"{activity.info().workflow_id} {number}"
    stream = await model().chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": f"Research this task.\nTask: {name}\nWhat is known about it?"},
        ],
        stream=True,
        stream_options={"include_usage": True},
    )
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


@workflow.defn(name="bench-bare")
class Bare:
    @workflow.run
    async def run(self, count: int = ACTIVITIES, ask: int = 0) -> None:
        for number in range(count):
            step = asking if number < ask else empty
            await workflow.execute_activity(step, number, start_to_close_timeout=timedelta(seconds=30))


async def work(address: str) -> None:
    """A worker as the SDK makes it, until it is killed."""
    client = await Client.connect(address)
    async with Worker(client, task_queue=QUEUE, workflows=[Bare], activities=[empty, asking]):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
