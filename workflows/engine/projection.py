"""What a history says: one pass over its events gives steps, the run's facts and its successor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, History, HistoryEvent

from reviews.runs.chunks import EVENTS, Chunk, compressed
from reviews.runs.ingesting import ExecutionName, HistorySeen
from reviews.runs.latencies import Timeouts
from reviews.runs.models import RunStatus, StepKind, StepStatus
from reviews.runs.steps import StepSeen
from reviews.runs.text import clean
from workflows.engine.decoding import failure_json, text_of, value_of, value_of_one, when


def project(events: Sequence[HistoryEvent], *, already: int) -> HistorySeen | None:
    """The events after ``already``, kept raw and projected; None when there are none."""
    new = [event for event in events if event.event_id > already]
    if not new:
        return None
    chunks, size = _chunks(new)
    seen = HistorySeen(new[0].event_id, new[-1].event_id, chunks, size)
    for event in new:
        if handler := _HANDLERS.get(event.event_type):
            handler(seen, event)
    return seen


def _chunks(events: Sequence[HistoryEvent]) -> tuple[list[Chunk], int]:
    """The events as the archive keeps them, and their size in bytes."""
    chunks, size = [], 0
    for at in range(0, len(events), EVENTS):
        few = events[at : at + EVENTS]
        raw = History(events=few).SerializeToString()
        chunks.append(Chunk(few[0].event_id, few[-1].event_id, compressed(raw)))
        size += len(raw)
    return chunks, size


# The run itself


def _started(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.workflow_execution_started_event_attributes
    seen.fields |= {
        "status": RunStatus.RUNNING,
        "started_at": when(event.event_time),
        "workflow_type": attributes.workflow_type.name,
        "queue": attributes.task_queue.name,
        "input": value_of(attributes.input),
        "first_run_id": attributes.first_execution_run_id,
        "search_attributes": _values(attributes.search_attributes.indexed_fields),
        "memo": _values(attributes.memo.fields),
    }
    seen.previous_run_id = attributes.continued_execution_run_id or None
    if attributes.HasField("parent_workflow_execution"):
        parent = attributes.parent_workflow_execution
        seen.parent = ExecutionName(attributes.parent_workflow_namespace, parent.workflow_id, parent.run_id)


def _values(payloads: Mapping[str, Payload]) -> dict[str, Any]:
    """Search attributes, or a memo's fields."""
    return {clean(name): value_of_one(payload) for name, payload in payloads.items()}


