"""Calls a model by OpenAI's chat completions: once, without retries of its own (Temporal retries)."""

import asyncio
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import openai
from openai import AsyncOpenAI
from temporalio.exceptions import ApplicationError

from workflows.llm.answers import Reply
from workflows.llm.calls import Message, ModelCall, Recorder, call_recorder
from workflows.llm.failures import MalformedAnswer, as_failure

__all__ = ["Completion", "ModelCall", "call_recorder", "close_clients", "complete"]

DEFAULT_MODEL = "gpt-4o-mini"
DEFAULT_TIMEOUT = 60.0
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

logger = logging.getLogger(__name__)

_Settings = tuple[str | None, str]
# Connections belong to the event loop that opened them.
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Settings, AsyncOpenAI]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Completion:
    """A model's answer. `data` is the parsed JSON where JSON was asked for, else None; token counts are None
    where the model gave none; `demo` says that the demo model spoke."""

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


async def complete(
    messages: Sequence[Message],
    *,
    purpose: str,
    model: str | None = None,
    json_schema: dict[str, Any] | None = None,
    json_object: bool = False,
    temperature: float | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    stream: bool = False,
    on_token: Callable[[str], None] | None = None,
    on_call: Recorder | None = None,
) -> Completion:
    """Ask a model once and return its whole answer.

    `purpose` says in a word or two what the call is for. `json_schema` is a bare JSON Schema that the answer
    must fit; `json_object` asks for any object. `timeout` is in seconds, for the whole answer. `on_token` gets
    each piece of a streamed answer. `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OPENAI_MODEL` say whom to ask.
    The call, answered or not, is reported once to `on_call` and to the recorder in `call_recorder`.

    Raises temporalio's ApplicationError as `failures.as_failure` decides.
    """
    asked = Asked(purpose, messages, model or os.environ.get("OPENAI_MODEL") or DEFAULT_MODEL, stream)
    request = _request(asked, json_schema, json_object, temperature, timeout)
    reply, data = Reply(), None
    error: BaseException | None = None
    try:
        async with asyncio.timeout(timeout):
            await _exchange(request, reply, on_token)
        reply.check()
        if json_object or json_schema is not None:
            data = reply.parsed(json_schema)
    except asyncio.CancelledError as cancelled:
        error = cancelled
        raise
    except Exception as failed:
        error = as_failure(failed)
        raise error from failed
    finally:
        report(asked.as_call(reply, error), on_call)
    return asked.as_completion(reply, data)


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

    def as_completion(self, reply: Reply, data: Any) -> Completion:
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
            answer=reply.text or reply.refusal or None,
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
    temperature: float | None,
    timeout: float,
) -> dict[str, Any]:
    """The arguments of `chat.completions.create`."""
    request: dict[str, Any] = {"model": asked.model, "messages": list(asked.messages), "timeout": timeout}
    if json_schema is not None:
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", asked.purpose)[:64] or "answer"
        request["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": name, "schema": json_schema},
        }
    elif json_object:
        request["response_format"] = {"type": "json_object"}
    if temperature is not None:
        request["temperature"] = temperature
    if asked.stream:
        request |= {"stream": True, "stream_options": {"include_usage": True}}
    return request


async def _exchange(request: dict[str, Any], reply: Reply, on_token: Callable[[str], None] | None) -> None:
    answer = await running_client().chat.completions.create(**request)
    try:
        if request.get("stream"):
            await reply.read_stream(answer, on_token)
        else:
            reply.read(answer)
    except (AttributeError, TypeError) as error:
        # The SDK does not validate what it decodes, so a foreign shape shows when it is read.
        raise MalformedAnswer(f"not shaped as a chat completion: {error}") from error


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
    http_client = openai.DefaultAsyncHttpxClient(trust_env=False) if local else None
    return AsyncOpenAI(base_url=base_url, api_key=api_key, max_retries=0, http_client=http_client)


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
