"""Keyset pages, newest first, and counts that stay cheap however long the list is."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from django.db.models import (
    BooleanField,
    Count,
    ExpressionWrapper,
    F,
    Model,
    Q,
    QuerySet,
    Value,
    Window,
)
from django.db.models.expressions import Combinable

T = TypeVar("T", bound=Model)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_COUNTED = 1000
Place = tuple[datetime, uuid.UUID]


@dataclass(frozen=True)
class KeysetPage(Generic[T]):
    """``next`` is the cursor of the page of older rows; None on the last page."""

    items: list[T]
    next: str | None


def keyset_page(
    rows: QuerySet[T], before: str, *, by: str, size: int, apart: Sequence[Q] = ()
) -> KeysetPage[T]:
    """The ``size`` newest rows by the time ``by`` and id, older than the cursor ``before`` (empty: from the top).

    ``apart`` are conditions of which each row fulfils one at least, such as one for each workspace. An index that
    begins with the workspace has no order across several: PostgreSQL would sort all that fit. So the head of each is
    read by itself, and only these are sorted.
    """
    rows = _older(rows, before, by).order_by(f"-{by}", "-id")
    if len(apart) > 1:
        first, *others = (rows.filter(part).values("id")[: size + 1] for part in apart)
        rows = rows.filter(id__in=first.union(*others, all=True))
    items = list(rows[: size + 1])
    return KeysetPage(items[:size], cursor_of(items[size - 1], by) if len(items) > size else None)


def sorted_heads(rows: QuerySet[T], before: str, *, by: str, size: int) -> tuple[list[Place], int]:
    """Time and id of the same, and one more; and how many rows there are in all.

    For filters by an index that has no order: all that fit are found by it, counted and sorted. PostgreSQL takes it
    for granted that what fits lies evenly among all rows, and likes to go through these by age; the sum keeps it
    from the index by age.
    """
    ranked = rows.annotate(older=_is_older(before, by), total=Window(Count("*")))
    ranked = ranked.alias(moment=F(by) + timedelta(0)).order_by("-older", "-moment", "-id")
    found = list(ranked.values_list(by, "id", "older", "total")[: size + 1])
    return [(at, id) for at, id, older, _ in found if older], found[0][3] if found else 0


def _is_older(before: str, by: str) -> Combinable:
    cursor = _read(before)
    if cursor is None:
        return Value(True)
    at, id = cursor
    return ExpressionWrapper(
        Q(**{f"{by}__lt": at}) | Q(**{by: at, "id__lt": id}), output_field=BooleanField()
    )


def _older(rows: QuerySet[T], before: str, by: str) -> QuerySet[T]:
    cursor = _read(before)
    if cursor is None:
        return rows
    at, id = cursor
    # A range on the index, then its first rows skipped: PostgreSQL makes nothing of `a < x OR (a = x AND …)`.
    return rows.filter(**{f"{by}__lte": at}).exclude(**{by: at, "id__gte": id})


def page_of_few(
    rows: QuerySet[T], places: Sequence[Place], before: str, *, by: str, size: int
) -> KeysetPage[T]:
    """The same of rows whose times and ids, ``places``, are all known already, in any order."""
    older = sorted(places, reverse=True)
    if (cursor := _read(before)) is not None:
        older = [place for place in older if place < cursor]
    ids = [id for _, id in older[:size]]
    items = list(rows.filter(id__in=ids).order_by(f"-{by}", "-id"))
    return KeysetPage(items, cursor_of(items[-1], by) if items and len(older) > size else None)


def cursor_of(row: Model, by: str) -> str:
    """Microseconds since 1970 and the id: ``1700000000000000.1f6e…``."""
    microseconds = (getattr(row, by) - EPOCH) // timedelta(microseconds=1)
    return f"{microseconds}.{uuid.UUID(str(row.pk)).hex}"


def _read(cursor: str) -> tuple[datetime, uuid.UUID] | None:
    try:
        microseconds, id = cursor.split(".")
        return EPOCH + timedelta(microseconds=int(microseconds)), uuid.UUID(id)
    except (ValueError, OverflowError):
        return None


def estimate(rows: QuerySet[T]) -> int:
    """How many PostgreSQL expects, from what it knows of the columns; it looks at no row."""
    plan = json.loads(rows.order_by().explain(format="json"))
    expected: int = plan[0]["Plan"]["Plan Rows"]
    return expected


def capped_count(rows: QuerySet[T]) -> int:
    """How many, at most one more than :data:`MOST_COUNTED`."""
    return rows.order_by()[: MOST_COUNTED + 1].count()


def count_in_words(count: int) -> str:
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count)
