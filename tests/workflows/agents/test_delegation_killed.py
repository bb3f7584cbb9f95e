"""``delegation`` whose worker, its specialists' too, is killed with -9: the work that was done is not done again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.agents.counting import children, in_flight, outcomes, told_of, undisturbed
from tests.workflows.agents.families import child_of, closed, text_of
from tests.workflows.agents.test_delegation import GOAL, delegate
from tests.workflows.llm.conftest import Demo
from tests.workflows.worker_process import WorkerProcess
from tests.workflows.world import World

pytestmark = pytest.mark.soak

ASSIGN, JOIN = "Give out the assignments", "Synthesize a report"
ANALYST, LAWYER, PLANNER = [
    f"Carry out this task.\nTask: {words}" for words in ("Say what", "Say which", "Lay out")
]
ALL = (ASSIGN, ANALYST, LAWYER, PLANNER, JOIN)
SPECIALISTS = ["specialist-1", "specialist-2", "specialist-3"]


@pytest.mark.parametrize("call", [ASSIGN, JOIN], ids=["assign", "join"])
async def test_in_a_call_of_the_lead(
    quiet_world: World, demo: Demo, worker: WorkerProcess, call: str
) -> None:
    demo.inject("slow", seconds=120, match=call)
    worker.start()
    handle = await delegate(quiet_world)
    await in_flight(demo, call)
    worker.replace()
    result = await handle.result()

    assert asked(demo) == answered_once() | {call: ["abandoned", "completed"]}
    assert await children(quiet_world, handle) == [(name, "COMPLETED") for name in SPECIALISTS]
    assert sorted(await told_of(quiet_world, handle)) == SPECIALISTS
    assert await quiet_world.questions(handle) == []
    assert await in_words(result) == await peaceful(quiet_world)


async def test_while_specialists_ask_the_model(quiet_world: World, demo: Demo, worker: WorkerProcess) -> None:
    for one in (LAWYER, PLANNER):
        demo.inject("slow", seconds=120, match=one)
    worker.start()
    handle = await delegate(quiet_world)
    for one in (LAWYER, PLANNER):
        await in_flight(demo, one)
    assert await closed(await child_of(quiet_world, handle, "specialist-1")) == "COMPLETED"
    worker.replace()
    result = await handle.result()

    again = {one: ["abandoned", "completed"] for one in (LAWYER, PLANNER)}
    assert asked(demo) == answered_once() | again
    assert await children(quiet_world, handle) == [(name, "COMPLETED") for name in SPECIALISTS]
    assert sorted(await told_of(quiet_world, handle)) == SPECIALISTS
    assert await in_words(result) == await peaceful(quiet_world)


async def test_between_a_question_about_one_specialist_and_its_answer_while_another_works(
    quiet_world: World, demo: Demo, worker: WorkerProcess
) -> None:
    demo.inject("error", status=400, match=LAWYER)
    demo.inject("slow", seconds=120, match=PLANNER)
    worker.start()
    handle = await delegate(quiet_world)
    question = await quiet_world.question(handle)
    await quiet_world.after_asks(handle, 2)
    await in_flight(demo, PLANNER)
    worker.kill()
    decision = await quiet_world.decide(question, "retry")
    await quiet_world.deliver(handle, decision)
    worker.start()
    result = await handle.result()

    again = {LAWYER: ["error", "completed"], PLANNER: ["abandoned", "completed"]}
    assert asked(demo) == answered_once() | again
    assert await children(quiet_world, handle) == [
        ("specialist-1", "COMPLETED"),
        ("specialist-2", "FAILED"),
        ("specialist-2-2", "COMPLETED"),
        ("specialist-3", "COMPLETED"),
    ]
    assert sorted(await told_of(quiet_world, handle)) == ["specialist-1", "specialist-2-2", "specialist-3"]
    assert await quiet_world.questions(handle) == [question]
    assert (await quiet_world.delivery(decision)).state == "acted_on"
    assert await in_words(result) == await peaceful(quiet_world)


def asked(demo: Demo) -> dict[str, list[str]]:
    return {one: outcomes(demo, one) for one in ALL}


def answered_once() -> dict[str, list[str]]:
    return {one: ["completed"] for one in ALL}


async def peaceful(world: World) -> Any:
    return await in_words(await undisturbed(world, "delegation", {"goal": GOAL}))


async def in_words(result: dict[str, Any]) -> dict[str, Any]:
    """With the report's words in place of what names it."""
    return result | {"report": await text_of(result["report"]["version_id"])}
