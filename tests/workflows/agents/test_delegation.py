"""``delegation``: specialists work at the same time, and one that fails costs the others nothing."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError

from tests.workflows.agents.families import child_of, closed, started_as, status_of, text_of
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import Handle, World

GOAL = "Move the warehouse to Antwerp, 3 specialists"
LAWYER = "You are this specialist: Lawyer"


async def delegate(agents: World) -> Handle:
    return await agents.start_agent("delegation", {"goal": GOAL})


async def test_the_work_of_all_becomes_one_report(agents: World) -> None:
    handle = await delegate(agents)
    result = await handle.result()

    assert (result["assignments"], result["missing"]) == (3, [])
    assert result["done_by"] == ["Analyst", "Lawyer", "Operations planner"]
    assert result["report"]["path"] == f"delegation/{handle.id}/report.md"
    report = await text_of(result["report"]["version_id"])
    assert all(name in report for name in result["done_by"]) and "What is missing" not in report
    for number in (1, 2, 3):
        started = await started_as(agents, await child_of(agents, handle, f"specialist-{number}"))
        assert started.workflow_execution_timeout.ToTimedelta().total_seconds() == 45 * 60
        assert started.retry_policy.maximum_attempts == 2
    kinds = (
        EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
        EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
    )
    order = [event.event_type for event in await agents.events(handle, *kinds)]
    assert order == [kinds[0]] * 3 + [kinds[1]] * 3, "all were started before one was done"


async def test_one_that_failed_is_asked_about_while_the_others_go_on(agents: World, demo: Demo) -> None:
    demo.inject("error", status=400, times=2, match=LAWYER)
    handle = await delegate(agents)
    question = await agents.question(handle)
    assert "“Lawyer”" in question.title
    assert [option["verdict"] for option in question.options] == ["retry", "respond", "approve"]
    others = [await child_of(agents, handle, f"specialist-{number}") for number in (1, 3)]
    assert [await closed(other) for other in others] == ["COMPLETED", "COMPLETED"]
    assert await status_of(handle) == "RUNNING"

    await agents.deliver(handle, await agents.decide(question, "retry"))
    again = await agents.question(handle, number=2)
    assert await closed(await child_of(agents, handle, "specialist-2-2")) == "FAILED"
    await agents.deliver(handle, await agents.decide(again, "approve"))
    result = await handle.result()
    assert (result["done_by"], result["missing"]) == (["Analyst", "Operations planner"], ["Lawyer"])
    missing = (await text_of(result["report"]["version_id"])).split("## What is missing")[1]
    assert "**Lawyer**" in missing and "ValidationError; left out by Bob" in missing


async def test_a_person_can_do_the_work_and_a_report_needs_no_model(agents: World, demo: Demo) -> None:
    demo.inject("error", status=400, match=LAWYER)
    demo.inject("error", status=400, match="You synthesize the work")
    handle = await delegate(agents)
    text = {"text": "The lease ends in May, and no clause stands against it."}
    await agents.deliver(handle, await agents.decide(await agents.question(handle), "respond", response=text))
    question = await agents.question(handle, number=2)
    assert "3 specialists could not be joined" in question.title
    await agents.deliver(handle, await agents.decide(question, "approve"))

    result = await handle.result()
    assert result["done_by"] == ["Analyst", "Bob", "Operations planner"]
    report = await text_of(result["report"]["version_id"])
    assert report.startswith(f"# {GOAL}\n") and f"## Lawyer\n\n{text['text']}" in report


async def test_canceled_it_ends_children_and_questions_first(agents: World, demo: Demo) -> None:
    demo.inject("error", status=400, match=LAWYER)
    demo.inject("slow", seconds=60, times=2, match="You are this specialist")
    handle = await delegate(agents)
    question = await agents.question(handle)
    children = [await child_of(agents, handle, f"specialist-{number}") for number in (1, 2, 3)]
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert (await agents.now(question)).state == "withdrawn"
    assert [await status_of(child) for child in children] == ["CANCELED", "FAILED", "CANCELED"]
