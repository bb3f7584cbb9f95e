"""What the demo model understands of a request: what is wanted, and about which words."""

import hashlib
import json
import random
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from workflows.llm.calls import CORRECTION

Wanted = Literal["tool_call", "tool_result", "plan", "json", "findings", "report", "answer"]

DEFAULT_TASKS = (3, 5)
MAX_TASKS = 200

MAGIC = re.compile(r"\[demo:(\w+)\]")
# "in 50 tasks" is a wish; "at most 200 tasks" and "3 to 5 tasks" are the prompt's own limits.
TASK_COUNT = re.compile(
    r"(?<![\w–-])(?P<limit>(?:up to|at most|at least|no more than|max(?:imum)?|to|or)\s+)?"
    r"(?P<count>\d{1,4})\s+(?:\w+\s+)?(?:tasks|steps)\b",
    re.IGNORECASE,
)
LABELLED = re.compile(
    r"^\W*(?:query|question|topic|subject|task|name)\W*:\W*(?P<value>\w.*)$", re.IGNORECASE | re.MULTILINE
)
ASKS_FOR_REPORT = re.compile(
    r"\bsynthesi[sz]\w*|\b(?:write|produce|compose)\b.{0,40}\breport\b", re.IGNORECASE
)
ASKS_FOR_FINDINGS = re.compile(r"\b(?:research|investigat|findings|carry out)\w*", re.IGNORECASE)
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        about after also been before between could does each from have into just like make more most
        much must only over please should some such tell than that their them then there these they this
        those through under very want what when where which while whose will with would write your
        """,
    )
)
# In the names of tools; what is meant is said by the other words.
WEAK_VERBS = frozenset(
    {"a", "do", "find", "for", "get", "in", "issue", "look", "make", "of", "send", "the", "to", "up", "use"}
)


class BadRequest(ValueError):
    """The request is not a chat completion request; `param` names the field at fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True)
