"""Small histories as the mirror keeps them."""

from __future__ import annotations

import zstandard
from temporalio.api.common.v1 import ActivityType, Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    ActivityTaskScheduledEventAttributes,
    History,
    HistoryEvent,
    WorkflowExecutionStartedEventAttributes,
    WorkflowTaskFailedEventAttributes,
)

from reviews.runs.models import HistoryChunk, Run

STARTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
TASK_SCHEDULED = EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
TASK_STARTED = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
ACTIVITY_SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED


def keep(run: Run, *events: HistoryEvent) -> None:
    """The events as one chunk of the run's archive, which then reaches to the last of them."""
    data = zstandard.ZstdCompressor().compress(History(events=events).SerializeToString())
    HistoryChunk.objects.create(
        run=run, first_event=events[0].event_id, last_event=events[-1].event_id, data=data
    )
    Run.objects.filter(id=run.id).update(last_event_id=events[-1].event_id)


def event(id: int, kind: EventType.ValueType, **attributes: object) -> HistoryEvent:
    made = HistoryEvent(event_id=id, event_type=kind, **attributes)  # type: ignore[arg-type]
    made.event_time.FromSeconds(1_700_000_000 + id)
    return made


def started(id: int = 1, data: bytes = b'"x"') -> HistoryEvent:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
    attributes = WorkflowExecutionStartedEventAttributes(input=Payloads(payloads=[payload]))
    return event(id, STARTED, workflow_execution_started_event_attributes=attributes)


def scheduled(id: int, name: str) -> HistoryEvent:
    attributes = ActivityTaskScheduledEventAttributes(activity_type=ActivityType(name=name))
    return event(id, ACTIVITY_SCHEDULED, activity_task_scheduled_event_attributes=attributes)


def task_failed(id: int, message: str) -> HistoryEvent:
    attributes = WorkflowTaskFailedEventAttributes(failure=Failure(message=message))
    return event(id, TASK_FAILED, workflow_task_failed_event_attributes=attributes)


def keep_short_history(run: Run) -> None:
    """Two workflow tasks, ending at events 4 and 8, in two chunks; ``pay`` and ``mail`` follow on the first."""
    keep(run, started(), event(2, TASK_SCHEDULED), event(3, TASK_STARTED), event(4, TASK_COMPLETED))
    keep(
        run,
        scheduled(5, "pay"),
        scheduled(6, "mail"),
        event(7, TASK_SCHEDULED),
        task_failed(8, "a bad deploy"),
    )
