"""What servers send in answer to `stream: true`: events, or, where they do not stream, one whole completion."""

import json
from collections.abc import AsyncIterator
from typing import Any

from openai import AsyncOpenAI
from openai._streaming import ServerSentEvent, SSEDecoder

from workflows.llm.failures import MalformedAnswer


class StreamingClient(AsyncOpenAI):
    """Reads whole completions as streams too."""

    def _make_sse_decoder(self) -> SSEDecoder:
        return Decoder()


class Decoder(SSEDecoder):
    """Of one stream. Whatever is read over it, ours or a framework's, gets a whole completion as a single event."""

    ended = False
    """The server said that this was all: by `[DONE]`, or since it sent everything at once."""

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[ServerSentEvent]:
        head = b""
        async for piece in iterator:
            if head := piece.lstrip():
                break
        if head.startswith(b"{"):
            body = bytearray(head)
            async for piece in iterator:
                body += piece
            self.ended = True
            yield ServerSentEvent(data=_as_chunk(bytes(body)))
            return
        async for event in super().aiter_bytes(_after(head, iterator)):
            self.ended = self.ended or event.data.startswith("[DONE]")
            yield event


async def _after(head: bytes, iterator: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for piece in iterator:
        yield piece


def _as_chunk(body: bytes) -> str:
    """The completion as the one chunk of a stream. An error stays as it is: the SDK raises it."""
    try:
        said: dict[str, Any] = json.loads(body)
        if not said.get("error"):
            said |= {"object": "chat.completion.chunk", "choices": [_as_delta(said["choices"][0])]}
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError) as error:
        raise MalformedAnswer(f"not a chat completion: {body[:200]!r}") from error
    return json.dumps(said)


def _as_delta(choice: dict[str, Any]) -> dict[str, Any]:
    message = choice["message"]
    calls = [call | {"index": index} for index, call in enumerate(message.get("tool_calls") or [])]
    delta = message | ({"tool_calls": calls} if calls else {})
    return {name: value for name, value in choice.items() if name != "message"} | {"delta": delta}
