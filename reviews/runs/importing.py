"""Taking in a run from a history file: it is read like any other and followed by nobody."""

from __future__ import annotations

import uuid
from typing import IO

from django.db import DatabaseError, transaction
from django.utils import timezone

from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.people.models import Account
from reviews.runs import ingesting
from reviews.runs.chunks import keep
from reviews.runs.engine import BadHistory, engine
from reviews.runs.ingesting import HistorySeen
from reviews.runs.models import Run
from reviews.runs.text import clean
from reviews.workspaces.models import Workspace

NAMESPACE = "imported"
LARGEST_FILE = 60_000_000
"""Bytes. Temporal ends a run whose history is larger than 50 MB."""


def import_history(workspace: Workspace, file: IO[bytes], *, by: Account) -> Run:
    """A run of ``workspace`` made of a file as ``temporal workflow show --output json`` writes it.

    The same file again makes another run. Raises :class:`~reviews.runs.engine.BadHistory`; nothing is left then.
    """
    batches = list(engine().take_in(file))
    if not batches:
        raise BadHistory("The file holds no event.")
    run = _run(workspace, batches[0], by)
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            _tell(run, by, events=batches[-1].last_event)
        for seen in batches:  # each in a transaction of its own: a long one holds up everybody's pages
            _keep(run, seen)
    except DatabaseError as error:
        Run.objects.filter(id=run.id).delete()
        raise BadHistory("The file holds values that no server writes.") from error
    run.refresh_from_db()
    return run


def _run(workspace: Workspace, first: HistorySeen, by: Account) -> Run:
    id = uuid.uuid4()
    workflow_id, run_id = _names(first)
    if run_id is None:  # of a run that is here already, or nobody's: it belongs to no chain but its own
        run_id = str(uuid.uuid4())
        first.fields["first_run_id"], first.previous_run_id = run_id, None
    return Run(
        id=id,
        chain=id,
        workspace=workspace,
        namespace=NAMESPACE,
        workflow_id=workflow_id,
        run_id=run_id,
        agent=str(clean(first.fields.get("workflow_type", "")))[:100],
        created_at=first.fields.get("started_at") or timezone.now(),
        imported_at=timezone.now(),
        moved_at=timezone.now(),
        mirror_note=f"Taken in from a file by {by}. No server knows this run: it can be read and not steered.",
    )


def _keep(run: Run, seen: HistorySeen) -> None:
    seen.parent = None  # a file's word is no reason to look for a run at a server
    with transaction.atomic():
        for chunk in seen.chunks:
            keep(run, chunk)
        run.last_event_id = seen.last_event
        run.history_bytes += seen.raw_size
        ingesting.project_batch(run, seen)
        run.history_whole = True
        run.save()


def _tell(run: Run, by: Account, *, events: int) -> None:
    audit.record("run.imported", "run", run.id, by=by, workspace_id=run.workspace_id, events=events)
    changes.record(("run", run.id), ("runs", run.workspace_id), workspace_id=run.workspace_id)


def _names(first: HistorySeen) -> tuple[str, str | None]:
    """Workflow id and run id as the file says; no run id where it says none, or where that run is here already."""
    started = engine().event(first.chunks[0].data, 1)
    said = started.attributes if started else {}
    workflow_id = str(said.get("workflow_id") or "") or f"imported-{uuid.uuid4().hex[:12]}"
    if len(workflow_id) > 1000:
        raise BadHistory("The workflow id is longer than Temporal allows.")
    run_id = str(said.get("original_execution_run_id") or "")
    is_taken = Run.objects.execution(NAMESPACE, workflow_id, run_id).exists()
    return workflow_id, run_id if 0 < len(run_id) <= 64 and not is_taken else None
