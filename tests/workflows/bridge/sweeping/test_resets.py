"""Resets by Temporal's own command line, and what becomes of questions and decisions (design: chains)."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from temporalio.api.enums.v1 import EventType

from reviews.escalations import actions as escalations
from reviews.outbox.models import Message
from tests.workflows.bridge.parts import active, die, killed, mirrored, row_of
from tests.workflows.bridge.test_mirror import assert_same
from tests.workflows.flows import Ask, AskAndCarry, AskOne, Carried, WaitThenAsk, WithdrawThenWait
from tests.workflows.test_human_chains import turn
from tests.workflows.world import Handle, World, until
from workflows.bridge.database import in_database
from workflows.engine.devserver import find_binary


async def reset_by_cli(world: World, handle: Handle, event_id: int) -> Handle:
    """``temporal workflow reset``, as an operator types it."""
    binary = find_binary()
    assert binary
    address = world.client.service_client.config.target_host
    process = await asyncio.create_subprocess_exec(
        str(binary), "workflow", "reset", "--address", address, "--workflow-id", handle.id,
        "--run-id", handle.run_id or "", "--event-id", str(event_id), "--reason", "test",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return await world.newest(handle)


async def first_task(world: World, handle: Handle) -> int:
    """A reset to here is before everything."""

    async def done() -> int:
        tasks = await world.events(handle, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
        return tasks[0].event_id if tasks else 0

    return await until(done, "the first workflow task is done")


async def state(world: World, handle: Handle, number: int, expected: str) -> None:
    async def reached() -> bool:
        questions = await world.questions(handle)
        return len(questions) >= number and questions[number - 1].state == expected

    await until(reached, f"question {number} is {expected}")


async def test_reset_after_the_ask_keeps_the_question_and_sends_the_decision_again(world: World) -> None:
    handle = await world.start(WaitThenAsk.run, Ask())
    await world.tell_to(handle, "go")
    question = await world.question(handle)
    async with active(world, mirror=True, courier=True):
        decision = await world.decide(question)
        await world.delivery(decision, "acted_on")
        fresh = await reset_by_cli(world, handle, await world.after_asks(handle))
        old, new = await mirrored(handle), await mirrored(fresh, closed=False)

        async def sent_again() -> bool:
            messages = await in_database(lambda: list(Message.objects.filter(subject=decision.id)))
            return {message.run_id for message in messages} == {handle.run_id, fresh.run_id}

        await until(sent_again, "the decision is sent to the new execution too")
        await world.tell_to(fresh, "end")
        assert (await fresh.result())["key"] == str(decision.id)
        new = await mirrored(fresh)

    assert [question.state for question in await world.questions(handle)] == ["decided"]
    assert (await world.delivery(decision)).state == "acted_on"
    assert (old.status, new.chain, new.reset_event_id is None) == ("terminated", old.chain, False)
    await assert_same(world, handle, old)
    await assert_same(world, fresh, new)


async def test_reset_before_the_ask_withdraws_the_old_question(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    await world.question(handle)
    async with active(world, mirror=True, courier=True):
        await mirrored(handle, closed=False)
        fresh = await reset_by_cli(world, handle, await first_task(world, handle))
        await state(world, handle, 1, "withdrawn")
        decision = await world.decide(await world.question(handle, number=2), "reject")
        assert (await fresh.result())["key"] == str(decision.id)


async def test_a_closed_run_that_is_reset_asks_again(world: World) -> None:
    """The chain was closed and its question withdrawn; the reset, seen by the sweep, opens both."""
    handle = await world.start(AskOne.run, Ask())
    question = await world.question(handle)
    kept = await world.after_asks(handle)
    async with active(world, mirror=True, courier=True, sweep=True):
        await handle.terminate(reason="a mistake")
        await state(world, handle, 1, "withdrawn")
        fresh = await reset_by_cli(world, handle, kept)
        await state(world, handle, 1, "pending")
        new = await mirrored(fresh, closed=False)
        assert new.waiting_for_human
        decision = await world.decide(await world.now(question))
        assert (await fresh.result())["key"] == str(decision.id)


async def test_a_question_carried_from_an_earlier_run_outlives_a_reset_of_the_later_one(world: World) -> None:
    first = await world.start(AskAndCarry.run, Carried(Ask(), turns=1))
    question = await world.question(first)
    async with active(world, mirror=True, courier=True):
        second = await turn(world, first)
        await mirrored(second, closed=False)
        third = await reset_by_cli(world, second, await first_task(world, second))
        await mirrored(third, closed=False)
        await asyncio.sleep(0.5)
        assert (await world.now(question)).state == "pending", "it came with the new run's input"
        decision = await world.decide(question)
        assert (await third.result())["key"] == str(decision.id)


async def test_a_question_that_the_workflow_took_back_stays_so_after_a_reset(world: World) -> None:
    handle = await world.start(WithdrawThenWait.run, Ask())
    await world.question(handle)
    await world.tell_to(handle, "go")
    await state(world, handle, 1, "withdrawn")

    async def idle_after_settle() -> int:
        events = await world.events(handle)
        return events[-1].event_id if events[-1].event_type == 7 and len(events) > 16 else 0

    last = await until(idle_after_settle, "the workflow has read the answer of settle")
    async with active(world, mirror=True, courier=True):
        await mirrored(handle, closed=False)
        fresh = await reset_by_cli(world, handle, last)
        await mirrored(fresh, closed=False)
        await asyncio.sleep(0.5)
        assert [question.state for question in await world.questions(handle)] == ["withdrawn"]
        await world.tell_to(fresh, "end")
        await fresh.result()


async def test_a_bridge_that_dies_between_mirroring_a_reset_and_its_questions_leaves_nothing_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await world.start(AskOne.run, Ask())
    await world.question(handle)

    async with killed(world):
        await mirrored(handle, closed=False)
        monkeypatch.setattr(escalations, "run_was_reset", die)
        fresh = await reset_by_cli(world, handle, await first_task(world, handle))
    monkeypatch.undo()
    async with active(world, mirror=True):
        await state(world, handle, 1, "withdrawn")
        assert (await row_of(fresh)) is not None
        assert uuid.UUID(str((await world.question(handle, number=2)).id))
