"""The bridge forgets by itself what workspaces keep no longer, while it is the active one."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.outbox import actions as outbox
from reviews.outbox.actions import StaleEpoch
from reviews.runs import retention
from reviews.runs.models import Run
from reviews.workspaces import actions as workspaces
from reviews.workspaces.models import Workspace
from tests.support.people import start_refund
from tests.workflows.bridge.conftest import StartBridge
from tests.workflows.world import until
from workflows.bridge import forgetting
from workflows.bridge.database import in_database
from workflows.bridge.forgetting import forget
from workflows.bridge.lease import lease


def old_run(workspace: Workspace) -> Run:
    run = start_refund(workspace, workspace.memberships.get(role="owner").account)
    Run.objects.filter(id=run.id).update(
        status="completed", closed_at=timezone.now() - timedelta(days=8), history_whole=True
    )
    workspaces.keep_histories(workspace, 7, by=None)
    return run


async def is_gone(run: Run) -> bool:
    return not await in_database(Run.objects.filter(id=run.id).exists)


async def test_what_is_too_old_goes_again_and_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "EVERY", 0.05)
    async with lease() as held:
        work = asyncio.create_task(forget(held))
        for _ in range(2):
            run = await in_database(old_run, workspace)
            await until(lambda run=run: is_gone(run), "it is forgotten")  # type: ignore[misc]
        work.cancel()


async def test_trouble_with_one_workspace_stops_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = await in_database(old_run, workspace)
    monkeypatch.setattr(forgetting, "EVERY", 0.05)

    fails = 0

    def fail(*_: object, **__: object) -> int:
        nonlocal fails
        fails += 1
        raise RuntimeError("no room on the disk")

    async def has_failed_again() -> bool:
        return fails > 1

    with monkeypatch.context() as broken:
        broken.setattr(retention, "forget_old_runs", fail)
        async with lease() as held:
            work = asyncio.create_task(forget(held))
            await until(has_failed_again, "it fails, and tries again")
            assert not work.done()
            assert "no room on the disk" in caplog.text
            broken.undo()
            monkeypatch.setattr(forgetting, "EVERY", 0.05)
            await until(lambda: is_gone(run), "it is forgotten")
            work.cancel()


async def test_a_bridge_that_was_replaced_stops(workspace: Workspace) -> None:
    run = await in_database(old_run, workspace)
    async with lease() as held:
        await in_database(outbox.raise_epoch, "another", 1)
        with pytest.raises(StaleEpoch):
            await forget(held)
    assert not await is_gone(run)


async def test_the_process_does_it(workspace: Workspace, start_bridge: StartBridge) -> None:
    run = await in_database(old_run, workspace)
    bridge = start_bridge()
    await until(lambda: is_gone(run), "it is forgotten", timeout=60)
    assert bridge.is_alive()
