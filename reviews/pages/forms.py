"""A form made from a JSON Schema: its fields with values and errors, and the value that was sent.

A field's name is the RFC 6901 pointer of its value, so that the faults of a schema find their field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from reviews.pages.schemas import MISSING, Property, properties_of
from reviews.pages.visible import hides
from reviews.runs.faults import Fault

NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+(?=\.))(\.\d+)?([eE][+-]?\d{1,3})?")
LARGEST_EXACT = 2**53
CURRENCY = "$€£¥ \u00a0"
NULL = "null"


class Unreadable(ValueError):
    """What was typed is no value of the field's kind; the message is for people."""


@dataclass
class Field:
    """One property on its way through a page: ``text`` is what the control shows, ``error`` what is wrong."""

    spec: Property
    initial: Any
    text: str
    error: str = ""

    @property
    def name(self) -> str:
        return self.spec.pointer or "/"

    @property
    def id(self) -> str:
        return "field-" + re.sub(r"\W+", "-", self.spec.pointer).strip("-")

    @property
    def checked(self) -> bool:
        return self.text == "true"

    @property
    def hides(self) -> bool:
        return hides(self.text)

    @property
    def rows(self) -> int:
        return min(16, max(3, self.text.count("\n") + len(self.text) // 80 + 1))

    @property
    def described_by(self) -> str:
        parts = (("help", self.spec.help), ("hidden", self.hides), ("error", self.error))
        return " ".join(f"{self.id}-{name}" for name, there in parts if there)

    @property
    def options(self) -> list[tuple[str, str]]:
        """Value and words of each choice; the empty one stands for none."""
        choices = [(json.dumps(choice), choice if isinstance(choice, str) else json.dumps(choice)) for choice in
                   self.spec.choices]  # fmt: skip
        if self.spec.nullable or not self.spec.required:
            choices.insert(0, (NULL, "–"))
        return choices

    def read(self) -> Any:
        """The value, or MISSING. What was not touched keeps its value and its type. Raises :class:`Unreadable`."""
        if self.initial is not MISSING and self.text == text_of(self.spec, self.initial):
            return self.initial
        return _READERS[self.spec.kind](self)


@dataclass
class SchemaForm:
    fields: list[Field]
    errors: list[str] = field(default_factory=list)
    """What belongs to no field."""

    @classmethod
    def filled(cls, schema: Mapping[str, Any], value: Any) -> SchemaForm:
        return cls([Field(item, start, text_of(item, start)) for item, start in _with_values(schema, value)])

    @classmethod
    def sent(cls, schema: Mapping[str, Any], value: Any, data: Mapping[str, str]) -> SchemaForm:
        """``value`` is what the form started from, ``data`` what came back."""
        fields = []
        for item, start in _with_values(schema, value):
            name = item.pointer or "/"
            absent = "false" if item.kind == "boolean" else text_of(item, start)
            fields.append(Field(item, start, data.get(name, absent).replace("\r\n", "\n")))
        return cls(fields)

    def value(self) -> Any:
        """What was sent; None when :attr:`is_readable` would be False, with the errors at their fields."""
        result: Any = {}
        for item in self.fields:
            try:
                read = item.read()
            except Unreadable as error:
                item.error = str(error)
                continue
            if item.spec.pointer == "":
                result = read
            elif read is not MISSING:
                result[item.spec.name] = read
        return result if self.is_readable else None

    @property
    def is_readable(self) -> bool:
        return not any(item.error for item in self.fields)

    @property
    def first_error(self) -> Field | None:
        return next((item for item in self.fields if item.error), None)

    def take(self, faults: Iterable[Fault], prefix: str = "") -> None:
        """Put each fault at its field: the one whose pointer is the fault's, or above it."""
        for fault in faults:
            pointer = fault.pointer.removeprefix(prefix)
            top = "/" + pointer.split("/")[1] if pointer else ""
            place = next((item for item in self.fields if item.spec.pointer in (pointer, top)), None)
            below = f"{pointer.removeprefix(top)}: " if place and pointer != place.spec.pointer else ""
            if place is None:
                self.errors.append(f"{pointer}: {fault.message}" if pointer else fault.message)
            elif not place.error:
                place.error = below + fault.message


def text_of(item: Property, value: Any) -> str:
    """A value as its control shows it."""
    if value is MISSING or (value is None and item.kind != "choice"):
        return ""
    if item.kind in ("text", "long") and isinstance(value, str):
        return value.replace("\r\n", "\n")
    if item.kind in ("integer", "number") and isinstance(value, int | float):
        return number_in_words(value, item.schema)
    return json.dumps(value, ensure_ascii=False, indent=2 if item.kind == "json" else None)


def number_in_words(value: float, schema: Mapping[str, Any] | None = None) -> str:
    """Plain digits; two decimals where the schema counts in hundredths, as money does."""
    if (schema or {}).get("multipleOf") == 0.01:
        return f"{value:.2f}"
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_EXACT
    return str(int(value)) if is_whole else str(value)


def _with_values(schema: Mapping[str, Any], value: Any) -> Sequence[tuple[Property, Any]]:
    found = []
    for item in properties_of(schema, value):
        start = value if item.pointer == "" else value.get(item.name, MISSING)
        if item.kind == "constant" and start is MISSING:
            start = item.choices[0]
        found.append((item, start))
    return found


def _empty(item: Field) -> Any:
    """What an emptied control means."""
    if item.spec.nullable and item.initial is not MISSING:
        return None
    if not item.spec.required and (item.initial is MISSING or item.spec.kind not in ("text", "long")):
        return MISSING
    if item.spec.nullable:
        return None
    if item.spec.kind in ("text", "long"):
        return ""
    raise Unreadable("This is needed.")


def _read_text(item: Field) -> Any:
    return item.text or _empty(item)


def _read_number(item: Field) -> Any:
    text = item.text.strip(CURRENCY)
    if not text:
        return _empty(item)
    if not NUMBER.fullmatch(text):
        raise Unreadable("Write a number with a point, such as 1234.50.")
    # As a decimal: a float would round before it is looked at.
    number = Decimal(text.replace(",", ""))
    whole = item.spec.kind == "integer"
    if abs(number) > LARGEST_EXACT:
        raise Unreadable("This number is too large to be kept exactly.")
    if whole and number % 1:
        raise Unreadable("Write a whole number.")
    return int(number) if whole or text.lstrip("+-").isdigit() else float(number)


def _read_boolean(item: Field) -> Any:
    if not item.checked and item.initial is MISSING and not item.spec.required:
        return MISSING
    return item.checked


def _read_choice(item: Field) -> Any:
    if item.text in (NULL, ""):
        return None if item.spec.nullable else _empty(item)
    for choice in item.spec.choices:
        if item.text == json.dumps(choice):
            return choice
    raise Unreadable("Choose one of the list.")


def _read_constant(item: Field) -> Any:
    return item.initial


def _read_json(item: Field) -> Any:
    if not item.text.strip():
        return _empty(item)
    try:
        return json.loads(item.text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"This is not JSON: {error}") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON value")


_READERS = {
    "text": _read_text,
    "long": _read_text,
    "integer": _read_number,
    "number": _read_number,
    "boolean": _read_boolean,
    "choice": _read_choice,
    "constant": _read_constant,
    "json": _read_json,
}
