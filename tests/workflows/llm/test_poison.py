"""What a model may send that is no answer: it is bounded, it is malformed, and it reaches no row in that form."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse
from temporalio.exceptions import ApplicationError

from workflows.llm import client
from workflows.llm.answers import MOST_CHARACTERS
from workflows.llm.calls import ModelCall
from workflows.llm.client import complete

from .conftest import Demo
from .poisoned import Poisoned

MESSAGES = [{"role": "user", "content": "How tall is the oak?"}]
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Tall."}, "finish_reason": "stop"}


def completion(**changes: Any) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [CHOICE]} | changes


async def failure(**options: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as failed:
        await complete(MESSAGES, purpose="height", timeout=10, **options)
    return failed.value


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_ten_megabytes_are_malformed(demo: Demo, recorded: list[ModelCall], stream: bool) -> None:
    demo.inject("huge")
    failed = await failure(stream=stream)
    assert (failed.type, failed.non_retryable) == ("MalformedAnswer", False)
    assert len(failed.message) < 2_001
    assert len(recorded[0].answer or "") <= MOST_CHARACTERS


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_an_answer_without_end_is_not_read_to_it(
    poisoned: Callable[..., Poisoned], monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 2_000_000)
    monkeypatch.setattr(client, "MOST_BYTES_STREAMED", 2_000_000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50_000_000:
            sent += 100_000
            yield b" " * 100_000
            await asyncio.sleep(0)  # or the server would never notice that the client has left

    kind = "text/event-stream" if stream else "application/json"
    poisoned(lambda: StreamingResponse(endless(), media_type=kind))
    failed = await failure(stream=stream)
    assert (failed.type, failed.message) == ("MalformedAnswer", "the answer is larger than 2 MB")
    assert sent < 50_000_000


@pytest.mark.parametrize(
    "body",
    [
        [], "text", 5, None, {}, completion(choices=None), completion(choices=[]), completion(choices={"a": 1}),
        completion(choices="abc"), completion(choices=[None]), completion(choices=[{"message": None}]),
        completion(choices=[{"message": {"content": 5}}]), completion(choices=[{"message": {"content": ["a"]}}]),
        completion(choices=[{"message": {"content": "x", "refusal": {"no": 1}}}]),
    ],
    ids=lambda body: json.dumps(body)[:60],
)  # fmt: skip
async def test_wrong_types_are_malformed(poisoned: Callable[..., Poisoned], body: Any) -> None:
    poisoned(lambda: Response(json.dumps(body), media_type="application/json"))
    failed = await failure()
    assert (failed.type, failed.non_retryable) == ("MalformedAnswer", False)


@pytest.mark.parametrize(
    "odd",
    [
        {"usage": {"prompt_tokens": -1, "completion_tokens": "many", "prompt_tokens_details": {"cached_tokens": -5}}},
        {"usage": {"prompt_tokens": 2**40, "completion_tokens": True, "prompt_tokens_details": "none"}},
        {"model": ["m"], "id": {"a": 1}},
        {"model": "m" * 9_000, "choices": [CHOICE | {"finish_reason": "because " * 900}]},
        {"choices": [CHOICE | {"finish_reason": {"a": 1}}]},
    ],
    ids=lambda odd: json.dumps(odd)[:60],
)  # fmt: skip
async def test_odd_figures_beside_an_answer_are_left_out(
    poisoned: Callable[..., Poisoned], recorded: list[ModelCall], odd: dict[str, Any]
) -> None:
    poisoned(lambda: Response(json.dumps(completion(**odd)), media_type="application/json"))
    assert (await complete(MESSAGES, purpose="height")).text == "Tall."
    [call] = recorded
    assert (call.tokens_in, call.tokens_out, call.tokens_cached) == (None, None, None)
    assert isinstance(call.model, str) and len(call.model) <= 200
    assert call.finish_reason is None or len(call.finish_reason) <= 40


async def test_an_error_of_any_size_leaves_a_short_message(poisoned: Callable[..., Poisoned]) -> None:
    error = {"message": "no " * 500_000, "code": ["a"], "type": {"b": 1}}
    poisoned(lambda: Response(json.dumps({"error": error}), 400, media_type="application/json"))
    failed = await failure()
    assert failed.type == "ValidationError"
    assert len(failed.message) <= 2_000
    assert len(str(failed.details)) < 500
