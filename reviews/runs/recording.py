"""What workers saw with their own eyes: attempts, model calls, progress. Written in batches, some time later.

Batches may come twice or out of order: each line is an upsert by its own key.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from reviews.changes.models import CHANNEL
from reviews.runs import mirroring, prices, transcripts
from reviews.runs.mirroring import Met
from reviews.runs.models import Attempt, ModelCall, Run
from reviews.runs.text import clean
from reviews.statements import Part, write

# What has ended stays as it ended. A start that comes late, or again, takes no progress away.
_ATTEMPTS = """
    attempt AS (
        INSERT INTO reviews_attempt AS known (
            run_id, activity_id, number, activity_type, worker, started_at, outcome, ended_at, failure, progress
        )
        SELECT * FROM unnest(
            %s::uuid[], %s::text[], %s::int[], %s::text[], %s::text[], %s::timestamptz[], %s::text[],
            %s::timestamptz[], %s::jsonb[], %s::jsonb[]
        )
        ON CONFLICT (run_id, activity_id, number) DO UPDATE SET
            outcome = excluded.outcome, ended_at = excluded.ended_at, failure = excluded.failure,
            progress = coalesce(excluded.progress, known.progress)
        WHERE known.ended_at IS NULL
    )
"""
# An earlier attempt that never ended lost its worker: the next one has begun.
_LOST = """
    UPDATE reviews_attempt lost SET outcome = 'failed', ended_at = newer.started_at, failure = %s::jsonb
    FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::timestamptz[]) AS newer (run_id, activity_id, number, started_at)
    WHERE lost.run_id = newer.run_id AND lost.activity_id = newer.activity_id AND lost.number < newer.number
        AND lost.outcome = 'running'
"""
_WORKER_LOST = {"type": "WorkerLost", "message": "The worker stopped answering.", "retryable": True}
# All are locked, in one order, so that no two batches wait for each other, or miss what the other writes; few are
# written.
_MOVED = """
    locked AS (SELECT id, workspace_id, moved_at FROM reviews_run WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE),
    moved AS (
        UPDATE reviews_run run SET moved_at = statement_timestamp() FROM locked
        WHERE run.id = locked.id AND locked.moved_at < statement_timestamp() - %s::interval
    ), moved_change AS (
        INSERT INTO reviews_change (workspace_id, topic, object_id) SELECT workspace_id, 'run', id::text FROM locked
    )
"""


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


class _Key(NamedTuple):
    run_id: uuid.UUID
    activity_id: str
    number: int


def record(seen: Sequence[AttemptSeen | ModelCallSeen]) -> None:
    """Write a batch in one transaction of a few statements; what is large goes to storage before."""
    runs = _runs_of(list(dict.fromkeys(item.execution for item in seen)))
    known = [item for item in seen if item.execution in runs]
    attempts = _merged(runs, (item for item in known if isinstance(item, AttemptSeen)))
    calls = [_model_call(runs[item.execution], item) for item in known if isinstance(item, ModelCallSeen)]
    ids = list(set(runs.values()))
    with transaction.atomic():
        ModelCall.objects.bulk_create(calls, ignore_conflicts=True)
        write(_attempts(attempts), Part(_MOVED, (ids, mirroring.GRAIN), CHANNEL))
        _end_lost(attempts)


def _runs_of(executions: Sequence[Execution]) -> dict[Execution, uuid.UUID]:
    """Those that are not known yet are taken up; a workflow of a namespace that nobody here owns has none."""
    runs = _known(executions)
    unknown = [one for one in executions if one not in runs]
    if not unknown:
        return runs
    met: dict[str, list[Met]] = {}
    for one in unknown:
        met.setdefault(one.namespace, []).append(Met(one.workflow_id, one.run_id, one.workflow_type))
    for namespace, its in met.items():
        mirroring.take_up(namespace, its)
    return runs | _known(unknown)


def _known(executions: Sequence[Execution]) -> dict[Execution, uuid.UUID]:
    found = Run.objects.filter(run_id__in=[execution.run_id for execution in executions])
    ids = {tuple(name): id for id, *name in found.values_list("id", "namespace", "workflow_id", "run_id")}
    named = {one: ids.get((one.namespace, one.workflow_id, one.run_id)) for one in executions}
    return {one: id for one, id in named.items() if id is not None}


def _merged(runs: Mapping[Execution, uuid.UUID], seen: Iterable[AttemptSeen]) -> dict[_Key, AttemptSeen]:
    """Each attempt once, as the batch leaves it; ordered, so that no two batches wait for each other's rows."""
    merged: dict[_Key, AttemptSeen] = {}
    for item in seen:
        key = _Key(runs[item.execution], item.activity_id, item.number)
        before = merged.get(key)
        if before is None:
            merged[key] = item
        elif before.ended_at is None:
            progress = item.progress if item.progress is not None else before.progress
            merged[key] = replace(item, started_at=before.started_at, progress=progress)
    return dict(sorted(merged.items()))


def _attempts(attempts: Mapping[_Key, AttemptSeen]) -> Part:
    rows = [
        (*key, one.activity_type, one.worker, one.started_at, one.outcome, one.ended_at, _json(one.failure), _json(one.progress))
        for key, one in attempts.items()
    ]  # fmt: skip
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 10
    return Part(_ATTEMPTS, tuple(columns))


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(clean(value))


def _end_lost(attempts: Mapping[_Key, AttemptSeen]) -> None:
    """Apart: it has to see what was written before."""
    later = [(*key, one.started_at) for key, one in attempts.items() if key.number > 1]
    if later:
        with connection.cursor() as cursor:
            cursor.execute(_LOST, [json.dumps(_WORKER_LOST), *map(list, zip(*later, strict=True))])


def _model_call(run_id: uuid.UUID, seen: ModelCallSeen) -> ModelCall:
    call = ModelCall(id=seen.id, run_id=run_id, **clean(transcripts.without_bulk(seen.id, seen.fields)))
    call.cost = prices.cost_of(
        call.model,
        demo=call.demo,
        tokens_in=call.tokens_in,
        tokens_out=call.tokens_out,
        tokens_cached=call.tokens_cached,
    )
    return call
