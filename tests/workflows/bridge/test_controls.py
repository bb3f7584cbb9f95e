"""Updates, resets, pauses and activities over the outbox: what Temporal does, and what a repeat does."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from reviews.outbox.models import Message, MessageKind
from reviews.runs import actions, controlling
from reviews.runs.models import Run
from tests.workflows.bridge.parts import active, adopt, ended, enqueue, mirrored
from tests.workflows.flows import FLOWS, Ask, AskOne, EndAs, Steered
from tests.workflows.world import Handle, World, until
from workflows import worker as workers
from workflows.bridge import controls, courier
from workflows.bridge.calls import describe
from workflows.bridge.database import in_database


async def send(world: World, run: Run, kind: MessageKind, **body: Any) -> Message:
    """Through the courier; the message as it ended."""
    body = {"reason": "test"} | body
    [message] = await ended(await enqueue(run, kind=kind, body=body, run_id=run.run_id, subject=run.id))
    return message


async def update(world: World, run: Run, *arguments: Any, name: str = "count") -> Message:
    return await send(world, run, MessageKind.UPDATE, name=name, arguments=list(arguments))


async def counted(handle: Handle) -> list[int]:
    return await handle.query("counts")


class Bank:
    """An activity that fails until the bank opens."""

    def __init__(self) -> None:
        self.open = False
        self.tries = 0

    @activity.defn(name="try")
    async def attempt(self) -> str:
        self.tries += 1
        activity.heartbeat({"page": self.tries})
        if not self.open:
            raise ApplicationError("The bank is closed.", type="Closed")
        return "paid"


@asynccontextmanager
async def working(world: World, bank: Bank) -> AsyncIterator[None]:
    async with Worker(
        world.client,
        task_queue=world.queue,
        workflows=FLOWS,
        activities=[bank.attempt],
        workflow_runner=workers.sandbox(),
        graceful_shutdown_timeout=timedelta(0),
    ):
        yield


async def pending(world: World, handle: Handle) -> Any:
    """The activity as Temporal describes it, once it failed and waits for its next try."""

    async def failed() -> Any:
        found = (await describe(world.client, "default", handle.id, handle.run_id or "")).pending_activities
        return found[0] if found and found[0].HasField("last_failure") else None

    return await until(failed, "the activity waits for its next try")


# Updates


async def test_an_update_is_taken_once_however_often_it_is_sent(world: World) -> None:
    handle = await world.start(Steered.run)
    run = await adopt(world, handle)
    async with active(world, courier=True):
        message = await update(world, run, 3)
    await controls.update(world.client, message)

    assert message.state == "sent"
    assert await counted(handle) == [3]


async def test_what_the_validator_rejects_is_refused_for_good_in_its_words(world: World) -> None:
    run = await adopt(world, await world.start(Steered.run))
    async with active(world, courier=True):
        rejected, unknown = await update(world, run, -1), await update(world, run, name="nothing")

    assert (rejected.state, rejected.last_error) == ("refused", "The workflow refused it: Not below zero.")
    assert (unknown.state, "nothing" in unknown.last_error) == ("refused", True)


async def test_an_update_that_is_accepted_and_fails_was_sent(world: World) -> None:
    """That it failed stands among the run's steps, as with any step."""
    run = await adopt(world, await world.start(Steered.run))
    async with active(world, courier=True):
        assert (await update(world, run, 13)).state == "sent"


async def test_an_update_to_a_closed_run_is_refused(world: World) -> None:
    handle = await world.start(EndAs.run, "complete")
    await handle.result()
    async with active(world, courier=True):
        message = await update(world, await adopt(world, handle), 1)
    assert (message.state, "completed" in message.last_error) == ("refused", True)


async def test_a_decision_behind_an_update_that_nobody_takes_goes_at_once(quiet_world: World) -> None:
    """No worker is there; the signals that follow on the update reach the run all the same, in their order."""
    world = quiet_world
    run = await adopt(world, await world.start(AskOne.run, Ask()))
    stuck = await enqueue(
        run, kind=MessageKind.UPDATE, body={"name": "count", "arguments": [1]}, run_id=run.run_id
    )
    decision = await enqueue(run, name="provide_human_input", input="approve", run_id=run.run_id)
    async with active(world, courier=True):
        [sent] = await ended(decision)
        waiting = await in_database(Message.objects.get, id=stuck.id)

    assert (sent.state, waiting.state) == ("sent", "pending")


