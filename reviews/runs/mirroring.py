"""Writes to runs by those who follow Temporal: the courier, the mirror, the worker's interceptors.

They meet on the same rows in any order, so each of them upserts; closing states never go back to open.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from reviews.changes import actions as changes
from reviews.outbox import actions as outbox
from reviews.runs import latencies
from reviews.runs.models import (
    HistoryChunk,
    Run,
    RunStatus,
    Step,
    StepStatus,
)
from reviews.runs.text import clean
from reviews.workspaces.models import Workspace


class UnknownWorkspace(Exception):
    """No workspace of this slug is bound to the run's namespace."""


class OutOfStep(Exception):
    """Somebody else mirrored the run meanwhile: read its row again and go on from there."""


def adopt(
    namespace: str,
    workflow_id: str,
    run_id: str,
    *,
    workflow_type: str = "",
    queue: str = "",
    workspace_slug: str | None = None,
) -> Run:
    """The row of an execution, whoever meets it first. A row that still waits for its name gets it here.

    Raises :class:`UnknownWorkspace` when the namespace belongs to no workspace, or not to the named one.
    """
    run = Run.objects.execution(namespace, workflow_id, run_id).select_related("workspace").first()
    if run is not None:
        return _in_workspace(run, workspace_slug)
    with transaction.atomic():
        unnamed = Run.objects.select_for_update().filter(
            namespace=namespace, workflow_id=workflow_id, run_id=None
        )
        run = unnamed.first()
        if run is not None:
            return _in_workspace(_name(run, run_id), workspace_slug)
        # Another worker may have been first while we waited for the lock.
        run = Run.objects.execution(namespace, workflow_id, run_id).first()
        run = run or _create(namespace, workflow_id, run_id, workflow_type, queue, workspace_slug)
        return _in_workspace(run, workspace_slug)


def _name(run: Run, run_id: str) -> Run:
    run.run_id = run_id
    run.status = RunStatus.RUNNING if run.status == RunStatus.STARTING else run.status
    run.started_at = run.started_at or timezone.now()
    run.save(update_fields=["run_id", "status", "started_at"])
    _changed(run)
    return run


def _create(
    namespace: str, workflow_id: str, run_id: str, workflow_type: str, queue: str, workspace_slug: str | None
) -> Run:
    relative = (
        Run.objects.filter(namespace=namespace, workflow_id=workflow_id).order_by("-created_at").first()
    )
    workspace_id = relative.workspace_id if relative else _workspace_of(namespace, workspace_slug).id
    id = uuid.uuid4()
    run, created = Run.objects.get_or_create(
        namespace=namespace,
        workflow_id=workflow_id,
        run_id=run_id,
        defaults={
            "id": id,
            "chain": id,
            "workspace_id": workspace_id,
            "agent": relative.agent if relative else workflow_type,
            "title": relative.title if relative else "",
            "started_by_id": relative.started_by_id if relative else None,
            "workflow_type": workflow_type,
            "queue": queue,
            "status": RunStatus.RUNNING,
        },
    )
    if created:
        _changed(run)
    return run


def _in_workspace(run: Run, slug: str | None) -> Run:
    """A run that nobody started here may be met before it says whose it is; one that was started here stays."""
    if slug is None or run.workspace.slug == slug:
        return run
    named = _workspace_of(run.namespace, slug)
    if run.started_by_id is not None:
        raise UnknownWorkspace(f"The run belongs to the workspace {run.workspace.slug!r}, not to {slug!r}.")
    Run.objects.filter(chain=run.chain).update(workspace=named)
    run.workspace = named
    return run


def _workspace_of(namespace: str, slug: str | None) -> Workspace:
    bound = Workspace.objects.filter(namespace=namespace).order_by("created_at", "id")
    workspace = (bound.filter(slug=slug) if slug else bound).first()
    if workspace is None:
        raise UnknownWorkspace(
            f"No workspace{f' {slug!r}' if slug else ''} is bound to the namespace {namespace!r}."
        )
    return workspace


def start_refused(run_id: uuid.UUID, reason: str) -> None:
    """Temporal will never start it."""
    with transaction.atomic():
        run = Run.objects.select_for_update().get(id=run_id)
        if run.status != RunStatus.STARTING:
            return
        run.status, run.closed_at = RunStatus.FAILED, timezone.now()
        run.failure = {"type": "NotStarted", "message": reason}
        run.save(update_fields=["status", "closed_at", "failure"])
        _changed(run)


def moved(run_ids: Iterable[uuid.UUID]) -> None:
    """Somebody saw these runs do something: the mirror looks at them next."""
    with transaction.atomic():
        Run.objects.filter(id__in=list(run_ids)).update(moved_at=Now())


def is_chain_open(run: Run) -> bool:
    """Inside a transaction: holds the run until it commits, so that it cannot close between look and write."""
    run = Run.objects.select_for_update().get(id=run.id)
    return run.is_open or Run.objects.filter(chain=run.chain).open().exists()


def newest_open(run: Run) -> Run:
    """The open execution of the run's chain, as far as the mirror knows; the run itself where there is none."""
    return Run.objects.filter(chain=run.chain).open().order_by("-created_at").first() or run


def lock_open_runs(chain: uuid.UUID) -> list[Run]:
    return list(Run.objects.filter(chain=chain).open().select_for_update().order_by("id"))


