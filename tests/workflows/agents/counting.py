"""What is counted outside of a run whose worker is killed: by the model itself, and by Temporal."""

from __future__ import annotations

from typing import Any

from temporalio.api.common.v1 import WorkflowExecution as ExecutionId
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest
from temporalio.client import WorkflowExecution

from tests.workflows.llm.conftest import Demo
from tests.workflows.world import Handle, World, until

STARTS = 60.0
"""Seconds that a worker may take to come and begin, on a loaded machine."""


async def in_flight(demo: Demo, beginning: str) -> None:
    """Until the model has been asked with a prompt that begins so, and has not answered."""

    async def asked() -> bool:
        return "in_flight" in outcomes(demo, beginning)

    await until(asked, f"the model is asked {beginning!r}", STARTS)


def outcomes(demo: Demo, beginning: str) -> list[str]:
    """What became of each of the model's calls whose prompt begins so; ``abandoned``: whoever asked was gone."""
    return [call["outcome"] for call in demo.stats()["calls"] if call["prompt"].startswith(beginning)]


async def children(world: World, handle: Handle) -> list[tuple[str, str]]:
    """Every run of a child, by its name below its parent, and how it ended: all have. They must replay too."""

    async def ended() -> list[WorkflowExecution] | None:
        found = [one async for one in world.client.list_workflows(f"ParentWorkflowId = '{handle.id}'")]
        return found if all(one.close_time for one in found) else None

    found = await until(ended, f"the children of {handle.id} have ended")
    world.started += [world.client.get_workflow_handle(one.id, run_id=one.run_id) for one in found]
    return sorted(
        (one.id.removeprefix(f"{handle.id}/"), one.status.name if one.status else "") for one in found
    )


async def told_of(world: World, handle: Handle) -> list[str]:
    """The children whose end the parent was told of, in its history, by name."""
    kind = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED
    ends = [
        one.child_workflow_execution_completed_event_attributes for one in await world.events(handle, kind)
    ]
    return [end.workflow_execution.workflow_id.removeprefix(f"{handle.id}/") for end in ends]


async def let_go(world: World, handle: Handle) -> None:
    """Temporal keeps a run's next task up to 10 s for the worker that had the run in its memory: not this one."""
    execution = ExecutionId(workflow_id=handle.id, run_id=handle.run_id or "")
    await world.client.workflow_service.reset_sticky_task_queue(
        ResetStickyTaskQueueRequest(namespace=world.client.namespace, execution=execution)
    )


async def undisturbed(world: World, agent: str, input: dict[str, Any]) -> Any:
    """What the agent comes to with nobody killed. Count before: the model is asked the same once more."""
    return await (await world.start_agent(agent, input)).result()
