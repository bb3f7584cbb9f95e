"""One bridge is active; a standby takes over, and who was frozen does no harm. Real processes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from reviews.outbox.models import Bridge as BridgeRow
from reviews.outbox.models import Message
from reviews.runs import actions as runs
from reviews.runs.models import Run
from tests.workflows.bridge.conftest import Bridge, StartBridge
from tests.workflows.bridge.parts import adopt, ended, enqueue, row
from tests.workflows.bridge.test_courier import arguments
from tests.workflows.flows import Ask, AskOne, EndAs
from tests.workflows.world import World, working
from workflows.bridge.database import in_database


async def active_then_standby(start: StartBridge) -> tuple[Bridge, Bridge]:
    first = start()
    await asyncio.to_thread(first.says, "is active, epoch")
    second = start()
    await asyncio.to_thread(second.says, "standing by")
    return first, second


async def test_a_standby_takes_over_at_once_from_a_killed_bridge(
    quiet_world: World, start_bridge: StartBridge
) -> None:
    world = quiet_world
    run = await adopt(world, handle := await world.start(EndAs.run, "wait"))
    first, second = await active_then_standby(start_bridge)
    await ended(await enqueue(run, input=1))

    killed = time.monotonic()
    first.kill()
    await ended(await enqueue(run, input=2))
    took = time.monotonic() - killed  # of one that is only silent it would be known after ten seconds
    assert took < 8, f"{took:.1f} s until the standby delivered"
    assert await arguments(world, handle) == [1, 2]
    assert second.is_alive()


async def test_a_frozen_bridge_loses_to_the_standby_and_does_no_harm_when_it_wakes(
    quiet_world: World, start_bridge: StartBridge
) -> None:
    world = quiet_world
    run = await adopt(world, handle := await world.start(EndAs.run, "wait"))
    first, second = await active_then_standby(start_bridge)
    await ended(await enqueue(run, input=1))
    epoch = (await in_database(BridgeRow.objects.get)).epoch

    first.freeze()
    frozen = time.monotonic()
    waiting = await enqueue(run, input=2)
    await asyncio.to_thread(second.says, "is active, epoch")
    took = time.monotonic() - frozen
    assert 10 < took < 60, f"{took:.1f} s until the standby was active"
    await ended(waiting)

    first.resume()
    await asyncio.to_thread(first.says, "not active any more")
    await ended(*[await enqueue(run, input=number) for number in range(3, 9)])
    assert await arguments(world, handle) == list(range(1, 9))
    assert (await in_database(BridgeRow.objects.get)).epoch == epoch + 1, "the woken one stands by"
    assert first.is_alive()


async def test_killed_between_signal_and_mark_the_signal_stands_once_in_the_history(
    quiet_world: World, start_bridge: StartBridge, failpoints: Path
) -> None:
    """No worker reads it meanwhile, so nothing but the request id tells the next bridge that it was sent."""
    world = quiet_world
    async with working(world):
        handle = await world.start(AskOne.run, Ask())
        question = await world.question(handle)
        await world.after_asks(
            handle
        )  # a signal beside an open workflow task would stand in the history later
    (failpoints / "signal-before-mark").touch()
    first = start_bridge()
    await asyncio.to_thread(first.says, "is active, epoch")
    decision = await world.decide(question)
    assert await asyncio.to_thread(first.process.wait, 30) == -9
    assert (await world.delivery(decision)).state == "recorded"

    second = start_bridge()
    await asyncio.to_thread(second.says, "is active, epoch")
    await world.delivery(decision, "delivered")
    assert len(await world.signals(handle)) == 1
    async with working(world):
        assert (await handle.result())["key"] == str(decision.id)
        await world.delivery(decision, "acted_on")


async def test_killed_between_start_and_mark_the_run_is_started_once(
    quiet_world: World, world: World, start_bridge: StartBridge, failpoints: Path
) -> None:
    (failpoints / "start-before-mark").touch()
    first = start_bridge()
    await asyncio.to_thread(first.says, "is active, epoch")
    run = await in_database(start_end_as, world)
    assert await asyncio.to_thread(first.process.wait, 30) == -9
    second = start_bridge()
    await asyncio.to_thread(second.says, "is active, epoch")

    handle = world.client.get_workflow_handle(run.workflow_id)
    assert await handle.result() == {"ok": True}
    [message] = await ended(*await in_database(lambda: list(Message.objects.filter(subject=run.id))))
    assert message.state == "sent"
    assert (await handle.describe()).run_id == (await row(run)).run_id


def start_end_as(world: World) -> Run:
    runs.register_agent_type(
        "default",
        "end-as",
        title="End",
        description="Ends as its input says.",
        queue=world.queue,
        workflow_type="end-as",
        input_schema={"type": "string"},
        example="complete",
    )
    return runs.start_run(world.workspace, "end-as", "complete", by=world.bob)
