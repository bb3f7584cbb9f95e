"""Checking values against a JSON Schema, with a JSON pointer for each fault."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema_specifications import REGISTRY
from referencing.exceptions import Unresolvable


@dataclass(frozen=True)
class Fault:
    """``pointer`` is an RFC 6901 pointer into the value: ``/amount``; empty for the whole."""

    pointer: str
    message: str


class InvalidInput(Exception):
    """The value does not fit its schema; ``faults`` says where."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.message}" for fault in faults))
        self.faults = list(faults)


def faults_of(value: Any, schema: dict[str, Any]) -> list[Fault]:
    """All faults, in the order of their places. Raises ``SchemaError`` for a schema that is none.

    A schema is text from outside: its references are looked up in itself and never fetched, and one that
    leads nowhere or in a circle is a fault of the whole.
    """
    validator = Draft202012Validator(schema, registry=REGISTRY, format_checker=FormatChecker())
    try:
        errors = sorted(
            validator.iter_errors(value), key=lambda error: [str(part) for part in error.absolute_path]
        )
    except Unresolvable as error:
        return [Fault("", f"The form has a reference that leads nowhere: {error}.")]
    except RecursionError:
        return [Fault("", "The form has a reference to itself that never ends.")]
    return [Fault(_pointer(error), _message(error)) for error in errors]


def check_schema(schema: Any) -> None:
    """Raises ``SchemaError`` when ``schema`` is not a JSON Schema (draft 2020-12)."""
    Draft202012Validator.check_schema(schema)


def _pointer(error: ValidationError) -> str:
    path = [str(part) for part in error.absolute_path]
    if error.validator == "required":
        missing = literal_eval(error.message.removesuffix(" is a required property"))
        path.append(missing)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def _message(error: ValidationError) -> str:
    match error.validator:
        case "required":
            return "This is needed."
        case "minLength" if error.instance == "":
            return "This is needed."
        case "exclusiveMinimum":
            return f"This has to be more than {error.validator_value}."
        case "minimum":
            return f"This has to be {error.validator_value} or more."
        case "maximum":
            return f"This has to be {error.validator_value} or less."
        case "maxLength":
            return f"At most {error.validator_value} characters."
        case "additionalProperties" | "unevaluatedProperties":
            return f"This does not belong here: {error.message}"
        case _:
            return error.message if len(error.message) < 300 else error.message[:299] + "…"


__all__ = ["Fault", "InvalidInput", "SchemaError", "check_schema", "faults_of"]