async def test_updates_that_wait_leave_room_for_others(
    quiet_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "UPDATES_AT_ONCE", 2)
    monkeypatch.setattr(courier, "AT_ONCE", 2)
    world = quiet_world
    runs = [await adopt(world, await world.start(EndAs.run, "wait")) for _ in range(6)]
    body = {"name": "count", "arguments": []}
    for run in runs:
        await enqueue(run, kind=MessageKind.UPDATE, body=body, run_id=run.run_id)
    async with active(world, courier=True):
        sent = await ended(*[await enqueue(run) for run in runs])
    assert {message.state for message in sent} == {"sent"}


async def test_an_update_waits_for_what_was_queued_before_it(quiet_world: World) -> None:
    run = await adopt(quiet_world, await quiet_world.start(EndAs.run, "wait"))
    first = await enqueue(run)
    second = await enqueue(run, kind=MessageKind.UPDATE, body={})
    third = await enqueue(run, kind=MessageKind.UPDATE, body={})

    async def due() -> list[int]:
        return await in_database(lambda: [message.id for message in Message.objects.due_updates()])

    assert await due() == []
    await in_database(Message.objects.filter(id=first.id).delete)
    assert await due() == [second.id]
    await in_database(Message.objects.filter(id=second.id).delete)
    assert await due() == [third.id]


async def test_an_update_is_given_up_after_some_tries_and_says_so(
    quiet_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "UPDATE_TRIES", 1)
    run = await adopt(quiet_world, await quiet_world.start(Steered.run))
    async with active(quiet_world, courier=True):
        message = await update(quiet_world, run, 1)
    assert (message.state, message.last_error) == ("refused", courier.GIVEN_UP)


# Resets


