"""``research`` while the model is away: a person says when to go on, and nothing that was found is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy

from reviews.artifacts import queries
from reviews.artifacts.models import Version
from tests.workflows.agents.test_model_faults import attempts, calls, kinds, research
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import World
from workflows.bridge.database import in_database
from workflows.stubs import research as stubs

TRIES = 2
in_vain = pytest.mark.usefixtures("soon_given_up")


@pytest.fixture
def soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the mission's policy, which takes half a minute."""
    quick = RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_attempts=TRIES)
    for name in ("generate_plan", "execute_research_task", "synthesize_report"):
        monkeypatch.setattr(stubs, name, replace(getattr(stubs, name), retry=quick))


@in_vain
async def test_a_retry_goes_on_where_the_model_was_lost(agents: World, demo: Demo) -> None:
    demo.inject("drop", times=TRIES, match="from the findings.\nQuery: How old do oaks")
    handle = await research(agents, "How old do oaks become?")
    question = await agents.question(handle)
    assert question.title == "The model is away; the report waits"
    assert [option["verdict"] for option in question.options] == ["retry", "respond", "reject"]
    await agents.deliver(handle, await agents.decide(question, "retry"))

    result = await handle.result()
    assert kinds(await attempts(handle, "synthesize_report", TRIES + 1)).count("ModelUnreachable") == TRIES
    answered = [call.purpose for call in await calls(handle) if not call.error]
    assert len(answered) == result["tasks"] + 2, "no answer was asked for twice"


@in_vain
async def test_a_persons_words_stand_in_for_the_models(agents: World, demo: Demo) -> None:
    demo.inject("drop", times=TRIES, match="from the findings.\nQuery: How old do elms")
    handle = await research(agents, "How old do elms become?")
    decision = await agents.decide(await agents.question(handle), "respond", response={"text": "# Very old"})
    await agents.deliver(handle, decision)
    stored = await handle.result()
    version = await in_database(Version.objects.select_related("blob").get, id=stored["report"]["version_id"])
    assert await in_database(queries.text, version) == "# Very old"


@in_vain
async def test_a_plan_is_nothing_to_say_in_words_and_can_be_given_up(agents: World, demo: Demo) -> None:
    demo.inject("drop", times=TRIES, match="How old do figs")
    handle = await research(agents, "How old do figs become?")
    question = await agents.question(handle)
    assert [option["verdict"] for option in question.options] == ["retry", "reject"]
    decision = await agents.decide(question, "reject")
    await agents.deliver(handle, decision)
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert (await agents.delivery(decision)).state == "acted_on"


@in_vain
async def test_other_failures_end_the_run(agents: World, demo: Demo) -> None:
    demo.inject("error", times=TRIES, match="How old do ferns")
    handle = await research(agents, "How old do ferns become?")
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert await agents.questions(handle) == []


@pytest.mark.soak
async def test_a_model_that_is_down_for_a_minute_costs_no_work(
    agents: World, demo: Demo, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.inject("slow", seconds=0.5, times=5, match="Research this task.")
    handle = await research(agents, "How old do yews become?")
    await attempts(handle, "execute_research_task", 3)
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free_port}/v1")  # nobody listens there
    await asyncio.sleep(60)
    question = await agents.question(handle)
    monkeypatch.setenv("OPENAI_BASE_URL", demo.base_url)
    await agents.deliver(handle, await agents.decide(question, "retry"))
    await handle.result()
    assert demo.stats()["repeated"] == 0
    failed = [one for one in await calls(handle) if one.error]
    assert len(failed) == 5 and {one.error["type"] for one in failed if one.error} == {"ModelUnreachable"}
