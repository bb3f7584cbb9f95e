"""The OpenAPI document: what django-ninja derives, and the bodies that our views read themselves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from reviews.api.problems import ProblemOut, examples

REF_TEMPLATE = "#/components/schemas/{model}"

_bodies: list[type[BaseModel]] = []


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI's requestBody for a view that reads ``model`` after it has looked at rights."""
    _bodies.append(model)
    return {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": REF_TEMPLATE.format(model=model.__name__)}}},
    }


def complete(document: dict[str, Any]) -> None:
    """Add what :func:`takes` and the problem responses refer to; drop what django-ninja never refers to."""
    _, read = models_json_schema([(model, "validation") for model in _bodies], ref_template=REF_TEMPLATE)
    _, written = models_json_schema([(ProblemOut, "serialization")], ref_template=REF_TEMPLATE)
    found = document["components"]["schemas"] | read["$defs"] | written["$defs"]
    document["components"]["schemas"] = {
        name: found[name] for name in sorted(found) if not name.endswith("Query")
    }
    document["components"]["examples"] = examples()
