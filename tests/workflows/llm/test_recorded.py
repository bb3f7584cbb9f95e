"""The client that frameworks are given: what it says of each call, and how it fails."""

import asyncio
from typing import Any

import pytest
from openai import AsyncOpenAI
from temporalio.exceptions import ApplicationError

from workflows.llm.calls import ModelCall
from workflows.llm.recorded import recorded_client

from .conftest import Demo
from .test_demo_model import TOOLS

REFUND: list[Any] = [{"role": "user", "content": "Please refund the amount of 12.5 to Alice"}]
LETTER: list[Any] = [{"role": "user", "content": "Draft a reply about parcels"}]


@pytest.fixture
def client(demo: Demo) -> AsyncOpenAI:
    return recorded_client("support")


async def test_a_whole_answer_is_recorded(client: AsyncOpenAI, recorded: list[ModelCall]) -> None:
    answer = await client.chat.completions.create(model="demo-model", messages=LETTER)
    raw = await client.chat.completions.with_raw_response.create(model="demo-model", messages=LETTER)

    text = answer.choices[0].message.content
    assert raw.parse().choices[0].message.content == text
    for call in recorded:
        assert (call.purpose, call.model, call.answer, call.finish_reason) == (
            "support", "demo-model", text, "stop",
        )  # fmt: skip
        assert (call.messages, call.streamed, call.demo, call.error_kind) == (LETTER, False, True, None)
        assert call.tokens_in and call.tokens_out
    assert len(recorded) == 2


async def test_a_streamed_answer_is_recorded_when_it_is_whole(
    client: AsyncOpenAI, recorded: list[ModelCall]
) -> None:
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    text = ""
    async for chunk in await client.chat.completions.create(model="demo-model", messages=LETTER, **options):
        assert not recorded
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""

    [call] = recorded
    assert (call.answer, call.finish_reason, call.streamed) == (text, "stop", True)
    assert call.tokens_in and call.tokens_out


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_called_tool_is_part_of_the_answer(
    client: AsyncOpenAI, recorded: list[ModelCall], stream: bool
) -> None:
    request: Any = {"model": "demo-model", "messages": REFUND, "tools": TOOLS, "stream": stream}
    answer: Any = await client.chat.completions.create(**request)
    if stream:
        async for _ in answer:
            pass

    [call] = recorded
    assert call.answer is not None
    assert call.answer.startswith("→ pay_refund {") and '"amount": 12.5' in call.answer
    assert call.finish_reason == "tool_calls"


async def test_a_stream_that_is_left_is_recorded_as_far_as_it_came(
    client: AsyncOpenAI, recorded: list[ModelCall]
) -> None:
    stream = await client.chat.completions.create(model="demo-model", messages=LETTER, stream=True)
    async with stream:
        async for _ in stream:
            break
    assert [call.finish_reason for call in recorded] == [None]


@pytest.mark.parametrize(
    ("fault", "kind", "retryable"),
    [
        ({"kind": "rate_limit", "retry_after": 7}, "RateLimited", True),
        ({"kind": "error", "status": 503}, "ModelServerError", True),
        ({"kind": "error", "status": 400}, "ValidationError", False),
        ({"kind": "malformed_json"}, "MalformedAnswer", True),
        ({"kind": "drop"}, "ModelUnreachable", True),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_a_failure_means_what_it_means_elsewhere(
    client: AsyncOpenAI,
    recorded: list[ModelCall],
    demo: Demo,
    fault: dict[str, Any],
    kind: str,
    retryable: bool,
) -> None:
    demo.inject(**fault)
    with pytest.raises(ApplicationError) as failed:
        await client.chat.completions.create(model="demo-model", messages=LETTER)

    assert (failed.value.type, failed.value.non_retryable) == (kind, not retryable)
    delay = failed.value.next_retry_delay
    assert (delay.total_seconds() if delay else None) == fault.get("retry_after")
    assert [call.error_kind for call in recorded] == [kind]
    assert demo.stats()["received"] == 1, "nothing is tried twice"


async def test_a_stream_that_breaks_off_fails_too(
    client: AsyncOpenAI, recorded: list[ModelCall], demo: Demo
) -> None:
    demo.inject("drop")
    stream = await client.chat.completions.create(model="demo-model", messages=LETTER, stream=True)
    with pytest.raises(ApplicationError) as failed:
        async for _ in stream:
            pass
    assert failed.value.type == "ModelUnreachable"
    [call] = recorded
    assert call.error_kind == "ModelUnreachable" and call.answer


async def test_a_model_that_is_silent_for_too_long_is_given_up(demo: Demo, recorded: list[ModelCall]) -> None:
    demo.inject("timeout")
    with pytest.raises(ApplicationError) as failed:
        await recorded_client("support", timeout=0.2).chat.completions.create(
            model="demo-model", messages=LETTER
        )
    assert failed.value.type == "ModelTimeout"
    assert [call.error_kind for call in recorded] == ["ModelTimeout"]


async def test_a_canceled_call_is_recorded(
    client: AsyncOpenAI, demo: Demo, recorded: list[ModelCall]
) -> None:
    demo.inject("timeout")
    asking = asyncio.create_task(client.chat.completions.create(model="demo-model", messages=LETTER))
    while not demo.stats()["in_flight"]:
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [call.error_kind for call in recorded] == ["Cancelled"]
