"""The steps of a run on one time axis: where each bar of the picture begins and ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reviews.insights.timeouts import Measured
from reviews.runs.models import Attempt, Run, Step

WIDTH = 1000
THINNEST = 3
"""Units of the picture's width, so that a step of a millisecond is still seen."""


@dataclass(frozen=True)
class Bar:
    """``kind`` is ``go`` for the last try, ``try`` for one that failed, ``wait`` for the time between."""

    kind: str
    x: float
    width: float


@dataclass
class Row:
    step: Step
    attempts: list[Attempt]
    bars: list[Bar] = field(default_factory=list)
    took: timedelta | None = None
    measured: Measured | None = None

    @property
    def tries(self) -> int:
        return max(self.step.attempts, len(self.attempts))

    @property
    def failed_tries(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.outcome == Attempt.Outcome.FAILED]

    @property
    def last_attempt(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def progress(self) -> object:
        """What the try that goes on has said of itself."""
        last = self.last_attempt
        is_going = last is not None and last.outcome == Attempt.Outcome.RUNNING and not self.step.ended
        return last.progress if last is not None and is_going else None

    @property
    def failure(self) -> dict[str, object] | None:
        """Why the step failed, or why its newest try did."""
        newest = self.failed_tries[-1].failure if self.failed_tries else None
        return self.step.failure or newest

    @property
    def is_retrying(self) -> bool:
        return not self.step.ended and bool(self.failed_tries)

    @property
    def waits(self) -> list[tuple[Attempt, timedelta | None]]:
        """Each attempt with the time until the next one."""
        later: Sequence[Attempt | None] = [*self.attempts[1:], None]
        return [
            (one, after.started_at - one.ended_at if after and one.ended_at else None)
            for one, after in zip(self.attempts, later, strict=False)
        ]


@dataclass(frozen=True)
class Waterfall:
    rows: list[Row]
    span: timedelta

    @property
    def milliseconds(self) -> int:
        """The length of the axis, for the browser: blocks of steps that came at different times share the longest."""
        return max(1, round(self.span / timedelta(milliseconds=1)))


def waterfall(
    run: Run,
    steps: Sequence[Step],
    attempts: Iterable[Attempt],
    now: datetime,
    *,
    first: datetime | None = None,
    last: datetime | None = None,
) -> Waterfall:
    """Rows in the order of ``steps``; the axis goes from the run's start to its close, or to ``now``.

    ``first`` and ``last`` are when any step of the run was scheduled and closed: the axis holds them too.
    """
    tries: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        tries[attempt.activity_id].append(attempt)
    start = min([run.started_at or run.created_at, *_known(first, *(step.scheduled_at for step in steps))])
    end = max([run.closed_at or now, *_known(last, *(step.closed_at for step in steps))])
    axis = _Axis(start, max(end - start, timedelta(milliseconds=1)))
    rows = [
        _row(step, tries.get(step.activity_id, []) if step.activity_id else [], axis, end) for step in steps
    ]
    return Waterfall(rows, axis.span)


def _known(*times: datetime | None) -> list[datetime]:
    return [time for time in times if time is not None]


@dataclass(frozen=True)
class _Axis:
    start: datetime
    span: timedelta

    def bar(self, kind: str, begin: datetime, end: datetime) -> Bar:
        x = (begin - self.start) / self.span * WIDTH
        width = max((end - begin) / self.span * WIDTH, THINNEST)
        return Bar(kind, round(max(0, min(x, WIDTH - width)), 1), round(min(width, WIDTH), 1))


def _row(step: Step, attempts: list[Attempt], axis: _Axis, end: datetime) -> Row:
    closed = step.closed_at or end
    bars = [axis.bar("wait", step.scheduled_at, closed)]
    for attempt in attempts:
        kind = "try" if attempt.outcome == Attempt.Outcome.FAILED else "go"
        bars.append(axis.bar(kind, attempt.started_at, attempt.ended_at or closed))
    if not attempts:
        bars.append(axis.bar("go", step.began_at, closed))
    return Row(step, attempts, bars, closed - step.scheduled_at)
