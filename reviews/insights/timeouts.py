"""What the measured latencies of activities say of the timeouts that workflows set for them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, Sum, TextChoices
from django.db.models.functions import JSONObject

from reviews.runs.latencies import Timeouts, bound, percentile
from reviews.runs.models import ActivityLatency, ActivityTimeouts
from reviews.workspaces.access import Right, Viewer
from reviews.workspaces.models import Workspace

DAYS = 30
ENOUGH = 100
"""Completions, before a percentile of 99 is worth a word."""
LEAST, WANTED, MOST = 2, 2.5, 3
"""Times P99: what a start-to-close timeout should be."""
LOOSE = 10
"""Times P99, where it is also longer than :data:`NOBODY_MINDS`."""
NOBODY_MINDS = timedelta(seconds=30)
SHORTEST = timedelta(seconds=1)
"""Less is no timeout to recommend: it would measure the network."""

# Each at most 1.5 times the one before, so that one of them lies within LEAST to MOST of any P99.
_STEPS = (1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45)
_HOUR = timedelta(hours=1)
READABLE = (
    *(timedelta(seconds=step) for step in _STEPS),
    *(timedelta(minutes=step) for step in _STEPS),
    *(timedelta(hours=step) for step in (1, 1.5, 2, 3, 4, 6, 8, 12, 18, 24)),
)


class TimeoutVerdict(TextChoices):
    """In the order of how much they want to be looked at."""

    TOO_TIGHT = "too_tight", "too tight"
    TOO_LOOSE = "too_loose", "too loose"
    NOT_SET = "not_set", "not set"
    FINE = "fine", "fine"
    TOO_FEW = "too_few", "too few to say"


@dataclass(frozen=True)
class Measured:
    """An activity type of a namespace. ``histogram``: bucket → completions; without any, durations are None."""

    namespace: str
    activity_type: str
    histogram: dict[int, int]
    timeouts: Timeouts

    @cached_property
    def count(self) -> int:
        return sum(self.histogram.values())

    @cached_property
    def p50(self) -> timedelta | None:
        return self._percentile(0.5)

    @cached_property
    def p95(self) -> timedelta | None:
        return self._percentile(0.95)

    @cached_property
    def p99(self) -> timedelta | None:
        return self._percentile(0.99)

    @property
    def longest(self) -> timedelta | None:
        return bound(max(self.histogram)) if self.histogram else None

    @property
    def between(self) -> tuple[timedelta, timedelta] | None:
        """Twice to three times P99, and a second at least."""
        if self.p99 is None:
            return None
        return max(LEAST * self.p99, SHORTEST), max(MOST * self.p99, SHORTEST)

    @property
    def recommended(self) -> timedelta | None:
        """A start-to-close timeout that people would write down; None where too little is known."""
        return readable(self.p99) if self.p99 is not None and self.count >= ENOUGH else None

    @property
    def verdict(self) -> TimeoutVerdict:
        configured = self.timeouts.start_to_close
        if self.p99 is None or self.count < ENOUGH:
            return TimeoutVerdict.TOO_FEW
        if configured is None:
            return TimeoutVerdict.NOT_SET
        if configured < LEAST * self.p99:
            return TimeoutVerdict.TOO_TIGHT
        if configured > max(LOOSE * self.p99, NOBODY_MINDS):
            return TimeoutVerdict.TOO_LOOSE
        return TimeoutVerdict.FINE

    def _percentile(self, share: float) -> timedelta | None:
        return percentile(self.histogram, share) if self.histogram else None


def readable(p99: timedelta) -> timedelta:
    """The next readable duration above 2.5 × P99, or the one below where that would pass 3 × P99."""
    wanted = max(WANTED * p99, SHORTEST)
    if wanted > READABLE[-1]:
        return math.ceil(wanted / _HOUR) * _HOUR
    above = min(step for step in READABLE if step >= wanted)
    if above <= max(MOST * p99, SHORTEST):
        return above
    return max(step for step in READABLE if step < wanted)


def timeouts(viewer: Viewer, workspace: Workspace | None = None, days: int = DAYS) -> list[Measured]:
    """By name: every activity type that was scheduled or completed in the last ``days``.

    Of the namespaces of the viewer's workspaces, or of one ``workspace`` that the viewer may read. Raises
    :class:`~reviews.workspaces.access.Forbidden` where the right is missing everywhere.
    """
    viewer.require_anywhere(Right.RUNS_READ)
    workspaces = Workspace.objects.filter(id__in=viewer.workspaces(Right.RUNS_READ))
    if workspace is not None:
        workspaces = workspaces.filter(id=workspace.id)
    noted = ActivityTimeouts.objects.filter(namespace__in=workspaces.values("namespace"))
    return _measured(noted.order_by("activity_type", "namespace"), _since(days))


def timeouts_of(namespace: str, activity_types: Collection[str], days: int = DAYS) -> dict[str, Measured]:
    """Of these activity types, by name, in one query. The caller may read a run of the namespace."""
    if not activity_types:
        return {}
    noted = ActivityTimeouts.objects.filter(namespace=namespace, activity_type__in=activity_types)
    return {measured.activity_type: measured for measured in _measured(noted, _since(days))}


def _since(days: int) -> date:
    return (datetime.now(UTC) - timedelta(days=days)).date()


def _measured(noted: QuerySet[ActivityTimeouts], since: date) -> list[Measured]:
    own = ActivityLatency.objects.filter(
        namespace=OuterRef("namespace"), activity_type=OuterRef("activity_type"), day__gte=since, count__gt=0
    )
    buckets = own.values("bucket").annotate(total=Sum("count"))
    rows = noted.annotate(
        buckets=ArraySubquery(buckets.values(both=JSONObject(bucket="bucket", total="total")))
    )
    return [
        Measured(
            row.namespace,
            row.activity_type,
            {both["bucket"]: int(both["total"]) for both in row.buckets},
            Timeouts(row.start_to_close, row.schedule_to_close, row.heartbeat),
        )
        for row in rows
        if row.buckets or row.scheduled_at.date() >= since
    ]
