"""A client for agent frameworks: their calls of a model go where ours go, are recorded, and fail as ours do."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

from openai import AsyncOpenAI, AsyncStream, BaseModel
from openai.types.chat import ChatCompletionChunk

from workflows.llm.answers import Reply
from workflows.llm.calls import Message
from workflows.llm.client import DEFAULT_MODEL, DEFAULT_TIMEOUT, Asked, report, running_client
from workflows.llm.failures import as_failure
from workflows.llm.limits import in_turn, tokens_of


def recorded_client(purpose: str, *, timeout: float = DEFAULT_TIMEOUT) -> AsyncOpenAI:
    """What a framework is given in place of a client of its own.

    Each chat completion, streamed or not, is reported to the recorder in `call_recorder` as one for `purpose`.
    `timeout` is in seconds, for the whole answer, or until a stream begins. A failure is raised as temporalio's
    ApplicationError, as `failures.as_failure` decides. Nothing is tried twice: Temporal does that.
    """
    client = _RecordedClient(
        base_url=os.environ.get("OPENAI_BASE_URL") or None,
        api_key=os.environ.get("OPENAI_API_KEY") or "unset",
        max_retries=0,
    )
    client.purpose, client.patience = purpose, timeout
    return client


def model_name() -> str:
    return os.environ.get("OPENAI_MODEL") or DEFAULT_MODEL


class _RecordedClient(AsyncOpenAI):
    """It opens no connection: the running loop's own client does, so a module may hold it, whatever loop runs."""

    purpose = "agent"
    patience = DEFAULT_TIMEOUT

    async def request(
        self, cast_to: Any, options: Any, *, stream: bool = False, stream_cls: Any = None
    ) -> Any:
        if options.url != "/chat/completions":
            return await running_client().request(cast_to, options, stream=stream, stream_cls=stream_cls)
        body = options.json_data
        turn_of = in_turn(body["model"], tokens_of(body["messages"]), patience=self.patience / 2)
        async with turn_of as turn:
            call = _Call(self.purpose, body, stream)
            answer = await self._exchange(call, cast_to, options, stream)
            turn.tokens = call.tokens
        return answer

    async def _exchange(self, call: "_Call", cast_to: Any, options: Any, stream: bool) -> Any:
        _current.set(call)
        try:
            async with asyncio.timeout(self.patience):
                answer: Any = await running_client().request(
                    cast_to, options, stream=stream, stream_cls=_RecordedStream
                )
            if not stream:
                # Who asks for a raw response parses it later; the SDK keeps what it parsed.
                call.hear(answer.parse() if hasattr(answer, "http_response") else answer)
        except Exception as error:
            raise call.failed(error) from error
        except BaseException as error:
            call.end(error)
            raise
        if not stream:
            call.end()
        return answer


class _Call:
    """One call while it goes on."""

    def __init__(self, purpose: str, body: Any, stream: bool) -> None:
        words = [_in_words(message) for message in body["messages"]]
        self._asked = Asked(purpose, words, body["model"], stream)
        self._reply = Reply()
        self._ended = False

    def hear(self, part: Any) -> None:
        """Note a whole answer, or the next piece of a stream. Raises MalformedAnswer."""
        said = part.to_dict(warnings=False) if isinstance(part, BaseModel) else part
        if isinstance(part, ChatCompletionChunk):
            self._reply.hear(said)
        else:
            self._reply.read(said)

    @property
    def tokens(self) -> int | None:
        """Those in and out, once they are known."""
        if self._reply.tokens_in is None:
            return None
        return self._reply.tokens_in + (self._reply.tokens_out or 0)

    def failed(self, error: Exception) -> Exception:
        """End it; answers what is raised in place of ``error``."""
        failure = as_failure(error)
        self.end(failure)
        return failure

    def end(self, error: BaseException | None = None) -> None:
        """Report it, once."""
        if not self._ended:
            self._ended = True
            report(self._asked.as_call(self._reply, error), None)


def _in_words(message: Message) -> Message:
    """A message that only calls tools says so where its words would be, for people to read."""
    tools = [tool.get("function", {}) for tool in message.get("tool_calls") or []]
    if message.get("content") or not tools:
        return message
    said = "\n".join(f"→ {tool.get('name')} {tool.get('arguments')}" for tool in tools)
    return {**message, "content": said}


_current: ContextVar[_Call] = ContextVar("_current")
"""Tells a stream, which the SDK makes, whose it is."""


class _RecordedStream(AsyncStream[ChatCompletionChunk]):
    """Its call has ended when it was read to its end, broke off, or was left."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._call = _current.get()
        self._iterator = self._heard(self._iterator)

    async def _heard(self, chunks: AsyncIterator[ChatCompletionChunk]) -> AsyncIterator[ChatCompletionChunk]:
        try:
            async for chunk in chunks:
                self._call.hear(chunk)
                yield chunk
        except Exception as error:
            raise self._call.failed(error) from error
        except asyncio.CancelledError as error:
            self._call.end(error)
            raise
        finally:
            self._call.end()

    async def close(self) -> None:
        await super().close()
        self._call.end()
