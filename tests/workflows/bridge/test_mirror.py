"""Our own runs' rows against Temporal's own word: its description, and its history event by event (I6)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import zstandard
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowUpdateFailedError

from reviews.runs import queries
from reviews.runs.models import HistoryChunk, Run
from tests.workflows.bridge.parts import active, adopt, mirrored, row
from tests.workflows.flows import Ask, AskAndCarry, AskOne, Carried, EndAs, EveryStep
from tests.workflows.test_human_chains import turn
from tests.workflows.world import Handle, World, until, working
from workflows.bridge import mirror as mirroring
from workflows.bridge.database import in_database
from workflows.engine.decoding import event_json


async def assert_same(world: World, handle: Handle, run: Run) -> None:
    """The row is as Temporal describes the execution; the archive is its history, byte for byte."""
    described = await handle.describe()
    info = described.raw_description.workflow_execution_info
    assert described.status is not None
    assert run.status == described.status.name.lower()
    assert run.closed_at == described.close_time
    # A reset's history begins where its base began; Temporal describes it as started by the reset.
    assert run.started_at is not None
    assert run.started_at == described.start_time or (
        run.reset_event_id and run.started_at < described.start_time
    )
    assert (run.first_run_id, run.workflow_type) == (info.first_run_id, described.workflow_type)

    events = (await handle.fetch_history()).events
    assert run.last_event_id == events[-1].event_id
    shown = await in_database(lambda: list(queries.events(run, limit=10_000)))
    assert shown == [event_json(event) for event in events]
    chunks = await in_database(lambda: list(HistoryChunk.objects.filter(run=run)))
    kept = b"".join(zstandard.ZstdDecompressor().decompress(bytes(chunk.data)) for chunk in chunks)
    assert History.FromString(kept) == History(events=events)


async def steps(run: Run) -> list[dict[str, Any]]:
    return await in_database(lambda: [dict(step) for step in run.steps.values()])


async def test_every_way_to_end_is_mirrored(quiet_world: World, world: World) -> None:
    ways = ["complete", "fail", "nan", "continue", "cancel", "terminate", "time out"]
    handles = {way: await world.start(EndAs.run, way) for way in ways[:-1]}
    handles["time out"] = await world.start(EndAs.run, "wait", execution_timeout=timedelta(seconds=1))
    for handle in handles.values():
        await adopt(world, handle)
    await handles["cancel"].cancel()
    await handles["terminate"].terminate(reason="enough")
    async with active(world, mirror=True):
        runs = {way: await mirrored(handle) for way, handle in handles.items()}
        after = await world.newest(handles["continue"])
        successor = await mirrored(after)

    for way, handle in handles.items():
        await assert_same(world, handle, runs[way])
    assert runs["complete"].result == {"ok": True}
    assert runs["fail"].failure is not None
    assert (runs["fail"].failure["type"], runs["fail"].failure["message"]) == ("Broken", "It failed.")
    assert runs["terminate"].failure is not None
    assert "enough" in runs["terminate"].failure["message"]
    await assert_same(world, after, successor)
    first = runs["continue"]
    assert (successor.chain, successor.previous_id, successor.agent) == (first.chain, first.id, first.agent)


async def test_every_kind_of_step_is_mirrored(world: World) -> None:
    handle = await world.start(EveryStep.run)
    await adopt(world, handle)
    async with active(world, mirror=True):
        assert await handle.execute_update(EveryStep.count, 1) == 2
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update(EveryStep.count, -1)
        await handle.signal(EveryStep.please, {"one": "argument"})
        run = await mirrored(handle)

    await assert_same(world, handle, run)
    seen = {(step["kind"], step["name"], step["status"]) for step in await steps(run)}
    assert seen == {
        ("activity", "settle", "failed"),
        ("timer", "timer of 0.01 s", "completed"),
        ("timer", "timer of 60 s", "canceled"),
        ("update", "count", "completed"),
        ("update", "count", "failed"),
        ("signal", "please", "completed"),
        ("child", "end-as", "completed"),
        ("child", "end-as", "failed"),
    }
    [settle] = [step for step in await steps(run) if step["kind"] == "activity"]
    assert settle["failure"]["type"] == "UnknownEscalation"
    assert (settle["summary"], settle["attempts"]) == ("settle nothing", 1)
    children = [step["summary"] for step in await steps(run) if step["kind"] == "child"]
    assert children == [f"the first · {handle.id}-a", f"{handle.id}-b"]
    assert settle["scheduled_at"] <= settle["started_at"] <= settle["closed_at"]


async def test_a_workflow_task_that_fails_again_and_again_hides_nothing_that_happens_meanwhile(
    quiet_world: World,
) -> None:
    """Temporal shows its tries as events whose ids then go to the signal and to the end."""
    world = quiet_world
    async with working(world):
        handle = await world.start(EndAs.run, "stumble")
        await adopt(world, handle)
        await until(lambda: world.events(handle, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED), "a task failed")
        async with active(world, mirror=True):
            await mirrored(handle, closed=False)
            await asyncio.sleep(1)
            await world.tell_to(handle, "please")
            await asyncio.sleep(1)
            await handle.terminate(reason="a better deploy")
            run = await mirrored(handle)
    await assert_same(world, handle, run)
    assert [(step["kind"], step["name"]) for step in await steps(run)] == [("signal", "please")]


async def test_names_and_values_from_outside_do_not_stop_the_mirror(world: World) -> None:
    handle = await world.start(EndAs.run, "wait")
    run = await adopt(world, handle)
    converter = world.client.data_converter
    for name in ("n" * 900, "half \x00 of it", "right \u202e to left"):
        await world.send(handle, *await converter.encode([float("nan")]), name=name)
    await world.send(
        handle, *await converter.encode(["\ud800\x00", 10**400, {"\x00": 1e308 * 10}]), name="odd"
    )
    await handle.terminate(reason="the end")
    async with active(world, mirror=True):
        run = await mirrored(handle)

    await assert_same(world, handle, run)
    names = [step["name"] for step in await steps(run)]
    assert [name[:6] for name in names] == ["nnnnnn", "half \ufffd", "right ", "odd"]


async def test_a_closed_chain_withdraws_what_waits_and_says_what_was_not_read(world: World) -> None:
    waiting = await world.start(AskOne.run, Ask())
    question = await world.question(waiting)
    stuck = await world.start(AskOne.run, Ask())
    decision = await world.decide(await world.question(stuck))
    await world.deliver(
        stuck, decision, escalation_id="11111111-1111-4111-8111-111111111111", decision_id="x"
    )
    await in_database(_delivered, decision)
    async with active(world, mirror=True):
        await waiting.terminate(reason="no more")
        await stuck.terminate(reason="no more")

        async def closed() -> bool:
            return (await world.now(question)).state == "withdrawn"

        await until(closed, "the question is withdrawn")
        delivery = await world.delivery(decision, "unread")
    assert "closed without reading it" in delivery.reason
    run = await row((await world.now(question)).run)
    assert (run.status, run.waiting_for_human) == ("terminated", False)


def _delivered(decision: Any) -> None:
    from reviews.escalations import actions

    actions.delivered(decision.id)


async def test_continued_as_new_with_an_open_question_still_waits_for_a_human(world: World) -> None:
    first = await world.start(AskAndCarry.run, Carried(Ask(), turns=1))
    question = await world.question(first)
    async with active(world, mirror=True):
        second = await turn(world, first)
        old = await mirrored(first)

        async def waits() -> bool:
            return (await mirrored(second, closed=False)).waiting_for_human

        await until(waits, "the new execution waits for a human")
        assert (await world.now(question)).state == "pending"
        assert not (await row(old)).waiting_for_human
        await world.deliver(second, await world.decide(question))
        await second.result()
        assert not (await mirrored(second)).waiting_for_human


async def test_more_runs_than_are_followed_are_mirrored_by_the_sweep(
    quiet_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = quiet_world
    monkeypatch.setattr(mirroring, "AT_MOST", 2)
    monkeypatch.setattr("workflows.bridge.sweep.EVERY", 0.3)
    handles = [await world.start(EndAs.run, "wait") for _ in range(6)]
    for handle in handles:
        await adopt(world, handle)
    async with active(world, mirror=True, sweep=True):
        runs = [await mirrored(handle, closed=False) for handle in handles]
        for handle in handles:
            await handle.terminate(reason="all of them")
        closed = [await mirrored(handle) for handle in handles]
    assert len({run.id for run in runs}) == 6
    for handle, run in zip(handles, closed, strict=True):
        await assert_same(world, handle, run)


async def test_a_follower_in_trouble_does_not_stop_the_others(
    quiet_world: World, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = await adopt(
        world, world.client.get_workflow_handle("never-was", run_id="11111111-1111-4111-8111-111111111111")
    )
    handle = await world.start(EndAs.run, "complete")
    await adopt(world, handle)
    async with active(world, mirror=True):
        await assert_same(world, handle, await mirrored(handle))

        async def noted() -> bool:
            return "does not know this run" in (await row(lost)).mirror_note

        await until(noted, "the page says that Temporal does not know it")
        await asyncio.sleep(0)


async def test_a_mirror_that_is_told_to_stop_while_something_changes_stops(world: World) -> None:
    async with active(world) as parts:
        mirror = asyncio.create_task(parts.mirror.run())
        await asyncio.sleep(0.2)  # it waits for a change
        parts.lease.something_changed.set()
        mirror.cancel()
        done, _ = await asyncio.wait({mirror}, timeout=10)
        assert done
        assert mirror.cancelled()