class Prompt:
    """A chat completion request as the demo model reads it."""

    body: dict[str, Any]

    @classmethod
    def parse(cls, raw: bytes) -> "Prompt":
        """Read a request body; raise BadRequest where OpenAI would answer 400."""
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"We could not parse the JSON body of your request: {error}") from error
        _check(body)
        # Lone surrogates cannot be said back, nor shown in the statistics.
        return cls(json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")))

    @cached_property
    def text(self) -> str:
        """Every message's text, in order."""
        return "\n".join(text_of(message) for message in self.body["messages"])

    @cached_property
    def digest(self) -> str:
        """Names this prompt among others: 16 hex digits over messages, format and tools. What it says about an
        answer before does not make it another one."""
        said = [self.body["messages"], self.body.get("response_format"), self.body.get("tools")]
        if isinstance(last := self.body["messages"][-1].get("content"), str):
            said[0] = [*said[0][:-1], {**said[0][-1], "content": last.split(f"\n\n{CORRECTION}")[0]}]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def last_user(self) -> str:
        """The last thing that the user said."""
        said = [text_of(message) for message in self.body["messages"] if message["role"] == "user"]
        return said[-1].split(f"\n\n{CORRECTION}")[0] if said else self.text

    @cached_property
    def magic(self) -> str | None:
        """The word of a `[demo:word]` in the prompt."""
        found = MAGIC.search(self.text)
        return found.group(1) if found else None

    @cached_property
    def subject(self) -> str:
        """What the prompt is about, in the prompt's own words, at most 120 characters."""
        said = MAGIC.sub("", self.last_user)
        labelled = LABELLED.search(said)
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        line = labelled.group("value") if labelled else (lines[0] if lines else "the question")
        line = re.sub(r"[\s,;]*\b(?:in|as|with)?\s*\d+\s+(?:tasks|steps)\b", "", line)
        line = line.strip(" \t\"'“”*#`.?!:") or "the question"
        return line if len(line) <= 120 else line[:119].rsplit(" ", 1)[0] + "…"

    @property
    def topic(self) -> str:
        """The subject without the angle that a task of the demo model's own plans puts before it."""
        return self.subject.split(": ", 1)[-1]

    @cached_property
    def keywords(self) -> list[str]:
        """The words of the topic that carry meaning, each once; never empty."""
        words = re.findall(r"[^\W\d_][\w'-]{3,}", self.topic)
        kept = dict.fromkeys(word for word in words if word.lower() not in STOP_WORDS)
        return list(kept) or [self.topic]

    @cached_property
    def json_schema(self) -> dict[str, Any] | None:
        """The schema of the answer, `{}` in plain JSON mode, None for free text."""
        wanted = self.body.get("response_format") or {}
        if wanted.get("type") == "json_schema":
            schema = wanted.get("json_schema", {}).get("schema", {})
            return schema if isinstance(schema, dict) else {}
        return {} if wanted.get("type") == "json_object" else None

    @cached_property
    def tools(self) -> list[dict[str, Any]]:
        """The functions that may be called: name, description, parameters."""
        if self.body.get("tool_choice") == "none":
            return []
        return [tool["function"] for tool in self.body.get("tools") or [] if tool.get("type") == "function"]

    @cached_property
    def asks_for_tool(self) -> bool:
        """Whether a tool has to be called, or the user's words are about what one of them does."""
        return self.body.get("tool_choice") not in (None, "auto") or any(map(self.fits, self.tools))

    def fits(self, tool: dict[str, Any]) -> bool:
        """Whether the user names what the tool is for, and says what it cannot be called without."""
        said = {word.removesuffix("s") for word in re.findall(r"[^\W_]+", self.last_user.lower())}
        named = {word.removesuffix("s") for word in re.findall(r"[^\W_]+", str(tool["name"]).lower())}
        needed = [
            schema["pattern"]
            for schema in (tool.get("parameters") or {}).get("properties", {}).values()
            if isinstance(schema, dict) and "pattern" in schema
        ]
        return bool(said & (named - WEAK_VERBS)) and all(self.found(pattern) for pattern in needed)

    def found(self, pattern: str) -> str | None:
        """The word of the user's that fits ``pattern``, as a schema has it."""
        words = re.findall(r"[\w-]+", self.last_user)
        return next((word for word in words if re.search(pattern, word)), None)

    @cached_property
    def tool_results(self) -> list[str]:
        """What tools answered since the user last spoke."""
        results: list[str] = []
        for message in self.body["messages"]:
            if message["role"] == "tool":
                results.append(text_of(message))
            elif message["role"] == "user":
                results = []
        return results

    @cached_property
    def wanted(self) -> Wanted:
        """The kind of answer that fits."""
        if self.tools and not self.tool_results and self.asks_for_tool:
            return "tool_call"
        if self.json_schema is not None:
            return "plan" if self._asks_for_plan else "json"
        if self.tool_results:
            return "tool_result"
        if ASKS_FOR_REPORT.search(self._instructions):
            return "report"
        return "findings" if ASKS_FOR_FINDINGS.search(self._instructions) else "answer"

    @cached_property
    def task_count(self) -> int:
        """How many tasks a plan has: as many as the user wishes, else 3 to 5."""
        for found in TASK_COUNT.finditer(self.last_user):
            if not found.group("limit"):
                return max(1, min(int(found.group("count")), MAX_TASKS))
        return self.random("tasks").randint(*DEFAULT_TASKS)

    def random(self, purpose: str) -> random.Random:
        """A source of variety that is the same for the same prompt and purpose."""
        return random.Random(f"{self.digest}:{purpose}")

    @property
    def _asks_for_plan(self) -> bool:
        properties = (self.json_schema or {}).get("properties")
        return "tasks" in properties if isinstance(properties, dict) else '"tasks"' in self.text

    @property
    def _instructions(self) -> str:
        roles = ("system", "developer")
        system = [text_of(message) for message in self.body["messages"] if message["role"] in roles]
        return "\n".join([*system, self.last_user.strip().split("\n", 1)[0]])


def _check(body: Any) -> None:
    """Raise BadRequest for what is no chat completion request."""
    if not isinstance(body, dict):
        raise BadRequest("The body of the request must be an object.")
    messages, tools, wanted = (body.get(name) for name in ("messages", "tools", "response_format"))
    if not isinstance(messages, list) or not messages:
        raise BadRequest("'messages' must be a non-empty array.", "messages")
    if not all(isinstance(message, dict) and "role" in message for message in messages):
        raise BadRequest("Each message must be an object with a role.", "messages")
    if not isinstance(body.get("model"), str):
        raise BadRequest("you must provide a model parameter", "model")
    if tools is not None and not (isinstance(tools, list) and all(map(_is_tool, tools))):
        raise BadRequest("'tools' must be an array of functions with names.", "tools")
    if wanted is not None and not isinstance(wanted, dict):
        raise BadRequest("'response_format' must be an object.", "response_format")


def _is_tool(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def text_of(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part)
