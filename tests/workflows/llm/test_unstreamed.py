"""Servers that do not stream as OpenAI does: one whole completion in answer to `stream: true`, no finish reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import Response
from temporalio.exceptions import ApplicationError

from workflows.llm import client
from workflows.llm.answers import MOST_CHARACTERS
from workflows.llm.calls import ModelCall
from workflows.llm.client import Completion, complete
from workflows.llm.recorded import recorded_client
from workflows.llm.tools import Tool

from .poisoned import Poisoned

MESSAGES: list[Any] = [{"role": "user", "content": "How tall is the oak?"}]
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
MEASURE = Tool("measure", "Measures a tree.", {"type": "object", "properties": {"tree": {"type": "string"}}})
CALL = {"id": "c-1", "type": "function", "function": {"name": "measure", "arguments": '{"tree": "oak"}'}}
Poison = Callable[..., Poisoned]


def completion(finish_reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": USAGE,
    }


def sends(poisoned: Poison, body: Any, kind: str = "application/json") -> None:
    said = body if isinstance(body, bytes) else json.dumps(body).encode()
    poisoned(lambda: Response(said, media_type=kind))


async def ask(**options: Any) -> Completion:
    return await complete(MESSAGES, **({"purpose": "height", "timeout": 10, "stream": True} | options))


async def failure(**options: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as failed:
        await ask(**options)
    return failed.value


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json ; charset=utf-8", "text/plain", "text/html"]
)
async def test_who_asks_for_a_whole_answer_gets_it_whatever_it_is_called(poisoned: Poison, kind: str) -> None:
    sends(poisoned, completion(content="Tall."), kind)
    assert (await ask(stream=False)).text == "Tall."


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("empty", [{}, [], None])
async def test_nothing_is_written_in_many_ways(poisoned: Poison, empty: Any, stream: bool) -> None:
    sends(poisoned, completion(content="Tall.", tool_calls=empty))
    assert (await ask(stream=stream)).text == "Tall."


@pytest.mark.parametrize(
    "error", [{"text": "out of memory", "error_code": 50002}, {"object": "error", "message": "no"}]
)
async def test_half_a_stream_and_an_error_is_no_answer(poisoned: Poison, error: dict[str, Any]) -> None:
    half = {"choices": [{"index": 0, "delta": {"content": "Ta"}}]}
    sends(poisoned, _events(half, error, "[DONE]"), "text/event-stream")
    assert (await failure()).type == "MalformedAnswer"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_is_nested_too_deep_is_malformed(poisoned: Poison, stream: bool) -> None:
    deep = b'{"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    sends(
        poisoned,
        b"data: " + deep + b"\n\n" if stream else deep,
        "text/event-stream" if stream else "application/json",
    )
    assert (await failure(stream=stream)).type == "MalformedAnswer"


def _events(*events: Any) -> bytes:
    said = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(f"data: {one}\n\n" for one in said).encode()


@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=utf-8", "text/event-stream"])
@pytest.mark.parametrize("finish_reason", ["stop", None])
async def test_a_whole_completion_is_an_answer(
    poisoned: Poison, recorded: list[ModelCall], kind: str, finish_reason: str | None
) -> None:
    told: list[str] = []
    sends(poisoned, b"\r\n " + json.dumps(completion(finish_reason, content="Tall.")).encode(), kind)
    answer = await ask(on_token=told.append)

    assert (answer.text, answer.finish_reason, answer.model) == ("Tall.", finish_reason, "m")
    assert (answer.tokens_in, answer.tokens_out, told) == (7, 3, ["Tall."])
    assert [(call.answer, call.error_kind) for call in recorded] == [("Tall.", None)]


async def test_a_whole_completion_calls_tools(poisoned: Poison) -> None:
    sends(poisoned, completion("tool_calls", content=None, tool_calls=[CALL, CALL | {"id": "c-2"}]))
    answer = await ask(tools=[MEASURE])
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [
        ("c-1", "measure", {"tree": "oak"}), ("c-2", "measure", {"tree": "oak"}),
    ]  # fmt: skip


async def test_a_framework_gets_a_whole_completion_as_one_chunk(
    poisoned: Poison, recorded: list[ModelCall]
) -> None:
    sends(poisoned, completion("tool_calls", content="Wait.", tool_calls=[CALL]))
    framework = recorded_client("support")
    stream = await framework.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    [chunk] = [chunk async for chunk in stream]

    [choice] = chunk.choices
    [call] = choice.delta.tool_calls or []
    assert (choice.delta.content, choice.finish_reason, call.index, call.id) == (
        "Wait.",
        "tool_calls",
        0,
        "c-1",
    )
    assert [(call.answer, call.tokens_out) for call in recorded] == [('Wait.\n→ measure {"tree": "oak"}', 3)]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "MalformedAnswer"), ({"choices": None}, "MalformedAnswer"), ({"choices": []}, "MalformedAnswer"),
        ({"choices": {"a": 1}}, "MalformedAnswer"), ({"choices": [{"message": "x"}]}, "MalformedAnswer"),
        ({"choices": [None]}, "MalformedAnswer"), (completion(content=5), "MalformedAnswer"),
        (completion(tool_calls=["x"]), "MalformedAnswer"), (completion(content=""), "MalformedAnswer"),
        (b'{"choices": [{"mess', "MalformedAnswer"), (b'{"a": ' + b"[" * 100_000, "MalformedAnswer"),
        (b'{"a": "\xff"}', "MalformedAnswer"), (completion(content="x" * (MOST_CHARACTERS + 1)), "MalformedAnswer"),
        (completion(refusal="No."), "ContentFiltered"), ([], "ModelUnreachable"),
        ({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, "RateLimited"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
async def test_what_is_no_completion_is_its_failure(poisoned: Poison, body: Any, kind: str) -> None:
    sends(poisoned, body)
    failed = await failure()
    assert failed.type == kind
    assert len(failed.message) <= 2_000


async def test_a_whole_completion_is_bounded(poisoned: Poison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 1_000_000)
    sends(poisoned, b"{" + b" " * 1_100_000)
    failed = await failure()
    assert (failed.type, failed.message) == ("MalformedAnswer", "the answer is larger than 1 MB")


def events(*datas: str) -> bytes:
    return "".join(f"data: {data}\n\n" for data in datas).encode()


def piece(content: str) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {"content": content}}]})


async def test_done_without_a_finish_reason_is_an_end(poisoned: Poison) -> None:
    sends(poisoned, events(piece("Ta"), piece("ll."), "[DONE]"), "text/event-stream")
    answer = await ask()
    assert (answer.text, answer.finish_reason) == ("Tall.", None)


@pytest.mark.parametrize("datas", [[piece("Ta")], ["[DONE]"], [piece(""), "[DONE]"]])
async def test_nothing_said_or_no_done_is_no_end(poisoned: Poison, datas: list[str]) -> None:
    sends(poisoned, events(*datas), "text/event-stream")
    assert (await failure()).type == "ModelUnreachable"
