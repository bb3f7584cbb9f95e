"""Tools that a model may ask for. What it asks is text from outside: it is checked before anybody acts on it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema

from workflows.llm.failures import MalformedAnswer


@dataclass(frozen=True)
class Tool:
    """A function that a model may ask for; ``parameters`` is the JSON Schema of its arguments, an object."""

    name: str
    description: str
    parameters: dict[str, Any]

    @property
    def request(self) -> dict[str, Any]:
        """As OpenAI's chat completions want it."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}


@dataclass(frozen=True)
class ToolCall:
    """What the model wants done: a tool that was offered, with arguments that fit it."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass
class CallParts:
    """A call as far as it has arrived: a stream brings its arguments bit by bit."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def add(self, id: str | None, name: str | None, arguments: str | None) -> None:
        if not all(isinstance(part, str | None) for part in (id, name, arguments)):
            raise MalformedAnswer("a tool call is not made of text")
        self.id = id or self.id
        self.name += name or ""
        self.arguments += arguments or ""


def checked(parts: Iterable[CallParts], tools: Sequence[Tool]) -> list[ToolCall]:
    """The calls, each of a tool that was offered. Raises MalformedAnswer with what is wrong with one."""
    offered = {tool.name: tool for tool in tools}
    return [_checked(number, part, offered) for number, part in enumerate(parts, 1)]


def _checked(number: int, part: CallParts, offered: dict[str, Tool]) -> ToolCall:
    tool = offered.get(part.name)
    if tool is None:
        raise MalformedAnswer(f"there is no tool {part.name[:100]!r}, only {', '.join(offered) or 'words'}")
    try:
        arguments = json.loads(part.arguments or "{}")
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer(f"the arguments of {tool.name} are not JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise MalformedAnswer(f"the arguments of {tool.name} are no JSON object")
    if fault := first_fault(arguments, tool.parameters):
        raise MalformedAnswer(f"the arguments of {tool.name} do not fit: {fault}")
    return ToolCall(part.id or f"call_{number}", tool.name, arguments)


def first_fault(data: Any, schema: dict[str, Any]) -> str | None:
    """What is wrong with ``data`` first of all; None when it fits."""
    fault = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(data))
    return f"{fault.message[:300]} at {fault.json_path}" if fault else None
