"""Taking in a run from a history file: it is read like any other and followed by nobody."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import IO, Any

from django.db import DatabaseError, models, transaction
from django.utils import timezone

from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.people.models import Account
from reviews.runs.engine import BadHistory, engine, projection
from reviews.runs.mirroring import HistorySeen, StepSeen
from reviews.runs.models import HistoryChunk, Run, Step, StepStatus
from reviews.runs.text import clean
from reviews.workspaces.models import Workspace

NAMESPACE = "imported"
LARGEST_FILE = 60_000_000
"""Bytes. Temporal ends a run whose history is larger than 50 MB."""
MOST_ATTEMPTS = 2**31 - 1
BATCH = 500


def import_history(workspace: Workspace, file: IO[bytes], *, by: Account) -> Run:
    """A run of ``workspace`` made of a file as ``temporal workflow show --output json`` writes it.

    The same file again makes another run. Raises :class:`~reviews.runs.engine.BadHistory`; nothing is left then.
    """
    batches = list(engine().take_in(file, projection()))
    if not batches:
        raise BadHistory("The file holds no event.")
    run = _run(workspace, batches, by)
    try:
        _keep(run, batches, by)
        # Apart and in short transactions: steps can be projected again, and a long one holds up everybody's pages.
        _keep_steps(run, batches)
    except DatabaseError as error:
        Run.objects.filter(id=run.id).delete()
        raise BadHistory("The file holds values that no server writes.") from error
    run.refresh_from_db()
    return run


def _run(workspace: Workspace, batches: Iterable[HistorySeen], by: Account) -> Run:
    fields: dict[str, Any] = {}
    for seen in batches:
        fields |= seen.fields
    id = uuid.uuid4()
    run = Run(id=id, chain=id, workspace=workspace, namespace=NAMESPACE)
    for name, value in fields.items():
        column = Run._meta.get_field(name)
        longest = column.max_length if isinstance(column, models.CharField) else None
        setattr(run, name, str(clean(value))[:longest] if longest else value)
    run.workflow_id, run.run_id = _names(next(iter(batches)))
    run.agent = run.workflow_type[:100]
    run.created_at = run.started_at or timezone.now()
    run.imported_at = run.moved_at = timezone.now()
    run.history_whole = True
    run.mirror_note = (
        f"Taken in from a file by {by}. No server knows this run: it can be read and not steered."
    )
    return run


def _names(first: HistorySeen) -> tuple[str, str]:
    """Workflow id and run id as the file says; fresh ones where it does not, or where they are here already."""
    started = engine().event(first.chunk, 1)
    said = started.attributes if started else {}
    workflow_id = str(said.get("workflow_id") or "") or f"imported-{uuid.uuid4().hex[:12]}"
    if len(workflow_id) > 1000:
        raise BadHistory("The workflow id is longer than Temporal allows.")
    run_id = str(said.get("original_execution_run_id") or "")
    is_taken = Run.objects.execution(NAMESPACE, workflow_id, run_id).exists()
    return workflow_id, run_id if 0 < len(run_id) <= 64 and not is_taken else str(uuid.uuid4())


def _keep(run: Run, batches: list[HistorySeen], by: Account) -> None:
    run.last_event_id = batches[-1].last_event
    run.history_bytes = sum(seen.raw_size for seen in batches)
    with transaction.atomic():
        run.save(force_insert=True)
        HistoryChunk.objects.bulk_create(
            HistoryChunk(run=run, first_event=seen.first_event, last_event=seen.last_event, data=seen.chunk)
            for seen in batches
        )
        audit.record(
            "run.imported", "run", run.id, by=by, workspace_id=run.workspace_id, events=run.last_event_id
        )
        changes.record(("run", run.id), ("runs", run.workspace_id), workspace_id=run.workspace_id)


def _keep_steps(run: Run, batches: list[HistorySeen]) -> None:
    steps = list(_steps(run, (step for seen in batches for step in seen.steps)).values())
    for first in range(0, len(steps), BATCH):
        Step.objects.bulk_create(steps[first : first + BATCH])


def _steps(run: Run, seen: Iterable[StepSeen]) -> dict[int, Step]:
    steps: dict[int, Step] = {}
    for item in seen:
        if item.event_id not in steps and (item.kind is None or item.scheduled_at is None):
            continue  # an end without a beginning
        step = steps.setdefault(item.event_id, Step(run=run, event_id=item.event_id))
        for name, value in item.said().items():
            setattr(step, name, value)
        step.attempts = min(max(step.attempts, 0), MOST_ATTEMPTS)
    if not run.is_open:
        _close(steps.values(), run.closed_at)
    return steps


def _close(steps: Iterable[Step], at: datetime | None) -> None:
    """What a closed run left open will not go on."""
    for step in steps:
        if not step.ended:
            step.status, step.closed_at = StepStatus.CANCELED, at
