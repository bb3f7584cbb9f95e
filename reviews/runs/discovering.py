"""Writes of what Temporal's lists and descriptions say: executions nobody here started, and what is gone."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from reviews.outbox import actions as outbox
from reviews.runs import mirroring
from reviews.runs.models import MirroredNamespace, Run, RunStatus
from reviews.runs.retention import is_too_old
from reviews.runs.steps import close_steps
from reviews.runs.text import clean
from reviews.workspaces.models import Workspace


@dataclass(frozen=True)
class Listed:
    """An execution as Temporal's list shows it; its history may say more."""

    workflow_id: str
    run_id: str
    first_run_id: str | None
    workflow_type: str
    queue: str
    status: RunStatus
    started_at: datetime
    closed_at: datetime | None
    parent_run_id: str = ""


def take_in(namespace: str, listed: Sequence[Listed], *, epoch: int) -> bool:
    """Adopt what has no row, and look next at what closed and is not mirrored whole. Whether there is such."""
    new = adopt_listed(namespace, listed, epoch=epoch)
    closed = [item.run_id for item in listed if item.closed_at is not None]
    return bool(moved_at_temporal(namespace, closed) if closed else 0) or bool(new)


def adopt_listed(namespace: str, listed: Sequence[Listed], *, epoch: int) -> int:
    """Rows for the executions that have none, oldest first; answers how many are new.

    Each belongs to its parent's workspace, else to that of its workflow id, else to the oldest of the namespace.
    """
    with transaction.atomic():
        outbox.require_epoch(epoch)
        unknown = _unknown(namespace, listed)
        if not unknown:
            return 0
        named = {run.workflow_id for run in _unnamed(namespace, unknown)}
        new = _rows(namespace, [item for item in unknown if item.workflow_id not in named])
        # Workers take up the same executions at this moment, in the same order.
        new.sort(key=lambda run: run.run_id or "")
        Run.objects.bulk_create(new, batch_size=500, ignore_conflicts=True)
        mirroring.tell_lists({run.workspace_id for run in new})
    for item in unknown:
        if item.workflow_id in named:  # the courier's start of it has not come back yet
            mirroring.adopt(namespace, item.workflow_id, item.run_id, workflow_type=item.workflow_type)
    return len(unknown)


def _unknown(namespace: str, listed: Sequence[Listed]) -> list[Listed]:
    known = set(
        Run.objects.filter(
            namespace=namespace,
            workflow_id__in=[item.workflow_id for item in listed],
            run_id__in=[item.run_id for item in listed],
        ).values_list("run_id", flat=True)
    )
    return sorted((item for item in listed if item.run_id not in known), key=lambda item: item.started_at)


def _unnamed(namespace: str, unknown: Sequence[Listed]) -> Iterable[Run]:
    return Run.objects.filter(
        namespace=namespace, run_id=None, workflow_id__in=[item.workflow_id for item in unknown]
    )


def _rows(namespace: str, unknown: Sequence[Listed]) -> list[Run]:
    relatives = {
        run.workflow_id: run
        for run in Run.objects.filter(
            namespace=namespace, workflow_id__in=[item.workflow_id for item in unknown]
        )
        .select_related("workspace")
        .order_by("created_at", "id")
    }
    parents: dict[str | None, Run] = {
        run.run_id: run
        for run in Run.objects.filter(
            namespace=namespace, run_id__in=[item.parent_run_id for item in unknown if item.parent_run_id]
        ).select_related("workspace")
    }
    agents = mirroring.agents_of(namespace, {item.workflow_type for item in unknown})
    home = Workspace.objects.filter(namespace=namespace).order_by("created_at", "id").first()
    rows = []
    for item in unknown:
        parent, relative = parents.get(item.parent_run_id), relatives.get(item.workflow_id)
        elder = parent or relative
        workspace = elder.workspace if elder else home
        if workspace is None or is_too_old(workspace, item.closed_at):
            continue
        row = _row(namespace, item, workspace.id, agents[item.workflow_type])
        row.parent, row.workspace = parent, workspace
        if relative is not None:
            row.agent, row.title, row.started_by_id = relative.agent, relative.title, relative.started_by_id
            if relative.first_run_id == item.first_run_id is not None:
                row.chain = relative.chain
        rows.append(row)
        relatives[item.workflow_id] = parents[item.run_id] = row
    return rows


