"""``router``: the agent for a message's category answers it as a child; what is unclear or fails goes to a person."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowFailureError

from tests.workflows.agents.families import child_of, closed, started_as
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import Handle, World

INVOICE = "You charged me twice for invoice 2081."
UNCLEAR = "Hello, is somebody there?"
BOTH = "I paid the invoice, and now the login shows an error."


async def route(agents: World, message: str) -> Handle:
    return await agents.start_agent("router", {"message": message})


async def test_a_clear_message_is_answered_by_its_agent_as_a_child(agents: World) -> None:
    handle = await route(agents, INVOICE)
    result = await handle.result()

    assert (result["outcome"], result["agent"], result["category"]) == ("answered", "billing", "billing")
    assert (result["chosen_by"], result["answered_by"]) == ("model", "model")
    assert result["confidence"] > 0.9 and "invoice 2081" in result["answer"]
    child = await child_of(agents, handle, "billing")
    assert (await child.result())["text"] == result["answer"]
    started = await started_as(agents, child)
    assert started.parent_workflow_execution.workflow_id == handle.id
    assert started.workflow_execution_timeout.ToTimedelta().total_seconds() == 30 * 60
    assert started.retry_policy.maximum_attempts == 2


async def test_an_unknown_category_is_chosen_by_a_person(agents: World) -> None:
    handle = await route(agents, UNCLEAR)
    question = await agents.question(handle)
    assert question.question["proposal"] == {"message": UNCLEAR}
    assert [option["verdict"] for option in question.options] == ["edit", "respond", "reject"]
    assert question.question["form"]["properties"]["category"]["enum"] == ["billing", "technical"]

    left_empty = await agents.decide(question, "edit", response={"message": "Nobody answers."})
    await agents.deliver(handle, left_empty)
    question = await agents.question(handle, number=2)
    assert "No agent was chosen" in question.question["description"]
    chosen = {"message": "Nobody answers.", "category": "technical"}
    await agents.deliver(handle, await agents.decide(question, "edit", response=chosen))

    result = await handle.result()
    assert (result["agent"], result["chosen_by"], result["confidence"]) == ("technical", "Bob", 0.2)
    assert "Nobody answers" in result["answer"], "the message as it was edited"
    await child_of(agents, handle, "technical")


async def test_a_doubtful_one_is_confirmed_answered_or_left(agents: World) -> None:
    confirmed, answered, left = [await route(agents, BOTH) for _ in range(3)]
    question = await agents.question(confirmed)
    assert [option["verdict"] for option in question.options] == ["approve", "edit", "respond", "reject"]
    assert "55%" in question.question["description"]
    await agents.deliver(confirmed, await agents.decide(question))
    words = await agents.decide(
        await agents.question(answered), "respond", response={"text": "Call us, please."}
    )
    await agents.deliver(answered, words)
    await agents.deliver(left, await agents.decide(await agents.question(left), "reject"))

    result = await confirmed.result()
    assert (result["category"], result["chosen_by"], result["answered_by"]) == ("billing", "Bob", "model")
    result = await answered.result()
    assert (result["answer"], result["answered_by"], result["agent"]) == ("Call us, please.", "Bob", None)
    assert (await left.result())["outcome"] == "unanswered"


async def test_an_agent_that_failed_in_all_its_tries_is_started_again_by_a_person(
    agents: World, demo: Demo
) -> None:
    demo.inject("rate_limit", times=10, match="You answer customers who write about", retry_after=0.02)
    handle = await route(agents, INVOICE)
    question = await agents.question(handle)
    assert [option["verdict"] for option in question.options] == ["retry", "respond", "reject"]
    assert "RateLimited" in question.question["description"]
    assert demo.stats()["failed"] == {"rate_limit": 10}, "five tries of the call, in two runs of the child"
    second = await child_of(agents, handle, "billing")
    assert (await started_as(agents, second)).attempt == 2

    await agents.deliver(handle, await agents.decide(question, "retry"))
    assert (await handle.result())["answered_by"] == "model"
    await child_of(agents, handle, "billing-2")


async def test_what_no_try_would_mend_is_not_tried_by_another_run_either(agents: World, demo: Demo) -> None:
    demo.inject("error", status=400, match="You answer customers who write about")
    handle = await route(agents, INVOICE)
    answer = await agents.decide(
        await agents.question(handle), "respond", response={"text": "We refund one of them."}
    )
    assert demo.stats()["failed"] == {"error": 1}
    await agents.deliver(handle, answer)
    assert (await handle.result())["answer"] == "We refund one of them."


async def test_a_model_that_cannot_sort_leaves_it_to_a_person(agents: World, demo: Demo) -> None:
    demo.inject("error", status=400, match="You sort messages")
    handle = await route(agents, INVOICE)
    question = await agents.question(handle)
    assert "ValidationError" in question.question["description"]
    chosen = {"message": INVOICE, "category": "billing"}
    await agents.deliver(handle, await agents.decide(question, "edit", response=chosen))
    assert (await handle.result())["agent"] == "billing"


async def test_canceled_it_ends_its_child_first(agents: World, demo: Demo) -> None:
    demo.inject("slow", seconds=60, match="You answer customers who write about")
    handle = await route(agents, INVOICE)
    child = await child_of(agents, handle, "billing")
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert (await closed(handle), await closed(child)) == ("CANCELED", "CANCELED")


async def test_each_agent_can_be_started_by_itself(agents: World) -> None:
    message = {"message": "Where do I see my invoices?"}
    handles = [await agents.start_agent(name, message) for name in ("billing", "technical")]
    assert [(await handle.result())["agent"] for handle in handles] == ["billing", "technical"]
