"""What a workflow may ask, and what reaches it when a person decides."""

from __future__ import annotations

import pytest

from tests.workflows.flows import Ask, AskOne, AskSeveral, AskThenFail, AskTyped
from tests.workflows.world import World

FORM = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}


async def test_an_approval_brings_the_proposal_the_key_and_the_reviewer(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    decision = await world.decide(await world.question(handle), comment="Fine.")
    await world.deliver(handle, decision)

    told = await handle.result()
    assert (told["state"], told["verdict"], told["values"]) == ("decided", "approve", {"amount": 10})
    assert (told["key"], told["reviewer"], told["comment"]) == (str(decision.id), "Bob", "Fine.")
    assert (await world.delivery(decision)).state == "acted_on", "acknowledged before the workflow ended"


async def test_an_edit_takes_effect_as_edited_and_a_response_as_written(world: World) -> None:
    handle = await world.start(AskOne.run, Ask(verdicts=["edit"], form=FORM))
    edit = await world.decide(await world.question(handle), "edit", response={"amount": 7})
    await world.deliver(handle, edit)
    assert (await handle.result())["values"] == {"amount": 7}

    handle = await world.start(AskOne.run, Ask(verdicts=["respond", "reject"]))
    answer = await world.decide(await world.question(handle), "respond", response={"text": "Next week."})
    await world.deliver(handle, answer)
    told = await handle.result()
    assert (told["verdict"], told["text"], told["values"]) == ("respond", "Next week.", {"amount": 10})


async def test_dataclasses_and_pydantic_models_are_proposals(world: World) -> None:
    handle = await world.start(AskTyped.run)
    order = await world.question(handle)
    assert order.question["proposal"] == {"customer": "Dora", "amount": 9.5, "express": False}
    await world.deliver(handle, await world.decide(order))

    letter = await world.question(handle, number=2)
    assert letter.question["form"]["properties"]["copies"]["maximum"] == 9
    await world.deliver(handle, await world.decide(letter, "edit", response={"to": "Eve", "copies": 2}))
    first, second = await handle.result()
    assert first["values"] == {"customer": "Dora", "amount": 9.5, "express": False}
    assert second["values"] == {"to": "Eve", "copies": 2}


async def test_several_questions_are_answered_in_any_order(world: World) -> None:
    handle = await world.start(AskSeveral.run, [Ask("First?"), Ask("Second?"), Ask("Third?")])
    await world.question(handle, number=3)
    by_title = {question.title: question for question in await world.questions(handle)}
    for title, verdict in (("Third?", "reject"), ("First?", "approve"), ("Second?", "reject")):
        decision = await world.decide(by_title[title], verdict)
        await world.deliver(handle, decision)
        await world.delivery(decision, "acted_on")

    result = await handle.result()
    assert [one["verdict"] for one in result["told"]] == ["approve", "reject", "reject"]
    assert result["order"] == ["Third?", "First?", "Second?"]


async def test_a_workflow_that_fails_has_acknowledged_what_it_was_told(world: World) -> None:
    handle = await world.start(AskThenFail.run, Ask())
    decision = await world.decide(await world.question(handle))
    await world.deliver(handle, decision)

    with pytest.raises(Exception, match="Workflow execution failed"):
        await handle.result()
    assert (await world.delivery(decision)).state == "acted_on"


UNFIT = [
    (Ask(proposal={"amount": float("nan")}), "canonical"),
    (Ask(proposal={"amount": 2**53 + 1}), "canonical"),
    (Ask(proposal=["not", "an", "object"]), "objects of fields"),
    (Ask(title="   "), "title"),
    (Ask(verdicts=["edit"]), "form"),
    (Ask(verdicts=["edit"], form={"type": "no-such-type"}), "JSON Schema"),
    (Ask(verdicts=["edit"], form=FORM, proposal={"amount": "ten"}), "its own form at /amount"),
]


async def test_a_question_that_cannot_be_shown_fails_at_once_and_says_why(world: World) -> None:
    handles = [await world.start(AskOne.run, ask) for ask, _ in UNFIT]
    for handle, (_, why) in zip(handles, UNFIT, strict=True):
        told = await handle.result()
        assert told["error"] == "InvalidProposal"
        assert why in told["text"]
        assert await world.questions(handle) == []


async def test_hostile_text_is_cleaned_and_what_takes_effect_is_what_was_shown(world: World) -> None:
    text = "NUL \x00, marks \u202e\u2066, surrogate \ud800, " + "x" * 1_000_000
    handle = await world.start(AskOne.run, Ask(proposal={"note": text, "k\x00ey": 2**53 - 1, "at": 1e-7}))
    question = await world.question(handle)
    shown = question.question["proposal"]
    assert shown["note"].startswith("NUL \ufffd, marks \u202e\u2066, surrogate \ufffd, xxx")
    assert shown["k\ufffdey"] == 2**53 - 1

    await world.deliver(handle, await world.decide(question))
    assert (await handle.result())["values"] == shown
