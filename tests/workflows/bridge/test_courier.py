"""Outbox → Temporal: in order for each workflow, side by side across workflows, nothing held up."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError

from reviews.escalations import actions as escalations
from reviews.escalations.faults import TooLate
from reviews.outbox import actions as outbox
from reviews.outbox.models import Message, MessageKind
from tests.workflows.bridge.parts import active, adopt, ended, enqueue
from tests.workflows.flows import Ask, AskAndCarry, AskOne, Carried, EndAs, EveryStep, WaitThenAsk
from tests.workflows.test_human_chains import turn
from tests.workflows.world import Handle, World, until, working
from workflows.bridge import calls
from workflows.bridge.database import in_database


async def arguments(world: World, handle: Handle, name: str = "please") -> list[object]:
    """What came by this signal, in the order of the history."""
    found = []
    for event in await world.events(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED):
        attributes = event.workflow_execution_signaled_event_attributes
        if attributes.signal_name == name:
            found.append((await world.client.data_converter.decode(attributes.input.payloads))[0])
    return found


async def test_messages_of_one_workflow_keep_their_order_and_others_go_beside(quiet_world: World) -> None:
    world = quiet_world
    handles = [await world.start(EndAs.run, "wait") for _ in range(4)]
    runs = [await adopt(world, handle) for handle in handles]
    messages = [await enqueue(run, input=number) for number in range(12) for run in runs]
    async with active(world, courier=True):
        sent = await ended(*messages)

    assert {message.state for message in sent} == {"sent"}
    for handle in handles:
        assert await arguments(world, handle) == list(range(12))


async def test_a_decision_is_signaled_once_to_the_execution_that_asked(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    decision = await world.decide(await world.question(handle))
    async with active(world, courier=True):
        told = await handle.result()
        await ended(*await in_database(lambda: list(Message.objects.all())))

    assert told["key"] == str(decision.id)
    assert await world.signals(handle) == [await world.input_of(decision)]
    message = await in_database(Message.objects.get, subject=decision.id)
    assert (message.run_id, message.request_id) == (handle.run_id, decision.id)


async def test_a_decision_that_nobody_has_read_yet_is_delivered(quiet_world: World) -> None:
    world = quiet_world
    async with working(world):
        handle = await world.start(AskOne.run, Ask())
        decision = await world.decide(await world.question(handle))
        await world.after_asks(
            handle
        )  # a signal beside an open workflow task would stand in the history later
    async with active(world, courier=True):
        delivery = await world.delivery(decision, "delivered")
    assert delivery.delivered_at is not None
    assert len(await world.signals(handle)) == 1


async def test_a_message_for_one_execution_never_reaches_another_of_the_same_workflow_id(
    world: World,
) -> None:
    closed = await world.start(EndAs.run, "complete")
    run = await adopt(world, closed)
    await closed.result()
    stranger = await world.start(EndAs.run, "wait", id=closed.id)
    async with active(world, courier=True):
        [message] = await ended(await enqueue(run, input=1, run_id=closed.run_id))

    assert message.state == "refused"
    assert await arguments(world, stranger) == []


async def test_a_poisoned_message_is_refused_and_holds_up_nobody(
    quiet_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world = quiet_world
    run = await adopt(world, await world.start(EndAs.run, "wait"))
    poisoned = [
        await enqueue(run, name=""),
        await enqueue(run, name="x" * 2000),
        await enqueue(run, input="x" * 3_000_000),
        await enqueue(run, kind=MessageKind.SIGNAL, body={}),
    ]
    healthy = await enqueue(run, input="healthy")
    with caplog.at_level(logging.WARNING):
        async with active(world, courier=True):
            *bad, good = await ended(*poisoned, healthy)

    assert [message.state for message in bad] == ["refused"] * len(poisoned)
    assert all(message.last_error for message in bad), "each says why"
    assert good.state == "sent"
    assert len(caplog.records) < 20, "nothing was tried in a hurry"


async def test_a_missing_namespace_is_tried_again_and_said(quiet_world: World) -> None:
    world = quiet_world
    run = await adopt(world, await world.start(EndAs.run, "wait"))
    lost = await enqueue(run, namespace="gone", run_id="11111111-1111-4111-8111-111111111111")
    healthy = await enqueue(run)
    async with active(world, courier=True):
        await ended(healthy)

        async def tried() -> Message | None:
            message = await in_database(Message.objects.get, id=lost.id)
            return message if message.attempts >= 2 else None

        message = await until(tried, "it is tried again")
        assert message is not None
    assert message.state == "pending"
    assert "gone" in message.last_error
    assert message.tried_at is not None
    assert message.not_before > message.tried_at, "each try waits longer"


async def test_a_word_in_the_workflow_id_is_no_missing_namespace(quiet_world: World) -> None:
    """Temporal names the workflow in its answer."""
    gone = quiet_world.client.get_workflow_handle("namespace-cleaner")
    async with active(quiet_world, courier=True):
        [message] = await ended(await enqueue(gone, run_id=str(uuid.uuid4())))
    assert message.state == "refused"
    assert "namespace-cleaner" in message.last_error


async def test_what_nobody_takes_is_undeliverable_and_says_why(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    decision = await world.decide(await world.question(handle))
    await handle.terminate(reason="nobody waits any more")
    async with active(world, courier=True):
        delivery = await world.delivery(decision, "undeliverable")
    assert "already completed" in delivery.reason


async def test_the_execution_that_continued_as_new_gets_it(world: World) -> None:
    first = await world.start(AskAndCarry.run, Carried(Ask(), turns=2))
    question = await world.question(first)
    third = await turn(world, await turn(world, first))
    decision = await world.decide(question)
    async with active(world, courier=True):
        told = await third.result()
    assert told["key"] == str(decision.id)
    assert [len(await world.signals(handle)) for handle in (first, third)] == [0, 1]


async def test_the_execution_that_a_reset_made_gets_it(world: World) -> None:
    handle = await world.start(WaitThenAsk.run, Ask())
    await world.tell_to(handle, "go")
    question = await world.question(handle)
    fresh = await world.reset(handle, await world.after_asks(handle))
    decision = await world.decide(question)
    await world.tell_to(fresh, "end")
    async with active(world, courier=True):
        told = await fresh.result()
    assert told["key"] == str(decision.id)
    assert len(await world.signals(fresh)) == 1


async def test_an_undone_decision_is_never_sent_and_a_sent_one_not_undone(
    world: World, settings: Settings
) -> None:
    handle = await world.start(AskOne.run, Ask())
    question = await world.question(handle)
    async with active(world, courier=True):
        settings.UNDO_SECONDS = 60
        undone = await world.decide(question, "reject")
        await asyncio.sleep(0.2)
        await in_database(lambda: escalations.undo(undone, by=world.bob))
        settings.UNDO_SECONDS = 0
        sent = await world.decide(question)
        told = await handle.result()
        with pytest.raises(TooLate):
            await in_database(lambda: escalations.undo(sent, by=world.bob))

    assert told["key"] == str(sent.id)
    assert [signal["decision_id"] for signal in await world.signals(handle)] == [str(sent.id)]
    assert (await world.delivery(undone)).state == "undone"


async def test_a_decision_that_is_undone_under_the_couriers_hands_is_not_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The courier has read the message and has not begun with it."""
    handle = await world.start(AskOne.run, Ask())
    question = await world.question(handle)
    undone = await world.decide(question, "reject")
    begin = outbox.begin

    def begin_too_late(message: Message, *args: Any, **options: Any) -> bool:
        if message.subject == undone.id:
            escalations.undo(undone, by=world.bob)
        return begin(message, *args, **options)

    monkeypatch.setattr(outbox, "begin", begin_too_late)
    async with active(world, courier=True):
        await world.delivery(undone, "undone")
        sent = await world.decide(await world.now(question))
        told = await handle.result()

    assert told["key"] == str(sent.id)
    assert [signal["decision_id"] for signal in await world.signals(handle)] == [str(sent.id)]


@pytest.mark.parametrize("how", ["complete", "continue"])
async def test_a_start_whose_answer_was_lost_is_not_a_second_run(world: World, how: str) -> None:
    body = {"workflow_type": "end-as", "queue": world.queue, "input": how}
    start = await enqueue(
        world.client.get_workflow_handle(f"again-{uuid.uuid4().hex}"), kind=MessageKind.START, body=body
    )
    first = await calls.start(world.client, start)
    await world.client.get_workflow_handle(start.workflow_id).result()

    assert await calls.start(world.client, start) == first


async def test_a_start_of_a_taken_workflow_id_is_refused(world: World) -> None:
    handle = await world.start(EveryStep.run)
    body = {"workflow_type": "end-as", "queue": world.queue, "input": "complete"}
    start = await enqueue(handle, kind=MessageKind.START, body=body)
    with pytest.raises(RPCError):
        await calls.start(world.client, start)
    async with active(world, courier=True):
        [message] = await ended(start)
    assert (message.state, "already" in message.last_error) == ("refused", True)
