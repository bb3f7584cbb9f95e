"""What is told about every call of a model, and to whom."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Message = Mapping[str, Any]

CORRECTION = "Your last answer could not be used:"
"""Begins what a prompt says about the answer before, in its last paragraph."""


@dataclass(frozen=True)
class ModelCall:
    """One call of a model, answered or failed.

    `host` is the host and port of the base URL, without path or credentials. `answer` holds what arrived,
    also when it was cut short or refused. `error_kind` is a `FailureType`, `Cancelled`, or the name of an
    unforeseen exception; None when the call was answered. Token counts are None where the model gave none.
    """

    id: str
    purpose: str
    model: str
    host: str
    demo: bool
    streamed: bool
    messages: Sequence[Message]
    answer: str | None
    finish_reason: str | None
    response_id: str | None
    error_kind: str | None
    error_message: str | None
    started_at: datetime
    duration_ms: int
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None


Recorder = Callable[[ModelCall], None]

call_recorder: ContextVar[Recorder | None] = ContextVar("call_recorder", default=None)
"""Set by the worker's interceptor around an activity; called once for each call that the activity makes."""
