"""Reads what a model sent back: a whole completion or a stream of chunks, in either case not to be trusted."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from workflows.llm.failures import ContentFiltered, LostAnswer, MalformedAnswer
from workflows.llm.streams import Chunks
from workflows.llm.tools import CallParts, Tool, ToolCall, checked, first_fault

logger = logging.getLogger(__name__)


MOST_CHARACTERS = 500_000
"""Of an answer: more than any model's output. What is longer is malformed, and its rest is not read."""
MOST_CALLS = 64
"""Tools that one answer may call."""
MOST_NAME = 200
MOST_REASON = 40
MOST_TOKENS = 2**31 - 1


@dataclass
class Reply:
    """What has arrived of an answer so far; it stays readable when reading on fails."""

    pieces: list[str] = field(default_factory=list)
    characters: int = 0
    refusal: str = ""
    calls: dict[int, CallParts] = field(default_factory=dict)
    model: str | None = None
    finish_reason: str | None = None
    response_id: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def read(self, completion: Any) -> None:
        """Take over a whole completion, as its JSON was; raise MalformedAnswer when it is none."""
        if not isinstance(completion, dict) or not completion.get("choices"):
            raise MalformedAnswer(f"not a chat completion: {str(completion)[:200]!r}")
        choice = _object(_list(completion["choices"])[0])
        self._identify(completion)
        self.finish_reason = _name(choice.get("finish_reason"), MOST_REASON)
        if choice.get("message") is None:
            raise MalformedAnswer("the answer holds no message")
        message = _object(choice["message"])
        self._add(message.get("content"), message.get("refusal"))
        for index, call in enumerate(_list(message.get("tool_calls"))):
            self._add_call(index, _object(call))

    async def read_stream(self, stream: Chunks, on_token: Callable[[str], None] | None) -> None:
        """Take over a stream as it comes; raise LostAnswer when it ends before it is whole.

        It is whole with its finish reason, or, from servers that give none, when they say that this was all.
        """
        async with stream:
            async for chunk in stream:
                said = self.hear(chunk)
                if on_token and said:
                    _tell(on_token, said)
        if self.finish_reason is None and not (stream.ended and self.said):
            raise LostAnswer("the stream ended before the answer was whole")

    def hear(self, chunk: Any) -> str | None:
        """Take over the next piece of a stream, as its JSON was; answers its words. Raises MalformedAnswer."""
        self._identify(_object(chunk))
        if "choices" not in chunk and (chunk.get("object") == "error" or "error_code" in chunk):
            raise MalformedAnswer(f"the stream broke off: {str(chunk)[:200]!r}")
        said = None
        for choice in _list(chunk.get("choices"))[:1]:
            choice = _object(choice)
            self.finish_reason = _name(choice.get("finish_reason"), MOST_REASON) or self.finish_reason
            if choice.get("delta") is not None:
                delta = _object(choice["delta"])
                said = delta.get("content")
                self._add(said, delta.get("refusal"))
                for call in _list(delta.get("tool_calls")):
                    self._add_call(_object(call).get("index"), call)
        return said

    def _identify(self, part: dict[str, Any]) -> None:
        self.model = _name(part.get("model"), MOST_NAME) or self.model
        self.response_id = _name(part.get("id"), MOST_NAME) or self.response_id
        self._count(part.get("usage"))

    def _count(self, usage: Any) -> None:
        """Odd figures beside an answer are left out."""
        if not isinstance(usage, dict):
            return
        self.tokens_in, self.tokens_out = (
            _tokens(usage.get("prompt_tokens")),
            _tokens(usage.get("completion_tokens")),
        )
        details = usage.get("prompt_tokens_details")
        self.tokens_cached = _tokens(details.get("cached_tokens")) if isinstance(details, dict) else None

    def _add(self, content: Any, refusal: Any) -> None:
        if not isinstance(content, str | None) or not isinstance(refusal, str | None):
            raise MalformedAnswer("the answer's content is not text")
        room = MOST_CHARACTERS - self.characters
        for said in (content or "", refusal or ""):
            if len(said) > room:
                self.pieces.append(said[:room])
                self.characters = MOST_CHARACTERS
                raise MalformedAnswer(f"the answer is longer than {MOST_CHARACTERS:,} characters")
        self.pieces.append(content or "")
        self.characters += len(content or "") + len(refusal or "")
        self.refusal += refusal or ""

    def _add_call(self, index: Any, call: dict[str, Any]) -> None:
        """Servers that send calls whole need not number them."""
        if not isinstance(index, int | None):
            raise MalformedAnswer("a tool call's index is no number")
        part = self.calls.setdefault(index or 0, CallParts())
        if len(self.calls) > MOST_CALLS:
            raise MalformedAnswer(f"the answer calls more than {MOST_CALLS} tools")
        if call.get("function") is not None:
            function = _object(call["function"])
            name, arguments = function.get("name"), function.get("arguments")
            part.add(call.get("id"), name, arguments)
            self.characters += len(name or "") + len(arguments or "")
            if self.characters > MOST_CHARACTERS:
                raise MalformedAnswer(f"the answer is longer than {MOST_CHARACTERS:,} characters")

    @property
    def said(self) -> str:
        """What arrived, in words: text or refusal, then the tools that are called."""
        calls = [f"→ {part.name} {part.arguments}" for _, part in sorted(self.calls.items())]
        return "\n".join(filter(None, [self.text or self.refusal, *calls]))

    def check(self) -> None:
        """Raise ContentFiltered for a refusal, MalformedAnswer for an answer without words or calls."""
        if self.refusal:
            raise ContentFiltered(self.refusal)
        if self.finish_reason == "content_filter":
            raise ContentFiltered("the model's content filter withheld the answer")
        if not self.text.strip() and not self.calls:
            raise MalformedAnswer(f"the answer is empty (finish reason: {self.finish_reason})")

    def called(self, tools: Sequence[Tool]) -> list[ToolCall]:
        """The tools that the model asks for; raise MalformedAnswer for what was not offered or does not fit."""
        return checked([part for _, part in sorted(self.calls.items())], tools)

    def parsed(self, schema: dict[str, Any] | None) -> Any:
        """The text as JSON that fits `schema` (None: any object); raise MalformedAnswer with the reason."""
        if self.finish_reason == "length":
            raise MalformedAnswer("the answer was cut at the token limit, so its JSON is not whole")
        try:
            data = json.loads(_without_fence(self.text), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise MalformedAnswer(f"the answer is not JSON: {error}") from error
        if schema is None and not isinstance(data, dict):
            raise MalformedAnswer(f"the answer is {type(data).__name__}, not a JSON object")
        if schema is not None and (fault := first_fault(data, schema)):
            raise MalformedAnswer(f"the answer does not fit its schema: {fault}")
        return data


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedAnswer(f"not shaped as a chat completion: {str(value)[:200]!r}")
    return value


def _list(value: Any) -> list[Any]:
    """Empty for what is missing, or empty in another shape: some gateways write it as an object."""
    if not value:
        return []
    if not isinstance(value, list):
        raise MalformedAnswer(f"not shaped as a chat completion: {str(value)[:200]!r}")
    return value


def _name(value: Any, most: int) -> str | None:
    return value[:most] if isinstance(value, str) else None


def _tokens(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


def _tell(on_token: Callable[[str], None], token: str) -> None:
    try:
        on_token(token)
    except Exception:
        logger.exception("The progress of an answer could not be told")


def _without_fence(text: str) -> str:
    """Many models wrap JSON in a Markdown code fence, whatever they were told."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        return text.split("\n", 1)[1][: -len("```")]
    return text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
