"""RFC 9457 problem details: every refusal of the REST interface, by a stable name.

``type`` is the reference ``/problems/<name>``; clients compare its last segment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.http import HttpResponse
from pydantic import BaseModel, Field

from reviews.runs.faults import Fault

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5
"""Seconds after which to try again what is away."""
ANYWHERE = ("internal", "database-unavailable")
"""What any request may run into."""


@dataclass(frozen=True)
class Kind:
    status: int
    title: str


KINDS: dict[str, Kind] = {
    "unauthorized": Kind(401, "A valid bearer token is needed."),
    "forbidden": Kind(403, "The role or the token's scopes do not reach this far."),
    "not-yours": Kind(403, "The policy of this question wants somebody else to decide."),
    "not-found": Kind(404, "There is no such object, or none that you may see."),
    "method-not-allowed": Kind(405, "This address does not take this method."),
    "already-decided": Kind(409, "The question is decided already."),
    "proposal-changed": Kind(409, "What is asked is not what you were shown."),
    "withdrawn": Kind(409, "The question is closed."),
    "too-late": Kind(409, "The decision is on its way and cannot be undone."),
    "run-closed": Kind(409, "The run has ended."),
    "proposal-differs": Kind(409, "This request id came before with another question."),
    "too-large": Kind(413, "The body is too large."),
    "validation": Kind(422, "The request is not valid."),
    "invalid-proposal": Kind(422, "The question cannot be shown or answered as it stands."),
    "idempotency-key-missing": Kind(422, "An Idempotency-Key is needed."),
    "idempotency-key-invalid": Kind(422, "The Idempotency-Key is not usable."),
    "idempotency-key-reused": Kind(422, "The Idempotency-Key came before with another request."),
    "query-failed": Kind(422, "The workflow did not answer the query."),
    "internal": Kind(500, "Something went wrong here."),
    "file-unavailable": Kind(503, "The file's bytes cannot be read now."),
    "engine-unavailable": Kind(503, "Temporal does not answer."),
    "database-unavailable": Kind(503, "The database does not answer."),
}


class FaultOut(BaseModel):
    place: Literal["body", "query", "header"] = Field(serialization_alias="in")
    pointer: str = Field(description="RFC 6901 pointer into that place; empty for the whole.")
    message: str


class ProblemOut(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="`/problems/<name>`; the name is stable.", examples=["/problems/not-found"])
    title: str
    status: int
    detail: str
    errors: list[FaultOut] | None = Field(default=None, description="With 422: what is wrong, and where.")
    decision: dict[str, Any] | None = Field(
        None, description="With already-decided: the decision that counts."
    )


class Problem(Exception):
    """A refusal by name, one of :data:`KINDS`; ``more`` are further members of the problem details."""

    def __init__(
        self, name: str, detail: str = "", *, faults: Iterable[Fault] = (), place: str = "body"
    ) -> None:
        super().__init__(detail or KINDS[name].title)
        self.name = name
        self.errors = [{"in": place, "pointer": fault.pointer, "message": fault.message} for fault in faults]

    def response(self, more: Mapping[str, Any] | None = None) -> HttpResponse:
        kind = KINDS[self.name]
        body = {
            "type": f"/problems/{self.name}",
            "title": kind.title,
            "status": kind.status,
            "detail": str(self),
        }
        if self.errors:
            body["errors"] = self.errors
        response = HttpResponse(
            json.dumps(body | dict(more or {})), status=kind.status, content_type=MEDIA_TYPE
        )
        if kind.status == 401:
            response["WWW-Authenticate"] = "Bearer"
        if kind.status == 503:
            response["Retry-After"] = str(RETRY_AFTER)
        return response


def documented(*names: str) -> dict[str, Any]:
    """OpenAPI's responses for these problems and those of :data:`ANYWHERE`, one a status."""
    by_status: dict[int, list[str]] = {}
    for name in (*names, *ANYWHERE):
        by_status.setdefault(KINDS[name].status, []).append(name)
    return {str(status): _response(status, same) for status, same in sorted(by_status.items())}


def examples() -> dict[str, Any]:
    """OpenAPI's example of each problem, by its name."""
    return {name: {"value": _example(name, kind)} for name, kind in KINDS.items()}


def _example(name: str, kind: Kind) -> dict[str, Any]:
    return {"type": f"/problems/{name}", "title": kind.title, "status": kind.status, "detail": kind.title}


def _response(status: int, names: list[str]) -> dict[str, Any]:
    content = {
        "schema": {"$ref": "#/components/schemas/ProblemOut"},
        "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in names},
    }
    return {"description": ", ".join(f"`{name}`" for name in names), "content": {MEDIA_TYPE: content}}
