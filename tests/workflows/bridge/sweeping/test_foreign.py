"""Workflows that Agentsite does not know, driven by Temporal's own command line, are mirrored as they are (I6)."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.worker import Worker

from reviews.people.models import Account
from reviews.runs import actions, discovering, queries
from reviews.runs.models import MirroredNamespace, Run
from reviews.workspaces.actions import create_workspace
from reviews.workspaces.models import Workspace
from tests.workflows.bridge.parts import active, adopt
from tests.workflows.flows import Ask, AskOne
from tests.workflows.foreign import FOREIGN, flaky
from tests.workflows.world import World, until
from workflows.bridge.checking import lasting_differences
from workflows.bridge.database import in_database
from workflows.engine.decoding import event_type
from workflows.engine.devserver import find_binary

Cli = Callable[..., Awaitable[Any]]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.bridge.sweep.EVERY", 0.2)


@pytest.fixture
def cli(world: World) -> Cli:
    """``temporal`` as an operator types it; its JSON where it prints some."""

    async def run(*words: str) -> Any:
        command = [str(find_binary()), *words, "--address", world.client.service_client.config.target_host]
        process = await asyncio.create_subprocess_exec(
            *command, "--output", "json", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        return json.loads(output) if output.strip() else None

    return run


@asynccontextmanager
async def somebody_works(world: World) -> AsyncIterator[str]:
    """A worker that Agentsite has nothing to do with; its task queue."""
    queue = f"foreign-{uuid.uuid4().hex[:8]}"
    async with Worker(world.client, task_queue=queue, workflows=FOREIGN, activities=[flaky]):
        yield queue


async def start(cli: Cli, queue: str, type: str, *input: str, id: str = "") -> str:
    id = id or f"{type}-{uuid.uuid4().hex[:8]}"
    given = [word for value in input for word in ("--input", value)]
    await cli("workflow", "start", "--type", type, "--task-queue", queue, "--workflow-id", id, *given)
    return id


async def runs_of(workflow_id: str) -> list[Run]:
    found = Run.objects.filter(workflow_id=workflow_id).select_related("parent", "previous")
    return await in_database(lambda: list(found.order_by("created_at", "id")))


async def whole(workflow_id: str, count: int = 1) -> list[Run]:
    """Its executions, once so many of them are mirrored to their end."""

    async def mirrored() -> list[Run] | None:
        runs = await runs_of(workflow_id)
        return runs if sum(run.history_whole for run in runs) == count == len(runs) else None

    return await until(mirrored, f"{count} executions of {workflow_id} are whole")


async def running(workflow_id: str) -> Run:
    async def seen() -> Run | None:
        runs = await runs_of(workflow_id)
        return runs[-1] if runs and runs[-1].last_event_id > 3 else None

    return await until(seen, f"{workflow_id} is mirrored")


async def assert_as_temporal_shows(cli: Cli, run: Run) -> None:
    """`temporal workflow show` and `describe`, event by event and fact by fact."""
    name = ("--workflow-id", run.workflow_id, "--run-id", run.run_id or "")
    shown = (await cli("workflow", "show", *name))["events"]
    ours = await in_database(lambda: list(queries.events(run, limit=10_000)))
    assert [event["id"] for event in ours] == [int(event["eventId"]) for event in shown]
    told = [event["eventType"].removeprefix("EVENT_TYPE_").replace("_", "").lower() for event in shown]
    assert [event["type"].lower() for event in ours] == told
    info = (await cli("workflow", "describe", *name))["workflowExecutionInfo"]
    status = info["status"].removeprefix("WORKFLOW_EXECUTION_STATUS_").lower()
    assert (run.status, run.workflow_type) == (status, info["type"]["name"])
    assert run.last_event_id == int(info["historyLength"])


async def test_five_kinds_of_workflows_are_as_temporal_shows_them(world: World, cli: Cli) -> None:
    async with somebody_works(world) as queue, active(world, mirror=True, sweep=True):
        patient, canceled, terminated = [await start(cli, queue, "patient", "3") for _ in range(3)]
        stubborn = await start(cli, queue, "stubborn", "2")
        family = await start(cli, queue, "family", "2")
        endless = await start(cli, queue, "endless", "3")
        await world.client.start_workflow(
            "second-try", id=f"again-{queue}", task_queue=queue, retry_policy=_retry()
        )
        await running(patient)
        await cli("workflow", "signal", "--workflow-id", patient, "--name", "hear", "--input", '"a word"')
        await cli("workflow", "update", "execute", "--workflow-id", patient, "--name", "forget")
        await cli("workflow", "signal", "--workflow-id", patient, "--name", "end")
        await cli("workflow", "cancel", "--workflow-id", canceled)
        await cli("workflow", "terminate", "--workflow-id", terminated, "--reason", "enough")

        runs = [
            *await whole(patient), *await whole(canceled), *await whole(terminated), *await whole(stubborn),
            *await whole(family), *await whole(f"{family}-s"), *await whole(f"{family}-f"),
            *await whole(endless, 4), *await whole(f"again-{queue}", 3),
        ]  # fmt: skip
        for run in runs:
            await assert_as_temporal_shows(cli, run)
        assert await lasting_differences(world.client, patience=20, deep=True) == []

    chain = await runs_of(endless)
    assert [run.status for run in chain] == ["continued_as_new"] * 3 + ["completed"]
    assert len({run.chain for run in chain}) == 1
    assert [run.previous_id for run in chain] == [None, *(run.id for run in chain[:-1])]
    tries = await runs_of(f"again-{queue}")
    assert [(run.status, run.previous_id) for run in tries] == [
        ("failed", None), ("failed", tries[0].id), ("completed", tries[1].id)
    ]  # fmt: skip
    [head], [child], [leaf] = [await runs_of(f"{family}{end}") for end in ("", "-f", "-f-f")]
    assert (head.parent, child.parent, leaf.parent) == (None, head, child)
    assert (await runs_of(stubborn))[0].memo == {"failures": 2}


def _retry() -> Any:
    from tests.workflows.foreign import AGAIN

    return AGAIN


async def test_a_signal_reaches_a_handler_with_one_parameter_and_one_without(
    world: World, cli: Cli, bob: Account
) -> None:
    async with somebody_works(world) as queue, active(world, courier=True, mirror=True, sweep=True):
        patient = await start(cli, queue, "patient", "1")
        run = await running(patient)
        await in_database(lambda: actions.signal_run(run, "hear", "bells", by=bob))
        await in_database(lambda: actions.signal_run(run, "hear", None, by=bob))
        await in_database(lambda: actions.signal_run(run, "end", by=bob))
        [ended] = await whole(patient)
    assert (ended.status, ended.result) == ("completed", ["bells", None])
    signals = await world.events(
        world.client.get_workflow_handle(patient), EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    )
    # A newer Python SDK drops what a handler has no parameter for; others fail the workflow task, again and again.
    given = [len(signal.workflow_execution_signaled_event_attributes.input.payloads) for signal in signals]
    assert given == [1, 1, 0]


async def test_a_reset_by_the_command_line_joins_the_chain(world: World, cli: Cli) -> None:
    async with somebody_works(world) as queue, active(world, mirror=True, sweep=True):
        patient = await start(cli, queue, "patient", "1")
        await running(patient)
        await cli("workflow", "signal", "--workflow-id", patient, "--name", "end")
        await whole(patient)
        await cli("workflow", "reset", "--workflow-id", patient, "--event-id", "4", "--reason", "once more")
        [old, new] = await whole(patient, 2)
        await assert_as_temporal_shows(cli, new)
        assert (new.chain, new.previous_id, new.reset_event_id) == (old.chain, old.id, 4)
        assert await lasting_differences(world.client, patience=20, deep=True) == []


async def test_what_a_schedule_runs_again_and_again_is_one_chain(world: World, cli: Cli) -> None:
    async with somebody_works(world) as queue, active(world, mirror=True, sweep=True):
        hourly = f"hourly-{queue}"
        await world.client.start_workflow(
            "endless", 0, id=hourly, task_queue=queue, cron_schedule="@every 1s"
        )

        async def twice() -> bool:
            return [run.status for run in await runs_of(hourly)][:2] == ["completed"] * 2

        await until(twice, "it ran twice")
        await cli("workflow", "terminate", "--workflow-id", hourly, "--reason", "enough")

        async def ended() -> bool:
            runs = await runs_of(hourly)
            return runs[-1].status == "terminated" and all(run.history_whole for run in runs)

        await until(ended, "its chain has ended")
        runs = await runs_of(hourly)
        for run in runs:
            await assert_as_temporal_shows(cli, run)
        assert await lasting_differences(world.client, patience=20, deep=True) == []
    assert len({run.chain for run in runs}) == 1
    assert [run.previous_id for run in runs] == [None, *(run.id for run in runs[:-1])]


async def test_what_happened_while_the_bridge_was_down_is_caught_up(world: World, cli: Cli) -> None:
    async with somebody_works(world) as queue:
        async with active(world, mirror=True, sweep=True):
            before = await start(cli, queue, "patient", "2")
            await until(lambda: _has_its_place(before), "the mirror waits for what comes next")
        await cli("workflow", "signal", "--workflow-id", before, "--name", "end")
        meanwhile = await start(cli, queue, "stubborn", "1")
        await until(lambda: _is_closed(world, meanwhile), "it ends while nobody looks")
        async with active(world, mirror=True, sweep=True):
            runs = [*await whole(before), *await whole(meanwhile)]
            for run in runs:
                await assert_as_temporal_shows(cli, run)
    [caught_up] = await runs_of(meanwhile)
    assert caught_up.created_at == caught_up.started_at, "it stands in the list where it started"


async def _has_its_place(workflow_id: str) -> bool:
    return any(run.history_token for run in await runs_of(workflow_id))


async def _is_closed(world: World, workflow_id: str) -> bool:
    return (await world.client.get_workflow_handle(workflow_id).describe()).close_time is not None


async def test_a_run_that_was_deleted_at_temporal_says_so_and_keeps_its_history(
    world: World, cli: Cli
) -> None:
    async with somebody_works(world) as queue, active(world, mirror=True, sweep=True):
        open_one, closed_one = [await start(cli, queue, "patient", "2") for _ in range(2)]
        for id in (open_one, closed_one):
            await running(id)
        await cli("workflow", "signal", "--workflow-id", closed_one, "--name", "end")
        await whole(closed_one)
        for id in (open_one, closed_one):
            await cli("workflow", "delete", "--yes", "--workflow-id", id)

        async def noted() -> bool:
            return (await runs_of(open_one))[0].gone_at is not None

        await until(noted, "the open one is gone")
        [run] = await runs_of(open_one)
        assert run.status == "terminated"
        assert "kept here up to event" in run.mirror_note
        assert len(await in_database(lambda: list(queries.events(run)))) == run.last_event_id > 3
        [kept] = await runs_of(closed_one)
        assert (kept.status, kept.gone_at) == ("completed", None)
        assert await lasting_differences(world.client, patience=20) == []


async def test_a_namespace_that_is_another_one_than_before_is_left_alone(world: World, cli: Cli) -> None:
    async with somebody_works(world) as queue:
        async with active(world, mirror=True, sweep=True):
            known = await start(cli, queue, "patient", "1")
            await running(known)
        await in_database(
            lambda: MirroredNamespace.objects.filter(namespace="default").update(namespace_id="of-another")
        )
        async with active(world, mirror=True, sweep=True):

            async def said() -> bool:
                row = await in_database(MirroredNamespace.objects.get, namespace="default")
                return "another one" in row.trouble

            await until(said, "the trouble is said")
            stranger = await start(cli, queue, "stubborn", "0")
            await cli("workflow", "delete", "--yes", "--workflow-id", known)
            await asyncio.sleep(1)
            assert await runs_of(stranger) == []
            assert (await runs_of(known))[0].gone_at is None
            await in_database(discovering.accept_namespace, "default")
            await whole(stranger)


def test_event_types_read_as_temporal_says_them() -> None:
    from temporalio.api.history.v1 import HistoryEvent

    assert event_type(HistoryEvent(event_type=10)) == "ActivityTaskScheduled"  # type: ignore[arg-type]


async def test_each_namespace_is_mirrored_and_one_that_is_not_there_keeps_no_other_back(
    world: World, cli: Cli, bob: Account
) -> None:
    name = f"second-{uuid.uuid4().hex[:8]}"
    await cli("operator", "namespace", "create", "--namespace", name)
    for number, namespace in enumerate((f"absent-{name}", name)):
        await in_database(create_workspace, f"more-{number}", "More", namespace, owner=bob)
    id = f"elsewhere-{name}"
    beginning = ("--namespace", name, "--type", "patient", "--task-queue", "nobody", "--workflow-id", id)
    await until(lambda: _done(cli("workflow", "start", *beginning)), "the new namespace takes a start")
    async with active(world, mirror=True, sweep=True):
        await cli("workflow", "terminate", "--namespace", name, "--workflow-id", id, "--reason", "enough")
        [run] = await whole(id)
        assert (run.namespace, run.status) == (name, "terminated")
        assert run.workspace_id == (await in_database(Workspace.objects.get, slug="more-1")).id
        await until(lambda: _attribute(cli, name), "the attribute is registered there")
        rows = await in_database(lambda: {row.namespace: row for row in MirroredNamespace.objects.all()})
    assert "has no namespace" in rows[f"absent-{name}"].trouble
    assert [rows[name].trouble, rows["default"].trouble] == ["", ""]


async def _attribute(cli: Cli, namespace: str) -> str | None:
    """The type of ``AgentsiteWaiting`` there."""
    listed = await cli("operator", "search-attribute", "list", "--namespace", namespace)
    return str(listed["customAttributes"].get("AgentsiteWaiting", "")) or None


async def test_a_namespace_that_uses_the_attributes_name_for_something_else_is_mirrored_all_the_same(
    world: World, cli: Cli, bob: Account
) -> None:
    name = f"third-{uuid.uuid4().hex[:8]}"
    await cli("operator", "namespace", "create", "--namespace", name)
    await in_database(create_workspace, "third", "Third", name, owner=bob)
    other = ("--namespace", name, "--name", "AgentsiteWaiting", "--type", "Keyword")
    await until(lambda: _done(cli("operator", "search-attribute", "create", *other)), "it is taken")
    id = f"elsewhere-{name}"
    beginning = ("--namespace", name, "--type", "patient", "--task-queue", "nobody", "--workflow-id", id)
    await until(lambda: _done(cli("workflow", "start", *beginning)), "the new namespace takes a start")
    async with active(world, mirror=True, sweep=True):
        await cli("workflow", "terminate", "--namespace", name, "--workflow-id", id, "--reason", "enough")
        await whole(id)
        row = await in_database(MirroredNamespace.objects.get, namespace=name)
        assert not await in_database(discovering.may_say_waiting, name)
    assert (row.trouble, row.waiting_attribute) == ("", False)
    assert "KEYWORD" in (await _attribute(cli, name) or "").upper()


async def _done(work: Awaitable[Any]) -> bool:
    """Whether it went well this time: a server learns of a new namespace a little later."""
    try:
        await work
    except AssertionError:
        return False
    return True


async def test_who_waits_for_a_person_is_found_at_temporal_too(world: World, cli: Cli) -> None:
    async with active(world, mirror=True, sweep=True):
        await until(lambda: in_database(discovering.may_say_waiting, "default"), "the attribute is known")
        handle = await world.start(AskOne.run, Ask())
        question = await world.question(handle)
        wanted = f"AgentsiteWaiting = true AND WorkflowId = '{handle.id}'"

        async def listed() -> bool:
            found = await cli("workflow", "list", "--query", wanted)
            return bool(found)

        await until(listed, "Temporal lists who waits")
        await world.deliver(handle, await world.decide(question))
        await handle.result()

        async def no_more() -> bool:
            return not await cli("workflow", "list", "--query", wanted)

        await until(no_more, "it waits no more")
        [run] = await whole(handle.id)
    assert run.search_attributes == {"AgentsiteWaiting": False}


async def test_a_run_that_was_removed_before_it_was_mirrored_says_so(world: World) -> None:
    """To Temporal it is one that never was: a server takes half a minute to delete one that has just closed."""
    removed = world.client.get_workflow_handle("removed", run_id="11111111-1111-4111-8111-111111111111")
    await adopt(world, removed)
    async with active(world, mirror=True, sweep=True):
        [run] = await whole("removed")
    assert (run.status, run.last_event_id) == ("terminated", 0)
    assert run.failure is not None
    assert "how it ended is not known" in run.failure["message"]
    assert run.mirror_note == "Temporal removed this run before any of its history was mirrored."
