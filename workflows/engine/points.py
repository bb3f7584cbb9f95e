"""Where a run can be reset to, out of its stored history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import zstandard
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent

from reviews.runs.now import ResetPoint
from reviews.runs.text import clean
from workflows.engine.decoding import when

OUTCOMES = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: "completed",
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: "failed",
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT: "timed out",
}
WORDS: dict[int, Callable[[Any], str]] = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: lambda said: f"scheduled {said.activity_type.name}",
    EventType.EVENT_TYPE_TIMER_STARTED: lambda _: "started a timer",
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: (
        lambda said: f"started the child {said.workflow_type.name}"
    ),
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: (
        lambda said: f"signaled {said.signal_name} to another workflow"
    ),
    EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: lambda said: f"called {said.operation}",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: (
        lambda said: f"took the update {said.accepted_request.input.name}"
    ),
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: lambda said: f"got the signal {said.signal_name}",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: lambda _: "completed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: lambda _: "failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: lambda _: "canceled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: lambda _: "continued as new",
}
NAMED = 3
"""Of what followed on a workflow task; the rest is counted."""


def reset_points(chunks: Iterable[bytes]) -> Iterator[ResetPoint]:
    """Newest first, as the ``chunks`` are."""
    did: list[str] = []
    for event in _newest_first(chunks):
        if (outcome := OUTCOMES.get(event.event_type)) is not None:
            did.reverse()
            yield ResetPoint(
                event_id=event.event_id,
                at=when(event.event_time),
                outcome=outcome,
                followed=did[:NAMED],
                more=len(did[NAMED:]),
            )
            did = []
        elif words := _in_words(event):
            did.append(clean(words))


def _newest_first(chunks: Iterable[bytes]) -> Iterator[HistoryEvent]:
    for chunk in chunks:
        yield from reversed(History.FromString(zstandard.ZstdDecompressor().decompress(chunk)).events)


def _in_words(event: HistoryEvent) -> str:
    """What the workflow did, or was told; empty for the steps of the machinery."""
    attributes: Any = getattr(event, event.WhichOneof("attributes") or "", None)
    said = WORDS.get(event.event_type)
    return said(attributes) if said else ""
