"""Steps as the mirror writes them: a large history brings thousands of them at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from reviews.runs.latencies import Timeouts
from reviews.runs.models import Run, Step, StepStatus
from reviews.runs.text import clean

TEXTS = {"kind": 10, "name": 255, "activity_id": 255, "summary": 400, "status": 10}
"""What the columns of ``Step`` hold, in characters; a text that is not said is empty."""
MOST_ATTEMPTS = 2**31 - 1
_JSON = ("input", "result", "failure")
_COLUMNS = ("run_id", "event_id", *TEXTS, "attempts", *_JSON, "scheduled_at", "started_at", "closed_at")
_COPY = f"COPY reviews_step ({', '.join(_COLUMNS)}) FROM STDIN"
_GO_ON = """
    UPDATE reviews_step step
    SET status = coalesce(seen.status, step.status),
        summary = coalesce(seen.summary, step.summary),
        attempts = coalesce(seen.attempts, step.attempts),
        result = coalesce(seen.result::jsonb, step.result),
        failure = coalesce(seen.failure::jsonb, step.failure),
        started_at = coalesce(seen.started_at, step.started_at),
        closed_at = coalesce(seen.closed_at, step.closed_at)
    FROM unnest(%s::int[], %s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::timestamptz[],
                %s::timestamptz[])
        AS seen (event_id, status, summary, attempts, result, failure, started_at, closed_at)
    WHERE step.run_id = %s AND step.event_id = seen.event_id
    RETURNING step.event_id, step.kind, step.name, step.started_at, step.closed_at
"""


@dataclass(slots=True)
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
    timeouts: Timeouts | None = None

    @property
    def begins(self) -> bool:
        return self.kind is not None and self.scheduled_at is not None

    def go_on(self, later: StepSeen) -> None:
        """Take what a later event says."""
        for name in ("status", "summary", "attempts", "result", "failure", "started_at", "closed_at"):
            if (value := getattr(later, name)) is not None:
                setattr(self, name, value)


def write_steps(run: Run, seen: Iterable[StepSeen]) -> Mapping[int, StepSeen]:
    """Insert the steps that begin in this batch, go on with those that began before.

    Answers them by event id; of those that began before no more than kind, name and times. One whose beginning
    Temporal's retention removed is left out.
    """
    merged: dict[int, StepSeen] = {}
    for item in seen:
        if (known := merged.get(item.event_id)) is not None:
            known.go_on(item)
        else:
            merged[item.event_id] = item
    begun = {id: step for id, step in merged.items() if step.begins}
    for step in begun.values():
        step.name = _text(step, "name")  # as everybody knows it from now on
    _insert(run, begun.values())
    return begun | _go_on(run, [step for step in merged.values() if not step.begins])


def _insert(run: Run, steps: Iterable[StepSeen]) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for step in steps:
            copy.write_row(
                (
                    run.id,
                    step.event_id,
                    *(_text(step, name) or "" for name in TEXTS),
                    _attempts(step) or 0,
                    *(_json(getattr(step, name)) for name in _JSON),
                    step.scheduled_at,
                    step.started_at,
                    step.closed_at,
                )
            )


def _go_on(run: Run, steps: list[StepSeen]) -> dict[int, StepSeen]:
    if not steps:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _GO_ON,
            [
                [step.event_id for step in steps],
                [step.status for step in steps],
                [_text(step, "summary") for step in steps],
                [_attempts(step) for step in steps],
                [_json(step.result) for step in steps],
                [_json(step.failure) for step in steps],
                [step.started_at for step in steps],
                [step.closed_at for step in steps],
                run.id,
            ],
        )
        rows = cursor.fetchall()
    return {
        id: StepSeen(id, kind, name, started_at=started, closed_at=closed)
        for id, kind, name, started, closed in rows
    }


def close_steps(run: Run) -> None:
    """What a closed run left open will not go on."""
    left = Step.objects.filter(run=run, status__in=(StepStatus.SCHEDULED, StepStatus.RUNNING))
    left.update(status=StepStatus.CANCELED, closed_at=run.closed_at)


def _text(step: StepSeen, name: str) -> str | None:
    value = getattr(step, name)
    return None if value is None else str(clean(value))[: TEXTS[name]]


def _attempts(step: StepSeen) -> int | None:
    return None if step.attempts is None else min(max(step.attempts, 0), MOST_ATTEMPTS)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)
