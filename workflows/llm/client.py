"""Calls a model by OpenAI's chat completions: once, without retries of its own (Temporal retries)."""

import asyncio
import json
import logging
import os
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2
import openai
from openai import AsyncOpenAI
from temporalio.exceptions import ApplicationError

from workflows.llm.answers import Reply
from workflows.llm.calls import Message, ModelCall, Recorder, call_recorder
from workflows.llm.failures import MalformedAnswer, as_failure
from workflows.llm.limits import Slot, in_turn, tokens_of
from workflows.llm.streams import Chunks, StreamingClient, parsed
from workflows.llm.tools import Tool, ToolCall

__all__ = ["Completion", "ModelCall", "call_recorder", "close_clients", "complete"]

DEFAULT_MODEL = "gpt-4o-mini"
DEFAULT_TIMEOUT = 60.0
MOST_BYTES = 8_000_000
MOST_BYTES_STREAMED = 64_000_000
"""Of a response; each word of a stream comes in an envelope of some hundred bytes. No more is read."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

logger = logging.getLogger(__name__)

_Settings = tuple[str | None, str]
# Connections belong to the event loop that opened them.
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Settings, AsyncOpenAI]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Completion:
    """A model's answer. `data` is the parsed JSON where JSON was asked for, else None; `tool_calls` is what it
    wants done before it goes on; token counts are None where the model gave none; `demo` says that the demo
    model spoke."""

    text: str
    data: Any
    model: str
    finish_reason: str | None
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None
    duration_ms: int
    response_id: str | None
    demo: bool
    tool_calls: Sequence[ToolCall] = ()


async def complete(
    messages: Sequence[Message],
    *,
    purpose: str,
    model: str | None = None,
    json_schema: dict[str, Any] | None = None,
    json_object: bool = False,
    tools: Sequence[Tool] = (),
    temperature: float | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    stream: bool = False,
    on_token: Callable[[str], None] | None = None,
    on_call: Recorder | None = None,
    slot: Slot | None = None,
    on_wait: Callable[[Slot], None] | None = None,
) -> Completion:
    """Ask a model once and return its whole answer.

    `purpose` says in a word or two what the call is for. `json_schema` is a bare JSON Schema that the answer
    must fit; `json_object` asks for any object; `tools` are offered to the model. `timeout` is in seconds, for
    the whole answer. `on_token` gets each piece of a streamed answer. `OPENAI_BASE_URL`, `OPENAI_API_KEY` and
    `OPENAI_MODEL` say whom to ask. The call, answered or not, is reported once to `on_call` and to the recorder
    in `call_recorder`.

    Where the model's rate is limited, half of `timeout` may be spent on waiting for a slot: `slot` and `on_wait`
    are those of `limits.in_turn`.

    Raises temporalio's ApplicationError as `failures.as_failure` decides.
    """
    model = model or os.environ.get("OPENAI_MODEL") or DEFAULT_MODEL
    end = time.monotonic() + timeout
    turn_of = in_turn(model, tokens_of(messages), patience=timeout / 2, slot=slot, on_wait=on_wait)
    async with turn_of as turn:
        asked = Asked(purpose, messages, model, stream)
        request = _request(asked, json_schema, json_object, tools, temperature)
        answer = await _answer(asked, request, end - time.monotonic(), json_schema, tools, on_token, on_call)
        if answer.tokens_in is not None:
            turn.tokens = answer.tokens_in + (answer.tokens_out or 0)
    return answer


async def _answer(
    asked: "Asked",
    request: dict[str, Any],
    timeout: float,
    json_schema: dict[str, Any] | None,
    tools: Sequence[Tool],
    on_token: Callable[[str], None] | None,
    on_call: Recorder | None,
) -> Completion:
    reply, data, calls = Reply(), None, list[ToolCall]()
    error: BaseException | None = None
    try:
        async with asyncio.timeout(timeout):
            await _exchange(request, timeout, reply, on_token)
        reply.check()
        calls = reply.called(tools)
        if not calls and "response_format" in request:
            data = reply.parsed(json_schema)
    except asyncio.CancelledError as cancelled:
        error = cancelled
        raise
    except Exception as failed:
        error = as_failure(failed)
        raise error from failed
    finally:
        report(asked.as_call(reply, error), on_call)
    return asked.as_completion(reply, data, calls)


async def close_clients() -> None:
    """Close the running loop's connections; the next call opens new ones."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


