"""An event in one line: its type, what it is about, and the words that tell it from its neighbours.

Read straight from the protobuf, no payload but the small and plain ones being decoded: a list shows a hundred at once. A server newer than this
code may write types that are unknown here; they appear by their number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, cast

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType, RetryState, TimeoutType, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import History, HistoryEvent

from reviews.runs.engine import Category, EventLine
from reviews.runs.text import clean
from workflows.engine.decoding import event_type, text_of, when

LONGEST = 240
"""Characters of a summary."""
LONGEST_VALUE = 80
LONGEST_READ = 1024
"""Bytes of a value that are read for its beginning."""
MOST_VALUES = 3
_BAD = ("Failed", "TimedOut", "Terminated", "Rejected")
_CATEGORIES = (
    ("WorkflowTask", Category.TASK),
    ("WorkflowExecutionSignaled", Category.SIGNAL),
    ("SignalExternal", Category.SIGNAL),
    ("ExternalWorkflowExecutionSignaled", Category.SIGNAL),
    ("WorkflowExecutionUpdate", Category.UPDATE),
    ("UpsertWorkflowSearchAttributes", Category.ATTRIBUTES),
    ("WorkflowProperties", Category.ATTRIBUTES),
    ("WorkflowExecution", Category.WORKFLOW),
    ("Activity", Category.ACTIVITY),
    ("Timer", Category.TIMER),
    ("StartChild", Category.CHILD),
    ("ChildWorkflow", Category.CHILD),
    ("Nexus", Category.NEXUS),
    ("Marker", Category.MARKER),
)


@cache
def category_of(type: str) -> Category:
    return next((category for start, category in _CATEGORIES if type.startswith(start)), Category.OTHER)


@cache
def type_of(number: int) -> str:
    """As Temporal's own tools say it, from the number."""
    return event_type(HistoryEvent(event_type=cast(Any, number)))


def known_types() -> list[tuple[Category, str]]:
    types = [type_of(number) for number in EventType.values() if number]
    order = list(Category)
    return sorted(
        ((category_of(type), type) for type in types), key=lambda one: (order.index(one[0]), one[1])
    )


def line(event: HistoryEvent, history: History) -> EventLine:
    """``history`` holds the event and its neighbours, where those that it refers to are looked for."""
    type = type_of(event.event_type)
    return EventLine(
        id=event.event_id,
        time=when(event.event_time),
        type=type,
        category=category_of(type),
        summary=clean(_summary(event, history))[:LONGEST],
        is_bad=type.endswith(_BAD),
    )


def _summary(event: HistoryEvent, history: History) -> str:
    kind = event.WhichOneof("attributes")
    if kind is None:
        return "a type of event that is not known here yet" if type_of(event.event_type).isdigit() else ""
    attributes = getattr(event, kind)
    handler = _SUMMARIES.get(kind.removesuffix("_event_attributes"))
    words = handler(attributes) if handler else ""
    named = _name_at_its_beginning(kind, attributes, history)
    note = text_of(event.user_metadata.summary) if event.HasField("user_metadata") else ""
    return " · ".join(part for part in (named, words, note) if part)


def _name_at_its_beginning(kind: str, attributes: Any, history: History) -> str:
    """What an ending is the end of: only its beginning says so."""
    for prefix, field, name in _BEGINNINGS:
        if kind.startswith(prefix) and field in attributes.DESCRIPTOR.fields_by_name:
            beginning = _at(history, getattr(attributes, field))
            return name(beginning) if beginning is not None else f"of event {getattr(attributes, field)}"
    return ""


def _at(history: History, id: int) -> HistoryEvent | None:
    place = id - history.events[0].event_id
    if 0 <= place < len(history.events) and history.events[place].event_id == id:
        return history.events[place]
    return None


def duration(span: Any) -> str:
    """A protobuf duration for people: ``500 ms``, ``90 s``, ``1 h 30 min``, ``2 d``."""
    seconds = span.ToTimedelta().total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    if seconds <= 120:
        return f"{seconds:g} s"
    parts, left = [], seconds
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        parts += [f"{count:g} {unit}"] if count else []
    return " ".join(parts)


def _failure(failure: Failure) -> str:
    """The message, and that of the cause: an activity's failure says nothing by itself."""
    message = " ".join(failure.message.split())
    return f"{message}: {_failure(failure.cause)}" if failure.HasField("cause") else message


def _values(payloads: Payloads) -> str:
    """The beginning of what stands there as plain JSON; what is encoded otherwise is left out."""
    plain = [one.data for one in payloads.payloads if one.metadata.get("encoding") == b"json/plain"]
    plain = [data for data in plain if data != b"null"]
    return ", ".join(_beginning(data) for data in plain[:MOST_VALUES])


