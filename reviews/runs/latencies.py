"""How long activities take: counted by the mirror as it sees them complete, in a histogram a day.

Bucket b holds durations up to 2^(b/8) ms. A percentile is read as its bucket's upper bound: never too low, and at
most 9 % too high (2^(1/8) = 1.09). What took less than a millisecond counts as one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import F, QuerySet

from reviews.runs.models import ActivityLatency, Run, Step, StepKind, StepStatus

if TYPE_CHECKING:
    from reviews.runs.ingesting import HistorySeen
    from reviews.runs.steps import StepSeen

PER_DOUBLING = 8
MILLISECOND = timedelta(milliseconds=1)

Key = tuple[str, date, int]
"""Activity type, day (UTC), bucket."""


def bucket_of(duration: timedelta) -> int:
    """Clocks of two machines differ: a duration below zero stands in the first bucket."""
    milliseconds = duration / MILLISECOND
    return max(0, math.ceil(PER_DOUBLING * math.log2(milliseconds))) if milliseconds > 1 else 0


def bound(bucket: int) -> timedelta:
    """The longest duration that it holds, to the microsecond."""
    return 2 ** (bucket / PER_DOUBLING) * MILLISECOND


def percentile(histogram: Mapping[int, int], share: float) -> timedelta:
    """The bound that ``share`` (0 to 1) of the durations do not pass. ``histogram``: bucket → count, not empty."""
    wanted = math.ceil(share * sum(histogram.values()))
    below = 0
    for bucket in sorted(histogram):
        below += histogram[bucket]
        if below >= wanted:
            return bound(bucket)
    raise ValueError("an empty histogram has no percentiles")


@dataclass(frozen=True)
class Timeouts:
    """As a workflow sets them for an activity; None where it is not set."""

    start_to_close: timedelta | None = None
    schedule_to_close: timedelta | None = None
    heartbeat: timedelta | None = None


@dataclass
class Learned:
    """What a batch of history says of activity types. A negative count takes back what was counted before."""

    namespace: str
    counts: Counter[Key] = field(default_factory=Counter)
    timeouts: dict[str, tuple[datetime, Timeouts]] = field(default_factory=dict)


def learn(run: Run, seen: HistorySeen, steps: Mapping[int, StepSeen]) -> Learned:
    """Of a batch that is being mirrored; ``steps`` are its own by event id, written; ``run`` is as it was before.

    Activities scheduled before a reset are copies of the base run's and count there. So do those of an imported
    history, if anywhere.
    """
    learned = Learned(run.namespace)
    if run.imported_at is not None:
        return learned
    reset = seen.fields.get("reset_event_id", run.reset_event_id) or 0
    completed = {item.event_id for item in seen.steps if item.status == StepStatus.COMPLETED} & steps.keys()
    learned.counts.update(_keys(steps[id] for id in completed if id > reset))
    if reset and reset != run.reset_event_id and seen.first_event > 1:
        learned.counts.subtract(_keys(_counted_before(run, reset).exclude(event_id__in=completed)))
    for item in seen.steps:
        if item.timeouts is not None and item.scheduled_at is not None and item.event_id in steps:
            learned.timeouts[steps[item.event_id].name or ""] = item.scheduled_at, item.timeouts
    return learned


def _keys(steps: Iterable[Step | StepSeen]) -> Iterable[Key]:
    for step in steps:
        if step.kind == StepKind.ACTIVITY and step.started_at and step.closed_at:
            yield (
                step.name or "",
                step.closed_at.astimezone(UTC).date(),
                bucket_of(step.closed_at - step.started_at),
            )


def _counted_before(run: Run, reset: int) -> QuerySet[Step]:
    """Steps of earlier batches that turn out to be copies, now that the point of reset is known."""
    completed = Step.objects.filter(run=run, kind=StepKind.ACTIVITY, status=StepStatus.COMPLETED)
    found = completed.filter(event_id__gt=run.reset_event_id or 0, event_id__lt=reset)
    return found.only("name", "kind", "started_at", "closed_at")


def write(learned: Learned) -> None:
    """Last in the transaction that mirrors the batch: all runs of a namespace write to these rows."""
    count(learned.namespace, {key: number for key, number in learned.counts.items() if number > 0})
    note_timeouts(learned.namespace, learned.timeouts)
    for key, number in sorted(learned.counts.items()):
        if number < 0:
            _take_back(learned.namespace, key, -number)


# Rows are locked in the order of their keys, so that two writers never wait for each other.
_COUNT = """
    INSERT INTO reviews_activitylatency (namespace, activity_type, day, bucket, count)
    SELECT %s, seen.* FROM unnest(%s::text[], %s::date[], %s::smallint[], %s::bigint[])
        AS seen (activity_type, day, bucket, count)
    ORDER BY activity_type, day, bucket
    ON CONFLICT (namespace, activity_type, day, bucket)
        DO UPDATE SET count = reviews_activitylatency.count + excluded.count
"""


def count(namespace: str, durations: Mapping[Key, int]) -> None:
    """Add to the histograms: how many durations fell into each bucket of a type's day."""
    if not durations:
        return
    types, days, buckets = zip(*durations, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [namespace, list(types), list(days), list(buckets), list(durations.values())])


def _take_back(namespace: str, key: Key, number: int) -> None:
    activity_type, day, bucket = key
    ActivityLatency.objects.filter(
        namespace=namespace, activity_type=activity_type, day=day, bucket=bucket
    ).update(count=F("count") - number)


# What is known already is left alone, without so much as a lock; an hour later its time is renewed.
_NOTE = """
    INSERT INTO reviews_activitytimeouts AS known
        (namespace, activity_type, start_to_close, schedule_to_close, heartbeat, scheduled_at)
    SELECT %(namespace)s, seen.*
    FROM unnest(%(types)s::text[], %(start_to_close)s::interval[], %(schedule_to_close)s::interval[],
                %(heartbeat)s::interval[], %(scheduled_at)s::timestamptz[])
        AS seen (activity_type, start_to_close, schedule_to_close, heartbeat, scheduled_at)
    WHERE NOT EXISTS (
        SELECT FROM reviews_activitytimeouts same
        WHERE same.namespace = %(namespace)s AND same.activity_type = seen.activity_type
          AND (same.scheduled_at >= seen.scheduled_at
               OR same.scheduled_at > seen.scheduled_at - interval '1 hour'
                  AND (same.start_to_close, same.schedule_to_close, same.heartbeat)
                      IS NOT DISTINCT FROM (seen.start_to_close, seen.schedule_to_close, seen.heartbeat))
    )
    ORDER BY activity_type
    ON CONFLICT (namespace, activity_type) DO UPDATE
        SET start_to_close = excluded.start_to_close, schedule_to_close = excluded.schedule_to_close,
            heartbeat = excluded.heartbeat, scheduled_at = excluded.scheduled_at
        WHERE known.scheduled_at < excluded.scheduled_at
"""


def note_timeouts(namespace: str, seen: Mapping[str, tuple[datetime, Timeouts]]) -> None:
    """Keep the timeouts that activity types were scheduled with last: type → when, and with which."""
    if not seen:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE,
            {
                "namespace": namespace,
                "types": list(seen),
                "start_to_close": [timeouts.start_to_close for _, timeouts in seen.values()],
                "schedule_to_close": [timeouts.schedule_to_close for _, timeouts in seen.values()],
                "heartbeat": [timeouts.heartbeat for _, timeouts in seen.values()],
                "scheduled_at": [at for at, _ in seen.values()],
            },
        )
