"""One call of the model through the real client, and what is told about it."""

import asyncio
import logging

import pytest
from temporalio.exceptions import ApplicationError

from workflows.llm.calls import ModelCall, call_recorder
from workflows.llm.client import close_clients, complete

from .conftest import Demo

MESSAGES = [{"role": "user", "content": "Why do night trains sell out?"}]
SCHEMA = {
    "type": "object",
    "properties": {"reasons": {"type": "array", "items": {"type": "string"}}, "sure": {"type": "boolean"}},
    "required": ["reasons", "sure"],
    "additionalProperties": False,
}


@pytest.mark.asyncio
async def test_an_answer_comes_with_its_figures(demo: Demo) -> None:
    completion = await complete(MESSAGES, purpose="advice")

    assert "night trains sell out" in completion.text
    assert completion.data is None
    assert (completion.model, completion.finish_reason) == ("gpt-4o-mini", "stop")
    assert completion.tokens_in and completion.tokens_out
    assert completion.tokens_cached == 0
    assert completion.response_id and completion.response_id.startswith("chatcmpl-")
    assert completion.duration_ms >= 0
    assert completion.demo is True
    assert demo.stats()["completed"] == 1


@pytest.mark.asyncio
async def test_a_streamed_answer_is_the_same_answer_told_bit_by_bit(demo: Demo) -> None:
    tokens: list[str] = []

    streamed = await complete(MESSAGES, purpose="advice", stream=True, on_token=tokens.append)
    whole = await complete(MESSAGES, purpose="advice")

    assert len(tokens) > 5
    assert "".join(tokens) == streamed.text == whole.text
    assert (streamed.tokens_in, streamed.tokens_out) == (whole.tokens_in, whole.tokens_out)


@pytest.mark.asyncio
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_json_fits_its_schema(demo: Demo, stream: bool) -> None:
    completion = await complete(MESSAGES, purpose="reasons, why?", json_schema=SCHEMA, stream=stream)

    assert set(completion.data) == {"reasons", "sure"}
    assert all(isinstance(reason, str) for reason in completion.data["reasons"])


@pytest.mark.asyncio
async def test_any_json_object_will_do(demo: Demo) -> None:
    completion = await complete(MESSAGES, purpose="advice", json_object=True)

    assert isinstance(completion.data, dict)


@pytest.mark.asyncio
async def test_the_environment_names_the_model_and_the_argument_wins(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_MODEL", "from-environment")
    monkeypatch.setenv("AGENTSITE_DEMO_MODEL", "0")

    named = await complete(MESSAGES, purpose="advice")
    argued = await complete(MESSAGES, purpose="advice", model="from-argument", temperature=0.2)

    assert (named.model, argued.model) == ("from-environment", "from-argument")
    assert named.demo is False


@pytest.mark.asyncio
async def test_this_machine_is_not_reached_through_a_proxy(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert (await complete(MESSAGES, purpose="advice")).text


@pytest.mark.asyncio
async def test_an_answered_call_is_recorded_once(demo: Demo, recorded: list[ModelCall]) -> None:
    completion = await complete(MESSAGES, purpose="advice")

    [call] = recorded
    assert (call.purpose, call.model, call.demo, call.streamed) == ("advice", "gpt-4o-mini", True, False)
    assert demo.base_url == f"http://{call.host}/v1"
    assert (call.messages, call.answer) == (MESSAGES, completion.text)
    assert (call.error_kind, call.error_message) == (None, None)
    assert (call.tokens_in, call.tokens_out) == (completion.tokens_in, completion.tokens_out)
    assert call.response_id == completion.response_id


@pytest.mark.asyncio
async def test_a_failed_call_is_recorded_once_with_its_error(demo: Demo, recorded: list[ModelCall]) -> None:
    demo.inject("rate_limit")

    with pytest.raises(ApplicationError):
        await complete(MESSAGES, purpose="advice")

    [call] = recorded
    assert (call.error_kind, call.answer, call.tokens_in) == ("RateLimited", None, None)
    assert call.error_message and "429" in call.error_message


@pytest.mark.asyncio
async def test_what_arrived_of_a_broken_answer_is_recorded(demo: Demo, recorded: list[ModelCall]) -> None:
    demo.inject("drop")

    with pytest.raises(ApplicationError):
        await complete(MESSAGES, purpose="advice", stream=True)

    assert recorded[0].answer and recorded[0].error_kind == "ModelUnreachable"


@pytest.mark.asyncio
async def test_a_refusal_is_recorded_in_the_models_words(demo: Demo, recorded: list[ModelCall]) -> None:
    demo.inject("refuse")

    with pytest.raises(ApplicationError):
        await complete(MESSAGES, purpose="advice")

    assert recorded[0].answer == recorded[0].error_message
    assert recorded[0].answer and "sorry" in recorded[0].answer


@pytest.mark.asyncio
async def test_a_cancelled_call_is_recorded_and_leaves_the_model(
    demo: Demo, recorded: list[ModelCall]
) -> None:
    demo.inject("slow", seconds=30)
    call = asyncio.create_task(complete(MESSAGES, purpose="advice"))
    await _in_flight(demo)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert [call.error_kind for call in recorded] == ["Cancelled"]
    async with asyncio.timeout(20):
        while demo.stats()["failed"] != {"abandoned": 1}:
            await asyncio.sleep(0.02)


@pytest.mark.asyncio
async def test_a_broken_recorder_never_fails_the_call(demo: Demo, caplog: pytest.LogCaptureFixture) -> None:
    def broken(call: ModelCall) -> None:
        raise OSError("disk full")

    observed: list[ModelCall] = []
    token = call_recorder.set(broken)
    try:
        with caplog.at_level(logging.ERROR):
            completion = await complete(MESSAGES, purpose="advice", on_call=observed.append)
    finally:
        call_recorder.reset(token)

    assert completion.text and len(observed) == 1
    assert "could not be recorded" in caplog.text and "disk full" in caplog.text


@pytest.mark.asyncio
async def test_a_broken_progress_callback_never_fails_the_call(demo: Demo) -> None:
    def broken(token: str) -> None:
        raise TypeError("no page to tell")

    assert (await complete(MESSAGES, purpose="advice", stream=True, on_token=broken)).text


def test_each_event_loop_has_connections_of_its_own(demo: Demo) -> None:
    async def once() -> str:
        answer = await complete(MESSAGES, purpose="advice")
        await close_clients()
        return answer.text

    for _ in range(2):
        assert asyncio.run(once())


async def _in_flight(demo: Demo) -> None:
    async with asyncio.timeout(20):
        while not demo.stats()["in_flight"]:
            await asyncio.sleep(0.02)
