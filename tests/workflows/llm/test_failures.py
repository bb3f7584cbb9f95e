"""Each trouble of a model, over real HTTP, becomes the failure that Temporal should see."""

import asyncio
import email.utils
import json
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pydantic
import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from workflows.llm.client import complete
from workflows.llm.failures import FailureType, as_failure

from .conftest import Demo

MESSAGES = [{"role": "user", "content": "Why do night trains sell out?"}]

# fault, answered as JSON?, failure type, retryable, wait before the next try in seconds
FAULTS: list[tuple[dict[str, Any], bool, FailureType, bool, float | None]] = [
    ({"kind": "rate_limit", "retry_after": 7}, False, FailureType.RATE_LIMITED, True, 7),
    ({"kind": "rate_limit", "retry_after": 0.25}, False, FailureType.RATE_LIMITED, True, 0.25),
    ({"kind": "rate_limit", "retry_after": 0}, False, FailureType.RATE_LIMITED, True, None),
    ({"kind": "rate_limit", "retry_after": "soon"}, False, FailureType.RATE_LIMITED, True, None),
    ({"kind": "rate_limit", "retry_after": "nan"}, False, FailureType.RATE_LIMITED, True, None),
    ({"kind": "rate_limit", "retry_after": "1e999"}, False, FailureType.RATE_LIMITED, True, None),
    ({"kind": "rate_limit", "retry_after": 86400}, False, FailureType.RATE_LIMITED, True, 3600),
    ({"kind": "error", "status": 429, "code": "insufficient_quota"}, False, FailureType.QUOTA_EXHAUSTED, False, None),
    ({"kind": "error", "status": 408}, False, FailureType.TIMEOUT, True, None),
    ({"kind": "error"}, False, FailureType.SERVER_ERROR, True, None),
    ({"kind": "error", "status": 503}, False, FailureType.SERVER_ERROR, True, None),
    ({"kind": "error", "status": 400}, False, FailureType.VALIDATION, False, None),
    ({"kind": "error", "status": 422}, False, FailureType.VALIDATION, False, None),
    ({"kind": "error", "status": 401}, False, FailureType.AUTHENTICATION, False, None),
    ({"kind": "error", "status": 403}, False, FailureType.AUTHENTICATION, False, None),
    ({"kind": "error", "status": 404}, False, FailureType.REFUSED_REQUEST, False, None),
    ({"kind": "error", "status": 400, "code": "context_length_exceeded"}, False, FailureType.CONTEXT_TOO_LONG, False, None),
    ({"kind": "error", "status": 400, "message": "This model's maximum context length is 8192 tokens."}, False, FailureType.CONTEXT_TOO_LONG, False, None),
    ({"kind": "error", "status": 400, "code": "content_filter"}, False, FailureType.CONTENT_FILTERED, False, None),
    ({"kind": "refuse"}, False, FailureType.CONTENT_FILTERED, False, None),
    ({"kind": "malformed_json"}, True, FailureType.MALFORMED_ANSWER, True, None),
    ({"kind": "malformed_json"}, False, FailureType.MALFORMED_ANSWER, True, None),
    ({"kind": "drop"}, False, FailureType.UNREACHABLE, True, None),
]  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("fault", "as_json", "kind", "retryable", "wait"), FAULTS, ids=lambda value: str(value)
)
async def test_a_fault_becomes_its_failure(
    demo: Demo,
    fault: dict[str, Any],
    as_json: bool,
    kind: FailureType,
    retryable: bool,
    wait: float | None,
    stream: bool,
) -> None:
    demo.inject(**fault)

    failure = await _failure(json_object=as_json, stream=stream)

    assert failure.type == kind
    assert failure.non_retryable is not retryable
    assert failure.next_retry_delay == (timedelta(seconds=wait) if wait else None)
    stats = demo.stats()
    assert (stats["received"], stats["completed"]) == (1, 0), "the client must not retry by itself"
    assert stats["failed"] == {fault["kind"]: 1}


