"""The golden files of docs/contract/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema_specifications import REGISTRY
from referencing import Resource

from agentsite.home import ROOT

FOLDER: Path = ROOT / "docs" / "contract"
OPENAPI = FOLDER / "openapi.json"
MESSAGES = sorted(path.name.removesuffix(".schema.json") for path in FOLDER.glob("*.schema.json"))


def schema_of(message: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((FOLDER / f"{message}.schema.json").read_text())
    return schema


def example_of(message: str) -> Any:
    return json.loads((FOLDER / f"{message}.example.json").read_text())


def faults(value: Any, message: str) -> list[str]:
    """What in ``value`` does not fit the message's schema; formats count."""
    files = [(f"{name}.schema.json", Resource.from_contents(schema_of(name))) for name in MESSAGES]
    validator = Draft202012Validator(
        {"$ref": f"{message}.schema.json"},
        registry=REGISTRY.with_resources(files),
        format_checker=FormatChecker(),
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
