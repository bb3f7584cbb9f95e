"""Batches of history as the mirror would bring them, and figures as they would have made them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from reviews.outbox import actions as outbox
from reviews.runs import ingesting, latencies
from reviews.runs.ingesting import HistorySeen
from reviews.runs.latencies import Timeouts
from reviews.runs.models import Run
from reviews.runs.steps import StepSeen

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE_MINUTE = Timeouts(start_to_close=timedelta(minutes=1), heartbeat=timedelta(seconds=10))


def scheduled(event: int, name: str = "pay", timeouts: Timeouts = ONE_MINUTE) -> StepSeen:
    return StepSeen(
        event, kind="activity", name=name, status="scheduled", scheduled_at=NOON, timeouts=timeouts
    )


def completed(event: int, took: timedelta, *, ended: datetime = NOON) -> list[StepSeen]:
    """As Temporal says it: the start of the last attempt comes into the history with its end."""
    return [
        StepSeen(event, status="running", attempts=1, started_at=ended - took),
        StepSeen(event, status="completed", closed_at=ended),
    ]


def ingest(run: Run, first: int, last: int, steps: Iterable[StepSeen], **fields: Any) -> Run:
    """One batch, under an epoch of its own."""
    seen = HistorySeen(first, last, [], 5, list(steps), fields)
    return ingesting.ingest(run, seen, epoch=outbox.raise_epoch("test", 1))


def measure(
    namespace: str, name: str, milliseconds: dict[float, int], timeouts: Timeouts = ONE_MINUTE
) -> None:
    """Today's figures of an activity type: how many took about so long."""
    now = datetime.now(UTC)
    buckets = {
        latencies.bucket_of(timedelta(milliseconds=took)): count for took, count in milliseconds.items()
    }
    latencies.count(namespace, {(name, now.date(), bucket): count for bucket, count in buckets.items()})
    latencies.note_timeouts(namespace, {name: (now, timeouts)})
