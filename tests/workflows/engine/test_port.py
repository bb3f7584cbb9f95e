"""What the product asks Temporal, against a real server and real workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import PauseWorkflowExecutionRequest
from temporalio.worker import Worker

from reviews.runs.engine import EngineUnavailable, QueryFailed
from reviews.runs.now import RunNow
from reviews.runs.queries import task_failure
from tests.workflows.bridge.parts import active, adopt
from tests.workflows.bridge.test_controls import Bank, first_task, pending, working
from tests.workflows.flows import EndAs, Steered, WithAChild
from tests.workflows.foreign import flaky
from tests.workflows.world import Handle, World, until
from workflows import worker as workers
from workflows.bridge.database import in_database
from workflows.engine.port import TemporalEngine


@pytest.fixture
def engine(quiet_world: World) -> TemporalEngine:
    return TemporalEngine()


async def asked(method: Callable[..., Any], handle: Handle, *arguments: Any) -> Any:
    """As a view asks: from a thread, and waiting."""
    return await asyncio.to_thread(method, "default", handle.id, handle.run_id, *arguments)


async def test_a_retrying_activity(quiet_world: World, engine: TemporalEngine) -> None:
    world, bank = quiet_world, Bank()
    async with working(world, bank):
        handle = await world.start(Steered.run, True)
        await pending(world, handle)
        now: RunNow = await asked(engine.now, handle)

    [activity] = now.activities
    assert (activity.type, activity.state, activity.attempt) == ("try", "scheduled", 2)
    assert activity.failure is not None
    assert (activity.failure["type"], activity.failure["message"]) == ("Closed", "The bank is closed.")
    assert activity.progress == {"page": 1}
    assert activity.next_try_at is not None
    assert activity.heartbeat_at is not None
    assert activity.is_retrying and not activity.is_paused
    assert now.retrying == [activity]
    [queue] = now.queues
    assert (queue.name, queue.lacks) == (world.queue, "")
    assert [(worker.workflows, worker.activities) for worker in queue.workers] == [(True, True)]


async def test_a_queue_that_nobody_polls(quiet_world: World, engine: TemporalEngine) -> None:
    handle = await quiet_world.start(Steered.run)
    now: RunNow = await asked(engine.now, handle)

    assert [queue.lacks for queue in now.unserved] == ["workflows"]
    assert now.task is not None
    assert not now.may_answer


async def test_a_workflow_whose_code_fails(quiet_world: World, world: World, engine: TemporalEngine) -> None:
    handle = await world.start(EndAs.run, "stumble")

    async def stumbled() -> RunNow | None:
        now: RunNow = await asked(engine.now, handle)
        return now if now.task and now.task.is_failing else None

    now = await until(stumbled, "the workflow task has failed")
    assert now is not None and now.task is not None
    assert now.task.since is not None
    assert not now.may_answer
    await handle.terminate()
    world.started.remove(handle)  # it cannot be replayed: that is the point


async def test_a_worker_that_does_not_know_the_types(quiet_world: World, engine: TemporalEngine) -> None:
    """Of the two runs one stands at its beginning, one at its activity."""
    world = quiet_world
    async with Worker(
        world.client,
        task_queue=world.queue,
        workflows=[Steered],
        activities=[flaky],
        workflow_runner=workers.sandbox(),
    ):
        unknown = await world.start("stranger", task_queue=world.queue)
        halfway = await world.start(Steered.run, True)

        async def met(handle: Handle) -> RunNow | None:
            now: RunNow = await asked(engine.now, handle)
            return now if now.unknown or (now.task and now.task.is_failing) else None

        now = await until(lambda: met(halfway), "the worker met the activity")
        await until(lambda: met(unknown), "the worker met the workflow")
        [activity] = now.unknown
        assert (activity.type, activity.queue) == ("try", world.queue)
        async with active(world, mirror=True, sweep=True):
            run = await adopt(world, unknown)

            async def said() -> dict[str, Any] | None:
                return await in_database(task_failure, run)

            failure = await until(said, "its failure is mirrored")
    assert failure["unknown"], failure["message"]


async def test_a_closed_run_has_nothing_pending(world: World, engine: TemporalEngine) -> None:
    handle = await world.start(EndAs.run, "complete")
    await handle.result()
    assert await asked(engine.now, handle) == RunNow(None, [], [], [], [], None)


async def test_what_a_workflow_says_of_itself(world: World, engine: TemporalEngine) -> None:
    handle = await world.start(Steered.run)
    said = await asked(engine.interface, handle)

    assert (said.type, said.details) == ("steered", "Counts **what it is told**.")
    assert [(one.name, one.description) for one in said.signals] == [("end", "Lets it end.")]
    assert [one.name for one in said.queries] == ["broken", "counts"], "the SDK's own are left out"
    assert [(one.name, one.description) for one in said.updates] == [
        ("count", "Counts a number and answers the sum.")
    ]


async def test_a_workflow_answers_also_when_it_has_ended(world: World, engine: TemporalEngine) -> None:
    handle = await world.start(Steered.run)
    for number in (3, 4):
        await handle.execute_update("count", number)
    assert await asked(engine.query, handle, "counts", []) == [3, 4]
    assert await asked(engine.query, handle, "counts", [1]) == [4]
    assert "Stack for <Task" in await asked(engine.stack_trace, handle)
    await world.tell_to(handle, "end")
    await handle.result()
    assert await asked(engine.query, handle, "counts", []) == [3, 4]


async def test_a_query_that_fails_says_why(world: World, engine: TemporalEngine) -> None:
    handle = await world.start(Steered.run)
    with pytest.raises(QueryFailed, match="This query is broken"):
        await asked(engine.query, handle, "broken", [])
    with pytest.raises(QueryFailed, match="nothing"):
        await asked(engine.query, handle, "nothing", [])


async def test_without_a_worker_nobody_answers_and_it_is_soon_said(
    quiet_world: World, engine: TemporalEngine
) -> None:
    handle = await quiet_world.start(Steered.run)
    began = time.monotonic()
    with pytest.raises(EngineUnavailable, match="No worker"):
        await asked(engine.interface, handle)
    assert time.monotonic() - began < 9


async def test_a_run_that_temporal_does_not_know(quiet_world: World, engine: TemporalEngine) -> None:
    with pytest.raises(EngineUnavailable, match="does not know this run"):
        await asyncio.to_thread(engine.now, "default", "nowhere", None)


async def test_a_paused_run_says_by_whom_and_answers_nothing(world: World, engine: TemporalEngine) -> None:
    handle = await world.start(Steered.run)
    await first_task(world, handle)
    await world.client.workflow_service.pause_workflow_execution(
        PauseWorkflowExecutionRequest(
            namespace="default",
            workflow_id=handle.id,
            run_id=handle.run_id or "",
            identity="me",
            reason="look",
        )
    )
    now: RunNow = await asked(engine.now, handle)

    assert now.pause is not None
    assert (now.pause.by, now.pause.reason) == ("me", "look")
    with pytest.raises(QueryFailed, match="paused"):
        await asked(engine.query, handle, "counts", [])


async def test_children_that_run(world: World, engine: TemporalEngine) -> None:
    handle = await world.start(WithAChild.run)

    async def begun() -> RunNow | None:
        now: RunNow = await asked(engine.now, handle)
        return now if now.children and now.children[0].run_id else None

    now = await until(begun, "the child runs")
    assert now is not None
    [child] = now.children
    assert (child.workflow_id, child.type, child.on_close) == (
        f"{handle.id}-child",
        "end-as",
        "is terminated with it",
    )
