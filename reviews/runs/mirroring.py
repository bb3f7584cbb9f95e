"""Writes to runs by those who follow Temporal: the courier, the mirror, the worker's interceptors.

They meet on the same rows in any order, so each of them upserts; closing states never go back to open.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from django.db import connection, transaction
from django.db.models import Case, F, When
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

GRAIN = timedelta(seconds=5)
"""Of ``moved_at``: it is in indexes, and writing it anew at each sign of life would write to all of the row's."""
_OF_KIN = ["workflow_id", "run_id", "workspace_id", "agent", "title", "started_by_id"]
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


@dataclass(frozen=True)
class Met:
    """An execution, as somebody meets it who knows no more of it."""

    workflow_id: str
    run_id: str
    workflow_type: str = ""
    queue: str = ""


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
    execution = Run.objects.execution(namespace, workflow_id, run_id).select_related("workspace")
    run = execution.first()
    if run is None:
        take_up(namespace, [Met(workflow_id, run_id, workflow_type, queue)], workspace_slug)
        run = execution.first()
    return _in_workspace(run or _nowhere(namespace, workspace_slug), workspace_slug)


def take_up(namespace: str, met: Iterable[Met], workspace_slug: str | None = None) -> None:
    """Give a row to each of these executions that had none a moment ago. Of one workflow, the older ones come first.

    Each belongs to the workspace of its relatives by name, else to the named one, else to the oldest of the namespace.
    What belongs to none gets no row.
    """
    met = list(met)
    kin = _kin(namespace, met)
    new = [one for one in met if not _give_name(kin.get(one.workflow_id), one)]
    if not new:
        return
    # Others take up the same at this moment, in the same order.
    rows = sorted(_rows(namespace, new, kin, workspace_slug), key=lambda row: row.run_id or "")
    with transaction.atomic():
        Run.objects.bulk_create(rows, ignore_conflicts=True)
        tell_lists({row.workspace_id for row in rows})


def _kin(namespace: str, met: Collection[Met]) -> dict[str, Run]:
    """By workflow id: of each of these and of those above them, the run that waits for its name, else the newest."""
    names = {one.workflow_id for one in met} | {_above(one.workflow_id) for one in met}
    found = Run.objects.filter(namespace=namespace, workflow_id__in=names - {""})
    nearest = found.order_by("workflow_id", IsNull(F("run_id"), True).desc(), "-created_at")
    rows = nearest.distinct("workflow_id").only(*_OF_KIN)
    return {run.workflow_id: run for run in rows}


def _above(workflow_id: str) -> str:
    """A child of our agents is named below its parent: ``router-5f0c/billing``.

    What it stores and asks belongs into its parent's workspace, and comes before the mirror has read who started it.
    """
    return workflow_id.rpartition("/")[0]


def _give_name(nearest: Run | None, one: Met) -> bool:
    """Whether that row waited for a name."""
    if nearest is None or nearest.run_id is not None:
        return False
    with transaction.atomic():
        run = Run.objects.select_for_update(no_key=True).filter(id=nearest.id, run_id=None).first()
        if run is None:  # another was first while we waited for the lock
            return False
        run.run_id = one.run_id
        run.status = RunStatus.RUNNING if run.status == RunStatus.STARTING else run.status
        run.started_at = run.started_at or timezone.now()
        run.save(update_fields=["run_id", "status", "started_at"])
        tell(run)
        return True


def _rows(
    namespace: str, new: Sequence[Met], kin: Mapping[str, Run], workspace_slug: str | None
) -> list[Run]:
    home = _workspace_of(namespace, workspace_slug)
    home_id = home.id if home else None
    agents = agents_of(namespace, {one.workflow_type for one in new})
    rows, kin = [], dict(kin)
    for one in sorted(new, key=lambda one: one.workflow_id.count("/")):  # those above come first
        relative = kin.get(one.workflow_id)
        elder = relative or kin.get(_above(one.workflow_id))
        workspace_id = elder.workspace_id if elder else home_id
        if workspace_id is None:
            continue
        id = uuid.uuid4()
        row = Run(
            id=id,
            chain=id,
            namespace=namespace,
            workflow_id=one.workflow_id,
            run_id=one.run_id,
            workspace_id=workspace_id,
            agent=agents[one.workflow_type],
            workflow_type=clean(one.workflow_type)[:255],
            queue=clean(one.queue)[:255],
            status=RunStatus.RUNNING,
        )
        if relative is not None:
            row.agent, row.title, row.started_by_id = relative.agent, relative.title, relative.started_by_id
        rows.append(row)
        kin.setdefault(one.workflow_id, row)
    return rows


def agents_of(namespace: str, workflow_types: Collection[str]) -> dict[str, str]:
    """The name under which each of these workflow types is registered as an agent, else its own."""
    storable = {type: clean(type) for type in workflow_types}
    registered = AgentType.objects.filter(namespace=namespace, workflow_type__in=storable.values())
    names = dict(registered.order_by("-name").values_list("workflow_type", "name"))
    return {type: names.get(name, name)[:100] for type, name in storable.items()}


def _in_workspace(run: Run, slug: str | None) -> Run:
    """A run that nobody started here may be met before it says whose it is; one that was started here stays."""
    if slug is None or run.workspace.slug == slug:
        return run
    named = _workspace_of(run.namespace, slug) or _nowhere(run.namespace, slug)
    if run.started_by_id is not None:
        raise UnknownWorkspace(f"The run belongs to the workspace {run.workspace.slug!r}, not to {slug!r}.")
    Run.objects.filter(chain=run.chain).update(workspace=named)
    run.workspace = named
    return run


def _workspace_of(namespace: str, slug: str | None) -> Workspace | None:
    bound = Workspace.objects.filter(namespace=namespace).order_by("created_at", "id")
    return (bound.filter(slug=slug) if slug else bound).first()


def _nowhere(namespace: str, slug: str | None) -> NoReturn:
    raise UnknownWorkspace(
        f"No workspace{f' {slug!r}' if slug else ''} is bound to the namespace {namespace!r}."
    )


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


def moved_now() -> Case:
    """For ``moved_at`` of a row that is written anyway."""
    return Case(When(moved_at__lt=Now() - GRAIN, then=Now()), default=F("moved_at"))


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


def tell_lists(workspace_ids: Collection[uuid.UUID]) -> None:
    """There are other runs than before."""
    for workspace_id in workspace_ids:
        changes.record(("runs", workspace_id), workspace_id=workspace_id)
