"""The timer is the workflow's, the answer the database's: whoever was first counts, for all alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from django.utils import timezone
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from reviews.escalations.faults import Conflict, Withdrawn
from reviews.escalations.models import Decision, Escalation
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.workspaces.models import Workspace
from tests.workflows.flows import Ask, AskOne, WaitThenAsk
from tests.workflows.test_human_signals import acknowledgements
from tests.workflows.world import World, working
from workflows.bridge.database import in_database
from workflows.contracts import OnDeadline
from workflows.engine.devserver import find_binary

DEFAULTS: list[tuple[OnDeadline, str | None]] = [
    ("expire", None),
    ("reject", "reject"),
    ("approve", "approve"),
]


async def test_a_deadline_does_what_the_policy_says_under_the_questions_own_key(world: World) -> None:
    asks = [Ask(within=0.3, on_deadline=on_deadline) for on_deadline, _ in DEFAULTS]
    handles = [await world.start(AskOne.run, ask) for ask in asks]
    for handle, (_, verdict) in zip(handles, DEFAULTS, strict=True):
        told = await handle.result()
        [question] = await world.questions(handle)
        assert (told["state"], told["verdict"], told["key"]) == ("expired", verdict, str(question.id))
        assert question.state == "expired"
        with pytest.raises(Withdrawn):
            await world.decide(question)


async def test_a_decision_that_the_timer_finds_is_acted_on_and_not_sent_again(world: World) -> None:
    """Temporal was away, say: the signal still waits in the outbox when the deadline fires."""
    handle = await world.start(AskOne.run, Ask(within=4, on_deadline="approve"))
    decision = await world.decide(await world.question(handle), "reject", comment="No.")

    told = await handle.result()
    assert (told["state"], told["verdict"], told["key"]) == ("decided", "reject", str(decision.id))
    assert told["comment"] == "No."
    assert (await world.delivery(decision)).state == "acted_on"
    assert (await in_database(Message.objects.get, subject=decision.id)).state == "superseded"
    assert await world.signals(handle) == []


async def test_a_signal_behind_what_the_timer_found_is_not_refused(world: World) -> None:
    """The courier was sending it at that moment: the workflow has that decision already, and says nothing more."""
    handle = await world.start(WaitThenAsk.run, Ask(within=4, on_deadline="approve"))
    await world.tell_to(handle, "go")
    decision = await world.decide(await world.question(handle), "reject")
    await world.delivery(decision, "acted_on")
    await world.deliver(handle, decision)
    await world.tell_to(handle, "end")

    assert (await handle.result())["key"] == str(decision.id)
    assert [one["outcome"] for one in await acknowledgements(world, handle)] == ["acted_on"]


async def test_a_click_after_the_deadline_but_before_settle_counts(quiet_world: World) -> None:
    """No worker runs when the deadline passes: the question is open until ``settle`` closes it."""
    world = quiet_world
    async with working(world):
        handle = await world.start(AskOne.run, Ask(within=4, on_deadline="reject"))
        question = await world.question(handle)
    assert question.deadline is not None
    await asyncio.sleep((question.deadline - timezone.now()).total_seconds() + 0.1)
    decision = await world.decide(await world.now(question))
    assert decision.after_deadline
    async with working(world):
        told = await handle.result()
        await world.replay()
    assert (told["verdict"], told["key"]) == ("approve", str(decision.id))


async def test_deadline_and_click_at_the_same_instant_agree(world: World) -> None:
    async def race(milliseconds: int) -> None:
        handle = await world.start(AskOne.run, Ask(within=0.6, on_deadline="reject"))
        question = await world.question(handle)
        assert question.deadline is not None
        await asyncio.sleep(
            (question.deadline - question.opened_at).total_seconds() + milliseconds / 1000 - 0.05
        )
        decided: Decision | None = None
        try:
            decided = await world.decide(question)
            if milliseconds % 12:  # the others are found by settle alone
                await world.deliver(handle, decided)
        except Conflict:
            pass
        except RPCError as error:
            assert error.status == RPCStatusCode.NOT_FOUND
        told = await handle.result()
        assert told["state"] == (await world.now(question)).state
        assert told["key"] == str(decided.id if decided else question.id)
        assert told["verdict"] == ("approve" if decided else "reject")

    await asyncio.gather(*(race(milliseconds) for milliseconds in range(0, 120, 6)))


@pytest_asyncio.fixture
async def years(workspace: Workspace, bob: Account) -> AsyncIterator[World]:
    """A world in which time is skipped while everybody waits."""
    binary = find_binary()
    assert binary
    server = Path(binary).with_name("temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(server)
    ) as environment:
        world = World(environment.client, workspace, bob)
        async with working(world):
            yield world


async def test_a_deadline_in_ninety_days_comes_as_one_in_a_second(years: World) -> None:
    within = timedelta(days=90).total_seconds()
    ask = Ask(within=within, on_deadline="reject")
    told = await years.client.execute_workflow(AskOne.run, ask, id="ninety-days", task_queue=years.queue)

    assert (told.state, told.verdict) == ("expired", "reject")
    question = await in_database(Escalation.objects.get, id=told.key)
    assert question.state == "expired"
    assert question.deadline is not None
    assert question.deadline - question.opened_at > timedelta(days=89)
