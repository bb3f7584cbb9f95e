"""``router`` whose worker, its children's too, is killed with -9: it sorts once, and one child answers once."""

from __future__ import annotations

import pytest

from tests.workflows.agents.counting import children, in_flight, outcomes, told_of, undisturbed
from tests.workflows.agents.test_router import INVOICE, UNCLEAR, route
from tests.workflows.llm.conftest import Demo
from tests.workflows.worker_process import WorkerProcess
from tests.workflows.world import World

pytestmark = pytest.mark.soak

SORT = "Sort this message."
LOGIN = "The login shows an error."


async def test_in_the_call_that_sorts(quiet_world: World, demo: Demo, worker: WorkerProcess) -> None:
    demo.inject("slow", seconds=120, match=SORT)
    worker.start()
    handle = await route(quiet_world, INVOICE)
    await in_flight(demo, SORT)
    worker.replace()
    result = await handle.result()

    assert (outcomes(demo, SORT), outcomes(demo, INVOICE)) == (["abandoned", "completed"], ["completed"])
    assert await children(quiet_world, handle) == [("billing", "COMPLETED")]
    assert await told_of(quiet_world, handle) == ["billing"]
    assert result == await undisturbed(quiet_world, "router", {"message": INVOICE})


@pytest.mark.parametrize(("agent", "message"), [("billing", INVOICE), ("technical", LOGIN)])
async def test_while_its_child_asks_the_model(
    quiet_world: World, demo: Demo, worker: WorkerProcess, agent: str, message: str
) -> None:
    demo.inject("slow", seconds=120, match="You answer customers")
    worker.start()
    handle = await route(quiet_world, message)
    await in_flight(demo, message)
    worker.replace()
    result = await handle.result()

    assert (outcomes(demo, SORT), outcomes(demo, message)) == (["completed"], ["abandoned", "completed"])
    assert await children(quiet_world, handle) == [(agent, "COMPLETED")]
    assert await told_of(quiet_world, handle) == [agent]
    assert await quiet_world.questions(handle) == []
    assert result == await undisturbed(quiet_world, "router", {"message": message})


async def test_between_a_question_and_the_choice_of_an_agent(
    quiet_world: World, demo: Demo, worker: WorkerProcess
) -> None:
    worker.start()
    handle = await route(quiet_world, UNCLEAR)
    question = await quiet_world.question(handle)
    await quiet_world.after_asks(handle, 2)
    worker.kill()
    chosen = {"message": UNCLEAR, "category": "technical"}
    decision = await quiet_world.decide(question, "edit", response=chosen)
    await quiet_world.deliver(handle, decision)
    worker.start()
    result = await handle.result()

    assert (result["outcome"], result["agent"], result["chosen_by"]) == ("answered", "technical", "Bob")
    assert (outcomes(demo, SORT), outcomes(demo, UNCLEAR)) == (["completed"], ["completed"])
    assert await children(quiet_world, handle) == [("technical", "COMPLETED")]
    assert await quiet_world.questions(handle) == [question]
    assert (await quiet_world.delivery(decision)).state == "acted_on"


async def test_between_a_question_about_a_child_and_its_answer(
    quiet_world: World, demo: Demo, worker: WorkerProcess
) -> None:
    demo.inject("error", status=400, match="You answer customers")
    worker.start()
    handle = await route(quiet_world, INVOICE)
    question = await quiet_world.question(handle)
    await quiet_world.after_asks(handle, 2)
    worker.kill()
    decision = await quiet_world.decide(question, "retry")
    await quiet_world.deliver(handle, decision)
    worker.start()
    result = await handle.result()

    assert (outcomes(demo, SORT), outcomes(demo, INVOICE)) == (["completed"], ["error", "completed"])
    assert await children(quiet_world, handle) == [("billing", "FAILED"), ("billing-2", "COMPLETED")]
    assert await told_of(quiet_world, handle) == ["billing-2"]
    assert await quiet_world.questions(handle) == [question]
    assert (await quiet_world.delivery(decision)).state == "acted_on"
    assert result == await undisturbed(quiet_world, "router", {"message": INVOICE})
