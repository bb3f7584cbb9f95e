"""What is too long for the model, in every agent whose prompts grow: a person says what is left out, or stops."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from reviews.escalations.models import Escalation
from tests.workflows.agents.families import child_of, text_of
from tests.workflows.agents.talking import Talk
from tests.workflows.agents.test_delegation import GOAL, LAWYER
from tests.workflows.agents.test_model_faults import attempts, calls, kinds, research
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import Handle, World

REPORT = "from the findings.\nQuery: "
JOIN = "You synthesize the work"
MOST = "This model's maximum context length is 8192 tokens."


def is_too_long(demo: Demo, match: str, times: int = 1) -> None:
    demo.inject("error", match=match, times=times, status=400, code="context_length_exceeded", message=MOST)


def offered(question: Escalation) -> list[str]:
    return [option["verdict"] for option in question.options]


async def decide(
    agents: World, handle: Handle, verdict: str = "approve", number: int = 1, **more: Any
) -> None:
    question = await agents.question(handle, number=number)
    await agents.deliver(handle, await agents.decide(question, verdict, **more))


async def test_a_report_is_written_from_less_and_less_of_what_was_found(agents: World, demo: Demo) -> None:
    is_too_long(demo, f"{REPORT}How deep do willows", times=2)
    handle = await research(agents, "How deep do willows root?")
    question = await agents.question(handle)
    assert question.title == "What was found is too long for the model"
    assert offered(question) == ["approve", "respond", "reject"]
    asked = question.question
    left_out, failure = asked["evidence"]
    assert (left_out["title"], left_out["trusted"]) == ("What would be left out", False)
    assert MOST in failure["text"]
    kept, before = asked["proposal"]["characters"], asked["before"]["characters"]
    assert kept <= before // 2 and f"{kept:,} of {before:,} characters" in asked["options"][0]["consequence"]

    yes = await agents.decide(question)
    await agents.deliver(handle, yes)
    again = await agents.question(handle, number=2)
    assert again.question["before"]["characters"] == kept, (
        "it was tried as it was shown, and was too long still"
    )
    await agents.deliver(handle, yes)  # the same answer, which is no answer to the second question
    await agents.deliver(handle, await agents.decide(again))

    assert (await handle.result())["report"]["version"] == 1
    assert kinds(await attempts(handle, "synthesize_report", 3)) == ["ContextTooLong"] * 2 + [None]
    prompts = [call.messages[-1]["content"] for call in await calls(handle) if call.purpose == "synthesis"]
    assert [len(prompt) for prompt in prompts] == sorted(map(len, prompts), reverse=True)
    gone = left_out["text"].split("\n", 1)[1][:80]
    assert gone in prompts[0] and gone not in prompts[2], "what was shown as left out is left out"


async def test_a_report_is_stopped_or_said_in_words(agents: World, demo: Demo) -> None:
    is_too_long(demo, f"{REPORT}How deep do larches", times=2)
    stopped, said = [await research(agents, "How deep do larches root?") for _ in range(2)]
    await decide(agents, stopped, "reject")
    await decide(agents, said, "respond", response={"text": "# Two metres"})

    failure = await failure_of(stopped)
    assert (failure.type, failure.message) == (
        "ContextTooLong",
        "What was found is too long for the model, and Bob did not want it shortened.",
    )
    assert await text_of((await said.result())["report"]["version_id"]) == "# Two metres"


async def failure_of(handle: Handle) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause


async def test_a_specialist_gets_a_shorter_task_and_the_lead_less_of_the_work(
    agents: World, demo: Demo
) -> None:
    goal = f"{GOAL}. {'Mind the tides. ' * 40}"
    is_too_long(demo, LAWYER)
    is_too_long(demo, JOIN)
    handle = await agents.start_agent("delegation", {"goal": goal})
    question = await agents.question(handle)
    assert question.title == "The task of “Lawyer” is too long for the model"
    assert offered(question) == ["approve", "respond", "reject"]
    shorter = question.question["proposal"]["task"]
    assert len(shorter) <= len(question.question["before"]["task"]) // 2
    await agents.deliver(handle, await agents.decide(question))
    second = await child_of(agents, handle, "specialist-2-2")
    assert (await second.result())["assignment"]["task"] == shorter

    joining = await agents.question(handle, number=2)
    assert joining.title == "What the specialists wrote is too long for the model"
    await agents.deliver(handle, await agents.decide(joining))
    result = await handle.result()
    assert (result["done_by"], result["missing"]) == (["Analyst", "Lawyer", "Operations planner"], [])


async def test_a_report_does_without_what_was_not_shortened(agents: World, demo: Demo) -> None:
    goal = f"{GOAL}. {'Mind the tides. ' * 40}"
    is_too_long(demo, LAWYER)
    is_too_long(demo, JOIN)
    handle = await agents.start_agent("delegation", {"goal": goal})
    await decide(agents, handle, "reject")
    await decide(agents, handle, "reject", number=2)
    result = await handle.result()
    assert result["missing"] == ["Lawyer"]
    report = await text_of(result["report"]["version_id"])
    assert report.startswith(f"# {GOAL}"), "as the specialists wrote it"
    assert (
        "too long for the model, and Bob did not want it shortened" in report.split("## What is missing")[1]
    )


async def test_a_conversation_forgets_its_oldest_exchanges(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents, message="Hello, my name is Ada.")
    await talk.answer_to("first")
    for number in range(2):
        await talk.ask(f"Say something about parcel no {number}")
    is_too_long(demo, "What is my name?")
    id = await talk.say("What is my name?")
    question = await agents.question(talk.first)
    assert question.title == "The conversation is too long for the model"
    assert offered(question) == ["approve", "reject"]
    assert (question.question["before"]["exchanges"], question.question["proposal"]["exchanges"]) == (4, 2)
    left_out = question.question["evidence"][0]
    assert (
        left_out["text"].startswith("user: Hello, my name is Ada.\n\nassistant: ") and not left_out["trusted"]
    )
    assert "parcel no 0" in left_out["text"] and "parcel no 1" not in left_out["text"]
    await agents.deliver(talk.first, await agents.decide(question))

    assert (await talk.answer_to(id)).text == "You have not told me your name yet."
    [note] = await talk.turns("note")
    assert "has forgotten its oldest 2 exchanges" in note.text
    assert await talk.ask("Do you remember my name?") == "You have not told me your name yet.", "for good"
    assert len(await talk.turns("person")) == 5, "people still read all of it"
    await talk.end()


async def test_a_conversation_that_is_not_shortened_goes_on(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents, message="Hello, my name is Ada.")
    await talk.answer_to("first")
    is_too_long(demo, "no matter")
    id = await talk.say("no matter")
    await decide(agents, talk.first, "reject")
    answer = await talk.answer_to(id)
    assert (answer.role, answer.text) == (
        "note",
        "The conversation is too long for the model, and Bob did not want it shortened.",
    )
    assert await talk.ask("What is my name?") == "You said that your name is Ada.", "nothing is forgotten"
    await talk.end()


async def test_a_message_that_is_too_long_by_itself_is_no_question(agents: World, demo: Demo) -> None:
    is_too_long(demo, "no matter")
    talk = await Talk.begin(agents, message="no matter")
    assert "ContextTooLong" in (await talk.answer_to("first")).text
    assert await agents.questions(talk.first) == []
    await talk.end()
