"""Tools that a model asks for, through the real client: offered, read whole and streamed, checked."""

import json
from typing import Any

import pytest
from openai import OpenAI
from temporalio.exceptions import ApplicationError

from workflows.llm.answers import Reply
from workflows.llm.calls import ModelCall
from workflows.llm.client import complete
from workflows.llm.failures import MalformedAnswer
from workflows.llm.tools import CallParts, Tool, checked

from .conftest import Demo

REFUND = Tool(
    "issue_refund",
    "Pay money back to a customer.",
    {
        "type": "object",
        "properties": {
            "customer": {"type": "string", "maxLength": 200},
            "amount": {"type": "number", "exclusiveMinimum": 0},
            "reason": {"type": "string", "maxLength": 4000},
        },
        "required": ["customer", "amount", "reason"],
        "additionalProperties": False,
    },
)
ORDER = Tool(
    "look_up_order",
    "Look up an order by its number.",
    {
        "type": "object",
        "properties": {"order": {"type": "string", "pattern": "^[0-9]{4}$"}},
        "required": ["order"],
    },
)
TOOLS = (ORDER, REFUND)


def said(words: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": words}]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_call_comes_with_arguments_that_fit(
    demo: Demo, recorded: list[ModelCall], stream: bool
) -> None:
    words = "Please refund 12.5 to Dora for order 1001"
    completion = await complete(said(words), purpose="chat", tools=TOOLS, stream=stream)

    [call] = completion.tool_calls
    assert (call.name, completion.finish_reason, completion.text) == ("issue_refund", "tool_calls", "")
    assert (call.arguments["customer"], call.arguments["amount"]) == ("Dora", 12.5)
    [seen] = recorded
    assert "issue_refund" in str(seen.answer), "the record says what the model wanted"


@pytest.mark.parametrize(
    ("words", "tool"),
    [
        ("Where is order 1002?", "look_up_order"),
        ("My order is late", None),
        ("Look up at the sky in 2024", None),
        ("I want a refund of 30", "issue_refund"),
        ("Good morning", None),
    ],
)
async def test_the_demo_model_calls_what_the_words_ask_for(demo: Demo, words: str, tool: str | None) -> None:
    completion = await complete(said(words), purpose="chat", tools=TOOLS)

    assert [call.name for call in completion.tool_calls] == ([tool] if tool else [])
    assert bool(completion.text) == (tool is None)


async def test_what_the_tool_answered_is_put_into_words(demo: Demo) -> None:
    first = await complete(said("Where is order 1002?"), purpose="chat", tools=TOOLS)
    [call] = first.tool_calls
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    messages = [
        *said("Where is order 1002?"),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": call.id, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call.id, "content": '{"order": "1002", "late_days": 9}'},
    ]
    assert "late days: 9" in (await complete(messages, purpose="chat", tools=TOOLS)).text
    messages[-1]["content"] = "This call was not carried out: Bob rejected it."
    assert (await complete(messages, purpose="chat", tools=TOOLS)).text.startswith("I could not do that")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_malformed_arguments_are_a_malformed_answer(demo: Demo, stream: bool) -> None:
    demo.inject("malformed_json", times=1)
    with pytest.raises(ApplicationError) as failed:
        await complete(said("I want a refund of 30"), purpose="chat", tools=TOOLS, stream=stream)

    assert (failed.value.type, failed.value.non_retryable) == ("MalformedAnswer", False)
    assert "arguments of issue_refund are not JSON" in failed.value.message


def test_deltas_are_joined_by_their_index() -> None:
    reply = Reply()
    for index, id, name, arguments in (
        (1, "b", "look_up_order", '{"order": '),
        (0, "a", "issue_refund", ""),
        (1, None, None, '"1002"}'),
        (0, None, None, '{"customer": "Dora", "amount": 3, "reason": "late"}'),
    ):
        call = {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}
        reply.hear({"choices": [{"delta": {"tool_calls": [call]}}]})
    first, second = reply.called(TOOLS)

    assert (first.id, first.arguments["amount"]) == ("a", 3)
    assert (second.id, second.arguments) == ("b", {"order": "1002"})


@pytest.mark.parametrize(
    "call", [{"index": "0"}, {"index": [0]}, 5, {"index": 0, "function": "issue_refund"}]
)
def test_a_delta_that_is_no_call_is_malformed(call: Any) -> None:
    with pytest.raises(MalformedAnswer):
        Reply().hear({"choices": [{"delta": {"tool_calls": [call]}}]})


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        (CallParts("1", "drop_tables", "{}"), "no tool 'drop_tables'"),
        (CallParts("1", "look_up_order", "{"), "not JSON"),
        (CallParts("1", "look_up_order", "[]"), "no JSON object"),
        (CallParts("1", "look_up_order", ""), "'order' is a required property"),
        (CallParts("1", "look_up_order", '{"order": "12; rm"}'), "does not match"),
        (CallParts("1", "issue_refund", '{"customer": "D", "amount": -1, "reason": ""}'), "amount"),
        (CallParts("1", "look_up_order", "[" * 100_000), "not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_not_offered_or_does_not_fit_is_malformed(part: CallParts, fault: str) -> None:
    with pytest.raises(MalformedAnswer) as refused:
        checked([part], TOOLS)

    assert fault in str(refused.value)


def test_a_tool_that_was_not_offered_at_all(demo: Demo) -> None:
    with pytest.raises(MalformedAnswer):
        checked([CallParts("1", "issue_refund", "{}")], [])


def test_the_sdk_reads_the_demo_models_deltas(demo: Demo) -> None:
    client = OpenAI(base_url=demo.base_url, api_key="any", max_retries=0)
    tools: list[Any] = [tool.request for tool in TOOLS]
    messages: list[Any] = said("I want a refund of 30 for Dora")
    with client.chat.completions.stream(model="demo-model", messages=messages, tools=tools) as events:
        choice: Any = events.get_final_completion().choices[0]
    client.close()

    assert json.loads(choice.message.tool_calls[0].function.arguments)["amount"] == 30


async def test_a_name_is_remembered_and_summed_up(demo: Demo) -> None:
    talk = [
        *said("My name is Ada Lovelace."),
        {"role": "assistant", "content": "Hi"},
        *said("What is my name?"),
    ]
    assert (await complete(talk, purpose="chat")).text == "You said that your name is Ada Lovelace."
    assert "not told me" in (await complete(talk[2:], purpose="chat")).text

    summary = [
        {"role": "system", "content": "Summarize the conversation in a few sentences."},
        *said("So far: nothing\n\nuser: My name is Ada.\nassistant: Hi\nuser: Where is order 1001?"),
    ]
    words = (await complete(summary, purpose="summary")).text
    assert "their name is Ada." in words and "order 1001" in words
    later = [{"role": "system", "content": f"Before: {words}"}, *said("Do you remember my name?")]
    assert (await complete(later, purpose="chat")).text == "You said that your name is Ada."
