"""Writes to runs by those who follow Temporal: the courier, the mirror, the worker's interceptors.

They meet on the same rows in any order, so each of them upserts; closing states never go back to open.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from reviews.changes import actions as changes
from reviews.changes.models import CHANNEL
from reviews.outbox import actions as outbox
from reviews.runs.chunks import keep
from reviews.runs.models import (
    OPEN_STATUSES,
    Run,
    RunStatus,
    Step,
    StepStatus,
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
        unnamed = Run.objects.select_for_update(no_key=True).filter(
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
    tell(run)
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
        tell(run)
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


def newest_open(run: Run) -> Run:
    """The open execution of the run's chain, as far as the mirror knows; the run itself where there is none."""
    return Run.objects.filter(chain=run.chain).open().order_by("-created_at").first() or run


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


TEXTS = {"name": 255, "activity_id": 255, "summary": 400}
"""What the columns of ``Step`` hold, in characters."""


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

    def said(self) -> dict[str, Any]:
        """As fields of ``Step``; names from outside are cleaned and cut to what a column holds."""
        said = {name: value for name, value in vars(self).items() if value is not None and name != "event_id"}
        for name in TEXTS.keys() & said.keys():
            said[name] = clean(said[name])[: TEXTS[name]]
        return said


@dataclass(frozen=True)
class ExecutionName:
    """Temporal's name of one execution."""

    namespace: str
    workflow_id: str
    run_id: str


@dataclass
class HistorySeen:
    """One batch of an execution's history, projected. ``fields`` are those of ``Run``.

    ``successor`` is the run id that continues a closed execution (continue-as-new, retry, cron). ``token`` goes
    on behind the batch, where Temporal gave one; ``previous_run_id`` is what it goes on from itself.
    """

    first_event: int
    last_event: int
    chunk: bytes
    raw_size: int
    steps: list[StepSeen] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    upserted_attributes: dict[str, Any] = field(default_factory=dict)
    upserted_memo: dict[str, Any] = field(default_factory=dict)
    parent: ExecutionName | None = None
    previous_run_id: str | None = None
    successor: str | None = None
    token: bytes | None = None

    @property
    def closes(self) -> bool:
        return "closed_at" in self.fields


def ingest(run: Run, seen: HistorySeen, *, epoch: int) -> Run:
    """Keep a batch of history and what it says. A batch that is there already changes nothing.

    Raises :class:`~reviews.outbox.actions.StaleEpoch`, and :class:`OutOfStep` when it does not follow on what
    is there.
    """
    with transaction.atomic():
        outbox.require_epoch(epoch)
        run = Run.objects.select_for_update(no_key=True).get(id=run.id)
        if seen.last_event <= run.last_event_id:
            return run
        if seen.first_event != run.last_event_id + 1:
            raise OutOfStep(f"{seen.first_event} does not follow on {run.last_event_id}")
        keep(run, seen.first_event, seen.last_event, seen.chunk)
        run.last_event_id = seen.last_event
        run.history_bytes += seen.raw_size
        run.history_token = seen.token or run.history_token
        run.mirror_note = ""
        project_batch(run, seen)
        run.save()
        Run.objects.filter(id=run.id).update(moved_at=Greatest(F("moved_at"), Now()))
        tell(run)
        if seen.successor:
            _succeed(run, seen.successor)
        return run


def project_batch(run: Run, seen: HistorySeen) -> None:
    """What the batch says, as steps and as fields of the run, which the caller has locked and saves."""
    _write_steps(run, seen.steps)
    _take_over(run, seen)
    _link(run, seen.previous_run_id)
    if seen.closes:
        run.history_whole, run.history_token = True, None
        close_steps(run)


def forget_projection(run: Run) -> None:
    """Before it is projected again from its archive."""
    Step.objects.filter(run=run).delete()
    run.search_attributes, run.memo = {}, {}


def _take_over(run: Run, seen: HistorySeen) -> None:
    """What the batch says of the run itself."""
    was_open = run.is_open
    for name, value in seen.fields.items():
        setattr(run, name, value)
    if not was_open and run.is_open:
        run.refresh_from_db(fields=["status"])  # its end was listed before its beginning was read
    run.search_attributes = _upserted(run.search_attributes, seen.upserted_attributes)
    run.memo = _upserted(run.memo, seen.upserted_memo)
    if seen.parent is not None and run.parent_id is None:
        _put_below(run, seen.parent)


def _upserted(known: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """An upserted null takes the key away."""
    return {key: value for key, value in {**known, **values}.items() if value is not None}


def _put_below(run: Run, name: ExecutionName) -> None:
    """Join the tree of the run that started it, and its workspace where nobody here chose another."""
    try:
        parent = adopt(name.namespace or run.namespace, name.workflow_id, name.run_id)
    except UnknownWorkspace:
        return  # of a namespace that nobody here owns
    run.parent = parent
    if run.started_by_id is None:
        run.workspace_id = parent.workspace_id


def _write_steps(run: Run, seen: Sequence[StepSeen]) -> None:
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


def close_steps(run: Run) -> None:
    """What a closed run left open will not go on."""
    run.waiting_for_human = False
    left = Step.objects.filter(run=run, status__in=(StepStatus.SCHEDULED, StepStatus.RUNNING))
    left.update(status=StepStatus.CANCELED, closed_at=run.closed_at)


def _link(run: Run, previous_run_id: str | None) -> None:
    """Join the chain that Temporal says it belongs to. Its executions are met in any order."""
    known = Run.objects.filter(namespace=run.namespace, workflow_id=run.workflow_id)
    if previous_run_id is not None:
        run.previous = known.filter(run_id=previous_run_id).first() or run.previous
    if not run.first_run_id:
        return
    chain = known.filter(first_run_id=run.first_run_id).exclude(id=run.id)
    others = list(chain.order_by("created_at", "id").only("id", "chain", "created_at"))
    if not others or {other.chain for other in others} == {run.chain}:
        return
    eldest = min([run, *others], key=lambda one: (one.created_at, str(one.id)))
    run.chain = eldest.chain
    chain.exclude(chain=eldest.chain).update(chain=eldest.chain)


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


def tell(run: Run) -> None:
    changes.record(("run", run.id), ("runs", run.workspace_id), workspace_id=run.workspace_id)
