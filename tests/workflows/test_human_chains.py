"""Continue-as-new and reset, without a bridge: what the workflow itself carries and drops."""

from __future__ import annotations

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from tests.workflows.flows import Ask, AskAndCarry, AskOne, Carried, WaitThenAsk
from tests.workflows.world import Handle, World, until

TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED


async def turn(world: World, handle: Handle) -> Handle:
    """Let it continue as new; its next execution."""
    await world.tell_to(handle, "turn")

    async def turned() -> bool:
        return (await world.client.get_workflow_handle(handle.id).describe()).run_id != handle.run_id

    await until(turned, "it continues as new")
    return await world.newest(handle)


async def test_an_open_question_is_carried_and_answered_in_a_later_run(world: World) -> None:
    first = await world.start(AskAndCarry.run, Carried(Ask(), turns=2))
    question = await world.question(first)
    third = await turn(world, await turn(world, first))
    decision = await world.decide(question)
    await world.deliver(third, decision)

    told = await third.result()
    assert (told["verdict"], told["key"]) == ("approve", str(decision.id))
    assert len(await world.questions(first)) == 1, "nobody was asked twice"
    assert (await world.delivery(decision)).state == "acted_on"


async def test_a_decision_read_before_the_turn_is_acted_on_after_it_and_once(world: World) -> None:
    first = await world.start(AskAndCarry.run, Carried(Ask(), turns=1))
    decision = await world.decide(await world.question(first))
    await world.deliver(first, decision)
    second = await turn(world, first)
    await world.deliver_late(second, decision)

    assert (await second.result())["key"] == str(decision.id)
    assert (await world.delivery(decision)).state == "acted_on"


async def test_what_was_seen_is_carried_too(world: World) -> None:
    """A decision refused in one run and sent again to the next is dropped there: its word stands."""
    first = await world.start(AskAndCarry.run, Carried(Ask(), turns=1))
    question = await world.question(first)
    decision = await world.decide(question)
    await world.deliver(first, decision, digest="0" * 64)
    await world.delivery(decision, "refused")
    second = await turn(world, first)
    await world.deliver(second, decision)

    async def read() -> bool:
        events = await world.events(second)
        return len(await world.signals(second)) == 1 and events[-1].event_type == TASK_COMPLETED

    await until(read, "the repeat is read")
    assert (await second.describe()).status == WorkflowExecutionStatus.RUNNING, "and it answers nothing"
    await world.tell(second, "reject")

    told = await second.result()
    assert told["key"] == str(decision.id), "found when the question was settled, and only then"
    assert (await world.delivery(decision)).state == "acted_on"


async def test_signal_and_turn_in_one_task_lose_nothing(world: World) -> None:
    for _ in range(4):
        first = await world.start(AskAndCarry.run, Carried(Ask(), turns=1))
        decision = await world.decide(await world.question(first))
        await world.tell_to(first, "turn")
        await world.deliver_late(await world.newest(first), decision)
        last = await world.newest(first)
        told = await world.client.get_workflow_handle(last.id).result()
        assert told["key"] == str(decision.id)


async def test_a_reset_after_the_ask_keeps_question_and_decision(world: World) -> None:
    handle = await world.start(WaitThenAsk.run, Ask())
    await world.tell_to(handle, "go")
    question = await world.question(handle)
    decision = await world.decide(question)
    await world.deliver(handle, decision)
    await world.delivery(decision, "acted_on")

    fresh = await world.reset(handle, await world.after_asks(handle))
    await world.deliver_late(fresh, decision)
    await world.tell_to(fresh, "end")
    told = await fresh.result()
    assert told["key"] == str(decision.id)
    assert len(await world.questions(handle)) == 1
    assert len(await world.signals(fresh)) == 2, "Temporal applied the old signal anew beside the repeat"


async def test_a_reset_before_the_ask_asks_anew_under_a_new_id(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    old = await world.question(handle)
    tasks = await world.events(handle, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
    fresh = await world.reset(handle, tasks[0].event_id)
    new = await world.question(handle, number=2)

    assert new.request_id != old.request_id
    decision = await world.decide(new, "reject")
    await world.deliver(fresh, decision)
    assert (await fresh.result())["key"] == str(decision.id)
