"""What workers saw with their own eyes: attempts, model calls, progress. Written in batches, some time later.

Batches may come twice or out of order: each line is an upsert by its own key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from reviews.changes import actions as changes
from reviews.runs import mirroring, prices, transcripts
from reviews.runs.models import Attempt, ModelCall, Run
from reviews.runs.text import clean


@dataclass(frozen=True)
class Execution:
    """Whose activity it was, from ``activity.info()``."""

    namespace: str
    workflow_id: str
    run_id: str
    workflow_type: str


@dataclass(frozen=True)
class AttemptSeen:
    """The start of an attempt (``ended_at`` None), its progress, or its end."""

    execution: Execution
    activity_id: str
    activity_type: str
    number: int
    worker: str
    started_at: datetime
    outcome: str = Attempt.Outcome.RUNNING
    ended_at: datetime | None = None
    failure: dict[str, Any] | None = None
    progress: Any = None


@dataclass(frozen=True)
class ModelCallSeen:
    """``fields`` are those of :class:`~reviews.runs.models.ModelCall` without the run and what it cost."""

    execution: Execution
    id: str
    fields: dict[str, Any]


def record(seen: Sequence[AttemptSeen | ModelCallSeen]) -> None:
    """Write a batch, one transaction for each execution in it; what is large goes to storage before."""
    by_execution: dict[Execution, list[AttemptSeen | ModelCallSeen]] = {}
    for item in map(_without_bulk, seen):
        by_execution.setdefault(item.execution, []).append(item)
    for execution, items in by_execution.items():
        _record_of(execution, items)


def _without_bulk(item: AttemptSeen | ModelCallSeen) -> AttemptSeen | ModelCallSeen:
    if isinstance(item, AttemptSeen):
        return item
    return replace(item, fields=transcripts.without_bulk(item.id, item.fields))


def _record_of(execution: Execution, items: Iterable[AttemptSeen | ModelCallSeen]) -> None:
    with transaction.atomic():
        try:
            run = mirroring.adopt(
                execution.namespace,
                execution.workflow_id,
                execution.run_id,
                workflow_type=execution.workflow_type,
            )
        except mirroring.UnknownWorkspace:
            return  # a workflow of a namespace that nobody here owns
        for item in items:
            if isinstance(item, AttemptSeen):
                _attempt(run, item)
            else:
                _model_call(run, item)
        Run.objects.filter(id=run.id).update(moved_at=Now())
        changes.record(("run", run.id), workspace_id=run.workspace_id)


def _model_call(run: Run, seen: ModelCallSeen) -> None:
    call = ModelCall(id=seen.id, run=run, **clean(seen.fields))
    call.cost = prices.cost_of(
        call.model,
        demo=call.demo,
        tokens_in=call.tokens_in,
        tokens_out=call.tokens_out,
        tokens_cached=call.tokens_cached,
    )
    ModelCall.objects.bulk_create([call], ignore_conflicts=True)


def _attempt(run: Run, seen: AttemptSeen) -> None:
    attempt, _ = Attempt.objects.select_for_update().get_or_create(
        run=run,
        activity_id=seen.activity_id,
        number=seen.number,
        defaults={"activity_type": seen.activity_type, "worker": seen.worker, "started_at": seen.started_at},
    )
    if attempt.ended_at is not None:
        return
    attempt.outcome, attempt.ended_at = seen.outcome, seen.ended_at
    attempt.failure = clean(seen.failure)
    attempt.progress = clean(seen.progress) if seen.progress is not None else attempt.progress
    attempt.save()
    if seen.ended_at is None:
        _end_lost(run, seen)


def _end_lost(run: Run, newer: AttemptSeen) -> None:
    """An earlier attempt that never ended lost its worker: the next one has begun."""
    lost = Attempt.objects.filter(
        run=run, activity_id=newer.activity_id, number__lt=newer.number, outcome=Attempt.Outcome.RUNNING
    )
    lost.update(
        outcome=Attempt.Outcome.FAILED,
        ended_at=newer.started_at,
        failure={"type": "WorkerLost", "message": "The worker stopped answering.", "retryable": True},
    )