def _beginning(data: bytes) -> str:
    text = data[:LONGEST_READ].decode(errors="replace")
    if len(data) <= LONGEST_READ:
        with suppress(ValueError, RecursionError):  # Python's SDK escapes every letter that is not ASCII
            text = json.dumps(json.loads(data), ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _words(enum: Any, number: int, prefix: str) -> str:
    if not number:
        return ""
    name = enum.Name(number) if number in enum.values() else str(number)
    return str(name.removeprefix(prefix).replace("_", " ").lower())


def _retry_state(number: int) -> str:
    return "" if number <= RetryState.RETRY_STATE_IN_PROGRESS else _words(RetryState, number, "RETRY_STATE_")


def _tried(attempt: int) -> str:
    return f"attempt {attempt}" if attempt > 1 else ""


def _and(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _goes_on(a: Any) -> str:
    return f"goes on as {a.new_execution_run_id}" if a.new_execution_run_id else ""


def _child(a: Any) -> str:
    return _and(a.workflow_type.name, a.workflow_execution.workflow_id)


def _child_failed(a: Any) -> str:
    return _and(_child(a), _failure(a.failure), _retry_state(a.retry_state))


def _timed_out(a: Any) -> str:
    failure = _words(TimeoutType, a.failure.timeout_failure_info.timeout_type, "TIMEOUT_TYPE_")
    return _and(failure, _failure(a.failure), _retry_state(a.retry_state))


_Summary = Callable[[Any], str]
_SUMMARIES: dict[str, _Summary] = {
    "workflow_execution_started": lambda a: _and(
        a.workflow_type.name, a.task_queue.name, _tried(a.attempt), a.cron_schedule
    ),
    "workflow_execution_completed": lambda a: _and(_values(a.result), _goes_on(a)),
    "workflow_execution_failed": lambda a: _and(
        _failure(a.failure), _retry_state(a.retry_state), _goes_on(a)
    ),
    "workflow_execution_timed_out": lambda a: _and(_retry_state(a.retry_state), _goes_on(a)),
    "workflow_execution_terminated": lambda a: _and(a.reason, a.identity),
    "workflow_execution_cancel_requested": lambda a: _and(a.cause, a.identity),
    "workflow_execution_continued_as_new": lambda a: _and(a.workflow_type.name, _goes_on(a)),
    "workflow_execution_signaled": lambda a: _and(a.signal_name, _values(a.input)),
    "workflow_execution_update_admitted": lambda a: a.request.input.name,
    "workflow_execution_update_accepted": lambda a: a.accepted_request.input.name,
    "workflow_execution_update_rejected": lambda a: _and(a.rejected_request.input.name, _failure(a.failure)),
    "workflow_execution_update_completed": lambda a: _and(
        _failure(a.outcome.failure), _values(a.outcome.success)
    ),
    "workflow_task_scheduled": lambda a: _and(
        a.task_queue.normal_name or a.task_queue.name, _tried(a.attempt)
    ),
    "workflow_task_started": lambda a: a.identity,
    "workflow_task_failed": lambda a: _and(
        _words(WorkflowTaskFailedCause, a.cause, "WORKFLOW_TASK_FAILED_CAUSE_"), _failure(a.failure)
    ),
    "workflow_task_timed_out": lambda a: _words(TimeoutType, a.timeout_type, "TIMEOUT_TYPE_"),
    "activity_task_scheduled": lambda a: a.activity_type.name,
    "activity_task_started": lambda a: _and(
        f"attempt {a.attempt}", _failure(a.last_failure) if a.HasField("last_failure") else ""
    ),
    "activity_task_completed": lambda a: _values(a.result),
    "activity_task_failed": lambda a: _and(_failure(a.failure), _retry_state(a.retry_state)),
    "activity_task_timed_out": _timed_out,
    "timer_started": lambda a: _and(duration(a.start_to_fire_timeout), f"timer {a.timer_id}"),
    "timer_fired": lambda a: f"timer {a.timer_id}",
    "timer_canceled": lambda a: f"timer {a.timer_id}",
    "marker_recorded": lambda a: _and(a.marker_name, _failure(a.failure)),
    "start_child_workflow_execution_initiated": lambda a: _and(a.workflow_type.name, a.workflow_id),
    "start_child_workflow_execution_failed": lambda a: _and(a.workflow_type.name, a.workflow_id),
    "child_workflow_execution_started": _child,
    "child_workflow_execution_completed": lambda a: _and(_child(a), _values(a.result)),
    "child_workflow_execution_canceled": _child,
    "child_workflow_execution_terminated": _child,
    "child_workflow_execution_failed": _child_failed,
    "child_workflow_execution_timed_out": lambda a: _and(_child(a), _retry_state(a.retry_state)),
    "signal_external_workflow_execution_initiated": lambda a: _and(
        a.signal_name, a.workflow_execution.workflow_id
    ),
    "signal_external_workflow_execution_failed": lambda a: a.workflow_execution.workflow_id,
    "external_workflow_execution_signaled": lambda a: a.workflow_execution.workflow_id,
    "request_cancel_external_workflow_execution_initiated": lambda a: a.workflow_execution.workflow_id,
    "request_cancel_external_workflow_execution_failed": lambda a: a.workflow_execution.workflow_id,
    "external_workflow_execution_cancel_requested": lambda a: a.workflow_execution.workflow_id,
    "upsert_workflow_search_attributes": lambda a: ", ".join(sorted(a.search_attributes.indexed_fields)),
    "workflow_properties_modified": lambda a: ", ".join(sorted(a.upserted_memo.fields)),
    "nexus_operation_scheduled": lambda a: f"{a.service}.{a.operation}",
    "nexus_operation_failed": lambda a: _failure(a.failure),
    "nexus_operation_timed_out": lambda a: _failure(a.failure),
    "workflow_execution_paused": lambda a: _and(a.reason, a.identity),
    "workflow_execution_unpaused": lambda a: _and(a.reason, a.identity),
}
_BEGINNINGS: tuple[tuple[str, str, Callable[[HistoryEvent], str]], ...] = (
    (
        "activity_task_",
        "scheduled_event_id",
        lambda event: event.activity_task_scheduled_event_attributes.activity_type.name,
    ),
    (
        "nexus_operation_",
        "scheduled_event_id",
        lambda event: event.nexus_operation_scheduled_event_attributes.operation,
    ),
    (
        "workflow_execution_update_completed",
        "accepted_event_id",
        lambda event: event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name,
    ),
)
