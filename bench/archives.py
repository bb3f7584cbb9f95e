"""History chunks as the mirror keeps them: real events in protobuf, 500 to a chunk, compressed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import zstandard
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent

CHUNK = 500
EVENTS_OF_A_STEP = 6
FIRST_STEP = 5
"""Id of the first activity's event: before it stand the start and the first workflow task."""
BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)
ACTIVITIES = ("fetch_order", "ask_model", "check_policy", "store_document", "notify_customer")


def chunks(events: int, seed: int) -> Iterator[tuple[int, int, bytes]]:
    """``first event, last event, bytes`` of a history of so many events; another seed gives other payloads."""
    compressor = zstandard.ZstdCompressor(level=3)
    dice = random.Random(seed)  # noqa: S311 (payloads that differ, no secrets)
    for first in range(1, events + 1, CHUNK):
        last = min(first + CHUNK - 1, events)
        history = History(events=[_event(number, dice) for number in range(first, last + 1)])
        yield first, last, compressor.compress(history.SerializeToString())


def _event(number: int, dice: random.Random) -> HistoryEvent:
    event = HistoryEvent(event_id=number, task_id=1_048_576 + number)
    event.event_time.FromDatetime(BEGAN + timedelta(milliseconds=40 * number + dice.randrange(30)))
    step, place = divmod(number - FIRST_STEP, EVENTS_OF_A_STEP)
    if number == 1:
        _start(event, dice)
    elif number < FIRST_STEP:
        _workflow_task(event, number - 2, number)
    elif place < 3:
        _activity(event, place, step, dice)
    else:
        _workflow_task(event, place - 3, number)
    return event


def _start(event: HistoryEvent, dice: random.Random) -> None:
    event.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
    started = event.workflow_execution_started_event_attributes
    started.workflow_type.name = "agent-000"
    started.task_queue.name = "research-agent"
    started.input.CopyFrom(_payloads({"query": f"parcel {dice.randrange(10**6)}"}))


def _activity(event: HistoryEvent, place: int, step: int, dice: random.Random) -> None:
    scheduled_id = FIRST_STEP + EVENTS_OF_A_STEP * step
    if place == 0:
        event.event_type = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
        scheduled = event.activity_task_scheduled_event_attributes
        scheduled.activity_id = str(step + 1)
        scheduled.activity_type.name = ACTIVITIES[step % len(ACTIVITIES)]
        scheduled.task_queue.name = "research-agent"
        scheduled.input.CopyFrom(_payloads({"order": dice.randrange(10**6), "part": step}))
        scheduled.start_to_close_timeout.FromSeconds(30)
    elif place == 1:
        event.event_type = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
        started = event.activity_task_started_event_attributes
        started.scheduled_event_id, started.attempt, started.identity = scheduled_id, 1, "4711@worker-1"
    else:
        event.event_type = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
        completed = event.activity_task_completed_event_attributes
        completed.scheduled_event_id, completed.started_event_id = scheduled_id, scheduled_id + 1
        completed.result.CopyFrom(_payloads({"done": True, "score": dice.randrange(1000)}))


def _workflow_task(event: HistoryEvent, place: int, number: int) -> None:
    if place == 0:
        event.event_type = EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
        event.workflow_task_scheduled_event_attributes.task_queue.name = "research-agent"
    elif place == 1:
        event.event_type = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
        event.workflow_task_started_event_attributes.scheduled_event_id = number - 1
    else:
        event.event_type = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        event.workflow_task_completed_event_attributes.scheduled_event_id = number - 2


def _payloads(value: object) -> Payloads:
    data = json.dumps(value).encode()
    return Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=data)])