def _attributes_upserted(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.upsert_workflow_search_attributes_event_attributes
    seen.upserted_attributes |= _values(attributes.search_attributes.indexed_fields)


def _properties_modified(seen: HistorySeen, event: HistoryEvent) -> None:
    seen.upserted_memo |= _values(event.workflow_properties_modified_event_attributes.upserted_memo.fields)


def _paused(seen: HistorySeen, event: HistoryEvent) -> None:
    seen.fields["status"] = RunStatus.PAUSED


def _unpaused(seen: HistorySeen, event: HistoryEvent) -> None:
    seen.fields["status"] = RunStatus.RUNNING


def _closed(seen: HistorySeen, event: HistoryEvent, status: RunStatus, **fields: Any) -> None:
    seen.fields |= {"status": status, "closed_at": when(event.event_time), **fields}


def _completed(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.workflow_execution_completed_event_attributes
    _closed(seen, event, RunStatus.COMPLETED, result=value_of(attributes.result))
    seen.successor = attributes.new_execution_run_id or None


def _failed(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.workflow_execution_failed_event_attributes
    _closed(seen, event, RunStatus.FAILED, failure=failure_json(attributes.failure))
    seen.successor = attributes.new_execution_run_id or None


def _timed_out(seen: HistorySeen, event: HistoryEvent) -> None:
    failure = {"type": "timeout", "message": "The workflow did not end within its time."}
    _closed(seen, event, RunStatus.TIMED_OUT, failure=failure)
    seen.successor = event.workflow_execution_timed_out_event_attributes.new_execution_run_id or None


def _canceled(seen: HistorySeen, event: HistoryEvent) -> None:
    _closed(seen, event, RunStatus.CANCELED)


def _terminated(seen: HistorySeen, event: HistoryEvent) -> None:
    reason = event.workflow_execution_terminated_event_attributes.reason
    _closed(seen, event, RunStatus.TERMINATED, failure={"type": "terminated", "message": reason})


def _continued(seen: HistorySeen, event: HistoryEvent) -> None:
    _closed(seen, event, RunStatus.CONTINUED_AS_NEW)
    seen.successor = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id


def _cancel_requested(seen: HistorySeen, event: HistoryEvent) -> None:
    seen.fields["cancel_requested_at"] = when(event.event_time)


def _task_failed(seen: HistorySeen, event: HistoryEvent) -> None:
    """A reset leaves its mark as a failed workflow task: what stands before was taken over from the base run."""
    attributes = event.workflow_task_failed_event_attributes
    if attributes.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW:
        seen.fields["reset_event_id"] = event.event_id
        seen.previous_run_id = attributes.base_run_id or None


# Steps


def _activity_scheduled(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.activity_task_scheduled_event_attributes
    seen.steps.append(
        StepSeen(
            event.event_id,
            kind=StepKind.ACTIVITY,
            name=attributes.activity_type.name,
            activity_id=attributes.activity_id,
            summary=_summary(event),
            status=StepStatus.SCHEDULED,
            input=value_of(attributes.input),
            scheduled_at=when(event.event_time),
            timeouts=_timeouts(attributes),
        )
    )


def _timeouts(attributes: ActivityTaskScheduledEventAttributes) -> Timeouts:
    return Timeouts(
        start_to_close=attributes.start_to_close_timeout.ToTimedelta() or None,
        schedule_to_close=attributes.schedule_to_close_timeout.ToTimedelta() or None,
        heartbeat=attributes.heartbeat_timeout.ToTimedelta() or None,
    )


def _activity_started(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.activity_task_started_event_attributes
    seen.steps.append(
        StepSeen(
            attributes.scheduled_event_id,
            status=StepStatus.RUNNING,
            attempts=attributes.attempt,
            started_at=when(event.event_time),
        )
    )


def _ends(
    status: StepStatus, attributes_name: str, beginning: str
) -> Callable[[HistorySeen, HistoryEvent], None]:
    """A handler for an event that ends the step which began at the event that ``beginning`` names."""

    def handler(seen: HistorySeen, event: HistoryEvent) -> None:
        attributes: Any = getattr(event, attributes_name)
        fields = attributes.DESCRIPTOR.fields_by_name
        seen.steps.append(
            StepSeen(
                getattr(attributes, beginning),
                status=status,
                closed_at=when(event.event_time),
                result=value_of(attributes.result) if "result" in fields else None,
                failure=failure_json(attributes.failure)
                if "failure" in fields and attributes.HasField("failure")
                else None,
            )
        )

    return handler


def _timer_started(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.timer_started_event_attributes
    seconds = attributes.start_to_fire_timeout.ToTimedelta().total_seconds()
    seen.steps.append(
        StepSeen(
            event.event_id,
            kind=StepKind.TIMER,
            name=_summary(event) or f"timer of {seconds:g} s",
            status=StepStatus.RUNNING,
            scheduled_at=when(event.event_time),
        )
    )


def _child_initiated(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.start_child_workflow_execution_initiated_event_attributes
    seen.steps.append(
        StepSeen(
            event.event_id,
            kind=StepKind.CHILD,
            name=attributes.workflow_type.name,
            summary=" · ".join(filter(None, (_summary(event), attributes.workflow_id))),
            status=StepStatus.SCHEDULED,
            input=value_of(attributes.input),
            scheduled_at=when(event.event_time),
        )
    )


def _child_started(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.child_workflow_execution_started_event_attributes
    seen.steps.append(
        StepSeen(attributes.initiated_event_id, status=StepStatus.RUNNING, started_at=when(event.event_time))
    )


def _signaled(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.workflow_execution_signaled_event_attributes
    seen.steps.append(
        StepSeen(
            event.event_id,
            kind=StepKind.SIGNAL,
            name=attributes.signal_name,
            status=StepStatus.COMPLETED,
            input=value_of(attributes.input),
            scheduled_at=when(event.event_time),
            closed_at=when(event.event_time),
        )
    )


def _update_accepted(seen: HistorySeen, event: HistoryEvent) -> None:
    request = event.workflow_execution_update_accepted_event_attributes.accepted_request
    seen.steps.append(
        StepSeen(
            event.event_id,
            kind=StepKind.UPDATE,
            name=request.input.name,
            status=StepStatus.RUNNING,
            input=value_of(request.input.args),
            scheduled_at=when(event.event_time),
        )
    )


def _update_completed(seen: HistorySeen, event: HistoryEvent) -> None:
    attributes = event.workflow_execution_update_completed_event_attributes
    failed = attributes.outcome.HasField("failure")
    seen.steps.append(
        StepSeen(
            attributes.accepted_event_id,
            status=StepStatus.FAILED if failed else StepStatus.COMPLETED,
            closed_at=when(event.event_time),
            result=value_of(attributes.outcome.success),
            failure=failure_json(attributes.outcome.failure) if failed else None,
        )
    )


def _summary(event: HistoryEvent) -> str:
    return text_of(event.user_metadata.summary)[:400]


_ACTIVITY, _CHILD = "activity_task_{}_event_attributes", "child_workflow_execution_{}_event_attributes"
_HANDLERS: dict[int, Callable[[HistorySeen, HistoryEvent], None]] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: _started,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: _completed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: _failed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: _timed_out,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: _canceled,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: _terminated,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: _continued,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _cancel_requested,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: _task_failed,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: _attributes_upserted,
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: _properties_modified,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_PAUSED: _paused,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UNPAUSED: _unpaused,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _activity_scheduled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: _activity_started,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: _ends(
        StepStatus.COMPLETED, _ACTIVITY.format("completed"), "scheduled_event_id"
    ),
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: _ends(
        StepStatus.FAILED, _ACTIVITY.format("failed"), "scheduled_event_id"
    ),
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: _ends(
        StepStatus.TIMED_OUT, _ACTIVITY.format("timed_out"), "scheduled_event_id"
    ),
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: _ends(
        StepStatus.CANCELED, _ACTIVITY.format("canceled"), "scheduled_event_id"
    ),
    EventType.EVENT_TYPE_TIMER_STARTED: _timer_started,
    EventType.EVENT_TYPE_TIMER_FIRED: _ends(
        StepStatus.COMPLETED, "timer_fired_event_attributes", "started_event_id"
    ),
    EventType.EVENT_TYPE_TIMER_CANCELED: _ends(
        StepStatus.CANCELED, "timer_canceled_event_attributes", "started_event_id"
    ),
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: _child_initiated,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED: _ends(
        StepStatus.FAILED, "start_child_workflow_execution_failed_event_attributes", "initiated_event_id"
    ),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: _child_started,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: _ends(
        StepStatus.COMPLETED, _CHILD.format("completed"), "initiated_event_id"
    ),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: _ends(
        StepStatus.FAILED, _CHILD.format("failed"), "initiated_event_id"
    ),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: _ends(
        StepStatus.CANCELED, _CHILD.format("canceled"), "initiated_event_id"
    ),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: _ends(
        StepStatus.TIMED_OUT, _CHILD.format("timed_out"), "initiated_event_id"
    ),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: _ends(
        StepStatus.CANCELED, _CHILD.format("terminated"), "initiated_event_id"
    ),
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _signaled,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _update_accepted,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: _update_completed,
}
