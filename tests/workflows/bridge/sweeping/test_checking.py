"""``mirror check`` finds what is wrong: each way in which a row can differ is made by hand, and said."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from temporalio.api.history.v1 import History

from agentsite.home import ROOT
from reviews.runs.chunks import compressed, raw_of
from reviews.runs.models import HistoryChunk, Run
from tests.workflows.bridge.conftest import database_url
from tests.workflows.bridge.parts import active
from tests.workflows.bridge.sweeping.test_foreign import somebody_works
from tests.workflows.world import World, until
from workflows.bridge.checking import differences
from workflows.bridge.database import in_database


@pytest.fixture
async def whole(world: World) -> Run:
    """A foreign run that is mirrored to its end; nothing follows it any more."""
    async with somebody_works(world) as queue, active(world, mirror=True, sweep=True):
        handle = await world.client.start_workflow("stubborn", 0, id=f"checked-{queue}", task_queue=queue)
        await handle.result()

        async def mirrored() -> Run | None:
            runs = Run.objects.filter(workflow_id=handle.id, history_whole=True)
            return await in_database(lambda: runs.first())

        return await until(mirrored, "it is mirrored")


async def found(world: World, run: Run, *, deep: bool = False) -> list[tuple[str, str]]:
    """What is said of the run, and what its row says."""
    return [
        (difference.what, difference.here)
        async for difference in differences(world.client, deep=deep)
        if difference.run_id == run.run_id
    ]


async def change(run: Run, **fields: Any) -> None:
    await in_database(lambda: Run.objects.filter(id=run.id).update(**fields))


async def test_each_fact_that_differs_is_said(world: World, whole: Run) -> None:
    assert await found(world, whole, deep=True) == []
    other = await in_database(lambda: Run.objects.exclude(id=whole.id).first())
    later = whole.closed_at + timedelta(seconds=1) if whole.closed_at else None
    wrong: dict[str, tuple[str, Any, str]] = {
        "status": ("status", "failed", "failed"),
        "workflow_type": ("type", "patient", "patient"),
        "closed_at": ("close time", later, str(later)),
        "first_run_id": ("chain", "another", "another"),
        "last_event_id": ("events", whole.last_event_id - 1, str(whole.last_event_id - 1)),
    }
    for field, (what, value, said) in wrong.items():
        await change(whole, **{field: value})
        assert await found(world, whole, deep=what == "chain") == [(what, said)]
        await change(whole, **{field: getattr(whole, field)})
    if other is not None:
        await change(whole, parent=other)
        assert [what for what, _ in await found(world, whole)] == ["parent"]
        await change(whole, parent=None)
    assert await found(world, whole, deep=True) == []


async def test_a_history_that_was_changed_is_found_when_it_is_looked_into(world: World, whole: Run) -> None:
    def forge() -> None:
        chunk = HistoryChunk.objects.filter(run=whole).order_by("first_event").first()
        assert chunk is not None
        history = History.FromString(raw_of(chunk.data))
        history.events[0].workflow_execution_started_event_attributes.identity = "somebody else"
        chunk.data = compressed(history.SerializeToString())
        chunk.save(update_fields=["data"])

    await in_database(forge)
    assert await found(world, whole) == [], "as long and as closed as before"
    assert await found(world, whole, deep=True) == [("the history", "other events")]


async def test_a_run_that_is_missing_on_either_side_is_said(world: World, whole: Run) -> None:
    await in_database(lambda: Run.objects.filter(id=whole.id).delete())
    assert await found(world, whole) == [("the run", "missing")]

    def invent() -> Run:
        id = uuid.uuid4()
        return Run.objects.create(
            id=id, chain=id, workspace_id=whole.workspace_id, namespace="default", workflow_id="invented",
            run_id=str(id), agent="refund", status="running",
        )  # fmt: skip

    invented = await in_database(invent)
    assert await found(world, invented) == [("the run", "running")]


async def test_the_command_prints_them_and_says_so_to_scripts(world: World, whole: Run) -> None:
    await change(whole, last_event_id=F("last_event_id") - 1)
    address = world.client.service_client.config.target_host
    process = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "mirror", "check", "--patience", "0",
        cwd=ROOT, env=os.environ | {"DATABASE_URL": database_url(), "TEMPORAL_ADDRESS": address},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    events = whole.last_event_id
    assert f"{whole.run_id}: events is {events} at Temporal, {events - 1} here" in said.decode()
    assert process.returncode == 1
