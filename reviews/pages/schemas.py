"""Reading a JSON Schema as a form: which field each property becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "long", "integer", "number", "boolean", "choice", "constant", "json"]
SHORT_TEXT = 80
DEEPEST_REFERENCE = 20
TYPES: dict[str, Kind] = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
MISSING: Any = object()
"""The value of a property that is not there; JSON has null for something else."""


@dataclass(frozen=True)
class Property:
    """``pointer`` (RFC 6901) is its place in the value; the empty one is the whole value."""

    pointer: str
    title: str
    kind: Kind
    required: bool = False
    nullable: bool = False
    help: str = ""
    choices: list[Any] = field(default_factory=list)
    schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The key in the object that holds it."""
        return self.pointer[1:].replace("~1", "/").replace("~0", "~")


def properties_of(schema: Mapping[str, Any], value: Any) -> list[Property]:
    """The properties in the schema's order, then those that only ``value`` has.

    A schema without properties, or a value that is no object, is one JSON field.
    """
    root, schema = schema, resolve(schema, schema)
    described = schema.get("properties")
    if not isinstance(described, Mapping) or not isinstance(value, Mapping):
        return [Property("", schema.get("title", "Value"), "json", required=True, schema=schema)]
    required = schema.get("required", [])
    stated = [
        _property(root, name, described[name], name in required, value)
        for name in _in_order(described, required)
    ]
    others = [
        _property(root, name, _schema_like(value[name]), False, value)
        for name in value
        if name not in described
    ]
    return stated + others


def _in_order(described: Mapping[str, Any], required: list[str]) -> list[str]:
    """Canonical JSON and jsonb sort the keys of objects, never the items of a list: the required ones come first."""
    first = [name for name in required if name in described]
    return first + [name for name in described if name not in first]


def _property(
    root: Mapping[str, Any], name: str, schema: Any, required: bool, value: Mapping[str, Any]
) -> Property:
    schema = resolve(root, schema)
    kind, nullable, choices = _kind(root, schema, value.get(name, MISSING))
    return Property(
        pointer="/" + name.replace("~", "~0").replace("/", "~1"),
        title=str(schema.get("title") or name.replace("_", " ").strip().capitalize() or name),
        kind=kind,
        required=required,
        nullable=nullable,
        help=str(schema.get("description") or ""),
        choices=choices,
        schema=schema,
    )


def _kind(root: Mapping[str, Any], schema: Mapping[str, Any], value: Any) -> tuple[Kind, bool, list[Any]]:
    branches = list(_branches(root, schema))
    real = [branch for branch in branches if branch.get("type") != "null"]
    nullable = len(real) < len(branches)
    if len(real) > 1:
        # A decimal is a number or a string: it stays what it is.
        alike = [branch for branch in real if _fits_type(value, branch.get("type"))]
        real = alike if len(alike) == 1 else real
    if len(real) != 1:
        return "json", nullable, []
    branch = real[0]
    if "const" in branch:
        return "constant", nullable, [branch["const"]]
    if isinstance(branch.get("enum"), list):
        return (
            "choice",
            nullable or None in branch["enum"],
            [item for item in branch["enum"] if item is not None],
        )
    kind = TYPES.get(str(branch.get("type")), "json")
    if kind == "boolean" and nullable:
        return "choice", True, [True, False]
    return ("long" if kind == "text" and _is_long(branch, value) else kind), nullable, []


def _branches(root: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The alternatives that a value may take: of anyOf and oneOf, and of a list of types."""
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            yield from (resolve(root, branch) for branch in schema[word])
            return
    kinds = schema.get("type")
    if isinstance(kinds, list):
        yield from ({**schema, "type": kind} if kind != "null" else {"type": "null"} for kind in kinds)
    else:
        yield schema


def resolve(root: Mapping[str, Any], schema: Any) -> Mapping[str, Any]:
    """``schema`` with its local reference followed; an empty schema for what cannot be."""
    for _ in range(DEEPEST_REFERENCE):
        if not isinstance(schema, Mapping):
            return {}
        alone = schema.get("allOf")
        reference = schema.get("$ref")
        if (
            reference is None
            and isinstance(alone, list)
            and len(alone) == 1
            and isinstance(alone[0], Mapping)
        ):
            schema = {**alone[0], **{key: schema[key] for key in schema if key != "allOf"}}
        elif isinstance(reference, str) and reference.startswith("#"):
            target = _at(root, reference[1:])
            schema = {**target, **{key: schema[key] for key in schema if key != "$ref"}}
        else:
            return schema
    return {}


def _at(root: Any, pointer: str) -> Mapping[str, Any]:
    for part in pointer.split("/")[1:]:
        root = root.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(root, Mapping) else None
    return root if isinstance(root, Mapping) else {}


def _is_long(schema: Mapping[str, Any], value: Any) -> bool:
    words = value if isinstance(value, str) else ""
    limit = schema.get("maxLength", 0)
    return len(words) > SHORT_TEXT or "\n" in words or (isinstance(limit, int) and limit > 200)


def _fits_type(value: Any, kind: Any) -> bool:
    match value:
        case bool():
            return bool(kind == "boolean")
        case int():
            return kind in ("integer", "number")
        case float():
            return bool(kind == "number")
        case str():
            return bool(kind == "string")
        case _:
            return False


def _schema_like(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"type": "boolean"}
        case int() | float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case _:
            return {}
