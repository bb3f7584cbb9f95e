"""Whatever workflows do while bridge and web are killed: in the end the mirror says what Temporal says (I6)."""

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    ResetWorkflowExecutionRequest,
)
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.service import RPCError
from temporalio.worker import Worker

from tests.faults.test_random_kills import FIXED, a_night_of
from tests.support.site import Site
from tests.workflows.foreign import FOREIGN, flaky

KINDS = {"patient": (1, 5), "stubborn": (0, 3), "family": (1, 3), "endless": (0, 5)}
"""Workflow types of somebody else, and the range of their one argument."""
ACCEPTED, SOON = WorkflowUpdateStage.ACCEPTED, timedelta(seconds=1)
MOVES = ("start", "start", "start", "signal", "signal", "end", "end", "update", "cancel", "terminate", "reset",
         "delete")  # fmt: skip


class Strangers:
    """Somebody else's workflows on the site's server, at random."""

    def __init__(self, client: Client, queue: str, dice: random.Random) -> None:
        self.client, self.queue, self.dice = client, queue, dice
        self.handles: list[WorkflowHandle] = []  # type: ignore[type-arg]
        self.done: dict[str, int] = {}

    async def move(self) -> None:
        """One thing that may happen. What Temporal refuses (it has just closed) does not count."""
        move = self.dice.choice(MOVES) if self.handles else "start"
        with suppress(RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
            await self._do(move)
            self.done[move] = self.done.get(move, 0) + 1

    async def _do(self, move: str) -> None:
        if move == "start":
            kind = self.dice.choice(list(KINDS))
            count = self.dice.randint(*KINDS[kind])
            id = f"{kind}-{self.dice.randrange(10**9)}"
            self.handles.append(
                await self.client.start_workflow(
                    kind, count, id=id, task_queue=self.queue, request_eager_start=False
                )
            )
            return
        handle = self.client.get_workflow_handle(self.dice.choice(self.handles).id)
        match move:
            case "signal":
                await handle.signal("hear", f"word {self.dice.random()}")
            case "end":
                await handle.signal("end")
            case "update":
                await handle.start_update("forget", wait_for_stage=ACCEPTED, rpc_timeout=SOON)
            case "cancel":
                await handle.cancel()
            case "terminate":
                await handle.terminate("at random")
            case "reset":
                await self.client.workflow_service.reset_workflow_execution(
                    ResetWorkflowExecutionRequest(
                        namespace="default", workflow_execution=WorkflowExecution(workflow_id=handle.id),
                        reason="at random", workflow_task_finish_event_id=4, request_id=str(uuid.uuid4()),
                    )
                )  # fmt: skip
            case "delete":
                if self.dice.random() < 0.3:
                    await self.client.workflow_service.delete_workflow_execution(
                        DeleteWorkflowExecutionRequest(
                            namespace="default", workflow_execution=WorkflowExecution(workflow_id=handle.id)
                        )
                    )


@pytest.mark.parametrize(
    ("seconds", "seed"),
    [
        pytest.param(8, FIXED, id="8 s"),
        pytest.param(600, a_night_of(int(time.time())), id="10 min", marks=pytest.mark.soak),
    ],
)
def test_after_random_work_with_kills_the_mirror_is_as_temporal_says(
    site: Site, tell: Callable[[str], None], seconds: float, seed: int
) -> None:
    done, kills = asyncio.run(_night(site, seconds, seed))
    site.wait_ready()
    said = site.manage("mirror", "check", "--deep", "--patience", "120", timeout=600)
    runs = int(site.manage("mirror", "project", timeout=600).split()[0])
    assert said == "0 differences"
    assert site.manage("mirror", "check", "--deep", "--patience", "60", timeout=600) == "0 differences"
    tell(f"seed {seed}: {done}, {kills} kills, {runs} runs, {said}")
    assert kills > 0
    assert done["start"] > 5


async def _night(site: Site, seconds: float, seed: int) -> tuple[dict[str, int], int]:
    dice, kills = random.Random(seed), 0
    client = await Client.connect(site.temporal)
    queue = f"strangers-{seed}"
    strangers = Strangers(client, queue, dice)
    async with Worker(client, task_queue=queue, workflows=FOREIGN, activities=[flaky]):
        end = time.monotonic() + seconds
        next_kill = time.monotonic() + dice.uniform(1, 4)
        while time.monotonic() < end or not kills:
            await strangers.move()
            await asyncio.sleep(dice.uniform(0.0, 0.1))
            if time.monotonic() > next_kill:
                with suppress(KeyError):
                    await asyncio.to_thread(site.kill, dice.choice(["bridge", "bridge", "web"]))
                    kills += 1
                next_kill = time.monotonic() + dice.uniform(2, 8)
    return strangers.done, kills
