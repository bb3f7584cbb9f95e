"""Forms made from JSON Schemas: what is sent is what was meant."""

from __future__ import annotations

from typing import Any

import pytest

from reviews.pages.diffs import lines
from reviews.pages.forms import SchemaForm
from reviews.pages.schemas import properties_of
from reviews.runs.faults import Fault


def one(
    schema: dict[str, Any], typed: str | None, start: dict[str, Any] | None = None, required: bool = True
) -> Any:
    """What a form with the one field ``x`` sends, as the whole object."""
    whole = {"type": "object", "properties": {"x": schema}, "required": ["x"] if required else []}
    data = {} if typed is None else {"/x": typed}
    form = SchemaForm.sent(whole, start if start is not None else {}, data)
    value = form.value()
    return form.fields[0].error if not form.is_readable else value


@pytest.mark.parametrize(
    ("schema", "typed", "sent"),
    [
        ({"type": "number"}, "420", {"x": 420}),
        ({"type": "number"}, "420.50", {"x": 420.5}),
        ({"type": "number"}, " $1,234.50 ", {"x": 1234.5}),
        ({"type": "number"}, "-3e2", {"x": -300.0}),
        ({"type": "integer"}, "5.0", {"x": 5}),
        ({"type": "string"}, "a\r\nb", {"x": "a\nb"}),
        ({"type": "string"}, "", {"x": ""}),
        ({"type": "boolean"}, "true", {"x": True}),
        ({"type": "boolean"}, None, {"x": False}),
        ({"enum": ["a", 1, True]}, "1", {"x": 1}),
        ({"enum": ["a", 1, True]}, "true", {"x": True}),
        ({"const": "fixed"}, "forged", {"x": "fixed"}),
        ({"type": ["string", "null"]}, "", {"x": None}),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "", {"x": None}),
        ({"type": "array"}, "[1, 2.0]", {"x": [1, 2.0]}),
        ({"type": "object"}, '{"a": null}', {"x": {"a": None}}),
    ],
)
def test_what_is_typed_becomes_a_value_of_its_type(schema: dict[str, Any], typed: str, sent: Any) -> None:
    value = one(schema, typed)
    assert value == sent
    assert type(value["x"]) is type(sent["x"])


@pytest.mark.parametrize(
    ("schema", "typed", "said"),
    [
        ({"type": "number"}, "1,234", "Write a number"),  # 1234 here, 1.234 there
        ({"type": "number"}, "12,50", "Write a number"),
        ({"type": "number"}, "nan", "Write a number"),
        ({"type": "number"}, "1e999", "too large"),
        ({"type": "integer"}, "9007199254740993", "too large"),
        ({"type": "integer"}, "5.5", "Write a whole number"),
        ({"type": "number"}, "", "This is needed."),
        ({"enum": ["a"]}, '"b"', "Choose one"),
        ({"type": "array"}, "[1,", "This is not JSON"),
        ({"type": "array"}, "[NaN]", "This is not JSON"),
    ],
)
def test_what_cannot_be_read_is_said(schema: dict[str, Any], typed: str, said: str) -> None:
    assert said in one(schema, typed)


@pytest.mark.parametrize(
    "value", [420.0, 1e22, "12.50", "a\r\nb", None, [1, {"b": 2}], True, {"deep": [None]}]
)
def test_what_is_not_touched_keeps_value_and_type(value: Any) -> None:
    schema = {"type": "object", "properties": {"x": {"anyOf": [{"type": "number"}, {"type": "string"}]}}}
    shown = SchemaForm.filled(schema, {"x": value, "other": 1.0})
    sent = SchemaForm.sent(
        schema, {"x": value, "other": 1.0}, {item.name: item.text for item in shown.fields}
    )
    result = sent.value()
    assert result == {"x": value, "other": 1.0}
    assert type(result["x"]) is type(value)


def test_an_optional_field_left_empty_is_left_out() -> None:
    assert one({"type": "string"}, "", required=False) == {}
    assert one({"type": "number"}, "", {"x": 3}, required=False) == {}
    assert one({"type": "boolean"}, None, required=False) == {}


def test_references_and_long_texts_find_their_control() -> None:
    schema = {
        "type": "object",
        "$defs": {"Mood": {"enum": ["calm", "brisk"]}, "Loop": {"$ref": "#/$defs/Loop"}},
        "properties": {
            "mood": {"$ref": "#/$defs/Mood"},
            "note": {"type": "string", "maxLength": 2000},
            "loop": {"$ref": "#/$defs/Loop"},
            "a/b": {"allOf": [{"$ref": "#/$defs/Mood"}], "title": "Slashed"},
        },
        "required": ["note"],
    }
    found = {item.pointer: (item.kind, item.title) for item in properties_of(schema, {})}
    assert found == {
        "/note": ("long", "Note"),
        "/mood": ("choice", "Mood"),
        "/loop": ("json", "Loop"),
        "/a~1b": ("choice", "Slashed"),
    }


def test_a_schema_without_properties_is_one_json_field() -> None:
    form = SchemaForm.sent({"type": "object"}, {"a": 1}, {"/": '{"b": 2}'})
    assert form.value() == {"b": 2}


def test_faults_find_their_field_or_the_one_above() -> None:
    form = SchemaForm.filled({"type": "object", "properties": {"a": {}, "b~/": {}}}, {})
    form.take(
        [Fault("/response/a/0/x", "deep"), Fault("/response/b~0~1", "here"), Fault("/response", "all")],
        "/response",
    )
    assert [item.error for item in form.fields] == ["/0/x: deep", "here"]
    assert form.errors == ["all"]


def test_hidden_characters_in_a_field_are_pointed_out() -> None:
    form = SchemaForm.filled({"type": "object", "properties": {"a": {"type": "string"}}}, {"a": "pay\u202e"})
    assert form.fields[0].hides
    assert form.fields[0].described_by == "field-a-hidden"


def test_a_diff_tells_true_from_one_and_not_one_from_one() -> None:
    form = {
        "type": "object",
        "properties": {"paid": {"type": "boolean", "title": "Paid"}, "sum": {"multipleOf": 0.01}},
    }
    changed = {
        line.title: line.changed
        for line in lines(form, {"paid": 1, "sum": 1, "gone": 0}, {"paid": True, "sum": 1.0})
    }
    assert changed == {"Paid": True, "Sum": False, "Gone": True}


def test_money_has_its_decimals() -> None:
    form = {"type": "object", "properties": {"sum": {"type": "number", "multipleOf": 0.01}}}
    assert lines(form, {"sum": 0}, {"sum": 420.5})[0].after == "420.50"
