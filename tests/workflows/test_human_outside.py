"""A bare string, as the plain CLI sends it: settled in the database before it counts."""

from __future__ import annotations

import asyncio

import pytest

from reviews.escalations.faults import AlreadyDecided, Withdrawn
from reviews.escalations.models import Decision
from reviews.outbox.models import Message
from tests.workflows.flows import Ask, AskOne, AskSeveral, WaitThenAsk
from tests.workflows.world import World
from workflows.bridge.database import in_database

WORDS = ["approve", "reject", "respond"]


async def test_a_verdict_in_words_answers_the_one_open_question(world: World) -> None:
    handle = await world.start(AskOne.run, Ask(verdicts=WORDS))
    question = await world.question(handle)
    await world.tell(handle, " Approve\n")

    told = await handle.result()
    assert (told["state"], told["verdict"], told["key"]) == ("answered_outside", "approve", str(question.id))
    closed = await world.now(question)
    assert closed.state == "answered_outside"
    assert closed.outcome == {
        "reason": "answered_outside",
        "answer": {"text": " Approve\n", "verdict": "approve"},
    }
    with pytest.raises(Withdrawn):
        await world.decide(question)


async def test_other_words_are_a_response_where_one_is_offered(world: World) -> None:
    handle = await world.start(AskOne.run, Ask(verdicts=WORDS))
    await world.question(handle)
    await world.tell(handle, "Ask her on Monday.")
    told = await handle.result()
    assert (told["verdict"], told["text"]) == ("respond", "Ask her on Monday.")

    handle = await world.start(AskOne.run, Ask(verdicts=["approve", "edit"], form={"type": "object"}))
    question = await world.question(handle)
    for text in ("no", "", "edit", "respond", "reject"):
        await world.tell(handle, text)
    await world.deliver(handle, await world.decide(question))
    assert (await handle.result())["state"] == "decided", "no other word counted"


async def test_with_several_open_a_bare_string_answers_none(world: World) -> None:
    handle = await world.start(AskSeveral.run, [Ask("First?"), Ask("Second?")])
    await world.question(handle, number=2)
    await world.tell(handle, "approve")
    first, second = await world.questions(handle)
    await world.deliver(handle, await world.decide(first, "reject"))
    await world.deliver(handle, await world.decide(second, "reject"))

    assert [one["verdict"] for one in (await handle.result())["told"]] == ["reject", "reject"]


async def test_a_string_that_came_before_the_question_answers_it(world: World) -> None:
    handle = await world.start(WaitThenAsk.run, Ask())
    await world.tell(handle, "reject")
    await world.tell_to(handle, "go")
    await world.tell_to(handle, "end")

    told = await handle.result()
    assert (told["state"], told["verdict"]) == ("answered_outside", "reject")
    assert [question.state for question in await world.questions(handle)] == ["answered_outside"]


async def test_the_page_that_was_first_wins_over_the_string(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    decision = await world.decide(await world.question(handle), "reject")
    await world.tell(handle, "approve")

    told = await handle.result()
    assert (told["state"], told["verdict"], told["key"]) == ("decided", "reject", str(decision.id))
    assert (await world.delivery(decision)).state == "acted_on"
    message = await in_database(Message.objects.get, subject=decision.id)
    assert message.state == "superseded", "what settle returned is not sent again"


async def test_page_and_string_at_the_same_instant_agree(world: World) -> None:
    for _ in range(6):
        handle = await world.start(AskOne.run, Ask())
        question = await world.question(handle)
        decided, _ = await asyncio.gather(
            world.decide(question, "reject"), world.tell(handle, "approve"), return_exceptions=True
        )
        told = await handle.result()
        state = (await world.now(question)).state
        assert state == told["state"]
        if isinstance(decided, Decision):
            assert (told["state"], told["key"]) == ("decided", str(decided.id))
        else:
            assert isinstance(decided, Withdrawn | AlreadyDecided)
            assert (told["state"], told["verdict"]) == ("answered_outside", "approve")