@pytest.mark.asyncio
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_model_that_never_answers_times_out(demo: Demo, stream: bool) -> None:
    demo.inject("timeout")

    failure = await _failure(timeout=0.2, stream=stream)

    assert (failure.type, failure.non_retryable) == (FailureType.TIMEOUT, False)
    await _until(lambda: demo.stats()["failed"] == {"timeout": 1})


@pytest.mark.asyncio
async def test_a_slow_stream_times_out_as_a_whole(demo: Demo) -> None:
    """Each chunk comes within the timeout; all of them together do not."""
    demo.control("latency", ms=1000)  # a second until the first word, half a second of words

    failure = await _failure(timeout=1.25, stream=True)

    assert failure.type == FailureType.TIMEOUT
    await _until(lambda: demo.stats()["failed"] == {"abandoned": 1})


@pytest.mark.asyncio
async def test_a_date_in_retry_after_is_waited_for(demo: Demo) -> None:
    date = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    demo.inject("rate_limit", retry_after=date)

    failure = await _failure()

    assert failure.next_retry_delay is not None
    assert 80 < failure.next_retry_delay.total_seconds() <= 90


@pytest.mark.asyncio
async def test_nobody_listening_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")

    failure = await _failure()

    assert (failure.type, failure.non_retryable) == (FailureType.UNREACHABLE, False)
    assert f"port={port}" in failure.message


@pytest.mark.asyncio
async def test_a_server_that_hangs_up_is_unreachable_and_one_that_is_silent_is_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client's transport calls both a timeout."""

    async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def is_silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    over = asyncio.Event()
    said = {}
    for serve in (hangs_up, is_silent):
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
            said[serve] = (await _failure(timeout=1)).type
    over.set()
    assert said == {hangs_up: FailureType.UNREACHABLE, is_silent: FailureType.TIMEOUT}


@pytest.mark.asyncio
async def test_credentials_in_the_address_take_the_place_of_the_key(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway behind basic authentication; the demo model asks for nobody's name."""
    heard: list[bytes] = []

    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuses, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://us%40er:pass@127.0.0.1:{port}/v1")
        assert (await _failure()).type == FailureType.AUTHENTICATION
    assert b64encode(b"us@er:pass") in heard[0]
    assert b"Bearer" not in heard[0]
    monkeypatch.setenv("OPENAI_BASE_URL", demo.base_url.replace("//", "//user:pass@"))
    assert (await complete(MESSAGES, purpose="test", stream=True)).text


@pytest.mark.asyncio
async def test_the_failure_tells_status_and_message(demo: Demo) -> None:
    demo.inject("error", status=400, code="invalid_value", message="temperature is too high")

    failure = await _failure()

    assert "temperature is too high" in failure.message
    assert failure.details == ({"status": 400, "code": "invalid_value", "request_id": None},)


@pytest.mark.asyncio
async def test_the_parsers_message_is_kept(demo: Demo) -> None:
    demo.inject("malformed_json")

    failure = await _failure(json_object=True)

    assert "line 1 column" in failure.message


Serve = Callable[[bytes, str], Awaitable[None]]


@pytest_asyncio.fixture
async def serve(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    """Serve one body, of one content type, as the model's answer to anything."""
    async with AsyncExitStack() as stack:

        async def start(body: bytes, content_type: str) -> None:
            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(
                    f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
                    "connection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
                writer.close()

            server = await stack.enter_async_context(await asyncio.start_server(answer, "127.0.0.1", 0))
            monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")

        yield start


GARBAGE = [
    b"",
    b"<html>Bad gateway</html>",
    b"[1, 2]",
    b"null",
    b'"hello"',
    b"\xff\xfe",
    b"{}",
    b'{"choices": []}',
    b'{"choices": "abc"}',
    b'{"choices": [{"message": null}]}',
    b'{"choices": [{"message": {"content": 5}}]}',
    b'{"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}',
]


@pytest.mark.asyncio
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body)[:40])
async def test_garbage_is_a_malformed_answer(serve: Serve, body: bytes, content_type: str) -> None:
    await serve(body, content_type)

    failure = await _failure()

    assert (failure.type, failure.non_retryable) == (FailureType.MALFORMED_ANSWER, False)


STREAMS = [
    (b"", FailureType.UNREACHABLE),
    (b"data: [DONE]\n\n", FailureType.UNREACHABLE),
    (b'data: {"choices": [{"delta": {"content": "half"}}]}\n\n', FailureType.UNREACHABLE),
    (b"data: nonsense\n\n", FailureType.MALFORMED_ANSWER),
    (b'data: {"created": ' + b"1" * 5000 + b"}\n\n", FailureType.MALFORMED_ANSWER),
    (b'data: {"choices": [{"delta": "x"}]}\n\n', FailureType.MALFORMED_ANSWER),
    (b'data: {"choices": [{"delta": {"content": 7}}]}\n\n', FailureType.MALFORMED_ANSWER),
    (b'data: {"error": {"message": "overloaded", "type": "server_error"}}\n\n', FailureType.SERVER_ERROR),
    (
        b'data: {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}\n\n',
        FailureType.RATE_LIMITED,
    ),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("body", "kind"), STREAMS)
async def test_a_broken_stream_becomes_its_failure(serve: Serve, body: bytes, kind: FailureType) -> None:
    await serve(body, "text/event-stream")

    failure = await _failure(stream=True)

    assert (failure.type, failure.non_retryable) == (kind, False)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("content", "finish_reason", "kind"),
    [
        ('{"a": NaN}', "stop", FailureType.MALFORMED_ANSWER),
        ("[" * 100_000, "stop", FailureType.MALFORMED_ANSWER),
        ("[1]", "stop", FailureType.MALFORMED_ANSWER),
        ('{"a": 1}', "length", FailureType.MALFORMED_ANSWER),
        ('{"a": 1}', "content_filter", FailureType.CONTENT_FILTERED),
    ],
    ids=["NaN", "deep", "no object", "cut", "filtered"],
)
async def test_json_that_cannot_be_used(serve: Serve, content: str, finish_reason: str, kind: str) -> None:
    await serve(_completion(content, finish_reason), "application/json")

    assert (await _failure(json_object=True)).type == kind


