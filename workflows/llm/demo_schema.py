"""A plausible value for a JSON Schema, made of the prompt's words and numbers."""

import re
from typing import Any

from workflows.llm.demo_prompt import Prompt

MAX_DEPTH = 8
FORMATS = {
    "date": "2026-03-14",
    "date-time": "2026-03-14T09:26:53Z",
    "time": "09:26:53Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "3f1c7a52-9d0e-4b7a-8f3e-5a2b6c1d0e9f",
}
AMOUNT = re.compile(r"(?<!order )(?<!order no )(?<![#\d.])\d+(?:\.\d+)?", re.IGNORECASE)
"""A number that does not name an order."""
RECEIVER = re.compile(r"\b(?:to|for|customer) ((?:[A-ZÀ-ÖØ-Þ][\w&'-]* ?)+)")


def example_of(schema: dict[str, Any], prompt: Prompt) -> Any:
    """A value that fits `schema` in the keywords a model is usually asked for (not `not`, `if`; a `pattern`
    where the prompt has a word for it)."""
    return _Examples(schema, prompt).value(schema, "value", 0)


class _Examples:
    def __init__(self, root: dict[str, Any], prompt: Prompt) -> None:
        self.root = root
        self.prompt = prompt
        self.numbers = [float(number) for number in AMOUNT.findall(prompt.last_user)]

    def value(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            return None
        if "$ref" in schema:
            return self.value(self._referred(schema["$ref"]), name, depth + 1)
        for fixed in ("const", "default"):
            if fixed in schema:
                return schema[fixed]
        if schema.get("enum"):
            return self._choice(schema["enum"], name)
        for variants in ("anyOf", "oneOf", "allOf"):
            if schema.get(variants):
                return self.value(schema[variants][0], name, depth + 1)
        return self._typed(schema, name, depth)

    def _typed(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        match kind[0] if isinstance(kind, list) else kind:
            case "object":
                members = schema.get("properties", {})
                return {key: self.value(member, key, depth + 1) for key, member in members.items()}
            case "array":
                count = min(max(schema.get("minItems", 2), 1), schema.get("maxItems", 50))
                return [
                    self.value(schema.get("items", {}), f"{name} {i + 1}", depth + 1) for i in range(count)
                ]
            case "integer":
                return int(self._number(schema, name, 100))
            case "number":
                return round(self._number(schema, name, 1), 2)
            case "boolean":
                return self.prompt.random(name).random() < 0.5
            case "null":
                return None
            case _:
                return self._string(schema, name)

    def _string(self, schema: dict[str, Any], name: str) -> str:
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        if "pattern" in schema and (found := self.prompt.found(schema["pattern"])):
            return found
        if name == "customer" and (receiver := RECEIVER.search(self.prompt.last_user)):
            return receiver.group(1).strip()[: schema.get("maxLength")]
        short = self._choice(self.prompt.keywords, name)
        text = short if "maxLength" in schema else f"{short}: {self.prompt.subject}"
        return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]

    def _number(self, schema: dict[str, Any], name: str, default_maximum: float) -> float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", max(default_maximum, low + 1)))
        unbounded = "maximum" not in schema and "exclusiveMaximum" not in schema
        for number in self.numbers:
            if low < number and (unbounded or number < high):
                return number
        drawn = self.prompt.random(name).uniform(low, high)
        return max(drawn, low + 1) if schema.get("type") == "integer" and low + 1 <= high else drawn

    def _choice(self, options: list[Any], name: str) -> Any:
        return self.prompt.random(name).choice(options)

    def _referred(self, pointer: str) -> Any:
        found: Any = self.root
        for part in pointer.removeprefix("#").split("/")[1:]:
            found = found.get(part, {}) if isinstance(found, dict) else {}
        return found
