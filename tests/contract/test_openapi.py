"""docs/contract/openapi.json is what the site serves, and the site does what it says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from reviews.api.asking import AskIn
from reviews.api.histories import EventOut, StepOut
from reviews.api.problems import KINDS
from tests.contract.files import FOLDER, OPENAPI, schema_of
from tests.contract.renew import openapi_text


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(OPENAPI.read_text())
    return loaded


def test_the_file_is_what_the_site_serves() -> None:
    assert OPENAPI.read_text() == openapi_text(), "wanted? `python -m tests.contract.renew`, and CHANGELOG.md"


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in _references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_operation_needs_a_token_and_names_its_problems(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["security"] == [{"Token": []}], (method, path)
            assert {"401", "403", "500", "503"} <= operation["responses"].keys(), (method, path)


def test_every_problem_is_explained(document: dict[str, Any]) -> None:
    explained = (FOLDER / "README.md").read_text()

    assert document["components"]["examples"].keys() == KINDS.keys()
    for name, kind in KINDS.items():
        assert f"| {kind.status} | " in explained and f"`{name}`" in explained


def test_every_address_stands_in_the_table_of_scopes(document: dict[str, Any]) -> None:
    table = [
        line for line in (FOLDER / "README.md").read_text().splitlines() if ":" in line.partition("` |")[0]
    ]
    words = set(re.findall(r"\w+", " ".join(line for line in table if line.startswith("| `"))))

    for path in document["paths"]:
        parts = {part for part in path.removeprefix("/api/v1").split("/") if part and part[0] != "{"}
        assert parts <= words, path


def test_rest_speaks_the_same_messages() -> None:
    assert set(AskIn.model_fields) == {*schema_of("ask")["properties"], "run"}
    assert list(StepOut.model_fields) == list(schema_of("step")["properties"])
    assert list(EventOut.model_fields) == list(schema_of("event")["properties"])


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [reference for item in value.values() for reference in _references(item)]
    if isinstance(value, list):
        return [reference for item in value for reference in _references(item)]
    return []