@pytest.mark.asyncio
async def test_json_in_a_code_fence_is_read(serve: Serve) -> None:
    await serve(_completion('```json\n{"a": 1}\n```', "stop"), "application/json")

    assert (await complete(MESSAGES, purpose="test", json_object=True)).data == {"a": 1}


@pytest.mark.asyncio
async def test_an_answer_that_does_not_fit_its_schema_is_malformed(serve: Serve) -> None:
    await serve(_completion('{"tasks": "none"}', "stop"), "application/json")
    schema = {"type": "object", "properties": {"tasks": {"type": "array"}}, "required": ["tasks"]}

    failure = await _failure(json_schema=schema)

    assert (failure.type, failure.non_retryable) == (FailureType.MALFORMED_ANSWER, False)
    assert "$.tasks" in failure.message


@pytest.mark.asyncio
async def test_a_prompt_that_cannot_be_sent_is_not_retried(demo: Demo) -> None:
    with pytest.raises(ApplicationError) as raised:
        await complete([{"role": "user", "content": "\ud800"}], purpose="test")

    assert (raised.value.type, raised.value.non_retryable) == (FailureType.VALIDATION, True)
    assert demo.stats()["received"] == 0


def test_our_own_bad_input_is_not_retried() -> None:
    with pytest.raises(pydantic.ValidationError) as raised:
        pydantic.TypeAdapter(int).validate_python("many")

    failure = as_failure(raised.value)

    assert (failure.type, failure.non_retryable) == (FailureType.VALIDATION, True)


def test_an_unforeseen_error_keeps_its_name_and_its_retries() -> None:
    failure = as_failure(LookupError("odd"))

    assert (failure.type, failure.message, failure.non_retryable) == ("LookupError", "odd", False)


def test_a_failure_stays_itself() -> None:
    failure = ApplicationError("mine", type="Mine", non_retryable=True)

    assert as_failure(failure) is failure


async def _failure(**options: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised:
        await complete(MESSAGES, purpose="test", **options)
    return raised.value


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.05)


def _completion(content: str, finish_reason: str) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content},
        "finish_reason": finish_reason,
    }
    return json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]}).encode()
