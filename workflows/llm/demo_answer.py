"""Sends one answer of the demo model, whole or streamed, with the fault that it was told to show."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from workflows.llm.demo_faults import Call, CallLog, Fault
from workflows.llm.demo_prompt import Prompt
from workflows.llm.demo_script import ToolCall, answer

MAX_CHUNKS = 40
ARGUMENTS_AT_ONCE = 24
"""Characters of a tool call in one chunk."""
ERROR_TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 429: "requests"}
HUGE = f"{'x' * 250_000} " * 40
REFUSAL = "I'm sorry, but the demo model was told to refuse this request."


_encode = json.JSONEncoder(ensure_ascii=False).encode
"""An encoder a chunk, as ``json.dumps`` makes, is what most of an answer would cost."""


class ClientLeft(Exception):
    """The client closed the connection before its answer was whole."""


@dataclass
class ChatAnswer:
    """An ASGI application that answers one call and logs how it ended."""

    prompt: Prompt
    fault: Fault | None
    log: CallLog
    call: Call
    latency: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._wait(receive, self._delay)
            match self._kind:
                case "rate_limit" | "error":
                    await self._send_error(scope, receive, send)
                case _ if self.prompt.body.get("stream"):
                    await self._stream(receive, send)
                case _:
                    await self._send_whole(send)
        except ClientLeft:
            # A client that tired of a call which is never answered saw the fault that was asked for.
            self.log.close(self.call, "timeout" if self._kind == "timeout" else "abandoned", None)
        except asyncio.CancelledError:
            self.log.close(self.call, "abandoned", None)
            raise
        except Exception:
            self.log.close(self.call, "crashed", 500)
            raise

    @property
    def _delay(self) -> float | None:
        """Seconds until the first word; of a slow stream, half of what it takes."""
        if self._kind == "timeout":
            return None
        return self.latency + (self._slowness / 2 if self.prompt.body.get("stream") else self._slowness)

    @property
    def _slowness(self) -> float:
        return self.fault.seconds if self.fault and self.fault.kind == "slow" else 0.0

    async def _wait(self, receive: Receive, seconds: float | None) -> None:
        """Let time pass (None: for ever) while the client is there; raise ClientLeft when it goes.

        In no time nobody goes.
        """
        if seconds == 0:
            return
        try:
            async with asyncio.timeout(seconds):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return
        raise ClientLeft

    async def _send_error(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.fault is not None
        status = 429 if self.fault.kind == "rate_limit" else self.fault.status
        response = error_response(
            status,
            self.fault.message or f"The demo model was told to answer {status}.",
            code="rate_limit_exceeded" if self.fault.kind == "rate_limit" else self.fault.code,
            headers=self.fault.headers,
        )
        await response(scope, receive, send)
        self.log.close(self.call, self.fault.kind, status)

    async def _send_whole(self, send: Send) -> None:
        message, finish_reason = self._message()
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
        completion = self._envelope("chat.completion") | {"choices": [choice], "usage": self._usage(message)}
        body = _encode(completion).encode()
        if self._breaks_body:
            body = body[: len(body) // 2]
        await send(_start("application/json", len(body)))
        dropped = self._kind == "drop"
        await send(_body(body[: len(body) // 2] if dropped else body, more=dropped))
        self._close()

    async def _stream(self, receive: Receive, send: Send) -> None:
        message, finish_reason = self._message()
        deltas = list(_deltas(message))
        pause = (self.latency + self._slowness) / (2 * len(deltas))
        dropped = self._kind == "drop"
        pieces = [
            self._chunk({"index": 0, "delta": delta, "finish_reason": None})
            for delta in (deltas[: (len(deltas) + 1) // 2] if dropped else deltas)
        ]
        await send(_start("text/event-stream", None))
        for piece in pieces if pause else [b"".join(pieces)]:
            await send(_body(piece, more=True))
            await self._wait(receive, pause)
        if not dropped:
            await send(_body(self._end(message, finish_reason), more=False))
        self._close()

    def _end(self, message: dict[str, Any], finish_reason: str) -> bytes:
        broken = b'data: {"id": "chatcmpl-\n\n' if self._breaks_body else b""
        end = self._chunk({"index": 0, "delta": {}, "finish_reason": finish_reason})
        counted = (self.prompt.body.get("stream_options") or {}).get("include_usage")
        usage = self._chunk(None, self._usage(message)) if counted else b""
        return broken + end + usage + b"data: [DONE]\n\n"

    def _chunk(self, choice: dict[str, Any] | None, usage: Any = None) -> bytes:
        rest: dict[str, Any] = {"choices": [choice] if choice else []}
        if usage is not None:
            rest["usage"] = usage
        return f"data: {self._head}{_encode(rest)[1:]}\n\n".encode()

    @cached_property
    def _head(self) -> str:
        """What all chunks begin with, encoded once: they come in dozens."""
        return f"{_encode(self._envelope('chat.completion.chunk'))[:-1]}, "

    def _close(self) -> None:
        # No await lies between the last byte and this count, so a client that has the answer sees it counted.
        failed = self._kind in ("malformed_json", "wrong_shape", "huge", "refuse", "drop")
        self.log.close(self.call, str(self._kind) if failed else "completed", 200)

    @property
    def _kind(self) -> str | None:
        return self.fault.kind if self.fault else None

    @property
    def _breaks_body(self) -> bool:
        """Free text cannot be malformed JSON, so there the protocol's own JSON is broken."""
        is_json = self.prompt.json_schema is not None or self.prompt.wanted == "tool_call"
        return self._kind == "malformed_json" and not is_json

    def _said(self) -> str | ToolCall:
        match self._kind:
            case "wrong_shape":
                return json.dumps({"tasks": [7, {"name": ["a list"]}], "answer": None})
            case "huge":
                return HUGE
        return answer(self.prompt)

    def _message(self) -> tuple[dict[str, Any], str]:
        """OpenAI's message object and its finish reason."""
        said = self._said()
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
        if self._kind == "refuse":
            return message | {"refusal": REFUSAL}, "stop"
        if isinstance(said, ToolCall):
            cut = len(said.arguments) * 2 // 3 if self._kind == "malformed_json" else None
            function = {"name": said.name, "arguments": said.arguments[:cut]}
            call = {"id": said.id, "type": "function", "function": function}
            return message | {"tool_calls": [call]}, "tool_calls"
        if self._kind == "malformed_json" and self.prompt.json_schema is not None:
            said = said[: len(said) * 2 // 3]
        return message | {"content": said}, "stop"

    @cached_property
    def _started_at(self) -> int:
        return int(time.time())

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-demo-{self.prompt.digest}",
            "object": kind,
            "created": self._started_at,
            "model": self.prompt.body["model"],
            "system_fingerprint": "fp_demo",
        }

    def _usage(self, message: dict[str, Any]) -> dict[str, Any]:
        """About four characters a token, as English text has."""
        sent, said = (len(self.prompt.text) // 4 + 1, len(_encode(message)) // 4)
        return {
            "prompt_tokens": sent,
            "completion_tokens": said,
            "total_tokens": sent + said,
            "prompt_tokens_details": {"cached_tokens": sent // 128 * 128 if sent >= 1024 else 0},
        }


def error_response(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """An error in OpenAI's shape."""
    kind = ERROR_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    error = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error}, status, headers)


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The message cut into what each chunk of a stream adds, the role first."""
    yield {"role": "assistant", "content": "" if message["content"] is not None else None}
    if message.get("tool_calls"):
        for index, call in enumerate(message["tool_calls"]):
            yield from _call_deltas(index, call)
        return
    name = "content" if message["content"] is not None else "refusal"
    words = re.findall(r"\s*\S+\s*", message[name])
    size = len(words) // MAX_CHUNKS + 1
    for start in range(0, len(words), size):
        yield {name: "".join(words[start : start + size])}


def _call_deltas(index: int, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """As OpenAI does: the name first, then the arguments bit by bit, held together by the index."""
    function, arguments = call["function"], call["function"]["arguments"]
    yield {"tool_calls": [{"index": index, **call, "function": {**function, "arguments": ""}}]}
    for start in range(0, len(arguments), ARGUMENTS_AT_ONCE):
        piece = {"arguments": arguments[start : start + ARGUMENTS_AT_ONCE]}
        yield {"tool_calls": [{"index": index, "function": piece}]}


def _start(content_type: str, length: int | None) -> dict[str, Any]:
    headers = [(b"content-type", content_type.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _body(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}
