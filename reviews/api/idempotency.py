"""``Idempotency-Key``: the same request again is answered from memory, for 24 hours an account."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from pydantic import BaseModel

from reviews.api.problems import Problem
from reviews.people import actions as people
from reviews.people.models import Account
from reviews.runs.faults import Fault

HEADER = "Idempotency-Key"
LONGEST = 255

PARAMETER = {
    "in": "header",
    "name": HEADER,
    "description": "Kept for 24 hours: the same request with the same key has one effect and one answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[ -~]+$"},
    "example": "3f0c5a0e-8f0e-4a53-9d1f-0b4a5c0f5a11",
}


def key_of(request: HttpRequest, *, required: bool) -> str | None:
    """The request's key; None when it has none and needs none. Raises :class:`Problem`."""
    key = request.headers.get(HEADER, "")
    if not key:
        if required:
            raise _problem("missing", "This is needed.")
        return None
    if len(key) > LONGEST or not (key.isascii() and key.isprintable()):
        raise _problem("invalid", f"1 to {LONGEST} printable ASCII characters.")
    return key


def once(
    request: HttpRequest, by: Account, key: str | None, body: dict[str, Any], act: Callable[[], BaseModel]
) -> dict[str, Any]:
    """What ``act`` answers, in one transaction with the memory of it; from memory when it came before.

    An ``act`` that raises leaves no memory. Raises ``IdempotencyKeyReused``.
    """
    with transaction.atomic():
        if key is None:
            return act().model_dump(mode="json")
        row = people.remember(by, key, _fingerprint(request, body))
        if row.answer is not None:
            return dict(row.answer)
        answer = act().model_dump(mode="json")
        people.answer_with(row, answer)
        return answer


def _fingerprint(request: HttpRequest, body: dict[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{request.method}\n{request.path}\n{canonical}".encode()).hexdigest()


def _problem(fault: str, message: str) -> Problem:
    return Problem(f"idempotency-key-{fault}", faults=[Fault(f"/{HEADER}", message)], place="header")
