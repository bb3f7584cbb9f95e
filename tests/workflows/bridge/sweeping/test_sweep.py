"""The sweep: what a crash, a reset or a quiet end left different is put right, whatever else is wrong."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from reviews.escalations import actions as escalations
from reviews.people.models import Account
from reviews.runs import mirroring
from reviews.runs.models import Run
from reviews.workspaces import actions as workspaces
from tests.workflows.bridge.parts import active, adopt, die, killed, mirrored
from tests.workflows.flows import Ask, AskOne, EndAs
from tests.workflows.world import Handle, World, until
from workflows.bridge import mirror


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.bridge.sweep.EVERY", 0.3)


async def is_withdrawn(world: World, handle: Handle) -> Callable[[], Any]:
    question = await world.question(handle)

    async def withdrawn() -> bool:
        return (await world.now(question)).state == "withdrawn"

    return withdrawn


async def test_a_crash_between_mirroring_the_close_and_closing_the_chain_is_mended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await world.start(AskOne.run, Ask())
    withdrawn = await is_withdrawn(world, handle)

    async with killed(world):
        await mirrored(handle, closed=False)
        monkeypatch.setattr(mirror, "close_chain", die)
        await handle.terminate(reason="no more")
    monkeypatch.undo()
    monkeypatch.setattr("workflows.bridge.sweep.EVERY", 0.3)
    assert not await withdrawn(), "this is what the crash left"

    async with active(world, mirror=True, sweep=True):
        await until(withdrawn, "the sweep closed the chain")


@pytest.fixture
def ghosts(bob: Account) -> None:
    """Rows of which Temporal knows nothing: a namespace, an open run, a closed one with an open question."""
    workspaces.create_workspace("ghost", "Ghost", "no-such-namespace", owner=bob)
    for namespace in ("no-such-namespace", "default"):
        open_run = mirroring.adopt(namespace, "0-ghost-open", str(uuid.uuid4()), workflow_type="ghost")
        first_of_all = uuid.UUID(int=open_run.id.int % 2**64)
        Run.objects.filter(id=open_run.id).update(id=first_of_all, chain=first_of_all)
        closed = mirroring.adopt(namespace, "0-ghost-closed", str(uuid.uuid4()), workflow_type="ghost")
        options = [{"verdict": "approve", "label": "Yes", "consequence": "does it"}]
        escalations.open_escalation(closed, {"request_id": namespace, "title": "Boo?", "options": options})
        first_of_all = uuid.UUID(int=closed.id.int % 2**64)
        Run.objects.filter(id=closed.id).update(
            chain=first_of_all, status="completed", closed_at=datetime.now(UTC)
        )


async def test_what_temporal_does_not_know_holds_up_nothing_else(
    quiet_world: World, world: World, ghosts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "AT_MOST", 0)
    handle = await world.start(AskOne.run, Ask())
    withdrawn = await is_withdrawn(world, handle)
    async with active(world, mirror=True, sweep=True):
        run = await mirrored(handle, closed=False)
        assert run.last_event_id > 0
        await handle.terminate(reason="no more")
        await until(withdrawn, "the sweep mirrored the end and closed the chain")


async def test_successors_are_found_however_many_runs_there_are(
    quiet_world: World, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.bridge.namespaces.PAGE", 5)
    name = f"again-{uuid.uuid4().hex}"
    first = await world.start(EndAs.run, "complete", id=name)
    await adopt(world, first)
    await first.result()
    again = await world.start(EndAs.run, "complete", id=name)
    for _ in range(12):
        await world.start(EndAs.run, "complete")
    await again.result()
    async with active(world, mirror=True, sweep=True):
        run = await mirrored(again)
    assert (run.workflow_id, run.status) == (name, "completed")