def _row(namespace: str, item: Listed, workspace_id: uuid.UUID, agent: str) -> Run:
    id = uuid.uuid4()
    return Run(
        id=id,
        chain=id,
        workspace_id=workspace_id,
        namespace=namespace,
        workflow_id=item.workflow_id,
        run_id=item.run_id,
        first_run_id=item.first_run_id,
        agent=agent,
        workflow_type=clean(item.workflow_type)[:255],
        queue=clean(item.queue)[:255],
        status=item.status,
        created_at=item.started_at,
        started_at=item.started_at,
        closed_at=item.closed_at,
        moved_at=item.closed_at or Now(),
    )


def moved_at_temporal(namespace: str, run_ids: Iterable[str]) -> int:
    """Look at these next: Temporal's list says otherwise than their rows. Answers how many are behind."""
    behind = Run.objects.to_follow().filter(namespace=namespace, run_id__in=list(run_ids))
    with transaction.atomic():
        # One that is locked is being taken in at this moment; waiting for it could be waiting for each other.
        free = behind.select_for_update(no_key=True, skip_locked=True).values_list("id", flat=True)
        return Run.objects.filter(id__in=list(free)).update(moved_at=Now())


def gone(run: Run, *, epoch: int) -> Run:
    """Temporal holds the execution no more: it was deleted, or its retention ended before it was mirrored whole.

    What is mirrored stays. How an open one ended nobody can tell any more, and the page says so.
    """
    with transaction.atomic():
        outbox.require_epoch(epoch)
        run = Run.objects.select_for_update(no_key=True).get(id=run.id)
        if run.gone_at is not None:
            return run
        now = timezone.now()
        run.gone_at, run.history_whole, run.history_token = now, True, None
        if run.is_open:
            run.status, run.closed_at = RunStatus.TERMINATED, now
            run.failure = {
                "type": "RemovedAtTemporal",
                "message": "Temporal removed this run before its end was mirrored; how it ended is not known.",
            }
            run.waiting_for_human = False
            close_steps(run)
        run.mirror_note = _what_is_kept(run)
        run.save()
        mirroring.tell(run)
        return run


def _what_is_kept(run: Run) -> str:
    if run.last_event_id == 0:
        return "Temporal removed this run before any of its history was mirrored."
    return f"Temporal removed this run. Its history is kept here up to event {run.last_event_id}."


def namespaces() -> list[MirroredNamespace]:
    """One row for each namespace that a workspace is bound to."""
    bound = set(Workspace.objects.values_list("namespace", flat=True))
    known = set(MirroredNamespace.objects.values_list("namespace", flat=True))
    MirroredNamespace.objects.bulk_create(
        [MirroredNamespace(namespace=name) for name in bound - known], ignore_conflicts=True
    )
    return list(MirroredNamespace.objects.filter(namespace__in=bound).order_by("namespace"))


def accept_namespace(namespace: str) -> None:
    """Take the namespace of this name for the one it is now. Runs that only the former one knew are gone then."""
    MirroredNamespace.objects.filter(namespace=namespace).update(
        namespace_id="", listed_until=None, trouble=""
    )


def may_say_waiting(namespace: str) -> bool:
    """Whether the search attribute ``AgentsiteWaiting`` is registered there, as the bridge saw it last."""
    return MirroredNamespace.objects.filter(namespace=namespace, waiting_attribute=True).exists()


def looked_at(namespace: MirroredNamespace, *, epoch: int, **found: Any) -> None:
    """Keep what a look at the namespace found: fields of :class:`MirroredNamespace`."""
    with transaction.atomic():
        outbox.require_epoch(epoch)
        MirroredNamespace.objects.filter(namespace=namespace.namespace).update(**found)
        if found.get("trouble", namespace.trouble) != namespace.trouble:
            mirroring.tell_lists(
                Workspace.objects.filter(namespace=namespace.namespace).values_list("id", flat=True)
            )
    for name, value in found.items():
        setattr(namespace, name, value)
