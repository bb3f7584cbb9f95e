"""What a reset means for a chain's questions: which of them the new execution holds still."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Q
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History

from reviews.escalations import actions as escalations
from reviews.escalations.models import Escalation
from reviews.runs import ingesting
from reviews.runs.chunks import raw_of
from reviews.runs.ingesting import HistorySeen
from reviews.runs.models import HistoryChunk, Run
from workflows import contracts


def ingest_reset(run: Run, seen: HistorySeen, *, epoch: int) -> Run:
    """Mirror the batch in which a reset shows, and do what it means for the questions: both or neither."""
    with transaction.atomic():
        escalations.lock_questions_of(run)
        known = Run.objects.get(id=run.id).last_event_id
        run = ingesting.ingest(run, seen, epoch=epoch)
        if known < seen.last_event:
            escalations.run_was_reset(run, _kept(run))
    return run


def _kept(run: Run) -> list[uuid.UUID]:
    """Questions asked before the point of reset, or carried here by an earlier continue-as-new.

    Not those that were closed before this history began, nor those that the kept history itself took back.
    """
    asked, withdrawn = set(), set()
    for activity, argument in _arguments_before_reset(run):
        if activity == contracts.ask.name:
            asked.add(str(argument.get("request_id")))
        elif activity == contracts.settle.name and argument.get("reason") == "withdrawn":
            withdrawn.add(str(argument.get("escalation_id")))
    of_chain = Escalation.objects.of_chain(run.chain).exclude(closed_at__lt=run.started_at)
    kept = of_chain.filter(Q(request_id__in=asked) | Q(run__started_at__lt=run.started_at))
    return [id for id in kept.values_list("id", flat=True) if str(id) not in withdrawn]


def _arguments_before_reset(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each activity that was scheduled before the point of reset: its type and its argument, where that is an object.

    Out of the archive, since a step shows no argument of more than 100 kB.
    """
    for chunk in HistoryChunk.objects.filter(run=run, first_event__lt=run.reset_event_id):
        for event in History.FromString(raw_of(chunk.data)).events:
            if event.event_type != EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED or event.event_id >= (
                run.reset_event_id or 0
            ):
                continue
            attributes = event.activity_task_scheduled_event_attributes
            argument = _object(attributes.input.payloads[0].data) if attributes.input.payloads else None
            if argument is not None:
                yield attributes.activity_type.name, argument


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
