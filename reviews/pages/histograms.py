"""Latencies of activity types on one logarithmic axis: where each bar, band and line of the picture stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from reviews.insights.timeouts import Measured
from reviews.runs.latencies import bound, bucket_of

WIDTH, HEIGHT = 1000, 24
LOWEST = 2
"""Units of the picture's height, so that one completion among thousands is still seen."""
MARGIN = 2
"""Buckets left free at both ends."""


@dataclass(frozen=True)
class Piece:
    """``kind`` is ``bar`` for completions, ``band`` for 2 to 3 × P99, ``limit`` for the timeout that is set."""

    kind: str
    x: float
    width: float
    y: float = 0
    height: float = HEIGHT


@dataclass(frozen=True)
class Row:
    measured: Measured
    pieces: list[Piece] = field(default_factory=list)


@dataclass(frozen=True)
class Histograms:
    """``first`` and ``last`` are the ends of the axis."""

    rows: list[Row]
    first: timedelta
    last: timedelta


def histograms(found: Sequence[Measured]) -> Histograms:
    """A row each; all share the axis, so that they can be compared."""
    shown = [bucket for measured in found for bucket in _buckets(measured)]
    first, last = max(0, min(shown, default=0) - MARGIN), max(shown, default=0) + MARGIN
    axis = _Axis(first, WIDTH / (last - first + 1))
    return Histograms([Row(one, _pieces(one, axis)) for one in found], bound(first), bound(last))


def _buckets(measured: Measured) -> list[int]:
    limit = measured.timeouts.start_to_close
    ends = [*(measured.between or ()), *([limit] if limit else [])]
    return [*measured.histogram, *map(bucket_of, ends)]


@dataclass(frozen=True)
class _Axis:
    first: int
    unit: float

    def at(self, bucket: float) -> float:
        return round((bucket - self.first) * self.unit, 1)


def _pieces(measured: Measured, axis: _Axis) -> list[Piece]:
    pieces = []
    if measured.recommended and measured.between:
        low, high = map(bucket_of, measured.between)
        pieces.append(Piece("band", axis.at(low), round(max(high - low, 1) * axis.unit, 1)))
    tallest = max(measured.histogram.values(), default=1)
    for bucket, count in sorted(measured.histogram.items()):
        height = round(max(count / tallest * HEIGHT, LOWEST), 1)
        pieces.append(Piece("bar", axis.at(bucket), round(axis.unit, 1), round(HEIGHT - height, 1), height))
    if limit := measured.timeouts.start_to_close:
        pieces.append(Piece("limit", axis.at(bucket_of(limit)), 5))
    return pieces
