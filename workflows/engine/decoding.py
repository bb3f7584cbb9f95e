"""History as people and JSON read it: protobuf events to dicts, payloads to values."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, datetime
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from reviews.runs.text import clean

LARGEST_VALUE = 100_000
"""Bytes of one payload that are shown; more is said to be there."""


def when(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)


def event_type(event: HistoryEvent) -> str:
    """As Temporal's own tools say it: ``ActivityTaskScheduled``."""
    name = (
        EventType.Name(event.event_type) if event.event_type in EventType.values() else str(event.event_type)
    )
    return "".join(part.capitalize() for part in name.removeprefix("EVENT_TYPE_").split("_"))


def event_json(event: HistoryEvent) -> dict[str, Any]:
    """``{id, time, type, attributes}``; payloads are values."""
    kind = event.WhichOneof("attributes")
    attributes = MessageToDict(getattr(event, kind), preserving_proto_field_name=True) if kind else {}
    return {
        "id": event.event_id,
        "time": when(event.event_time).isoformat().replace("+00:00", "Z"),
        "type": event_type(event),
        "attributes": clean(_readable(attributes)),
    }


def value_of(payloads: Payloads | None) -> Any:
    """One payload's value; a list of values where there are several; None where there is none."""
    values = [_value(payload) for payload in payloads.payloads] if payloads else []
    return clean(values[0] if len(values) == 1 else values or None)


def value_of_one(payload: Payload) -> Any:
    return clean(_value(payload))


def text_of(payload: Payload) -> str:
    """A payload that holds text, as a summary does; empty where it does not."""
    value = _value(payload) if payload.ByteSize() else ""
    return clean(value) if isinstance(value, str) else ""


def failure_json(failure: Failure) -> dict[str, Any]:
    """``{type, message, retryable, cause}``, the cause only where there is one."""
    kind = failure.WhichOneof("failure_info")
    info: Message | None = getattr(failure, kind) if kind else None
    described: dict[str, Any] = {
        "type": getattr(info, "type", "") or (kind or "failure").removesuffix("_info"),
        "message": failure.message,
        "retryable": not getattr(info, "non_retryable", False),
    }
    if failure.HasField("cause"):
        described["cause"] = failure_json(failure.cause)
    return dict(clean(described))


def _value(payload: Payload) -> Any:
    encoding = payload.metadata.get("encoding", b"").decode(errors="replace")
    return _decoded(encoding, payload.data)


def _decoded(encoding: str, data: bytes) -> Any:
    if len(data) > LARGEST_VALUE:
        return {"encoding": encoding, "bytes": len(data)}
    if encoding == "binary/null":
        return None
    if encoding in ("json/plain", "json/protobuf"):
        try:
            return json.loads(data, parse_constant=str, parse_float=_finite)
        except (ValueError, RecursionError):
            pass
    return {"encoding": encoding, "data": base64.b64encode(data).decode()}


def _finite(number: str) -> float | str:
    """NaN and infinity are no JSON, jsonb and browsers refuse them; so what is too large stays text, as they do."""
    value = float(number)
    return value if math.isfinite(value) else number


def _readable(value: Any) -> Any:
    """Replace each payload, wherever it stands, by its value."""
    match value:
        case {"metadata": {"encoding": str(encoding)}} if set(value) <= {
            "metadata",
            "data",
            "external_payloads",
        }:
            data = base64.b64decode(value.get("data", ""))
            return _decoded(base64.b64decode(encoding).decode(errors="replace"), data)
        case {"payloads": list(payloads)} if len(value) == 1:
            return [_readable(payload) for payload in payloads]
        case dict():
            return {key: _readable(item) for key, item in value.items()}
        case list():
            return [_readable(item) for item in value]
        case _:
            return value
