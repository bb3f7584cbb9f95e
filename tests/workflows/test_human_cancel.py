"""A canceled workflow takes its question back; a decision that was first is told so."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from reviews.escalations.faults import Conflict, Withdrawn
from reviews.escalations.models import Decision
from tests.workflows.flows import Ask, AskOne, AskSeveral, WithdrawThenWait
from tests.workflows.world import Handle, World, until, working
from workflows.activities import human
from workflows.contracts import Asked


async def canceled(handle: Handle) -> bool:
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    return (await handle.describe()).status == WorkflowExecutionStatus.CANCELED


async def test_canceled_while_it_waits_the_question_is_withdrawn(world: World) -> None:
    handle = await world.start(AskOne.run, Ask(within=60, on_deadline="approve"))
    question = await world.question(handle)
    await handle.cancel()

    assert await canceled(handle)
    assert (await world.now(question)).state == "withdrawn"
    with pytest.raises(Withdrawn):
        await world.decide(question)


async def test_all_that_is_open_is_withdrawn_before_the_workflow_ends(quiet_world: World) -> None:
    """The first question's withdrawal ends the gather; ``drain`` waits for the others."""
    world, calls = quiet_world, itertools.count()

    @activity.defn(name="settle")
    def ever_slower_settle(request: Any) -> dict[str, Any]:
        time.sleep(0.7 * next(calls))
        return human.settle(request)

    async with working(world, activities=[human.ask, ever_slower_settle, human.acknowledge]):
        handle = await world.start(AskSeveral.run, [Ask("First?"), Ask("Second?")])
        await world.after_asks(handle, number=2)
        await handle.cancel()

        assert await canceled(handle)
        assert [question.state for question in await world.questions(handle)] == ["withdrawn"] * 2
        await world.replay()


async def test_a_decision_that_was_first_is_refused_and_told_why(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    decision = await world.decide(await world.question(handle))
    await handle.cancel()

    assert await canceled(handle)
    delivery = await world.delivery(decision)
    assert delivery.state == "refused"
    assert "withdrew the question" in delivery.reason


async def test_canceled_while_it_asks_nothing_is_left_open(quiet_world: World) -> None:
    world, may_return = quiet_world, threading.Event()

    @activity.defn(name="ask")
    def slow_ask(request: Any) -> Asked:
        asked = human.ask(request)
        may_return.wait(10)
        return asked

    async with working(world, activities=[slow_ask, human.settle, human.acknowledge]):
        handle = await world.start(AskOne.run, Ask())
        question = await world.question(handle)
        await handle.cancel()
        may_return.set()
        assert await canceled(handle)
        await world.replay()
    assert (await world.now(question)).state == "withdrawn"


async def test_cancel_and_click_at_the_same_instant_agree(world: World) -> None:
    """Either it was acted on, or its delivery says that it was refused, or nobody decided at all."""

    async def race(number: int) -> None:
        handle = await world.start(AskOne.run, Ask())
        question = await world.question(handle)

        async def decide() -> Decision | None:
            try:
                await asyncio.sleep(number * 0.004)
                decision = await world.decide(question)
            except Conflict:
                return None
            try:
                await world.deliver(handle, decision)
            except RPCError as error:
                assert error.status == RPCStatusCode.NOT_FOUND
            return decision

        decision, _ = await asyncio.gather(decide(), handle.cancel())
        try:
            acted_on = (await handle.result())["key"]
        except WorkflowFailureError:
            acted_on = None
        if decision is None:
            assert acted_on is None
            assert (await world.now(question)).state == "withdrawn"
        else:
            assert (await world.delivery(decision)).state == ("acted_on" if acted_on else "refused")

    await asyncio.gather(*(race(number) for number in range(10)))


async def test_a_workflow_may_withdraw_and_go_on(world: World) -> None:
    handle = await world.start(WithdrawThenWait.run, Ask())
    question = await world.question(handle)
    await world.tell_to(handle, "go")

    async def withdrawn() -> bool:
        return (await world.now(question)).state == "withdrawn"

    await until(withdrawn, "the question is withdrawn")
    await world.tell_to(handle, "end")
    assert await handle.result() is None
