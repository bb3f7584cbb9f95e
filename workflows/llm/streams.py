"""What servers send in answer to `stream: true`: events, or, where they do not stream, one whole completion."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream
from openai._streaming import ServerSentEvent, SSEDecoder

from workflows.llm.failures import MalformedAnswer

LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
"""Of an event stream; a carriage return at the end of what arrived may be half of one."""
LAST_LINE_END = re.compile(rb"\r\n|\n|\r")
REST = 0.1
"""Seconds for the end of a response whose last event has arrived: only then its connection can be used again."""


class Chunks(AsyncStream[object]):
    """The chunks of a completion as their JSON was. The client's own stream makes an object of each, for nobody."""

    ended = False
    """The server said that this was all: by `[DONE]`, or since it sent everything at once."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Raises openai's errors, and MalformedAnswer."""
        request = self.response.request
        pieces = self.response.aiter_bytes()
        try:
            head = await _head_of(pieces)
            if head.startswith(b"{"):
                whole = _as_chunk(await _all_of(head, pieces))
                self.ended = True
                yield _unless_error(whole, request)
                return
            async for data in events(head, pieces):
                if data.startswith(b"[DONE]"):
                    self.ended = True
                    await _drain(pieces)
                    return
                yield _unless_error(parsed(data), request)
        except httpx2.TimeoutException as error:
            raise openai.APITimeoutError(request) from error
        except (httpx2.RequestError, aiohttp.ClientError) as error:
            raise openai.APIConnectionError(request=request) from error
        finally:
            await self.response.aclose()


class StreamingClient(AsyncOpenAI):
    """Reads whole completions as streams too, for frameworks, which read with the client's own stream."""

    def _make_sse_decoder(self) -> SSEDecoder:
        return _Decoder()


class _Decoder(SSEDecoder):
    """Of one stream; a whole completion is a single event."""

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[ServerSentEvent]:
        head = await _head_of(iterator)
        if head.startswith(b"{"):
            yield ServerSentEvent(data=json.dumps(_as_chunk(await _all_of(head, iterator))))
            return
        async for event in super().aiter_bytes(_after(head, iterator)):
            yield event


async def events(head: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each event of a stream that begins with `head`. What it breaks off in is none.

    By the HTML standard's section 9.2.6, without the fields that completions do not use.
    """
    rest, data = bytearray(), list[bytes]()
    async for piece in _after(head, pieces):
        rest += piece
        if not LINE_END.search(piece):
            continue  # a line that comes in many pieces is looked at once
        *lines, last = LINE_END.split(bytes(rest))
        rest = bytearray(last)
        for event in _ended(lines, data):
            yield event
    for event in _ended(LAST_LINE_END.split(bytes(rest))[:-1], data):
        yield event


def _ended(lines: list[bytes], data: list[bytes]) -> Iterator[bytes]:
    """The events that end in these lines; `data` are the lines of the one that goes on."""
    for line in lines:
        if line.startswith(b"data:"):
            data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif not line and data:
            yield b"\n".join(data)
            data.clear()


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(REST):
            async for _ in pieces:
                pass
    except (TimeoutError, httpx2.RequestError, aiohttp.ClientError):
        return  # the answer is whole


async def _head_of(pieces: AsyncIterator[bytes]) -> bytes:
    """The first that is not white space."""
    async for piece in pieces:
        if head := piece.lstrip():
            return head
    return b""


async def _all_of(head: bytes, pieces: AsyncIterator[bytes]) -> bytes:
    body = bytearray(head)
    async for piece in pieces:
        body += piece
    return bytes(body)


async def _after(head: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for piece in pieces:
        yield piece


def parsed(said: bytes | str) -> Any:
    """What was said, as JSON. Raises MalformedAnswer, also for a number of more digits than Python reads."""
    try:
        return json.loads(said.decode() if isinstance(said, bytes) else said)
    except ValueError as error:
        raise MalformedAnswer(f"the answer is not JSON: {error}") from error


def _unless_error(chunk: Any, request: httpx2.Request) -> Any:
    """Raises what the client raises for an error in the middle of a stream."""
    error = chunk.get("error") if isinstance(chunk, dict) else None
    if not error:
        return chunk
    said = error.get("message") if isinstance(error, dict) else None
    message = said if said and isinstance(said, str) else "The model broke off with an error."
    raise openai.APIError(message, request, body=error)


def _as_chunk(body: bytes) -> dict[str, Any]:
    """The completion as the one chunk of a stream. An error stays as it is: the reader raises it."""
    try:
        said: dict[str, Any] = json.loads(body)
        if not said.get("error"):
            said |= {"object": "chat.completion.chunk", "choices": [_as_delta(said["choices"][0])]}
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError) as error:
        raise MalformedAnswer(f"not a chat completion: {body[:200]!r}") from error
    return said


def _as_delta(choice: dict[str, Any]) -> dict[str, Any]:
    message = choice["message"]
    calls = [call | {"index": index} for index, call in enumerate(message.get("tool_calls") or [])]
    delta = message | ({"tool_calls": calls} if calls else {})
    return {name: value for name, value in choice.items() if name != "message"} | {"delta": delta}
