"""``escalation`` whose worker is killed with -9: the model and people are asked as if nothing had happened."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.agents.counting import in_flight, let_go, outcomes, undisturbed
from tests.workflows.llm.conftest import Demo
from tests.workflows.worker_process import WorkerProcess
from tests.workflows.world import Handle, World

HAIKU = "Write a haiku."


async def escalation(world: World) -> Handle:
    return await world.start_agent("escalation", {"task": HAIKU})


async def peaceful(world: World) -> Any:
    return await undisturbed(world, "escalation", {"task": HAIKU})


@pytest.mark.soak
async def test_in_a_model_call(quiet_world: World, demo: Demo, worker: WorkerProcess) -> None:
    demo.inject("slow", seconds=120, match=HAIKU)
    worker.start()
    handle = await escalation(quiet_world)
    await in_flight(demo, HAIKU)
    worker.replace()
    result = await handle.result()

    assert outcomes(demo, HAIKU) == ["abandoned", "completed"]
    assert await quiet_world.questions(handle) == []
    assert result == await peaceful(quiet_world)


async def test_between_a_question_and_its_answer(
    quiet_world: World, demo: Demo, worker: WorkerProcess
) -> None:
    demo.inject("error", status=400, match=HAIKU)
    worker.start()
    handle = await escalation(quiet_world)
    question = await quiet_world.question(handle)
    await quiet_world.after_asks(handle)
    worker.kill()
    await let_go(quiet_world, handle)
    decision = await quiet_world.decide(question, "retry")
    await quiet_world.deliver(handle, decision)
    worker.start()
    result = await handle.result()

    assert outcomes(demo, HAIKU) == ["error", "completed"]
    assert await quiet_world.questions(handle) == [question]
    assert (await quiet_world.delivery(decision)).state == "acted_on"
    assert result == await peaceful(quiet_world)


@pytest.mark.soak
async def test_in_the_model_call_that_a_person_asked_for(
    quiet_world: World, demo: Demo, worker: WorkerProcess
) -> None:
    demo.inject("error", status=400, match=HAIKU)
    demo.inject("slow", seconds=120, match=HAIKU)
    worker.start()
    handle = await escalation(quiet_world)
    question = await quiet_world.question(handle)
    decision = await quiet_world.decide(question, "retry")
    await quiet_world.deliver(handle, decision)
    await in_flight(demo, HAIKU)
    worker.replace()
    result = await handle.result()

    assert outcomes(demo, HAIKU) == ["error", "abandoned", "completed"]
    assert await quiet_world.questions(handle) == [question]
    assert (await quiet_world.delivery(decision)).state == "acted_on"
    assert result == await peaceful(quiet_world)
