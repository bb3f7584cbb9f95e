"""Taking in an execution's history: the archive, and what it says of steps, run, chain and tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection, models, transaction

from reviews.outbox import actions as outbox
from reviews.runs import latencies, mirroring
from reviews.runs.chunks import Chunk, keep
from reviews.runs.latencies import Learned
from reviews.runs.models import Run, Step
from reviews.runs.steps import StepSeen, close_steps, write_steps
from reviews.runs.text import clean

CHAINS = 1
"""The space of PostgreSQL's advisory locks in which workflows are locked by name."""


class OutOfStep(Exception):
    """Somebody else mirrored the run meanwhile: read its row again and go on from there."""


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
    chunks: list[Chunk]
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
    def begins(self) -> bool:
        return self.first_event == 1

    @property
    def closes(self) -> bool:
        return "closed_at" in self.fields


def ingest(run: Run, seen: HistorySeen, *, epoch: int) -> Run:
    """Keep a batch of history and what it says. A batch that is there already, or was forgotten, changes nothing.

    Raises :class:`~reviews.outbox.actions.StaleEpoch`, and :class:`OutOfStep` when it does not follow on what
    is there.
    """
    with transaction.atomic():
        outbox.require_epoch(epoch)
        if seen.begins or seen.successor:
            _lock_chain(run)
        run = Run.objects.select_for_update(no_key=True).get(id=run.id)
        if seen.last_event <= run.last_event_id or run.forgotten_at is not None:
            return run
        if seen.first_event != run.last_event_id + 1:
            raise OutOfStep(f"{seen.first_event} does not follow on {run.last_event_id}")
        for chunk in seen.chunks:
            keep(run, chunk)
        run.last_event_id = seen.last_event
        run.history_bytes += seen.raw_size
        run.history_token = seen.token or run.history_token
        run.mirror_note = ""
        learned = project_batch(run, seen)
        run.moved_at = mirroring.moved_now()
        run.save()
        del run.moved_at  # who asks for it gets the database's
        mirroring.tell(run)
        if seen.successor:
            _succeed(run, seen.successor)
        latencies.write(learned)
        return run


def project_batch(run: Run, seen: HistorySeen) -> Learned:
    """What the batch says, as steps and as fields of the run, which the caller has locked and saves."""
    learned = latencies.learn(run, seen, write_steps(run, seen.steps))
    _take_over(run, seen)
    if seen.begins:
        _link(run, seen.previous_run_id)
    if seen.closes:
        run.history_whole, run.history_token = True, None
        run.waiting_for_human = False
        close_steps(run)
    return learned


def forget_projection(run: Run) -> None:
    """Before it is projected again from its archive."""
    Step.objects.filter(run=run).delete()
    run.search_attributes, run.memo = {}, {}


def _take_over(run: Run, seen: HistorySeen) -> None:
    """What the batch says of the run itself."""
    was_open = run.is_open
    for name, value in seen.fields.items():
        setattr(run, name, _fitted(name, value))
    if not was_open and run.is_open:
        run.refresh_from_db(fields=["status"])  # its end was listed before its beginning was read
    run.search_attributes = _upserted(run.search_attributes, seen.upserted_attributes)
    run.memo = _upserted(run.memo, seen.upserted_memo)
    if seen.parent is not None and run.parent_id is None:
        _put_below(run, seen.parent)


def _fitted(name: str, value: Any) -> Any:
    """A name from outside may be longer than its column, which shows the beginning then."""
    column = Run._meta.get_field(name)
    longest = column.max_length if isinstance(column, models.CharField) else None
    return str(clean(value))[:longest] if longest and value is not None else value


def _upserted(known: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """An upserted null takes the key away."""
    return {key: value for key, value in {**known, **values}.items() if value is not None}


def _put_below(run: Run, name: ExecutionName) -> None:
    """Join the tree of the run that started it, and its workspace where nobody here chose another."""
    try:
        parent = mirroring.adopt(name.namespace or run.namespace, name.workflow_id, name.run_id)
    except mirroring.UnknownWorkspace:
        return  # of a namespace that nobody here owns
    run.parent = parent
    mirroring.tell(parent)  # its page says what waits below it
    if run.started_by_id is None:
        run.workspace_id = parent.workspace_id


def _lock_chain(run: Run) -> None:
    """Until the transaction ends. Executions of a workflow change each other's rows, and none may miss another's first."""
    name = f"{run.namespace}/{run.workflow_id}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [CHAINS, name])


def _link(run: Run, previous_run_id: str | None) -> None:
    """Join the chain that Temporal says it belongs to. Its executions are met in any order."""
    known = Run.objects.filter(namespace=run.namespace, workflow_id=run.workflow_id)
    if previous_run_id is not None:
        previous = known.filter(run_id=previous_run_id).first()
        if previous is not None and run.previous_id != previous.id:
            run.previous = previous
            mirroring.tell(previous)  # its page names what goes on from it
    if not run.first_run_id:
        return
    chain = known.filter(first_run_id=run.first_run_id).exclude(id=run.id)
    other = chain.order_by("created_at", "id").only("id", "chain", "created_at").first()
    if other is None:
        return
    eldest = min(run, other, key=lambda one: (one.created_at, str(one.id)))
    run.chain = eldest.chain
    chain.exclude(chain=eldest.chain).update(chain=eldest.chain)


def _succeed(run: Run, successor_run_id: str) -> None:
    successor = mirroring.adopt(
        run.namespace, run.workflow_id, successor_run_id, workflow_type=run.workflow_type, queue=run.queue
    )
    mirroring.succeed(successor, run)
