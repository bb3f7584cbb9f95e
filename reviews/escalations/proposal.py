"""What a reviewer is shown, checked, cleaned and made canonical (RFC 8785), so that a digest can stand for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import rfc8785
from django.utils.dateparse import parse_datetime

from reviews.escalations.models import Verdict
from reviews.runs.faults import SchemaError, check_schema, faults_of
from reviews.runs.text import clean

RISKS = ("low", "medium", "high")
ON_DEADLINE = ("expire", "reject", "approve")
EVIDENCE_KINDS = ("text", "json", "link", "artifact")
LARGEST_DOCUMENT = 4_000_000
LONGEST_REQUEST_ID = 255


class InvalidProposal(ValueError):
    """The question cannot be shown or answered as it stands; asking again will not mend it."""


def document_of(ask: Mapping[str, Any]) -> dict[str, Any]:
    """The document of an ``ask`` message (docs/contract/ask.schema.json), with every default filled in.

    Raises :class:`InvalidProposal`.
    """
    policy = _part(ask, "policy", Mapping, {})
    _check_request_id(ask.get("request_id"))
    document = _cleaned(
        {
            "title": ask.get("title"),
            "description": ask.get("description") or "",
            "proposal": ask.get("proposal") or {},
            "before": ask.get("before"),
            "form": ask.get("form"),
            "options": [_option(option) for option in _part(ask, "options", list, [])],
            "evidence": [_evidence(item) for item in _part(ask, "evidence", list, [])],
            "policy": {
                "deadline": policy.get("deadline"),
                "on_deadline": policy.get("on_deadline") or "expire",
                "risk": policy.get("risk") or "medium",
                "starter_may_decide": policy.get("starter_may_decide", True),
            },
        }
    )
    _check(document)
    return document


def _part(ask: Mapping[str, Any], name: str, kind: type, absent: Any) -> Any:
    part = ask.get(name) or absent
    if not isinstance(part, kind):
        raise InvalidProposal(f"{name} is {'a list' if kind is list else 'an object'}.")
    return part


def _check_request_id(request_id: Any) -> None:
    """An id that cannot be stored as it is would never be found again."""
    if not isinstance(request_id, str) or not 0 < len(request_id) <= LONGEST_REQUEST_ID:
        raise InvalidProposal(f"request_id is text of 1 to {LONGEST_REQUEST_ID} characters.")
    if clean(request_id) != request_id:
        raise InvalidProposal("request_id holds NUL or half a character.")


def _cleaned(document: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(clean(document))
    except RecursionError as error:
        raise InvalidProposal("The question is nested too deeply.") from error


def canonical(document: dict[str, Any]) -> bytes:
    """RFC 8785 bytes. Raises :class:`InvalidProposal` for NaN, infinities and integers beyond 2^53."""
    try:
        encoded = rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise InvalidProposal(f"The proposal has no canonical JSON: {error}") from error
    if len(encoded) > LARGEST_DOCUMENT:
        raise InvalidProposal(
            f"The question is {len(encoded)} bytes; at most {LARGEST_DOCUMENT} can be shown."
        )
    return encoded


def digest_of(document: bytes) -> str:
    """sha256, 64 hex digits."""
    return hashlib.sha256(document).hexdigest()


def deadline_of(document: Mapping[str, Any]) -> datetime | None:
    text = document["policy"]["deadline"]
    if text is None:
        return None
    try:
        deadline = parse_datetime(text)
    except (TypeError, ValueError):
        deadline = None
    if deadline is None or deadline.tzinfo is None:
        raise InvalidProposal(f"policy.deadline is no RFC 3339 time with a zone: {text!r}")
    return deadline


def _option(option: Any) -> dict[str, Any]:
    if not isinstance(option, Mapping):
        raise InvalidProposal("Each option is an object with verdict, label and consequence.")
    verdict = option.get("verdict")
    return {
        "verdict": verdict,
        "label": str(option.get("label") or str(verdict).capitalize()),
        "consequence": str(option.get("consequence") or ""),
    }


def _evidence(item: Any) -> dict[str, Any]:
    if not isinstance(item, Mapping) or item.get("kind") not in EVIDENCE_KINDS:
        raise InvalidProposal(f"Each piece of evidence is an object whose kind is one of {EVIDENCE_KINDS}.")
    return {
        "kind": item["kind"],
        "title": str(item.get("title") or ""),
        "text": str(item.get("text") or ""),
        "value": item.get("value"),
        "url": str(item.get("url") or ""),
        "artifact_version": item.get("artifact_version"),
        "source": str(item.get("source") or ""),
        "trusted": bool(item.get("trusted", False)),
    }


def _check(document: Mapping[str, Any]) -> None:
    title, policy, form = document["title"], document["policy"], document["form"]
    verdicts = [str(option["verdict"]) for option in document["options"]]
    if not isinstance(title, str) or not title.strip():
        raise InvalidProposal("A question needs a title.")
    if not isinstance(document["description"], str):
        raise InvalidProposal("description is text.")
    if not isinstance(document["proposal"], dict) or not isinstance(document["before"], dict | None):
        raise InvalidProposal("proposal and before are objects of fields and values.")
    if not verdicts or len(set(verdicts)) != len(verdicts) or not set(verdicts) <= set(Verdict.values):
        raise InvalidProposal(f"options need at least one verdict, each once, out of {Verdict.values}.")
    if policy["risk"] not in RISKS or policy["on_deadline"] not in ON_DEADLINE:
        raise InvalidProposal(f"policy.risk is one of {RISKS}, policy.on_deadline one of {ON_DEADLINE}.")
    if not isinstance(policy["starter_may_decide"], bool):
        raise InvalidProposal("policy.starter_may_decide is true or false.")
    deadline_of(document)
    if form is None and Verdict.EDIT in verdicts:
        raise InvalidProposal("The option edit needs a form, the JSON Schema of the proposal.")
    if form is not None:
        _check_form(form, document["proposal"])


def _check_form(form: Any, proposal: dict[str, Any]) -> None:
    try:
        check_schema(form)
        faults = faults_of(proposal, form)
    except SchemaError as error:
        raise InvalidProposal(f"form is no JSON Schema: {error.message}") from error
    if faults:
        raise InvalidProposal(
            f"The proposal does not fit its own form at {faults[0].pointer}: {faults[0].message}"
        )
