"""Writes to runs by those who follow Temporal: the courier, the mirror, the worker's interceptors.

They meet on the same rows in any order, so each of them upserts; closing states never go back to open.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.db.models.lookups import IsNull
from django.utils import timezone

from reviews.changes import actions as changes
from reviews.changes.models import CHANNEL
from reviews.runs.models import (
    OPEN_STATUSES,
    AgentType,
    Run,
    RunStatus,
)
from reviews.runs.text import clean
from reviews.statements import Part, write
from reviews.workspaces.models import Workspace

_LOCKED = ["id", "run_id", "created_at"]
_LOCK_OPEN = f"""
    SELECT {", ".join(_LOCKED)} FROM reviews_run WHERE chain = %s AND status = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 (names of columns)
_WAITING = """
    waiting AS (SELECT {waiting} AS so),
    turned AS (
        UPDATE reviews_run SET waiting_for_human = waiting.so FROM waiting
        WHERE id = ANY(%s) AND waiting_for_human <> waiting.so RETURNING id, workspace_id
    ), turned_change AS (
        INSERT INTO reviews_change (workspace_id, topic, object_id)
        SELECT workspace_id, topic, object_id FROM turned
        CROSS JOIN LATERAL (VALUES ('run', id::text), ('runs', workspace_id::text)) line (topic, object_id)
    )
"""


class UnknownWorkspace(Exception):
    """No workspace of this slug is bound to the run's namespace."""


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
    run = run or take_up(namespace, workflow_id, run_id, workflow_type, queue, workspace_slug)
    return _in_workspace(run, workspace_slug)


def take_up(
    namespace: str,
    workflow_id: str,
    run_id: str,
    workflow_type: str = "",
    queue: str = "",
    workspace_slug: str | None = None,
) -> Run:
    """As :func:`adopt`, of an execution that had no row a moment ago."""
    kin = Run.objects.filter(namespace=namespace, workflow_id=workflow_id).select_related("workspace")
    nearest = kin.order_by(IsNull(F("run_id"), True).desc(), "-created_at").first()
    if nearest is not None and nearest.run_id is None:
        with transaction.atomic():
            unnamed = kin.filter(run_id=None).select_for_update(no_key=True, of=("self",)).first()
            if unnamed is not None:
                return _name(unnamed, run_id)
    try:
        return _create(namespace, workflow_id, run_id, workflow_type, queue, workspace_slug, nearest)
    except IntegrityError:
        # Another worker was first.
        run = kin.filter(run_id=run_id).first()
        if run is None:
            raise
        return run


def _name(run: Run, run_id: str) -> Run:
    run.run_id = run_id
    run.status = RunStatus.RUNNING if run.status == RunStatus.STARTING else run.status
    run.started_at = run.started_at or timezone.now()
    run.save(update_fields=["run_id", "status", "started_at"])
    tell(run)
    return run


def _create(
    namespace: str,
    workflow_id: str,
    run_id: str,
    workflow_type: str,
    queue: str,
    workspace_slug: str | None,
    relative: Run | None,
) -> Run:
    elder = relative or _parent_by_name(namespace, workflow_id)
    id = uuid.uuid4()
    run = Run(
        id=id,
        chain=id,
        namespace=namespace,
        workflow_id=workflow_id,
        run_id=run_id,
        workspace=elder.workspace if elder else _workspace_of(namespace, workspace_slug),
        agent=relative.agent if relative else agents_of(namespace, [workflow_type])[workflow_type],
        title=relative.title if relative else "",
        started_by_id=relative.started_by_id if relative else None,
        workflow_type=clean(workflow_type)[:255],
        queue=clean(queue)[:255],
        status=RunStatus.RUNNING,
    )
    with transaction.atomic():
        run.save(force_insert=True)
        tell(run)
    return run


def agents_of(namespace: str, workflow_types: Collection[str]) -> dict[str, str]:
    """The name under which each of these workflow types is registered as an agent, else its own."""
    storable = {type: clean(type) for type in workflow_types}
    registered = AgentType.objects.filter(namespace=namespace, workflow_type__in=storable.values())
    names = dict(registered.order_by("-name").values_list("workflow_type", "name"))
    return {type: names.get(name, name)[:100] for type, name in storable.items()}


def _parent_by_name(namespace: str, workflow_id: str) -> Run | None:
    """A child of our agents is named below its parent: ``router-5f0c/billing``.

    What it stores and asks belongs into its parent's workspace, and comes before the mirror has read who started it.
    """
    parent_id = workflow_id.rpartition("/")[0]
    if not parent_id:
        return None
    found = Run.objects.filter(namespace=namespace, workflow_id=parent_id).select_related("workspace")
    return found.order_by("-created_at").first()


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
        run = Run.objects.select_for_update(no_key=True).get(id=run_id)
        if run.status != RunStatus.STARTING:
            return
        run.status, run.closed_at = RunStatus.FAILED, timezone.now()
        run.failure = {"type": "NotStarted", "message": reason}
        run.save(update_fields=["status", "closed_at", "failure"])
        tell(run)


def moved(run_ids: Iterable[uuid.UUID]) -> None:
    """Somebody saw these runs do something: the mirror looks at them next."""
    with transaction.atomic():
        Run.objects.filter(id__in=list(run_ids)).update(moved_at=Now())


def is_chain_open(run: Run) -> bool:
    """Inside a transaction: holds the run until it commits, so that it cannot close between look and write."""
    run = Run.objects.select_for_update(no_key=True).get(id=run.id)
    return run.is_open or Run.objects.filter(chain=run.chain).open().exists()


def lock_open_runs(chain: uuid.UUID) -> list[Run]:
    """Those that a decision may go to, with no more of each than that needs."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_OPEN, [chain, list(OPEN_STATUSES)])
        return [Run.from_db("default", _LOCKED, row) for row in cursor.fetchall()]


def set_waiting(runs: Sequence[Run], waiting: bool) -> None:
    """``runs`` are locked by the caller."""
    write(waiting_part(runs, "%s::boolean", (waiting,)))


def waiting_part(runs: Sequence[Run], waiting: str, params: tuple[Any, ...]) -> Part:
    """Set ``waiting_for_human`` of ``runs``, which the caller has locked, to the SQL condition ``waiting``."""
    return Part(_WAITING.format(waiting=waiting), (*params, [run.id for run in runs]), CHANNEL)


def succeed(successor: Run, run: Run) -> None:
    """``successor`` goes on where ``run`` closed: a history says so."""
    Run.objects.filter(id=successor.id).update(chain=run.chain, previous=run, first_run_id=run.first_run_id)


def join_chain(successor: Run, run: Run) -> None:
    """``successor`` is a later execution of the same chain; there may be others between it and ``run``."""
    Run.objects.filter(id=successor.id).update(chain=run.chain, first_run_id=run.first_run_id)


def mirror_lags(run: Run, note: str) -> None:
    """Say on the run's page why the mirror does not follow it."""
    Run.objects.filter(id=run.id).exclude(mirror_note=note).update(mirror_note=note)


def tell(run: Run) -> None:
    changes.record(("run", run.id), ("runs", run.workspace_id), workspace_id=run.workspace_id)
