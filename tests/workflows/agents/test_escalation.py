"""``escalation``: when the model has failed for good, a person is asked, and the run goes on with the answer."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowFailureError

from tests.workflows.agents.test_model_faults import attempts, kinds
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import Handle, World


async def failing(agents: World, demo: Demo, times: int = 5) -> Handle:
    demo.inject("rate_limit", times=times, match="haiku", retry_after=0.05)
    return await agents.start_agent("escalation", {"task": "Write a haiku."})


async def test_after_five_failures_a_person_is_asked_and_answers_in_words(agents: World, demo: Demo) -> None:
    handle = await failing(agents, demo)
    question = await agents.question(handle)
    assert kinds(await attempts(handle, "attempt_task", 5)) == ["RateLimited"] * 5
    assert [option["verdict"] for option in question.options] == ["retry", "respond", "reject"]
    task, failure = question.question["evidence"]
    assert task["text"] == "Write a haiku."
    assert "RateLimited" in failure["text"] + question.question["description"]

    decision = await agents.decide(question, "respond", response={"text": "Old pond."})
    await agents.deliver(handle, decision)
    assert await handle.result() == {"outcome": "done", "answer": "Old pond.", "answered_by": "Bob"}
    assert (await agents.delivery(decision)).state == "acted_on"


async def test_a_retry_calls_the_model_again_with_all_its_tries(agents: World, demo: Demo) -> None:
    handle = await failing(agents, demo, times=7)
    await agents.deliver(handle, await agents.decide(await agents.question(handle), "retry"))

    result = await handle.result()
    assert (result["outcome"], result["answered_by"]) == ("done", "model")
    found = await attempts(handle, "attempt_task", 8)
    first = [one for one in found if one.activity_id == found[0].activity_id]
    assert sorted([len(first), len(found) - len(first)]) == [3, 5]


async def test_given_up_and_canceled(agents: World, demo: Demo) -> None:
    handle = await failing(agents, demo)
    await agents.deliver(handle, await agents.decide(await agents.question(handle), "reject"))
    assert (await handle.result())["outcome"] == "given up"

    handle = await failing(agents, demo)
    question = await agents.question(handle)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert (await agents.now(question)).state == "withdrawn"


LONG = "Write a haiku. " * 100


async def test_what_is_too_long_is_shortened_by_a_person(agents: World, demo: Demo) -> None:
    demo.inject("error", times=2, match="haiku", status=400, code="context_length_exceeded")
    handle = await agents.start_agent("escalation", {"task": LONG})
    question = await agents.question(handle)
    assert "too long for the model" in question.title
    assert [option["verdict"] for option in question.options] == ["approve", "edit", "respond", "reject"]
    asked = question.question
    assert asked["before"] == {"task": LONG}
    assert asked["proposal"]["task"].startswith("Write a haiku.")
    assert len(asked["proposal"]["task"]) < len(LONG) * 0.6
    assert "characters left out" in asked["proposal"]["task"]
    left_out, _ = asked["evidence"]
    assert left_out["text"] in LONG and not left_out["trusted"], "what the model would not get"

    await agents.deliver(handle, await agents.decide(question))
    again = await agents.question(handle, number=2)
    assert again.question["before"] == asked["proposal"], (
        "it was tried as it was shown, and was too long still"
    )
    edited = await agents.decide(again, "edit", response={"task": "One haiku."})
    await agents.deliver(handle, edited)
    assert (await handle.result())["answered_by"] == "model"
    assert demo.stats()["calls"][-1]["prompt"] == "One haiku."
    assert kinds(await attempts(handle, "attempt_task", 3)) == ["ContextTooLong"] * 2 + [None]


async def test_what_is_hardly_a_text_is_not_shortened(agents: World, demo: Demo) -> None:
    demo.inject("error", match="haiku", status=400, code="context_length_exceeded")
    handle = await agents.start_agent("escalation", {"task": "Write a haiku."})
    question = await agents.question(handle)
    assert "ContextTooLong" in question.question["description"]
    assert [option["verdict"] for option in question.options] == ["retry", "respond", "reject"]
    await agents.deliver(handle, await agents.decide(question, "reject"))
    assert (await handle.result())["outcome"] == "given up"


async def test_what_a_filter_withholds_is_worded_otherwise(agents: World, demo: Demo) -> None:
    demo.inject("refuse", match="haiku")
    handle = await agents.start_agent("escalation", {"task": "Write a haiku."})
    question = await agents.question(handle)
    assert "content filter" in question.question["description"]
    assert [option["verdict"] for option in question.options] == ["edit", "retry", "respond", "reject"]
    decision = await agents.decide(question, "edit", response={"task": "Write a poem."})
    await agents.deliver(handle, decision)
    assert (await handle.result())["outcome"] == "done"
