"""Checking values against a schema from outside."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from reviews.runs.faults import SchemaError, check_schema, faults_of


@pytest.mark.parametrize(
    ("value", "schema", "pointer"),
    [
        ({"a": {"b/c": 1}}, {"properties": {"a": {"properties": {"b/c": {"type": "string"}}}}}, "/a/b~1c"),
        ({"a": {"~": 1}}, {"properties": {"a": {"properties": {"~": {"type": "string"}}}}}, "/a/~0"),
        ([1, "x"], {"items": {"type": "integer"}}, "/1"),
        ({}, {"required": ["name"]}, "/name"),
        ({"a": {}}, {"properties": {"a": {"required": ["it's/here"]}}}, "/a/it's~1here"),
        (5, {"type": "object"}, ""),
        ({"when": "tomorrow"}, {"properties": {"when": {"format": "date"}}}, "/when"),
    ],
)
def test_a_fault_is_pointed_at(value: Any, schema: dict[str, Any], pointer: str) -> None:
    assert [fault.pointer for fault in faults_of(value, schema)] == [pointer]


def test_a_message_does_not_repeat_a_book() -> None:
    (fault,) = faults_of("x" * 100_000, {"type": "integer"})

    assert len(fault.message) <= 300


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"pattern": "("}, {"properties": []}, 5, "form"])
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    with pytest.raises(SchemaError):
        check_schema(schema)


@pytest.mark.parametrize("schema", [{"$ref": "#/nowhere"}, {"$ref": "#"}, {"$ref": "other.json"}])
def test_a_reference_that_leads_nowhere_or_in_a_circle_is_a_fault(schema: dict[str, Any]) -> None:
    assert [fault.pointer for fault in faults_of({}, schema)] == [""]


def test_a_schema_fetches_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        faults = faults_of({}, {"$ref": f"http://127.0.0.1:{listener.getsockname()[1]}/form.json"})
        with pytest.raises(TimeoutError):
            listener.accept()
    assert [fault.pointer for fault in faults] == [""]
