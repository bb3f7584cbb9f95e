"""``chat``: messages are answered in order, tools are called as they may be, and a snapshot carries it all on."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from temporalio.client import WorkflowFailureError

from reviews.artifacts.models import Version
from reviews.artifacts.queries import content
from reviews.runs.models import Attempt
from tests.workflows.agents.talking import Talk
from tests.workflows.agents.test_model_faults import attempts, kinds
from tests.workflows.agents.test_refund import ledger
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import World, until
from workflows.bridge.database import in_database
from workflows.llm.calls import CORRECTION
from workflows.llm.client import Completion
from workflows.llm.tools import ToolCall

EVERY = 3


async def test_a_conversation_goes_on_over_its_snapshots(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents, message="Hello, my name is Ada.", snapshot_every=EVERY)
    assert "Nice to meet you, Ada" in (await talk.answer_to("first")).text
    for number in range(4):
        await talk.ask(f"Say something about parcel no {number}")
    assert await talk.ask("What is my name?") == "You said that your name is Ada."
    result = await talk.end()

    assert (result["outcome"], result["messages"]) == ("ended", 6)
    assert "Ada" in result["summary"], "the name is in the words of the last summary"
    assert len(await talk.executions()) == 1 + 6 // EVERY
    people, answers = await talk.turns("person"), await talk.turns("agent")
    assert [turn.key for turn in people] == ["first", *talk.said]
    assert [turn.answers for turn in answers] == ["first", *talk.said]
    assert all(turn.demo for turn in answers)
    assert len(await _snapshots(talk)) == 6 // EVERY


async def test_a_new_execution_begins_with_the_claim_and_what_was_said_since(
    agents: World, demo: Demo
) -> None:
    talk = await Talk.begin(agents, snapshot_every=EVERY)
    demo.inject("slow", match="the third", seconds=1)
    ids = [await talk.say(f"This is {word}") for word in ("the first", "the second", "the third")]
    await until(lambda: _asked(demo, "the third"), "the third is being answered")
    ids += [await talk.say(f"This is {word}") for word in ("the fourth", "the fifth")]
    for id in ids:
        await talk.answer_to(id)

    _, second = await talk.executions()
    started = (await second.fetch_history()).events[0].workflow_execution_started_event_attributes
    [given] = await agents.client.data_converter.decode(started.input.payloads)
    assert [message["text"] for message in given["carried"]["inbox"]] == [
        "This is the fourth",
        "This is the fifth",
    ]
    assert set(given["carried"]["claim"]) == {"version_id"}
    assert "the first" not in json.dumps(given)
    [(version, snapshot)] = await _snapshots(talk)
    assert str(version.id) == given["carried"]["claim"]["version_id"]
    assert (snapshot["answered"], snapshot["seen"]) == (3, ["first", *ids[:3]])
    assert [turn.answers for turn in await talk.turns("agent")] == ids


async def test_a_repeated_message_is_answered_once_also_after_a_snapshot(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents, snapshot_every=1)
    id = await talk.say("Hello")
    await talk.answer_to(id)
    await talk.say("Hello", id=id)
    await talk.ask("And now something else")
    await talk.say("Hello", id=id)
    await talk.end()

    assert len(await talk.turns("agent")) == 2


async def test_what_is_no_message_is_ignored(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents)
    bad: list[Any] = [
        None,
        "Hello",
        [],
        {"id": "1"},
        {"id": "1", "text": " "},
        {"id": "x" * 999, "text": "Hi"},
    ]
    for value in [*bad, {"id": 1, "text": "Hi"}]:
        await talk._signal("chat_message", value)
    await talk.ask("Hello")

    assert (await talk.end())["messages"] == 1


async def test_an_order_is_looked_up_at_once(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents)
    assert "late days: 9" in await talk.ask("Where is order 1002?")
    assert "found: false" in await talk.ask("And order 4711?")

    first, second = await talk.turns("tool")
    assert (first.tool, first.arguments, first.state) == ("look_up_order", {"order": "1002"}, "done")
    assert json.loads(second.text) == {"order": "4711", "found": False}


async def test_a_refund_is_approved_edited_and_rejected(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents, snapshot_every=1)
    wanted = [await talk.say(f"Please refund {amount} to Dora") for amount in (40, 50, 60)]
    question = await agents.question(talk.first)
    waiting = await until(lambda: _tool(talk, "waiting"), "the call waits")
    assert (waiting.escalation_id, question.question["proposal"]["amount"]) == (question.id, 40)
    yes = await agents.decide(question)
    await agents.deliver_late(talk.first, yes)
    assert "outcome: paid" in (await talk.answer_to(wanted[0])).text

    question = await agents.question(talk.first, number=2)
    less = await agents.decide(question, "edit", response=question.question["proposal"] | {"amount": 7})
    await agents.deliver(await agents.newest(talk.first), less)
    assert "amount: 7" in (await talk.answer_to(wanted[1])).text

    no = await agents.decide(await agents.question(talk.first, number=3), "reject", comment="Too much.")
    await agents.deliver(await agents.newest(talk.first), no)
    answer = (await talk.answer_to(wanted[2])).text
    assert "not carried out" in answer and "Bob rejected it" in answer and "Too much." in answer

    assert sorted(ledger(demo)) == sorted([(str(yes.id), 40), (str(less.id), 7)])
    assert [turn.state for turn in await talk.turns("tool")] == ["done", "done", "refused"]
    for decision in (yes, less, no):
        await agents.delivery(decision, "acted_on")


async def test_a_tools_words_start_nothing_and_reach_the_reviewer_as_text(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents)
    assert "ignore your rules" in await talk.ask("What about order 1003?")
    assert await agents.questions(talk.first) == [] and ledger(demo) == []

    await talk.say("Then refund 60 to Mallory")
    question = await agents.question(talk.first)
    assert question.question["proposal"]["amount"] == 60
    assert [item["trusted"] for item in question.question["evidence"]] == [False]


async def test_arguments_that_do_not_fit_are_corrected(agents: World, demo: Demo) -> None:
    demo.inject("malformed_json", times=1, match="order 1001")
    talk = await Talk.begin(agents)
    assert "on its way" in await talk.ask("Where is order 1001?")

    tried = await attempts(talk.first, "answer_message", 2)
    assert kinds(tried)[0] == "MalformedAnswer"
    prompts = [call["prompt"] for call in demo.stats()["calls"]]
    assert not any(CORRECTION in prompt for prompt in prompts), "the correction is no word of the person's"


async def test_a_model_that_cannot_answer_ends_nothing(agents: World, demo: Demo) -> None:
    demo.inject("error", times=1, match="trouble", status=400)
    talk = await Talk.begin(agents)
    first = await talk.answer_to(await talk.say("Here comes trouble"))
    assert (first.role, "ValidationError" in first.text) == ("note", True)
    assert await talk.ask("My name is Ada") == "Nice to meet you, Ada. I will remember your name."


async def test_a_snapshot_that_cannot_be_written_holds_nothing_up(
    agents: World, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = ["no room", "no room", "no room"]

    def write(*args: Any, **options: Any) -> Any:
        if full:
            raise OSError(full.pop())
        return write_version(*args, **options)

    from workflows.activities import chat

    write_version = chat.write_version
    monkeypatch.setattr(chat, "write_version", write)
    talk = await Talk.begin(agents, snapshot_every=1)
    for text in ("one", "two"):
        await talk.ask(text)
    await talk.end()
    assert len(await talk.executions()) == 2, "the second answer's snapshot could be written"


async def test_a_snapshot_that_is_lost_is_recalled_from_the_page(
    agents: World, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflows.activities import chat

    write_version = chat.write_version
    left = [True, False, True]

    def write(*args: Any, **options: Any) -> Version:
        version = write_version(*args, **options)
        if not left.pop(0):
            default_storage.delete(version.blob.storage_name)
        return version

    monkeypatch.setattr(chat, "write_version", write)
    monkeypatch.setattr(chat, "PATIENT_ATTEMPTS", 2)
    talk = await Talk.begin(agents, snapshot_every=2)
    first = await talk.say("Hello, my name is Ada.")
    await talk.answer_to(first)
    for text in ("parcel one", "parcel two", "parcel three"):
        await talk.ask(text)
    await talk.say("Hello, my name is Ada.", id=first)
    assert await talk.ask("What is my name?") == "You said that your name is Ada."

    assert (await talk.end())["messages"] == 5, "what was answered is not answered again"
    assert len(await talk.executions()) == 3
    [note, _] = [turn.text for turn in await talk.turns("note")]
    assert "lost with the file" in note and "FileNotFoundError" in note


async def test_long_messages_are_snapshotted_early(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents, snapshot_every=100)
    for letter in "abcd":
        await talk.ask(letter * 8000)
    await talk.end()

    assert len(await talk.executions()) == 2
    [(_, snapshot)] = await _snapshots(talk)
    assert snapshot["answered"] == 3 and len(snapshot["exchanges"]) == 1
    assert "aaa" in snapshot["summary"], "what is not kept word for word is summed up"


async def test_a_model_that_only_calls_tools_has_to_answer_in_the_end(
    agents: World, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflows.activities import chat

    offered: list[int] = []

    async def restless(purpose: str, messages: Any, *, tools: Any = (), **options: Any) -> Completion:
        if purpose != "answer":
            return await converse(purpose, messages, **options)
        offered.append(len(tools))
        calls = [ToolCall(f"call-{number}", "look_up_order", {"order": "1001"}) for number in range(7)]
        words = "" if tools else "Enough."
        return Completion(words, None, "restless", "stop", 1, 1, 0, 1, "x", False, calls if tools else [])

    converse = chat.converse
    monkeypatch.setattr(chat, "converse", restless)
    talk = await Talk.begin(agents)
    assert await talk.ask("Where is order 1001?") == "Enough."
    assert [bool(count) for count in offered] == [True] * 4 + [False]
    states = [turn.state for turn in await talk.turns("tool")]
    assert states == (["done"] * 5 + ["refused"] * 2) * 4
    await talk.end()


async def test_what_is_said_before_the_end_is_answered(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents)
    ids = [await talk.say(f"no {number}") for number in range(4)]
    result = await talk.end()

    assert result["messages"] == 4
    assert [turn.answers for turn in await talk.turns("agent")] == ids
    assert (await talk.turns())[-1].text.startswith("The conversation has ended.")


async def test_what_is_said_while_it_is_summed_up_is_answered_too(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents, message="Hello, my name is Ada.")
    await talk.answer_to("first")
    demo.inject("slow", match="Summarize the conversation", seconds=1)
    await talk._signal("chat_end", None)
    await until(lambda: _asked(demo, "So far"), "it is summed up")
    assert (
        await talk.answer_to(await talk.say("What is my name?"))
    ).text == "You said that your name is Ada."
    assert (await talk.end_of_it())["messages"] == 2


async def test_a_cancellation_withdraws_what_is_asked(agents: World, demo: Demo) -> None:
    talk = await Talk.begin(agents, message="Refund 40 to Dora")
    question = await agents.question(talk.first)
    await talk.first.cancel()
    with pytest.raises(WorkflowFailureError):
        await talk.first.result()
    assert (await agents.now(question)).state == "withdrawn"


async def test_an_answer_is_shown_while_it_is_written(agents: World, demo: Demo) -> None:
    demo.control("latency", ms=1500).raise_for_status()
    talk = await Talk.begin(agents, message="Tell me about night trains")
    running = Attempt.objects.filter(
        run__workflow_id=talk.first.id, activity_type="answer_message", ended_at=None
    )

    async def written() -> str | None:
        attempt = await in_database(running.first)
        return (attempt.progress or {}).get("text") if attempt else None

    beginning = await until(written, "some of the answer is there")
    whole = (await talk.answer_to("first")).text
    assert whole.startswith(beginning) and 0 < len(beginning) < len(whole)


async def _snapshots(talk: Talk) -> list[tuple[Version, Any]]:
    path = f"chat/{talk.first.id}/snapshot.json"

    def read() -> list[tuple[Version, Any]]:
        versions = Version.objects.filter(artifact__path=path).select_related("blob").order_by("number")
        return [(version, json.loads(b"".join(content(version)))) for version in versions]

    return await in_database(read)


async def _asked(demo: Demo, words: str) -> bool:
    return any(words in call["prompt"] for call in demo.stats()["calls"])


async def _tool(talk: Talk, state: str) -> Any:
    return next((turn for turn in await talk.turns("tool") if turn.state == state), None)


def test_a_dead_worker_is_noticed_soon() -> None:
    from workflows.stubs.chat import answer_message

    assert answer_message.heartbeat == timedelta(seconds=5)
