"""Histories for tests, event by event, kept as the mirror keeps them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from reviews.outbox import actions as outbox
from reviews.runs import chunks, ingesting
from reviews.runs.models import Run
from workflows.engine.projection import project

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
CHUNK = 50


def payload(value: Any) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())


def payloads(value: Any) -> Payloads:
    return Payloads(payloads=[payload(value)])


def event(type: int, *, at: float = 0, summary: str = "", **attributes: Any) -> HistoryEvent:
    """Its id is given when it is kept; ``at`` are seconds after noon."""
    made = HistoryEvent(event_type=type)  # type: ignore[arg-type]
    made.event_time.FromDatetime(NOON + timedelta(seconds=at))
    if summary:
        made.user_metadata.summary.CopyFrom(payload(summary))
    if type in EventType.values():
        name = EventType.Name(made.event_type).removeprefix("EVENT_TYPE_").lower() + "_event_attributes"
        inside = getattr(made, name)
        inside.SetInParent()
        inside.MergeFrom(inside.__class__(**attributes))
    return made


def started(run: Run, **attributes: Any) -> HistoryEvent:
    return event(
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        workflow_type={"name": run.workflow_type},
        task_queue={"name": run.queue},
        workflow_id=run.workflow_id,
        original_execution_run_id=run.run_id,
        first_execution_run_id=run.run_id,
        **attributes,
    )


def signaled(name: str, value: Any = None) -> HistoryEvent:
    return event(
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        signal_name=name,
        input=payloads(value),
        identity="bob",
    )


def activity(id: int, name: str, *, failure: str = "") -> list[HistoryEvent]:
    """Scheduled as event ``id``, started, ended."""
    kinds = EventType
    end = kinds.EVENT_TYPE_ACTIVITY_TASK_FAILED if failure else kinds.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
    outcome: dict[str, Any] = (
        {"failure": Failure(message=failure)} if failure else {"result": payloads("done")}
    )
    return [
        event(
            kinds.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, activity_id=str(id), activity_type={"name": name},
            workflow_task_completed_event_id=max(id - 1, 1),
        ),
        event(kinds.EVENT_TYPE_ACTIVITY_TASK_STARTED, at=1, scheduled_event_id=id, attempt=2),
        event(end, at=2, scheduled_event_id=id, started_event_id=id + 1, **outcome),
    ]  # fmt: skip


def keep_history(run: Run, events: Sequence[HistoryEvent], *, chunk: int = CHUNK) -> Run:
    """Behind what is there, in chunks of so many events."""
    epoch = outbox.raise_epoch("test", 0)
    run = Run.objects.get(id=run.id)
    first = run.last_event_id
    for number, one in enumerate(events, first + 1):
        one.event_id = number
    with mock.patch.object(chunks, "EVENTS", chunk):  # and not joined to larger ones
        for start in range(0, len(events), chunk):
            seen = project(events[start : start + chunk], already=first + start)
            assert seen is not None
            run = ingesting.ingest(run, seen, epoch=epoch)
    return run


def close(at: float = 10) -> HistoryEvent:
    return event(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, at=at, result=payloads({"paid": True}))