class Asked:
    """What was asked, of whom, and when."""

    def __init__(self, purpose: str, messages: Sequence[Message], model: str, stream: bool) -> None:
        self.purpose, self.messages, self.model, self.stream = purpose, messages, model, stream
        self.demo = os.environ.get("AGENTSITE_DEMO_MODEL") == "1"
        self.started_at = datetime.now(UTC)
        self._started = time.monotonic()

    @property
    def duration_ms(self) -> int:
        return round((time.monotonic() - self._started) * 1000)

    def as_completion(self, reply: Reply, data: Any, calls: Sequence[ToolCall]) -> Completion:
        return Completion(
            text=reply.text,
            data=data,
            model=reply.model or self.model,
            finish_reason=reply.finish_reason,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            tokens_cached=reply.tokens_cached,
            duration_ms=self.duration_ms,
            response_id=reply.response_id,
            demo=self.demo,
            tool_calls=calls,
        )

    def as_call(self, reply: Reply, error: BaseException | None) -> ModelCall:
        return ModelCall(
            id=str(uuid.uuid4()),
            purpose=self.purpose,
            model=reply.model or self.model,
            host=_host(),
            demo=self.demo,
            streamed=self.stream,
            messages=self.messages,
            answer=reply.said or None,
            finish_reason=reply.finish_reason,
            response_id=reply.response_id,
            error_kind=error.type if isinstance(error, ApplicationError) else "Cancelled" if error else None,
            error_message=error.message if isinstance(error, ApplicationError) else None,
            started_at=self.started_at,
            duration_ms=self.duration_ms,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            tokens_cached=reply.tokens_cached,
        )


def _request(
    asked: Asked,
    json_schema: dict[str, Any] | None,
    json_object: bool,
    tools: Sequence[Tool],
    temperature: float | None,
) -> dict[str, Any]:
    """The body of a chat completion's request."""
    request: dict[str, Any] = {"model": asked.model, "messages": list(asked.messages)}
    if json_schema is not None:
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", asked.purpose)[:64] or "answer"
        request["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": name, "schema": json_schema},
        }
    elif json_object:
        request["response_format"] = {"type": "json_object"}
    if tools:
        request["tools"] = [tool.request for tool in tools]
    if temperature is not None:
        request["temperature"] = temperature
    if asked.stream:
        request |= {"stream": True, "stream_options": {"include_usage": True}}
    return request


async def _exchange(
    request: dict[str, Any], timeout: float, reply: Reply, on_token: Callable[[str], None] | None
) -> None:
    """By the client's way for any endpoint, which answers the JSON."""
    client = running_client()
    # The whole address: the client would parse and join it anew for each call.
    ask = partial(client.post, f"{client.base_url}chat/completions", cast_to=object, body=request)
    try:
        if request.get("stream"):
            stream = await ask(options={"timeout": timeout}, stream=True, stream_cls=Chunks)
            await reply.read_stream(stream, on_token)
        else:
            answer = await ask(options={"timeout": timeout})
            # The client parses only what calls itself JSON.
            reply.read(parsed(answer) if isinstance(answer, str) else answer)
    except RecursionError as error:
        raise MalformedAnswer("the answer is nested too deep") from error
    except json.JSONDecodeError as error:
        raise MalformedAnswer(f"the answer is not JSON: {error}") from error


def running_client() -> AsyncOpenAI:
    """The running loop's client for the settings of the moment."""
    settings = (os.environ.get("OPENAI_BASE_URL") or None, os.environ.get("OPENAI_API_KEY") or "unset")
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if settings not in clients:
        clients[settings] = _new_client(*settings)
    return clients[settings]


def _new_client(base_url: str | None, api_key: str) -> AsyncOpenAI:
    # A proxy that the environment names is for the world, never for this machine.
    local = base_url is not None and urlsplit(base_url).hostname in LOOPBACK
    hooks = {"response": [_bound]}
    address, auth = _without_credentials(base_url) if base_url else (None, None)
    http_client = openai.DefaultAioHttpClient(trust_env=not local, event_hooks=hooks, auth=auth)
    return StreamingClient(base_url=address, api_key=api_key, max_retries=0, http_client=http_client)


def _without_credentials(address: str) -> tuple[str, httpx2.BasicAuth | None]:
    """The transport refuses those of an address beside the key, in whose place they are sent."""
    url = httpx2.URL(address)
    if not url.userinfo:
        return address, None
    return str(url.copy_with(userinfo=b"")), httpx2.BasicAuth(url.username, url.password)


async def _bound(response: httpx2.Response) -> None:
    """A model that never ends must not fill this process's memory."""
    streamed = response.headers.get("content-type", "").startswith("text/event-stream")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _Bounded(response.stream, MOST_BYTES_STREAMED if streamed else MOST_BYTES)


class _Bounded(httpx2.AsyncByteStream):
    """Raises MalformedAnswer where there are more than `most` bytes."""

    def __init__(self, stream: httpx2.AsyncByteStream, most: int) -> None:
        self._stream, self._most = stream, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for piece in self._stream:
            read += len(piece)
            if read > self._most:
                raise MalformedAnswer(f"the answer is larger than {self._most // 1_000_000} MB")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _host() -> str:
    url = urlsplit(os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1")
    return url.netloc.rpartition("@")[2]


def report(call: ModelCall, on_call: Recorder | None) -> None:
    for recorder in (call_recorder.get(), on_call):
        if recorder is None:
            continue
        try:
            recorder(call)
        except Exception:
            logger.exception("A model call could not be recorded", extra={"call_id": call.id})
