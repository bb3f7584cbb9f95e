"""``register_agent`` called by a client and by a workflow: an agent of somebody else becomes one to start."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import ActivityFailureError
from temporalio.exceptions import ApplicationError

from reviews.runs import actions as runs
from reviews.runs.mirroring import UnknownWorkspace
from reviews.runs.models import AgentType, Attempt, Run
from reviews.runs.registering import register_agent
from reviews.workspaces.models import Workspace
from tests.contract.files import example_of
from tests.workflows.activities.test_human import a_question, call
from tests.workflows.flows import CallByHand
from tests.workflows.world import World
from workflows.bridge.database import in_database

GREETER = example_of("register_agent")


async def by_client(world: World, name: str, argument: Any) -> Any:
    """As an activity of its own, which no workflow runs."""
    return await world.client.execute_activity(
        name,
        argument,
        id=f"{name}-{uuid.uuid4()}",
        task_queue="agentsite",
        start_to_close_timeout=timedelta(seconds=10),
    )


async def test_a_client_registers_and_people_can_start_it(world: World) -> None:
    registered = await by_client(world, "register_agent", GREETER)
    assert registered["url"].endswith("/runs/new/?workspace=desk&agent=greeter")

    run = await in_database(runs.start_run, world.workspace, "greeter", {"name": "Ada"}, by=world.bob)
    assert (run.workflow_type, run.queue, run.title) == ("greeter", "greeter", "Greeter: Ada")
    await asyncio.sleep(0.2)  # what is recorded of activities comes a little later
    assert not await in_database(Attempt.objects.filter(activity_type="register_agent").exists)
    assert not await in_database(Run.objects.exclude(id=run.id).exists), "nobody's activity is nobody's run"


async def test_a_workflow_registers_and_the_last_word_counts(world: World) -> None:
    handle = await world.start(CallByHand.run)
    least = {name: GREETER[name] for name in ("name", "queue", "workflow_type")}
    for request in (GREETER, least | {"queue": "elsewhere", "of_tomorrow": 1}):
        assert "error" not in await call(handle, "register_agent", request)
    await world.tell_to(handle, "end")

    agent = await in_database(AgentType.objects.get, name="greeter")
    assert (agent.namespace, agent.queue, agent.title) == ("default", "elsewhere", "greeter")
    assert (agent.input_schema, agent.example) == ({}, {})


UNFIT: list[tuple[Any, str]] = [
    (None, "/"),
    ([GREETER], "/"),
    ({"name": "greeter", "queue": "greeter"}, "/workflow_type"),
    (GREETER | {"name": "two words"}, "/name"),
    (GREETER | {"name": "x" * 101}, "/name"),
    (GREETER | {"name": "nul\x00"}, "/name"),
    (GREETER | {"queue": ""}, "/queue"),
    (GREETER | {"title": 5}, "/title"),
    (GREETER | {"input_schema": {"type": "nonsense"}}, "/input_schema"),
    (GREETER | {"input_schema": {"$ref": "https://example.invalid/schema"}}, "/example"),
    (GREETER | {"example": {"name": ""}}, "/example/name"),
]


async def test_what_does_not_fit_is_refused_for_good_and_says_where(world: World) -> None:
    handle = await world.start(CallByHand.run)
    for request, where in UNFIT:
        answer = await call(handle, "register_agent", request)
        assert (answer.get("error"), answer.get("final")) == ("InvalidAgent", True), (request, answer)
        assert f"{where}: " in answer["message"]
    assert not await in_database(AgentType.objects.filter(name__startswith="greeter").exists)


async def test_only_a_workflow_asks(world: World) -> None:
    with pytest.raises(ActivityFailureError) as caught:
        await by_client(world, "ask", a_question())
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.non_retryable) == ("InvalidProposal", True)
    assert not await in_database(Run.objects.exists)


def test_a_namespace_of_nobody_takes_no_agent(workspace: Workspace) -> None:
    with pytest.raises(UnknownWorkspace):
        register_agent("nowhere", GREETER)
