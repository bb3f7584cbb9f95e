"""Row 3: taking a large history in, against only fetching it by the SDK's ``fetch_history_events``."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.rows import Row
from tests.support.site import Site

EVENTS = 43_000
SHARE = 0.7
ROUNDS = 3


@activity.defn(name="bench-activity")
async def answer(number: int) -> dict[str, str]:
    """What a model call leaves behind: some text."""
    return {"text": f"The answer to question {number} is known by now, and it is as long as this."}


@workflow.defn(name="bench-agent")
class Agent:
    """One activity after the other, as agents work: six events each."""

    @workflow.run
    async def run(self, count: int) -> None:
        for number in range(count):
            await workflow.execute_activity(answer, number, start_to_close_timeout=timedelta(seconds=30))


def measure(site: Site) -> list[Row]:
    """The bridge is frozen: one process of our own reads the history barely, then takes it in, in turns."""
    site.kill("bridge", signal.SIGSTOP)
    try:
        return asyncio.run(_measure(site))
    finally:
        site.kill("bridge", signal.SIGCONT)


async def _measure(site: Site) -> list[Row]:
    client = await Client.connect(site.temporal)
    handle = await long_history(client, EVENTS)
    environment = site.env | {"DATABASE_URL": site.database, "TEMPORAL_ADDRESS": site.temporal}
    command = [
        sys.executable,
        "-m",
        "bench.taking_in",
        handle.id,
        str(handle.first_execution_run_id),
        str(ROUNDS),
    ]
    done = await asyncio.to_thread(
        subprocess.run, command, env=os.environ | environment, check=True, capture_output=True, text=True
    )
    seen = json.loads(done.stdout.splitlines()[-1])
    what = f"events a second, a history of {seen['events']}"
    return [
        Row(
            "3",
            what,
            "/s",
            seen["taken_in"],
            SHARE * seen["fetched"],
            f"{SHARE} × floor",
            seen["fetched"],
            at_most=False,
        )
    ]


async def long_history(client: Client, events: int) -> WorkflowHandle[Agent, None]:
    """A workflow that has ended with at least so many events in its history."""
    queue = f"bench-{uuid.uuid4().hex[:8]}"
    began = time.monotonic()
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Agent],
        activities=[answer],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handle = await client.start_workflow(Agent.run, events // 6, id=f"{queue}-{events}", task_queue=queue)
        await handle.result()
    print(
        f"bench: a history of about {events} events took {time.monotonic() - began:.0f} s to make", flush=True
    )
    return handle