def set_waiting(runs: Iterable[Run], waiting: bool) -> None:
    """``runs`` are locked by the caller."""
    for run in runs:
        if run.waiting_for_human != waiting:
            run.waiting_for_human = waiting
            run.save(update_fields=["waiting_for_human"])
            _changed(run)


TEXTS = {"name": 255, "activity_id": 255, "summary": 400}
"""What the columns of ``Step`` hold, in characters."""
KEPT_APART = {"event_id", "timeouts"}


@dataclass
class StepSeen:
    """What the history says of one step so far; fields left None are not said in this batch."""

    event_id: int
    kind: str | None = None
    name: str | None = None
    activity_id: str | None = None
    summary: str | None = None
    status: str | None = None
    attempts: int | None = None
    input: Any = None
    result: Any = None
    failure: dict[str, Any] | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    closed_at: datetime | None = None
    timeouts: latencies.Timeouts | None = None

    def said(self) -> dict[str, Any]:
        """As fields of ``Step``; names from outside are cleaned and cut to what a column holds."""
        said = {
            name: value for name, value in vars(self).items() if value is not None and name not in KEPT_APART
        }
        for name in TEXTS.keys() & said.keys():
            said[name] = clean(said[name])[: TEXTS[name]]
        return said


@dataclass
class HistorySeen:
    """One batch of an execution's history, projected. ``fields`` are those of ``Run``.

    ``successor`` is the run id that continues a closed execution (continue-as-new, retry, cron).
    """

    first_event: int
    last_event: int
    chunk: bytes
    raw_size: int
    steps: list[StepSeen] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    successor: str | None = None


def ingest(run: Run, seen: HistorySeen, *, epoch: int) -> Run:
    """Keep a batch of history and what it says. A batch that is there already, or was forgotten, changes nothing.

    Raises :class:`~reviews.outbox.actions.StaleEpoch`, and :class:`OutOfStep` when it does not follow on what
    is there.
    """
    with transaction.atomic():
        outbox.require_epoch(epoch)
        run = Run.objects.select_for_update().get(id=run.id)
        if seen.last_event <= run.last_event_id or run.forgotten_at is not None:
            return run
        if seen.first_event != run.last_event_id + 1:
            raise OutOfStep(f"{seen.first_event} does not follow on {run.last_event_id}")
        HistoryChunk.objects.create(
            run=run, first_event=seen.first_event, last_event=seen.last_event, data=seen.chunk
        )
        learned = latencies.learn(run, seen, _write_steps(run, seen.steps))
        for name, value in seen.fields.items():
            setattr(run, name, value)
        run.last_event_id = seen.last_event
        run.history_bytes += seen.raw_size
        run.mirror_note = ""
        if run.first_run_id:
            _link(run)
        if not run.is_open:
            _close_steps(run)
        run.save()
        Run.objects.filter(id=run.id).update(moved_at=Greatest(F("moved_at"), Now()))
        _changed(run)
        if seen.successor:
            _succeed(run, seen.successor)
        latencies.write(learned)
        return run


def _write_steps(run: Run, seen: Sequence[StepSeen]) -> dict[int, Step]:
    known = {
        step.event_id: step for step in Step.objects.filter(run=run, event_id__in=[s.event_id for s in seen])
    }
    created: dict[int, Step] = {}
    for item in seen:
        step = known.get(item.event_id) or created.get(item.event_id)
        if step is None:
            if item.kind is None or item.scheduled_at is None:
                continue  # its beginning was removed by Temporal's retention
            step = created[item.event_id] = Step(run=run, event_id=item.event_id)
        for name, value in item.said().items():
            setattr(step, name, value)
    Step.objects.bulk_create(created.values(), batch_size=500)
    touched = [known[item.event_id] for item in seen if item.event_id in known]
    if touched:
        fields = ["status", "attempts", "result", "failure", "started_at", "closed_at", "summary"]
        Step.objects.bulk_update({step.event_id: step for step in touched}.values(), fields, batch_size=500)
    return known | created


def _close_steps(run: Run) -> None:
    """What a closed run left open will not go on."""
    run.waiting_for_human = False
    left = Step.objects.filter(run=run, status__in=(StepStatus.SCHEDULED, StepStatus.RUNNING))
    left.update(status=StepStatus.CANCELED, closed_at=run.closed_at)


def _link(run: Run) -> None:
    """Join the chain that Temporal says it belongs to."""
    elders = Run.objects.filter(
        namespace=run.namespace, workflow_id=run.workflow_id, first_run_id=run.first_run_id
    ).exclude(id=run.id)
    elder = elders.order_by("created_at", "id").first()
    if elder is not None and elder.chain != run.chain and run.chain == run.id:
        run.chain = elder.chain
        run.previous_id = run.previous_id or elder.id


def _succeed(run: Run, successor_run_id: str) -> None:
    successor = adopt(
        run.namespace, run.workflow_id, successor_run_id, workflow_type=run.workflow_type, queue=run.queue
    )
    join_chain(successor, run)


def join_chain(successor: Run, run: Run) -> None:
    """``successor`` goes on where ``run`` closed."""
    Run.objects.filter(id=successor.id).update(chain=run.chain, previous=run, first_run_id=run.first_run_id)


def mirror_lags(run: Run, note: str) -> None:
    """Say on the run's page why the mirror does not follow it."""
    Run.objects.filter(id=run.id).exclude(mirror_note=note).update(mirror_note=note)


def _changed(run: Run) -> None:
    changes.record(("run", run.id), ("runs", run.workspace_id), workspace_id=run.workspace_id)
