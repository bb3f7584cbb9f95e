"""Signals that must change nothing: repeats, wrong ones, foreign ones, garbage."""

from __future__ import annotations

import threading
from typing import Any

from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType

from reviews.escalations.models import Delivery
from tests.workflows.flows import Ask, AskOne, AskSeveral, WaitThenAsk
from tests.workflows.world import World, working
from workflows.activities import human
from workflows.bridge.database import in_database
from workflows.contracts import Asked

FORGED: dict[str, Any] = {"decision_id": "11111111-1111-4111-8111-111111111111", "verdict": "approve"}


async def test_the_same_decision_twice_acts_once(world: World) -> None:
    handle = await world.start(AskSeveral.run, [Ask("First?"), Ask("Second?")])
    await world.question(handle, number=2)
    first, second = await world.questions(handle)
    decision = await world.decide(first)
    for _ in range(3):
        await world.deliver(handle, decision)
    delivery = await world.delivery(decision, "acted_on")
    await world.deliver(handle, await world.decide(second, "reject"))

    result = await handle.result()
    assert result["order"] == [first.title, second.title]
    assert len(await world.signals(handle)) == 4, (
        "each had a request id of its own, so Temporal kept them all"
    )
    again = await in_database(Delivery.objects.get, decision_id=decision.id)
    assert (again.state, again.acted_on_at) == ("acted_on", delivery.acted_on_at)


async def test_of_two_decisions_in_one_task_the_first_stands(quiet_world: World) -> None:
    """Only one of them can have been made here; whoever else may signal cannot overrule it."""
    world = quiet_world
    async with working(world):
        handle = await world.start(AskOne.run, Ask())
        question = await world.question(handle)
        await world.after_asks(handle)
    decision = await world.decide(question, "reject")
    await world.deliver(handle, decision)
    await world.tell(handle, FORGED | {"escalation_id": str(question.id), "digest": question.digest})
    async with working(world):
        told = await handle.result()

    assert (told["verdict"], told["key"]) == ("reject", str(decision.id))
    assert (await world.delivery(decision)).state == "acted_on"


async def test_a_decision_on_another_proposal_is_refused(world: World) -> None:
    handle = await world.start(AskOne.run, Ask(within=30))
    decision = await world.decide(await world.question(handle))
    await world.deliver(handle, decision, digest="0" * 64)

    delivery = await world.delivery(decision, "refused")
    assert "digest differs" in delivery.reason


async def test_what_was_not_offered_is_refused(world: World) -> None:
    handle = await world.start(AskOne.run, Ask(verdicts=["approve"]))
    decision = await world.decide(await world.question(handle))
    await world.deliver(handle, decision, verdict="reject")
    assert "not among the options" in (await world.delivery(decision, "refused")).reason

    handle = await world.start(AskOne.run, Ask(verdicts=["edit"], form={"type": "object"}))
    decision = await world.decide(await world.question(handle), "edit", response={})
    await world.deliver(handle, decision, response="all of it")
    assert "whole edited values" in (await world.delivery(decision, "refused")).reason


async def test_a_decision_on_a_question_that_this_run_never_asked_is_refused(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    question = await world.question(handle)
    other = await world.start(AskOne.run, Ask())
    foreign = await world.decide(await world.question(other))
    await world.deliver(handle, foreign)
    await world.tell(handle, FORGED | {"escalation_id": "no uuid", "digest": question.digest})
    await world.deliver(handle, await world.decide(question))

    assert (await handle.result())["verdict"] == "approve"
    assert (await world.delivery(foreign)).state == "recorded", "nobody else speaks for the run that asked"
    await world.deliver(other, foreign)
    assert (await other.result())["verdict"] == "approve"


async def test_garbage_neither_answers_nor_fails_the_workflow_task(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    question = await world.question(handle)
    right = {"escalation_id": str(question.id), "digest": question.digest}
    await world.tell(handle)
    await world.tell(handle, "approve", "reject")
    await world.tell(handle, FORGED | right, "and one more")
    for value in (
        5,
        None,
        [],
        [FORGED | right],
        {},
        {"decision_id": 7},
        FORGED,
        FORGED | {"escalation_id": {}},
    ):
        await world.tell(handle, value)
    await world.tell(handle, FORGED | right | {"verdict": "pay twice"})
    await world.tell(handle, FORGED | right | {"digest": None})
    await world.send(handle, Payload(metadata={"encoding": b"json/plain"}, data=b"{no json"))
    await world.send(handle, Payload(metadata={"encoding": b"who/knows"}, data=b"\xff"))
    await world.send(handle, Payload(metadata={"encoding": b"binary/plain"}, data=b"\xff\x00"))
    await world.deliver(handle, await world.decide(question, "reject"))

    assert (await handle.result())["verdict"] == "reject"
    assert await world.events(handle, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED) == []


async def test_an_unreadable_signal_of_a_real_decision_is_reported(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    decision = await world.decide(await world.question(handle))
    await world.deliver(handle, decision, verdict=["approve"])

    assert "could not be read" in (await world.delivery(decision, "refused")).reason


async def test_a_decision_that_comes_before_the_answer_of_ask_counts_once(quiet_world: World) -> None:
    """The page can be quicker than Temporal: the signal, and its repeat, are there before ``ask`` returned."""
    world, may_return = quiet_world, threading.Event()

    @activity.defn(name="ask")
    def slow_ask(request: Any) -> Asked:
        asked = human.ask(request)
        may_return.wait(10)
        return asked

    async with working(world, activities=[slow_ask, human.settle, human.acknowledge]):
        handle = await world.start(AskOne.run, Ask())
        decision = await world.decide(await world.question(handle))
        for _ in range(2):
            await world.deliver(handle, decision)
        may_return.set()

        assert (await handle.result())["key"] == str(decision.id)
        assert [one["outcome"] for one in await acknowledgements(world, handle)] == ["acted_on"]
        assert (await world.delivery(decision)).state == "acted_on"
        await world.replay()


async def acknowledgements(world: World, handle: Any) -> list[dict[str, Any]]:
    found = []
    for event in await world.events(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED):
        attributes = event.activity_task_scheduled_event_attributes
        if attributes.activity_type.name == "acknowledge":
            found.append((await world.client.data_converter.decode(attributes.input.payloads))[0])
    return found


async def test_a_forged_decision_closes_the_page_and_loses_to_nobody_silently(world: World) -> None:
    """Whoever may signal may answer; but the page then says so, and a person who decided meanwhile is told."""
    handle = await world.start(WaitThenAsk.run, Ask())
    await world.tell_to(handle, "go")
    question = await world.question(handle)
    await world.tell(handle, FORGED | {"escalation_id": str(question.id), "digest": question.digest})
    await until_closed(world, handle)

    assert (await world.now(question)).state == "answered_outside"
    await world.tell_to(handle, "end")
    assert (await handle.result())["state"] == "decided"


async def until_closed(world: World, handle: Any) -> None:
    from tests.workflows.world import until

    async def closed() -> bool:
        return all(not question.is_pending for question in await world.questions(handle))

    await until(closed, "the question is closed")