async def first_task(world: World, handle: Handle) -> int:
    async def done() -> int:
        tasks = await world.events(handle, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
        return tasks[0].event_id if tasks else 0

    return await until(done, "the first workflow task is done")


@pytest.mark.parametrize("closed", [False, True])
async def test_a_reset_makes_one_execution_however_often_it_is_sent(world: World, closed: bool) -> None:
    handle = await world.start(Steered.run)
    run = await adopt(world, handle)
    point = await first_task(world, handle)
    if closed:
        await world.tell_to(handle, "end")
        await handle.result()
    async with active(world, courier=True, mirror=True):
        message = await send(world, run, MessageKind.RESET, event_id=point)
        fresh = await world.newest(handle)
        again = await controls.reset(world.client, message)
        row = await mirrored(fresh, closed=False)

        async def joined() -> bool:
            await in_database(row.refresh_from_db)
            return row.chain == run.chain

        await until(joined, "the new execution is of the run's chain")

    assert message.state == "sent"
    assert fresh.run_id != handle.run_id
    assert again == fresh.run_id, "a repeat makes no second one"
    assert row.reset_event_id is not None


async def test_a_reset_to_no_end_of_a_task_is_refused(world: World) -> None:
    handle = await world.start(Steered.run)
    await first_task(world, handle)
    async with active(world, courier=True):
        message = await send(world, await adopt(world, handle), MessageKind.RESET, event_id=99)
    assert (message.state, "Workflow task finish ID" in message.last_error) == ("refused", True)


async def test_a_reset_asked_for_on_the_page_is_one_of_its_points(world: World) -> None:
    handle = await world.start(Steered.run)
    await first_task(world, handle)
    async with active(world, courier=True, mirror=True):
        run = await mirrored_first(world, handle)
        await in_database(lambda: controlling.reset_run(run, 4, "once more", by=world.bob))

        async def moved() -> bool:
            return (await world.newest(handle)).run_id != handle.run_id

        await until(moved, "the reset made a new execution")
    [told] = await world.events(await world.newest(handle), EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED)
    assert "once more (bob, by Agentsite)" in told.workflow_task_failed_event_attributes.failure.message


async def mirrored_first(world: World, handle: Handle) -> Run:
    """The row, once its first workflow task is mirrored."""
    await adopt(world, handle)

    async def seen() -> Run | None:
        run = await mirrored(handle, closed=False)
        return run if run.last_event_id >= 4 else None

    return await until(seen, "the first workflow task is mirrored")


# Pauses


async def is_paused(world: World, handle: Handle) -> bool:
    described = await describe(world.client, "default", handle.id, handle.run_id or "")
    return described.workflow_extended_info.HasField("pause_info")


async def test_a_run_is_paused_and_goes_on(world: World) -> None:
    handle = await world.start(Steered.run)
    run = await adopt(world, handle)
    await first_task(world, handle)
    async with active(world, courier=True):
        paused = await send(world, run, MessageKind.PAUSE)
        assert (paused.state, await is_paused(world, handle)) == ("sent", True)
        await controls.pause(world.client, paused)
        assert (await send(world, run, MessageKind.PAUSE)).state == "sent", "it is so already"
        refused = await update(world, run, 1)
        assert (refused.state, "paused" in refused.last_error) == ("refused", True)
        unpaused = await send(world, run, MessageKind.UNPAUSE)
        assert (unpaused.state, await is_paused(world, handle)) == ("sent", False)
        assert (await send(world, run, MessageKind.UNPAUSE)).state == "sent"


async def test_a_server_without_pauses_is_said_to_be_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot(*_: Any) -> None:
        raise RPCError("workflow pause is not enabled", RPCStatusCode.UNIMPLEMENTED, b"")

    monkeypatch.setitem(courier._CALLS, MessageKind.PAUSE, cannot)
    run = await adopt(world, await world.start(Steered.run))
    async with active(world, courier=True):
        message = await send(world, run, MessageKind.PAUSE)
    assert (message.state, "This Temporal server cannot do it" in message.last_error) == ("refused", True)


# Activities


async def test_an_activity_is_paused_tried_now_and_completes(quiet_world: World) -> None:
    world, bank = quiet_world, Bank()
    async with working(world, bank), active(world, courier=True):
        handle = await world.start(Steered.run, True)
        run = await adopt(world, handle)
        one = {"activity_id": (await pending(world, handle)).activity_id}

        paused = await send(world, run, MessageKind.PAUSE_ACTIVITY, **one)
        assert (paused.state, (await pending(world, handle)).paused) == ("sent", True)
        assert (await send(world, run, MessageKind.PAUSE_ACTIVITY, **one)).state == "sent", "it is so already"
        assert (await send(world, run, MessageKind.UNPAUSE_ACTIVITY, **one)).state == "sent"
        assert not (await pending(world, handle)).paused
        assert (await send(world, run, MessageKind.UNPAUSE_ACTIVITY, **one)).state == "sent"

        bank.open = True
        retried = await send(world, run, MessageKind.RETRY_ACTIVITY, **one)
        await world.tell_to(handle, "end")
        await handle.result()
        assert retried.state == "sent"
        over = await send(world, run, MessageKind.RETRY_ACTIVITY, **one)
        assert (over.state, "completed" in over.last_error) == ("refused", True)


@pytest.mark.parametrize(
    "kind", [MessageKind.PAUSE_ACTIVITY, MessageKind.UNPAUSE_ACTIVITY, MessageKind.RETRY_ACTIVITY]
)
async def test_an_activity_that_is_not_pending_is_said_to_be_so(world: World, kind: MessageKind) -> None:
    run = await adopt(world, await world.start(Steered.run))
    async with active(world, courier=True):
        message = await send(world, run, kind, activity_id="77")
    assert (message.state, "activity" in message.last_error) == ("refused", True)


# Another one like it


async def test_another_run_starts_with_the_very_same_input(world: World) -> None:
    handle = await world.start(EndAs.run, "complete")
    await adopt(world, handle)
    async with active(world, courier=True, mirror=True):
        run = await mirrored(handle)
        await in_database(Run.objects.filter(id=run.id).update, input={"not": "this"}, queue=world.queue)
        await in_database(run.refresh_from_db)
        another = await in_database(lambda: actions.start_again(run, by=world.bob))
        again = world.client.get_workflow_handle(another.workflow_id)

        async def result() -> Any:
            try:
                return await again.result()
            except RPCError:
                return None

        assert await until(result, "it ran") == {"ok": True}
    assert uuid.UUID(str(another.id)) != run.id
